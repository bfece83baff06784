// Functions of each element by itself, whatever the shape: ReLU, ReLU6 and the logistic function with their gradients, the sum of
// two tensors, a product with a number, and a tensor of one value.

import type { Precision } from '../gpu/half.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { type Activation, activationMax, type Rectifier } from './activation.ts'
import { elementType, expectLike, expectShape, kernel, linearGrid } from './launch.ts'
import { chooseWidth, type MapKernel, mapKernel, sampleSize, storedAlias } from './map.ts'
import { batchSlices, sliceOf } from './slices.ts'

const workgroup = 64

/** `max(input, 0)`, any shape. */
export function relu(r: Recorder, input: GpuTensor, label = 'relu'): GpuTensor {
  return rectify(r, input, 'relu', label)
}

/** `min(max(input, 0), 6)`, any shape. */
export function relu6(r: Recorder, input: GpuTensor, label = 'relu6'): GpuTensor {
  return rectify(r, input, 'relu6', label)
}

function rectify(r: Recorder, input: GpuTensor, activation: Rectifier, label: string): GpuTensor {
  return perElement(r, activation, input, {
    shader: 'relu',
    label,
    inputs: { input },
    constants: { ACTIVATION_MAX: activationMax(activation) },
    flops: activation === 'relu6' ? 2 : 1,
  })
}

export interface ReluGradientArgs {
  /** The gradient of the output. */
  readonly gradient: GpuTensor
  /** What the forward pass gave. */
  readonly output: GpuTensor
  /** Default: ReLU. */
  readonly activation?: Rectifier
  readonly label?: string
}

/**
 * `gradient` where the output is positive (and below 6 for ReLU6), else 0; any shape.
 * @throws ShapeError if the shapes differ
 */
export function reluGradient(r: Recorder, args: ReluGradientArgs): GpuTensor {
  const { gradient, output, activation = 'relu', label = 'reluGradient' } = args
  return perElement(r, 'reluGradient', output, {
    shader: 'relu_gradient',
    label,
    inputs: { gradient, activation: output },
    constants: { ACTIVATION_MAX: activationMax(activation) },
    flops: 1,
  })
}

/** `1 / (1 + exp(-input))`, any shape. */
export function sigmoid(r: Recorder, input: GpuTensor, label = 'sigmoid'): GpuTensor {
  return perElement(r, 'sigmoid', input, { shader: 'sigmoid', label, inputs: { input }, flops: 4 })
}

export interface SigmoidGradientArgs {
  /** The gradient of the output. */
  readonly gradient: GpuTensor
  /** What the forward pass gave. */
  readonly output: GpuTensor
  readonly label?: string
}

/** `gradient * output * (1 - output)`, any shape. @throws ShapeError if the shapes differ */
export function sigmoidGradient(r: Recorder, args: SigmoidGradientArgs): GpuTensor {
  const { gradient, output, label = 'sigmoid.gradient' } = args
  const inputs = { gradient, activation: output }
  return perElement(r, 'sigmoidGradient', output, { shader: 'sigmoid_gradient', label, inputs, flops: 3 })
}

export interface AddArgs {
  readonly a: GpuTensor
  readonly b: GpuTensor
  /** Applied to the sum; default: none. */
  readonly activation?: Activation | undefined
  readonly label?: string
}

/** `activation(a + b)`, of one shape. @throws ShapeError if the shapes differ */
export function add(r: Recorder, { a, b, activation = 'none', label = 'add' }: AddArgs): GpuTensor {
  return perElement(r, 'add', a, {
    shader: 'add',
    label,
    inputs: { a, b },
    constants: { ACTIVATION_MAX: activationMax(activation) },
    flops: activation === 'none' ? 1 : 2,
  })
}

/**
 * The values in another precision, rounded to the nearest; the tensor itself if it has that precision. Any shape. What is too large
 * for half precision becomes an infinity.
 * @throws ShapeError unless the tensor is f32 or f16
 */
export function convert(r: Recorder, input: GpuTensor, precision: Precision, label = 'convert'): GpuTensor {
  if (input.dtype === precision) return input
  const output = r.alloc(input.shape, precision, label)
  convertInto(r, input, output, label)
  return output
}

/** Writes the values of one tensor into another of the same shape and of any precision. @throws ShapeError if they do not fit */
export function convertInto(r: Recorder, input: GpuTensor, output: GpuTensor, label = 'convert'): void {
  expectLike('convert', input, input)
  expectShape('convert', output, input.shape, output.dtype)
  const width = chooseWidth(sampleSize(input))
  for (const slice of batchSlices(r.adapter, [input, output])) {
    const parts = { input: sliceOf(input, slice), output: sliceOf(output, slice) }
    const count = parts.input.size / width
    r.dispatch({
      kernel: kernel('convert', {
        ...storedAlias(width, output),
        From: elementType(input, width),
        WORKGROUP: workgroup,
      }),
      label,
      workgroups: linearGrid(r.adapter, count, workgroup),
      bindings: { ...parts, params: { count } },
      bytes: parts.input.bytes + parts.output.bytes,
    })
  }
}

/** A tensor filled with one value; it must fit the adapter's binding limit. */
export function fill(r: Recorder, shape: readonly number[], value: number, label = 'fill'): GpuTensor {
  const output = r.alloc(shape, 'f32', label)
  r.dispatch({
    kernel: kernel('fill', { WORKGROUP: workgroup, VALUE: value }),
    label,
    workgroups: linearGrid(r.adapter, output.size, workgroup),
    bindings: { output, params: { count: output.size } },
    bytes: output.bytes,
  })
  return output
}

export interface ScaleArgs {
  readonly input: GpuTensor
  /** `[1]` */
  readonly factor: GpuTensor
  readonly label?: string
}

/** `input * factor`, any shape. @throws ShapeError unless the factor has one element */
export function scale(r: Recorder, { input, factor, label = 'scale' }: ScaleArgs): GpuTensor {
  expectShape('scale', factor, [1])
  return perElement(r, 'scale', input, {
    shader: 'scale_by',
    label,
    inputs: { input },
    shared: { factor },
    flops: 1,
  })
}

/** Records a kernel whose inputs and output have the shape of `like`. @throws ShapeError unless the inputs have it */
function perElement(r: Recorder, op: string, like: GpuTensor, map: Omit<MapKernel, 'shape' | 'width'>): GpuTensor {
  for (const input of Object.values(map.inputs)) expectLike(op, input, like)
  return mapKernel(r, { ...map, shape: like.shape, width: chooseWidth(sampleSize(like)) })
}
