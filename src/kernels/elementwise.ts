// Functions of each element by itself, whatever the shape: ReLU, ReLU6 and the logistic function with their gradients, the sum of
// two tensors, a product with a number, and a tensor of one value.

import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { type Activation, activationMax, type Rectifier } from './activation.ts'
import { expectShape, kernel, linearGrid } from './launch.ts'
import { chooseWidth, mapKernel, sampleSize } from './map.ts'

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
  expectShape(activation, input, input.shape)
  return mapKernel(r, {
    shader: 'relu',
    label,
    inputs: { input },
    shape: input.shape,
    width: chooseWidth(sampleSize(input)),
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
  expectShape('reluGradient', gradient, output.shape)
  expectShape('reluGradient', output, output.shape)
  return mapKernel(r, {
    shader: 'relu_gradient',
    label,
    inputs: { gradient, activation: output },
    shape: output.shape,
    width: chooseWidth(sampleSize(output)),
    constants: { ACTIVATION_MAX: activationMax(activation) },
    flops: 1,
  })
}

/** `1 / (1 + exp(-input))`, any shape. */
export function sigmoid(r: Recorder, input: GpuTensor, label = 'sigmoid'): GpuTensor {
  expectShape('sigmoid', input, input.shape)
  return mapKernel(r, {
    shader: 'sigmoid',
    label,
    inputs: { input },
    shape: input.shape,
    width: chooseWidth(sampleSize(input)),
    flops: 4,
  })
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
  expectShape('sigmoidGradient', gradient, output.shape)
  expectShape('sigmoidGradient', output, output.shape)
  return mapKernel(r, {
    shader: 'sigmoid_gradient',
    label,
    inputs: { gradient, activation: output },
    shape: output.shape,
    width: chooseWidth(sampleSize(output)),
    flops: 3,
  })
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
  expectShape('add', a, a.shape)
  expectShape('add', b, a.shape)
  return mapKernel(r, {
    shader: 'add',
    label,
    inputs: { a, b },
    shape: a.shape,
    width: chooseWidth(sampleSize(a)),
    constants: { ACTIVATION_MAX: activationMax(activation) },
    flops: activation === 'none' ? 1 : 2,
  })
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
  expectShape('scale', input, input.shape)
  expectShape('scale', factor, [1])
  return mapKernel(r, {
    shader: 'scale_by',
    label,
    inputs: { input },
    shared: { factor },
    shape: input.shape,
    width: chooseWidth(sampleSize(input)),
    flops: 1,
  })
}
