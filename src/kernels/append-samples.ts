// A batch with some of its samples once more behind it, and the gradient of that: what is computed once serves in several pairs.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectInteger, expectShape, kernel, linearGrid } from './launch.ts'

const workgroup = 64

/** Samples `first .. first + count` of the first dimension. */
export interface RepeatedSamples {
  readonly first: number
  readonly count: number
}

export interface AppendSamplesArgs extends RepeatedSamples {
  /** f32 `[N, ...]` */
  readonly input: GpuTensor
  readonly label?: string
}

/** `[N + count, ...]`. @throws ShapeError unless the input has these samples */
export function appendSamples(
  r: Recorder,
  { input, first, count, label = 'appendSamples' }: AppendSamplesArgs,
): GpuTensor {
  expectShape(label, input, input.shape)
  const [batch = 0, ...rest] = input.shape
  checkSamples(label, batch, { first, count })
  const output = r.alloc([batch + count, ...rest], 'f32', label)
  r.dispatch({
    kernel: kernel('append_samples', { WORKGROUP: workgroup }),
    label,
    workgroups: linearGrid(r.adapter, output.size, workgroup),
    bindings: {
      input,
      output,
      params: { count: output.size, input_count: input.size, back: (batch - first) * (input.size / batch) },
    },
    flops: 0,
    bytes: 2 * output.bytes,
  })
  return output
}

export interface AppendSamplesGradientArgs extends RepeatedSamples {
  /** Of the output, f32 `[N + count, ...]`. */
  readonly gradient: GpuTensor
  readonly label?: string
}

/** Gradient of `appendSamples`: `[N, ...]`. @throws ShapeError unless the gradient is of such an output */
export function appendSamplesGradient(r: Recorder, args: AppendSamplesGradientArgs): GpuTensor {
  const { gradient, first, count, label = 'appendSamplesGradient' } = args
  expectShape(label, gradient, gradient.shape)
  const [all = 0, ...rest] = gradient.shape
  const batch = all - count
  checkSamples(label, batch, { first, count })
  const result = r.alloc([batch, ...rest], 'f32', label)
  r.dispatch({
    kernel: kernel('append_samples_gradient', { WORKGROUP: workgroup }),
    label,
    workgroups: linearGrid(r.adapter, result.size, workgroup),
    bindings: {
      gradient,
      result,
      params: { count: result.size, gradient_count: gradient.size, back: (batch - first) * (result.size / batch) },
    },
    flops: result.size,
    bytes: gradient.bytes + result.bytes,
  })
  return result
}

function checkSamples(label: string, batch: number, { first, count }: RepeatedSamples): void {
  expectInteger(label, 'first', first, 0)
  expectInteger(label, 'count', count, 1)
  if (first + count <= batch) return
  throw new ShapeError(`${label}: samples ${first} to ${first + count} lie outside a batch of ${batch}`)
}
