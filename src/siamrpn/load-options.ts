// The options of `SiamRPN.load` and `SiamRPN.create`, and the progress that they report.

import { Device } from '../gpu/device.ts'
import { ArgumentError } from '../gpu/errors.ts'
import type { Precision } from '../gpu/half.ts'
import { show } from '../gpu/message.ts'
import type { Config, ConfigInput } from './config.ts'
import type { CheckpointSource } from './source.ts'
import type { KernelBenchmark } from './steps.ts'

/** A step of loading, for display. */
export interface LoadProgress {
  /**
   * Bytes of the checkpoint from a server or from a file; convolutions whose weights go to the device; kernels that are
   * compiled, by the driver, too, which is most of the time where its cache does not know them. `benchmark`: convolutions timed.
   */
  readonly stage: 'download' | 'reading' | 'weights' | 'benchmark' | 'kernels'
  readonly done: number
  /** 0 where it is not known. */
  readonly total: number
  /** The kernel that was compiled last. */
  readonly detail?: string
}

export interface CreateOptions {
  /** Default: a device of its own, closed with the tracker. */
  readonly device?: Device | undefined
  /** Default: the one that `siamrpn train` wrote into the checkpoint, else MMTracking's siamese_rpn_r50. */
  readonly config?: Config | ConfigInput | undefined
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined
  /**
   * `f16`: the filters of all convolutions, nine tenths of the memory of a large model, are stored in half precision; images,
   * features and every sum stay in single precision. Needs an adapter with `shader-f16`. Where a device was opened with subgroup
   * matrices (f16 to f32), its matrix units round what a convolution reads to half precision, too. Default `f32`.
   */
  readonly precision?: Precision | undefined
  /** Take the fastest kernel for each convolution, by measurement, which a store remembers. Default false: by reasoning. */
  readonly benchmark?: boolean | KernelBenchmark | undefined
}

export interface LoadOptions extends CreateOptions {
  /** A file of MMTracking, of pysot, or safetensors, wherever it is. Default: the model that ships with the package. */
  readonly checkpoint?: CheckpointSource | undefined
  /** A taught head, of `SiamRPN.save('head')`, in place of the checkpoint's own. */
  readonly head?: CheckpointSource | undefined
  /** Expected SHA-256 of the file, in hexadecimal. */
  readonly sha256?: string | undefined
  /** Default: what the checkpoint's layout implies; a bare state dict implies nothing, and the configuration's stay. */
  readonly anchors?: 'mmtracking' | 'pysot' | undefined
}

/** What types would have told. @throws ArgumentError */
export function checkOptions(options: CreateOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new ArgumentError(`the options are ${show(options)}, expected an object such as { checkpoint, device }`)
  }
  const { device, onProgress, precision } = options
  if (device !== undefined && !(device instanceof Device)) {
    throw new ArgumentError(`device is ${show(device)}, expected a device of openDevice()`)
  }
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new ArgumentError(`onProgress is ${show(onProgress)}, expected a function`)
  }
  if (precision !== undefined && precision !== 'f32' && precision !== 'f16') {
    throw new ArgumentError(`precision is ${show(precision)}, expected 'f32' or 'f16'`)
  }
  const { anchors } = options as Partial<LoadOptions>
  if (anchors !== undefined && anchors !== 'mmtracking' && anchors !== 'pysot') {
    throw new ArgumentError(`anchors is ${show(anchors)}, expected 'mmtracking' or 'pysot'`)
  }
}

type OnProgress = (done: number, total: number, detail?: string) => void

/** `onProgress` for one stage. */
export function reporter({ onProgress }: CreateOptions, stage: LoadProgress['stage']): OnProgress | undefined {
  return onProgress && ((done, total, detail) => onProgress({ stage, done, total, ...(detail ? { detail } : {}) }))
}
