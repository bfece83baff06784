// Helpers that every op uses to launch a kernel: the shader text by name, workgroup counts for a number of invocations,
// and the dimensions of an activation.

import { ShapeError } from '../gpu/errors.ts'
import type { KernelSpec } from '../gpu/kernel.ts'
import type { Constants } from '../gpu/shader.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
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
  const [batch, height, width, channels, ...rest] = tensor.shape
  if (batch && height && width && channels && rest.length === 0 && tensor.dtype === 'f32') {
    return { batch, height, width, channels }
  }
  throw new ShapeError(
    `${op}: tensor \`${tensor.label}\` is ${tensor.dtype} [${tensor.shape}], expected f32 [N, H, W, C]`,
  )
}

/** @throws ShapeError unless the tensor is f32 and has exactly this shape */
export function expectShape(op: string, tensor: GpuTensor, shape: readonly number[]): void {
  const equal = tensor.shape.length === shape.length && shape.every((size, axis) => size === tensor.shape[axis])
  if (equal && tensor.dtype === 'f32') return
  throw new ShapeError(
    `${op}: tensor \`${tensor.label}\` is ${tensor.dtype} [${tensor.shape}], expected f32 [${shape}]`,
  )
}

/** @throws ShapeError unless `value` is an integer of at least `least` */
export function expectInteger(op: string, name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new ShapeError(`${op}: ${name} is ${value}, expected an integer of at least ${least}`)
}
