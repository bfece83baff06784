// Helpers that every op uses to launch a kernel: the shader text by name, workgroup counts for a number of invocations,
// and the dimensions of an activation.

import { ShapeError } from '../gpu/errors.ts'
import type { KernelSpec } from '../gpu/kernel.ts'
import type { Constants, WgslType } from '../gpu/shader.ts'
import type { DType, GpuTensor } from '../gpu/tensor.ts'
import { type ShaderName, shaders } from './shaders.generated.ts'

/** The shader of that name, specialised by `constants`. */
export function kernel(name: ShaderName, constants: Constants = {}): KernelSpec {
  return { name: `${name}.wgsl`, source: shaders[name], constants }
}

/**
 * Workgroup counts for at least `invocations` invocations. Counts above the adapter's limit per dimension spread over y;
 * the shader rebuilds the index as `id.y * grid.x * WORKGROUP + id.x` and stops at its own count.
 */
export function linearGrid(
  adapter: { readonly maxWorkgroupsPerDimension: number },
  invocations: number,
  workgroup: number,
): readonly [number, number] {
  const groups = Math.max(1, Math.ceil(invocations / workgroup))
  const rows = Math.ceil(groups / adapter.maxWorkgroupsPerDimension)
  return [Math.ceil(groups / rows), rows]
}

/** Dimensions of an activation. */
export interface ImageShape {
  readonly batch: number
  readonly height: number
  readonly width: number
  readonly channels: number
}

/** What a tensor is, without its memory. */
export type TensorDescription = Pick<GpuTensor, 'shape' | 'dtype' | 'label'>

/** The dimensions of an f32 `[N, H, W, C]` tensor. @throws ShapeError for another rank or element type */
export function imageShape(op: string, tensor: TensorDescription): ImageShape {
  return shapeOfType(op, tensor, ['f32'])
}

/** The dimensions of an `[N, H, W, C]` tensor, f32 or f16. @throws ShapeError for another rank or element type */
export function activationShape(op: string, tensor: TensorDescription): ImageShape {
  return shapeOfType(op, tensor, ['f32', 'f16'])
}

function shapeOfType(op: string, tensor: TensorDescription, dtypes: readonly DType[]): ImageShape {
  const [batch, height, width, channels, ...rest] = tensor.shape
  if (batch && height && width && channels && rest.length === 0 && dtypes.includes(tensor.dtype)) {
    return { batch, height, width, channels }
  }
  throw new ShapeError(
    `${op}: tensor \`${tensor.label}\` is ${tensor.dtype} [${tensor.shape}], expected ${dtypes.join(' or ')} [N, H, W, C]`,
  )
}

/** @throws ShapeError unless the tensor has exactly this shape, and this element type */
export function expectShape(op: string, tensor: GpuTensor, shape: readonly number[], dtype: DType = 'f32'): void {
  const equal = tensor.shape.length === shape.length && shape.every((size, axis) => size === tensor.shape[axis])
  if (equal && tensor.dtype === dtype) return
  throw new ShapeError(
    `${op}: tensor \`${tensor.label}\` is ${tensor.dtype} [${tensor.shape}], expected ${dtype} [${shape}]`,
  )
}

/** @throws ShapeError unless the tensor has the shape and the element type of `like`, which is f32 or f16 */
export function expectLike(op: string, tensor: GpuTensor, like: GpuTensor): void {
  expectShape(op, tensor, like.shape, like.dtype === 'f16' ? 'f16' : 'f32')
}

/** What a shader calls so many neighbouring elements of a tensor that is f32 or f16. */
export function elementType({ dtype }: Pick<GpuTensor, 'dtype'>, width: 1 | 2 | 4): WgslType {
  if (dtype === 'f16') return width === 1 ? 'f16' : `vec${width}h`
  return width === 1 ? 'f32' : `vec${width}f`
}

/** @throws ShapeError unless `value` is an integer of at least `least` */
export function expectInteger(op: string, name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new ShapeError(`${op}: ${name} is ${value}, expected an integer of at least ${least}`)
}
