// ReLU and ReLU6, sum of two tensors, softmax-weighted sum of levels: element by element, whatever the shape.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { type Activation, activationMax, type Rectifier } from './activation.ts'
import { expectShape, kernel, linearGrid } from './launch.ts'
import { chooseWidth, mapKernel, sampleSize } from './map.ts'

const workgroup = 64

/** The most levels that one weighted sum takes. */
export const maxLevels = 4

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

export interface AddArgs {
  readonly a: GpuTensor
  readonly b: GpuTensor
  /** Of the sum; default: none. */
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

export interface WeightedSumArgs {
  /** 1 to 4 tensors of one shape. */
  readonly inputs: readonly GpuTensor[]
  /** `[L]` logits; their softmax weighs the inputs. Absent: the plain average. */
  readonly weights?: GpuTensor
  readonly label?: string
}

/**
 * `sum over l of softmax(weights)[l] * inputs[l]`, as the heads of SiamRPN++ combine their levels.
 * Source: SiameseRPNHead.forward of MMTracking (siamese_rpn_head.py), `weighted_sum`.
 * @throws ShapeError if the shapes differ, or there are no inputs or more than four
 */
export function weightedSum(r: Recorder, { inputs, weights, label = 'weightedSum' }: WeightedSumArgs): GpuTensor {
  const [input0, input1, input2, input3] = inputs
  if (!input0 || inputs.length > maxLevels) {
    throw new ShapeError(`weightedSum: found ${inputs.length} inputs, expected 1 to ${maxLevels}`)
  }
  for (const input of inputs) expectShape('weightedSum', input, input0.shape)
  if (weights) expectShape('weightedSum', weights, [inputs.length])
  return mapKernel(r, {
    shader: 'weighted_sum',
    label,
    inputs: { input0, input1: input1 ?? input0, input2: input2 ?? input0, input3: input3 ?? input0 },
    shared: { logits: weights ?? input0 },
    shape: input0.shape,
    width: chooseWidth(sampleSize(input0)),
    constants: { LEVELS: inputs.length, AVERAGE: weights === undefined },
    flops: 2 * inputs.length - 1,
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
