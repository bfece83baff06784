// Softmax cross entropy of samples in float64, by its definition.

import type { HostTensor } from '../helpers/tensors.ts'

/** Sum over the samples whose label is a class, of logits `[N, K]`; a function of the logits, for finite differences. */
export function softmaxCrossEntropy({ data, shape }: HostTensor, labels: ArrayLike<number>): HostTensor {
  const classes = shape.at(-1)!
  let loss = 0
  for (let n = 0; n < labels.length; n++) {
    const row = Array.from(data.slice(n * classes, (n + 1) * classes))
    const largest = Math.max(...row)
    const total = row.reduce((sum, logit) => sum + Math.exp(logit - largest), 0)
    const wanted = row[labels[n]!]
    if (wanted !== undefined) loss += Math.log(total) + largest - wanted
  }
  return { data: Float64Array.of(loss), shape: [1] }
}
