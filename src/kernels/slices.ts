// Batch slices: a tensor above the adapter's binding limit is worked on in runs of samples, one dispatch each. A run's views
// must begin at a bindable offset (a multiple of 256 bytes), so runs may be shorter than the limit alone would allow.

import { ShapeError } from '../gpu/errors.ts'
import { bindingAlignment, type GpuTensor } from '../gpu/tensor.ts'
import { greatestCommonDivisor, leastCommonMultiple } from './arithmetic.ts'

/** Samples `start .. start + count` of the first dimension. */
export interface BatchSlice {
  readonly start: number
  readonly count: number
}

/**
 * The fewest slices of the first dimension such that each tensor's part can be bound; a single one if all fit whole.
 * @param adapter only the binding limit matters (bytes)
 * @param tensors tensors with the same first dimension, all cut alike
 * @param most samples that a slice may have, where something else than these tensors bounds it
 * @throws ShapeError if first dimensions differ, or if the smallest possible slice of a tensor exceeds the limit
 */
export function batchSlices(
  adapter: { readonly maxBindingBytes: number },
  tensors: readonly GpuTensor[],
  most = Number.POSITIVE_INFINITY,
): readonly BatchSlice[] {
  const batch = tensors[0]?.shape[0] ?? 1
  for (const tensor of tensors) {
    if (tensor.shape[0] !== batch) {
      throw new ShapeError(
        `Tensor \`${tensor.label}\` [${tensor.shape}] has ${tensor.shape[0]} samples; the tensors worked on with it have ${batch}`,
      )
    }
  }
  const limit = adapter.maxBindingBytes
  if (batch <= most && tensors.every((tensor) => tensor.bytes <= limit)) return [{ start: 0, count: batch }]
  const step = tensors.map((tensor) => alignedSamples(tensor.bytes / batch)).reduce(leastCommonMultiple, 1)
  const largest = tensors.reduce((a, b) => (b.bytes > a.bytes ? b : a))
  const fitting = Math.min(most, Math.floor(limit / (largest.bytes / batch)))
  const count = Math.floor(fitting / step) * step
  if (count < 1) {
    throw new ShapeError(
      `Tensor \`${largest.label}\` [${largest.shape}] does not fit the adapter's binding limit of ${limit} bytes even in ` +
        `slices: the smallest is ${step} sample(s) of ${largest.bytes / batch} bytes`,
    )
  }
  const slices = Math.ceil(batch / count)
  return Array.from({ length: slices }, (_, index) => {
    const start = index * count
    return { start, count: Math.min(count, batch - start) }
  })
}

/** The tensor's part in a slice: the tensor itself if the slice is all of it. */
export function sliceOf(tensor: GpuTensor, { start, count }: BatchSlice): GpuTensor {
  return start === 0 && count === tensor.shape[0] ? tensor : tensor.samples(start, count)
}

/** How many samples lie between two bindable offsets. */
function alignedSamples(sampleBytes: number): number {
  return bindingAlignment / greatestCommonDivisor(bindingAlignment, sampleBytes)
}
