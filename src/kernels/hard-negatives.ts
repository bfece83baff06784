// Weights of a classification loss with more for each pair's hardest negatives, chosen on the device from the logits of the
// same step. Source of the idea: Shrivastava et al., Training Region-based Object Detectors with Online Hard Example Mining,
// CVPR 2016; mmdet's OHEMSampler chooses in the same way, by the loss.

import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectInteger, expectShape, imageShape, kernel, linearGrid } from './launch.ts'

const workgroup = 256
const classes = 2

export interface HardNegativesArgs {
  /** Logits `[N, H, W, 2 * A]`, channel `class * A + anchor`, class 1 = object. */
  readonly cls: GpuTensor
  /** `[N, H * W * A]` f32: 0 background, 1 object. */
  readonly labels: GpuTensor
  /** `[N, H * W * A]`; negatives are the background's anchors of a weight above 0. */
  readonly labelWeights: GpuTensor
  /** How many of each pair; all of them if there are fewer. */
  readonly num: number
  /** What those of a pair get in addition, together. */
  readonly weight: number
  readonly label?: string
}

/**
 * `labelWeights` with `weight` spread evenly over each pair's `num` negatives of largest loss: `[N, H * W * A]`.
 * @throws ShapeError if the shapes do not fit each other
 */
export function hardNegatives(r: Recorder, args: HardNegativesArgs): GpuTensor {
  const { cls, labels, labelWeights, num, weight, label = 'hardNegatives' } = args
  const { batch, height, width, channels } = imageShape(label, cls)
  const anchors = (height * width * channels) / classes
  for (const tensor of [labels, labelWeights]) expectShape(label, tensor, [batch, anchors])
  expectInteger(label, 'num', num, 1)
  const output = r.alloc([batch, anchors], 'f32', label)
  r.dispatch({
    kernel: kernel('hard_negatives', { WORKGROUP: workgroup, ANCHORS: channels / classes }),
    label,
    workgroups: linearGrid(r.adapter, batch, 1),
    bindings: {
      logits: cls,
      labels,
      weights: labelWeights,
      output,
      params: { pairs: batch, anchors, most: num, extra: weight },
    },
    flops: 34 * output.size,
    bytes: cls.bytes + labels.bytes + labelWeights.bytes + output.bytes,
  })
  return output
}
