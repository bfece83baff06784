// Samples of a batch: some of them as a tensor of their own, batches joined to one, and a batch with some of its samples once more
// behind it. Views do not serve for these, because samples begin at bytes that cannot be bound.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import { bindingAlignment, elementBytes, GpuTensor } from '../gpu/tensor.ts'
import { elementType, expectInteger, expectLike, expectShape, kernel, linearGrid } from './launch.ts'

const workgroup = 64

/** Samples `first .. first + count` of the first dimension. */
export interface SampleRange {
  readonly first: number
  readonly count: number
}

export interface SamplesArgs extends SampleRange {
  /** `[N, ...]`, f32 or f16. */
  readonly input: GpuTensor
  readonly label?: string
}

/** Samples `first .. first + count`: `[count, ...]`. @throws ShapeError unless the input has them */
export function copySamples(r: Recorder, { input, first, count, label = 'copySamples' }: SamplesArgs): GpuTensor {
  const [batch = 0, ...rest] = samplesOf(label, input, { first, count })
  const output = r.alloc([count, ...rest], input.dtype, label)
  copyElements(r, { input, output, from: first * (input.size / batch), to: 0, count: output.size })
  return output
}

/** Batches of equal samples one after the other: `[N1 + N2 + ..., ...]`. @throws ShapeError if their samples differ */
export function joinSamples(r: Recorder, parts: readonly GpuTensor[], label = 'joinSamples'): GpuTensor {
  const [, ...rest] = parts[0]?.shape ?? []
  for (const part of parts) expectShape(label, part, [part.shape[0] ?? 0, ...rest], parts[0]?.dtype)
  const output = r.alloc([parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0), ...rest], parts[0]?.dtype, label)
  let to = 0
  for (const part of parts) {
    copyElements(r, { input: part, output, from: 0, to, count: part.size })
    to += part.size
  }
  return output
}

/** The batch and behind it samples `first .. first + count`: `[N + count, ...]`. @throws ShapeError unless the input has them */
export function appendSamples(r: Recorder, { input, first, count, label = 'appendSamples' }: SamplesArgs): GpuTensor {
  const [batch = 0, ...rest] = samplesOf(label, input, { first, count })
  const size = input.size / batch
  const output = r.alloc([batch + count, ...rest], input.dtype, label)
  copyElements(r, { input, output, from: 0, to: 0, count: input.size })
  copyElements(r, { input, output, from: first * size, to: input.size, count: count * size })
  return output
}

export interface AppendSamplesGradientArgs extends SampleRange {
  /** The gradient of the output, `[N + count, ...]`. */
  readonly gradient: GpuTensor
  readonly label?: string
}

/** Gradient of `appendSamples`: `[N, ...]`. @throws ShapeError unless the gradient is of such an output */
export function appendSamplesGradient(r: Recorder, args: AppendSamplesGradientArgs): GpuTensor {
  const { gradient, first, count, label = 'appendSamplesGradient' } = args
  expectLike(label, gradient, gradient)
  const [all = 0, ...rest] = gradient.shape
  const batch = all - count
  checkSamples(label, batch, { first, count })
  const result = r.alloc([batch, ...rest], gradient.dtype, label)
  r.dispatch({
    kernel: kernel('append_samples_gradient', { WORKGROUP: workgroup, Stored: elementType(gradient, 1) }),
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

/** The shape of a tensor that has these samples. */
function samplesOf(label: string, tensor: GpuTensor, samples: SampleRange): readonly number[] {
  expectLike(label, tensor, tensor)
  checkSamples(label, tensor.shape[0] ?? 0, samples)
  return tensor.shape
}

function checkSamples(label: string, batch: number, { first, count }: SampleRange): void {
  expectInteger(label, 'first', first, 0)
  expectInteger(label, 'count', count, 1)
  if (first + count <= batch) return
  throw new ShapeError(`${label}: samples ${first} to ${first + count} lie outside a batch of ${batch}`)
}

interface Copy {
  readonly input: GpuTensor
  readonly output: GpuTensor
  readonly from: number
  readonly to: number
  readonly count: number
}

/** In pieces, where a tensor is above the adapter's binding limit. */
function copyElements(r: Recorder, { input, output, from, to, count }: Copy): void {
  const size = elementBytes[output.dtype]
  const limit = r.adapter.maxBindingBytes
  const whole = input.bytes <= limit && output.bytes <= limit
  const most = whole ? count : Math.floor((limit - bindingAlignment) / size)
  for (let done = 0; done < count; done += most) {
    const piece = Math.min(most, count - done)
    const source = whole ? { view: input, first: from } : windowOn(input, from + done, piece)
    const target = whole ? { view: output, first: to } : windowOn(output, to + done, piece)
    r.dispatch({
      kernel: kernel('copy_elements', { WORKGROUP: workgroup, Stored: elementType(output, 1) }),
      label: output.label,
      workgroups: linearGrid(r.adapter, piece, workgroup),
      bindings: {
        input: source.view,
        output: target.view,
        params: { count: piece, from_element: source.first, to_element: target.first },
      },
      flops: 0,
      bytes: 2 * size * piece,
    })
  }
}

/** A view of some elements of a tensor, from the last byte before them on that can be bound, and their first in it. */
function windowOn({ storage, dtype, byteOffset }: GpuTensor, element: number, count: number) {
  const size = elementBytes[dtype]
  const first = element % (bindingAlignment / size)
  const view = new GpuTensor(storage, [first + count], dtype, byteOffset + (element - first) * size)
  return { view, first }
}
