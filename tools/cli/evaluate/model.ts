// Chooses the model that an evaluation runs, as its options say: configuration, checkpoint, what to call it, and what
// of it must stay the same for a run to go on.

import { createHash } from 'node:crypto'
import { basename, extname } from 'node:path'
import { type Config, defaultModelName, overrideConfig, readSource, stateDictShapes } from 'siamrpn'
import { chosenCheckpoint, defaultModelTitle } from '../default-model.ts'
import { loadTrackingConfig, ownOrR50, unreadLines } from '../load-config.ts'

export interface ModelOptions {
  readonly config?: string
  readonly checkpoint?: string
  readonly set?: readonly string[]
  readonly trackerName?: string
}

export interface EvaluationModel {
  readonly config: Config
  /** Name or file, where one was named. */
  readonly configName?: string
  /** File or URL. */
  readonly checkpoint: string | URL
  /** The checkpoint's. */
  readonly sha256: string
  /** Numbers that training adjusts. */
  readonly parameters: number
  /** Names files and folders, too. */
  readonly trackerName: string
  /** For people. */
  readonly title: string
  /** What there is to know of how its configuration was read, a line each. */
  readonly notes: readonly string[]
}

/** @param measures whether the configuration says what is measured: `data.test` @throws UsageError, ConfigError, SourceError, and what a checkpoint that does not parse throws */
export async function evaluationModel(options: ModelOptions, measures: boolean): Promise<EvaluationModel> {
  const path = chosenCheckpoint(options)
  const checkpoint = /^https?:\/\//.test(path) ? new URL(path) : path
  const bytes = await readSource(checkpoint)
  const { set = [], config: named } = options
  const reads = measures ? (['data.test'] as const) : []
  const given =
    named === undefined ? { config: ownOrR50(bytes, path), unread: [] } : await loadTrackingConfig(named, reads)
  const config = set.length > 0 ? overrideConfig(given.config, set) : given.config
  const shipped = options.checkpoint === undefined
  const configName = named ?? (shipped ? defaultModelName : undefined)
  return {
    config,
    ...(configName === undefined ? {} : { configName }),
    checkpoint,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    parameters: parametersOf(config),
    trackerName: options.trackerName ?? (shipped ? defaultModelName : nameOf(path)),
    title: shipped ? defaultModelTitle : [named, path].filter(Boolean).join(', '),
    notes: unreadLines(given),
  }
}

/** Buffers of batch norms are no parameters. */
function parametersOf({ model }: Config): number {
  const shapes = [...stateDictShapes(model)].filter(([name]) => !/\.(running_\w+|num_batches_tracked)$/.test(name))
  return shapes.reduce((sum, [, shape]) => sum + shape.reduce((product, size) => product * size, 1), 0)
}

function nameOf(path: string): string {
  const name = basename(path, extname(path)).replace(/[^\w.+-]+/g, '_')
  return name === '' ? 'tracker' : name
}
