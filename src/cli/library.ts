// What the command line needs of the library, imported when a tracker is loaded: --help and wrong options stay instant.

import type { Box, RgbFrame } from '../data/types.ts'
import type { Device } from '../gpu/device.ts'
import type { Config } from '../siamrpn/config.ts'
import type { LoadProgress, TargetGroup } from './tracking.ts'

interface Tracker {
  readonly config: Config
  init(frame: RgbFrame, boxes: readonly Box[]): Promise<TargetGroup>
  close(): Promise<void>
}

interface Library {
  readonly SiamRPN: {
    load(options: {
      readonly checkpoint: string | URL | Uint8Array
      readonly config: Config
      readonly device: Device
      readonly onProgress: (progress: LoadProgress) => void
    }): Promise<Tracker>
  }
  /** Every name of the model's state dict with its shape. */
  modelShapes(config: Config): ReadonlyMap<string, readonly number[]>
}

const entry: string = '../index.ts'

export async function library(): Promise<Library> {
  return (await import(entry)) as Library
}
