// A learned tensor: its name and shape in PyTorch's state dict, and its values on the device in the kernels' layout. Gradients
// and optimizer state have the kernels' layout too, so that optimizers are element by element.

import type { Device } from '../gpu/device.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { type ConvWeight, packConvWeight, packOihw, unpackConvWeight } from '../kernels/conv/filter.ts'

export interface ParameterOptions {
  /** Zero input channels appended up to this count (an RGB image has 4 channels here). */
  readonly padInput?: number
}

export class Parameter {
  /** Name in the state dict. */
  readonly name: string
  /** PyTorch's shape: `[O, I, kh, kw]` for a filter, `[O, I]` for a linear layer, `[C]` for a vector. */
  readonly shape: readonly number[]
  /** The values, in the kernels' layout. */
  readonly data: GpuTensor
  /** `data` as a filter, for parameters of rank 4; for those of rank 2 as a filter of 1x1. */
  readonly filter: ConvWeight | undefined

  /** @param values PyTorch's layout @throws ShapeError if their number does not fit the shape */
  constructor(device: Device, { name, shape, values }: ParameterSource, { padInput = 0 }: ParameterOptions = {}) {
    this.name = name
    this.shape = shape
    const filterShape = asFilter(shape)
    this.filter = filterShape && packConvWeight(device, values, filterShape, { padInput, label: name })
    this.data = this.filter?.tensor ?? device.tensor(values, shape, name)
  }

  /** Values in the kernels' layout (the parameter's, its gradient's, its momentum's) in PyTorch's. */
  toPyTorch(values: Float32Array): Float32Array {
    return this.filter ? unpackConvWeight(values, this.filter, asFilter(this.shape) ?? []) : values
  }

  /** Values in PyTorch's layout in the kernels'. */
  fromPyTorch(values: Float32Array): Float32Array {
    return this.filter ? packOihw(values, asFilter(this.shape) ?? [], this.filter.inChannels) : values
  }

  release(device: Device): void {
    device.release(this.data)
  }
}

/** `[O, I, kh, kw]` of a filter or a linear layer; undefined for what is neither. */
function asFilter(shape: readonly number[]): readonly number[] | undefined {
  if (shape.length === 2) return [...shape, 1, 1]
  return shape.length === 4 ? shape : undefined
}

export interface ParameterSource {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array
}
