// The targets of a batch on the device: made once, written before every step.

import type { Device } from '../gpu/device.ts'
import { ShapeError } from '../gpu/errors.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { Targets } from './targets.ts'

/** Targets on the device, by flat anchor index; see `Targets`. */
export interface TargetTensors {
  /** `[N, M]` */
  readonly labels: GpuTensor
  /** `[N, M]` */
  readonly labelWeights: GpuTensor
  /** `[N, M, 4]` */
  readonly boxTargets: GpuTensor
  /** `[N, M, 4]` */
  readonly boxWeights: GpuTensor
}

/**
 * Zeros, for batches of N pairs.
 * @param anchors M, of a score map: `TargetBuilder.numAnchors`
 */
export function emptyTargets(device: Device, pairs: number, anchors: number): TargetTensors {
  return {
    labels: device.empty([pairs, anchors], 'f32', 'labels'),
    labelWeights: device.empty([pairs, anchors], 'f32', 'label weights'),
    boxTargets: device.empty([pairs, anchors, 4], 'f32', 'box targets'),
    boxWeights: device.empty([pairs, anchors, 4], 'f32', 'box weights'),
  }
}

/** Copies a batch's targets to the device, before whatever runs next. @throws ShapeError for a batch of another size */
export function writeTargets(device: Device, tensors: TargetTensors, targets: Targets): void {
  for (const name of ['labels', 'labelWeights', 'boxTargets', 'boxWeights'] as const) {
    const [found, expected] = [targets[name].length, tensors[name].size]
    if (found !== expected) throw new ShapeError(`Targets have ${found} ${tensors[name].label}, expected ${expected}`)
  }
  for (const name of ['labels', 'labelWeights', 'boxTargets', 'boxWeights'] as const) {
    device.write(tensors[name], targets[name])
  }
}

/** Frees the tensors of targets. */
export function releaseTargets(device: Device, tensors: TargetTensors): void {
  for (const tensor of Object.values(tensors)) device.release(tensor)
}
