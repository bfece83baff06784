// Softmax cross entropy of a batch of samples, one class each: the loss of classifiers.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectShape } from './launch.ts'
import { type Loss, lossScale, type ReductionArgs, recordLoss } from './losses.ts'

export interface SoftmaxCrossEntropyArgs extends ReductionArgs {
  /** `[N, K]`, or with ones between: `[N, 1, 1, K]`. */
  readonly logits: GpuTensor
  /** `[N]` f32: the class of each sample, 0 to K - 1. A sample with another label adds nothing, but counts in the mean. */
  readonly labels: GpuTensor
}

/**
 * `log(sum of exp(logits)) - logits[label]` per sample; `mean` is over the samples. Finite for all finite logits.
 * Source: torch.nn.functional.cross_entropy.
 * @throws ShapeError if the shapes do not belong together
 */
export function softmaxCrossEntropy(r: Recorder, args: SoftmaxCrossEntropyArgs): Loss {
  const { logits, labels, label = 'softmaxCrossEntropy' } = args
  const [samples = 0] = logits.shape
  const classes = logits.shape.at(-1) ?? 0
  if (logits.shape.length < 2 || logits.size !== samples * classes || logits.dtype !== 'f32') {
    throw new ShapeError(
      `softmaxCrossEntropy: tensor \`${logits.label}\` is ${logits.dtype} [${logits.shape}], expected f32 [N, K]`,
    )
  }
  expectShape('softmaxCrossEntropy', labels, [samples])
  return recordLoss(r, {
    shader: 'loss_softmax',
    label,
    prediction: logits,
    inputs: { logits, labels },
    elements: samples,
    constants: {},
    params: { classes, scale: lossScale(args, samples) },
    flops: 8 * classes,
  })
}
