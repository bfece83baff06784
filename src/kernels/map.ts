// Kernels whose invocations each compute one output element, or four neighbouring channels of it: shaders with an
// `alias Value = f32;` that may stand for vec4f, and an `alias Stored` that is a Value in the precision of the tensors. One dispatch
// per batch slice; memory-bound all of them, so the cost model is the bytes.

import type { Params } from '../gpu/params.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { Constants } from '../gpu/shader.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { elementType, kernel, linearGrid } from './launch.ts'
import type { ShaderName } from './shaders.generated.ts'
import { batchSlices, sliceOf } from './slices.ts'

export interface MapKernel {
  /** One with `alias Value` and `alias Stored`. */
  readonly shader: ShaderName
  readonly label: string
  /** Tensors whose first dimension is the batch, by variable name, all of one precision. */
  readonly inputs: Readonly<Record<string, GpuTensor>>
  /** Tensors that every slice reads whole. */
  readonly shared?: Readonly<Record<string, GpuTensor>>
  /** Shape of the result. */
  readonly shape: readonly number[]
  readonly width: ValueWidth
  readonly constants?: Constants
  /** Uniform values besides the count. */
  readonly params?: Params
  /** Floating-point operations per output element. */
  readonly flops: number
}

/** Elements that a shader's `Value` holds. */
export type ValueWidth = 1 | 4

const workgroup = 64

/** Four elements at a time wherever every sample (or pixel) of `size` elements divides into fours. */
export function chooseWidth(size: number): ValueWidth {
  return size % 4 === 0 ? 4 : 1
}

/** What makes a shader's `Value` as wide as that. */
export function valueAlias(width: ValueWidth): Constants {
  return { Value: width === 4 ? 'vec4f' : 'f32' }
}

/** The same for shaders whose `Value`s lie in memory as `Stored`: in the precision of a tensor. */
export function storedAlias(width: ValueWidth, tensor: Pick<GpuTensor, 'dtype'>): Constants {
  return { ...valueAlias(width), Stored: elementType(tensor, width) }
}

/** The constant by which a shader knows its channels, counted in values. */
export function channelConstant(channels: number): Constants {
  return { CHANNELS: channels / chooseWidth(channels) }
}

/** Elements per sample. */
export function sampleSize(tensor: GpuTensor): number {
  return tensor.size / (tensor.shape[0] ?? 1)
}

/** Records the kernel and returns its output. @throws ShapeError if a tensor does not fit the binding limit in slices */
export function mapKernel(r: Recorder, op: MapKernel): GpuTensor {
  const { shader, width, label, shared = {}, constants = {}, params = {} } = op
  const [like] = Object.values(op.inputs)
  const output = r.alloc(op.shape, like?.dtype, label)
  const cut = { ...op.inputs, output }
  const slices = batchSlices(r.adapter, Object.values(cut))
  for (const slice of slices) {
    const parts = Object.fromEntries(Object.entries(cut).map(([name, tensor]) => [name, sliceOf(tensor, slice)]))
    const elements = (output.size / (op.shape[0] ?? 1)) * slice.count
    const count = elements / width
    r.dispatch({
      kernel: kernel(shader, { ...storedAlias(width, output), WORKGROUP: workgroup, ...constants }),
      label,
      workgroups: linearGrid(r.adapter, count, workgroup),
      bindings: { ...parts, ...shared, params: { count, ...params } },
      flops: op.flops * elements,
      bytes: distinctBytes([...Object.values(parts), ...Object.values(shared)]),
    })
  }
  return output
}

/** Bytes of the tensors, one that is bound under two names counted once. */
export function distinctBytes(tensors: readonly GpuTensor[]): number {
  const repeated = ({ storage, byteOffset }: GpuTensor, before: number) =>
    tensors.slice(0, before).some((other) => other.storage === storage && other.byteOffset === byteOffset)
  return tensors.reduce((sum, tensor, index) => sum + (repeated(tensor, index) ? 0 : tensor.bytes), 0)
}
