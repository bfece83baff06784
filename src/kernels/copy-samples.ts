// Some samples of a batch as a tensor of their own, and batches joined to one: where views do not serve, because samples begin at
// bytes that cannot be bound.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectInteger, expectShape, kernel, linearGrid } from './launch.ts'

const workgroup = 64

export interface CopySamplesArgs {
  /** f32 `[N, ...]` */
  readonly input: GpuTensor
  readonly first: number
  readonly count: number
  readonly label?: string
}

/** Samples `first .. first + count`: `[count, ...]`. @throws ShapeError unless the input has them */
export function copySamples(r: Recorder, { input, first, count, label = 'copySamples' }: CopySamplesArgs): GpuTensor {
  expectShape(label, input, input.shape)
  const [batch = 0, ...rest] = input.shape
  expectInteger(label, 'first', first, 0)
  expectInteger(label, 'count', count, 1)
  if (first + count > batch) {
    throw new ShapeError(`${label}: samples ${first} to ${first + count} lie outside a batch of ${batch}`)
  }
  const output = r.alloc([count, ...rest], 'f32', label)
  copyElements(r, { input, output, from: first * (input.size / batch), to: 0, count: output.size })
  return output
}

/** Batches of equal samples one after the other: `[N1 + N2 + ..., ...]`. @throws ShapeError if their samples differ */
export function joinSamples(r: Recorder, parts: readonly GpuTensor[], label = 'joinSamples'): GpuTensor {
  const [, ...rest] = parts[0]?.shape ?? []
  for (const part of parts) expectShape(label, part, [part.shape[0] ?? 0, ...rest])
  const output = r.alloc([parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0), ...rest], 'f32', label)
  let to = 0
  for (const part of parts) {
    copyElements(r, { input: part, output, from: 0, to, count: part.size })
    to += part.size
  }
  return output
}

interface Copy {
  readonly input: GpuTensor
  readonly output: GpuTensor
  readonly from: number
  readonly to: number
  readonly count: number
}

function copyElements(r: Recorder, { input, output, from, to, count }: Copy): void {
  r.dispatch({
    kernel: kernel('copy_elements', { WORKGROUP: workgroup }),
    label: output.label,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: { input, output, params: { count, from_element: from, to_element: to } },
    flops: 0,
    bytes: 8 * count,
  })
}
