// The configuration of a model and its training, in MMTracking's words. See ./config/ for the parts.

export { isBenchmark } from './config/data.ts'
export { backboneChannels, mapSizes } from './config/geometry.ts'
export { type IgnoredEntry, ignoredEntries } from './config/ignored.ts'
export { fromMMTracking } from './config/mmtracking.ts'
export { overrideConfig } from './config/override.ts'
export { parseConfig } from './config/parse.ts'
export type * from './config/schema.ts'
export {
  parseTrackingConfig,
  type TrackingConfig,
  type TrackingConfigOptions,
  type TrackingExtra,
} from './config/tracking.ts'
