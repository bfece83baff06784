// Named tensors as they lie in checkpoint files: little-endian, contiguous, row-major bytes with PyTorch's names and
// layouts. Conversion to the layouts of the kernels happens elsewhere. Every platform with WebGPU is little-endian.

import { quote, showShape } from '../gpu/message.ts'
import { CheckpointError } from './errors.ts'

/** Element types that checkpoints may hold. */
export type TensorDType = 'f32' | 'f16' | 'bf16' | 'f64' | 'i64' | 'i32' | 'i16' | 'i8' | 'u8' | 'bool'

/** A tensor of a checkpoint. `data` may be a view into the bytes of the file: do not write to it. */
export interface NamedTensor {
  readonly dtype: TensorDType
  readonly shape: readonly number[]
  /** Little endian, contiguous, row-major; `elementCount(shape) * itemBytes[dtype]` bytes, at any alignment. */
  readonly data: Uint8Array
}

/** Tensors by their dotted PyTorch names, in the order of the file. */
export type StateDict = Map<string, NamedTensor>

/** Bytes of one element. */
export const itemBytes: Readonly<Record<TensorDType, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  f64: 8,
  i64: 8,
  i32: 4,
  i16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
}

/** Number of elements of a shape; `NaN` if a dimension is no non-negative integer or the product is above 2^53 - 1. */
export function elementCount(shape: readonly number[]): number {
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) return Number.NaN
  if (shape.includes(0)) return 0
  const count = shape.reduce((product, size) => product * size, 1)
  return Number.isSafeInteger(count) ? count : Number.NaN
}

/** Throws if the byte count of a tensor does not fit its dtype and shape. */
export function checkTensor(name: string, tensor: NamedTensor): void {
  const expected = elementCount(tensor.shape) * itemBytes[tensor.dtype]
  if (tensor.data.byteLength === expected) return
  const kind = `${tensor.dtype} ${showShape(tensor.shape)}`
  throw new CheckpointError(
    `tensor ${quote(name)} has ${tensor.data.byteLength} bytes, expected ${expected} for ${kind}`,
  )
}

/** The bytes of float32 values as a named tensor (shares memory with `values`). */
export function fromFloat32(values: Float32Array, shape: readonly number[]): NamedTensor {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  const tensor: NamedTensor = { dtype: 'f32', shape: [...shape], data }
  checkTensor('float32 values', tensor)
  return tensor
}

/**
 * The values of a tensor as float32, rounded to nearest where the dtype is wider.
 * Shares memory with the file where that is possible (f32, aligned): copy before writing to the result.
 * @throws CheckpointError if byte count and shape disagree.
 */
export function toFloat32(tensor: NamedTensor): Float32Array {
  checkTensor('tensor', tensor)
  if (tensor.dtype === 'f32') {
    const aligned = align(tensor.data, 4)
    return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4)
  }
  if (tensor.dtype === 'f16') return halfToFloat32(tensor.data)
  if (tensor.dtype === 'bf16') return brainToFloat32(tensor.data)
  return Float32Array.from(toNumbers(tensor), Number)
}

/**
 * The values of a tensor in a typed array of its own kind: `BigInt64Array` for i64, float32 values for f16 and bf16,
 * 0 and 1 for bool. May share memory with the file.
 */
export function toTypedArray(
  tensor: NamedTensor,
): Float32Array | Float64Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array {
  const { dtype } = tensor
  return dtype === 'f32' || dtype === 'f16' || dtype === 'bf16' ? toFloat32(tensor) : toNumbers(tensor)
}

function toNumbers(
  tensor: NamedTensor,
): Float64Array | BigInt64Array | Int32Array | Int16Array | Int8Array | Uint8Array {
  const size = itemBytes[tensor.dtype]
  const { buffer, byteOffset, byteLength } = align(tensor.data, size)
  const length = byteLength / size
  switch (tensor.dtype) {
    case 'f64':
      return new Float64Array(buffer, byteOffset, length)
    case 'i64':
      return new BigInt64Array(buffer, byteOffset, length)
    case 'i32':
      return new Int32Array(buffer, byteOffset, length)
    case 'i16':
      return new Int16Array(buffer, byteOffset, length)
    case 'i8':
      return new Int8Array(buffer, byteOffset, length)
    default:
      return new Uint8Array(buffer, byteOffset, length)
  }
}

function align(data: Uint8Array, alignment: number): Uint8Array {
  // Not `slice()`: Node's Buffer overrides it with a view.
  return data.byteOffset % alignment === 0 ? data : new Uint8Array(data)
}

function halfToFloat32(data: Uint8Array): Float32Array {
  const { buffer, byteOffset, byteLength } = align(data, 2)
  const halves = new Uint16Array(buffer, byteOffset, byteLength / 2)
  const out = new Float32Array(halves.length)
  const bits = new Uint32Array(out.buffer)
  // A half's exponent and mantissa, shifted into a float32, are too small by 2^(127 - 15); infinities and NaN keep
  // their all-ones exponent instead.
  halves.forEach((half, i) => {
    const sign = (half & 0x8000) << 16
    if ((half & 0x7c00) === 0x7c00) {
      bits[i] = sign | 0x7f800000 | ((half & 0x3ff) << 13)
      return
    }
    bits[i] = (half & 0x7fff) << 13
    const magnitude = (out[i] ?? 0) * 2 ** 112
    out[i] = sign === 0 ? magnitude : -magnitude
  })
  return out
}

function brainToFloat32(data: Uint8Array): Float32Array {
  const { buffer, byteOffset, byteLength } = align(data, 2)
  const brains = new Uint16Array(buffer, byteOffset, byteLength / 2)
  const out = new Float32Array(brains.length)
  const bits = new Uint32Array(out.buffer)
  brains.forEach((brain, i) => {
    bits[i] = brain << 16
  })
  return out
}
