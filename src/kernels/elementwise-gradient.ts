// Gradients of the element-wise ops: ReLU, and the softmax-weighted sum with respect to its maps and its weights.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { activationMax, type Rectifier } from './activation.ts'
import { maxLevels } from './elementwise.ts'
import { expectShape, kernel } from './launch.ts'
import { chooseWidth, mapKernel, sampleSize, valueAlias } from './map.ts'
import { batchSlices, sliceOf } from './slices.ts'

const workgroup = 64

/** Elements (of four) that make an invocation worth its softmax, or its place in the workspace. */
const leastRounds = 16

/** Invocations of a dispatch, at most: each loops over elements. */
const mostInvocations = { cpu: 512, gpu: 16384 } as const

export interface ReluGradientArgs {
  /** Of the output. */
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

export interface WeightedSumGradientArgs {
  /** Of the output. */
  readonly gradient: GpuTensor
  /** The inputs of the forward pass, 1 to 4 of one shape. */
  readonly inputs: readonly GpuTensor[]
  /** `[L]` logits of the forward pass; absent for the plain average. */
  readonly weights?: GpuTensor
  readonly label?: string
}

export interface WeightedSumGradients {
  /** One per input; for an average all are the same tensor. */
  readonly inputs: readonly GpuTensor[]
  /** `[L]`: of the logits; absent for an average. */
  readonly weights: GpuTensor | undefined
}

/** Gradient of `weightedSum`. @throws ShapeError if the shapes differ, or there are no inputs or more than four */
export function weightedSumGradient(r: Recorder, args: WeightedSumGradientArgs): WeightedSumGradients {
  const { gradient, inputs, weights, label = 'weightedSumGradient' } = args
  if (inputs.length < 1 || inputs.length > maxLevels) {
    throw new ShapeError(`weightedSumGradient: found ${inputs.length} inputs, expected 1 to ${maxLevels}`)
  }
  for (const input of inputs) expectShape('weightedSumGradient', input, gradient.shape)
  if (!weights) {
    const share = average(r, gradient, inputs.length, label)
    return { inputs: inputs.map(() => share), weights: undefined }
  }
  expectShape('weightedSumGradient', weights, [inputs.length])
  return {
    inputs: inputGradients(r, { gradient, inputs, weights, label }),
    weights: weightGradient(r, { gradient, inputs, weights, label }),
  }
}

/** `gradient / levels`. */
function average(r: Recorder, gradient: GpuTensor, levels: number, label: string): GpuTensor {
  if (levels === 1) return gradient
  return mapKernel(r, {
    shader: 'average_gradient',
    label,
    inputs: { gradient },
    shape: gradient.shape,
    width: chooseWidth(sampleSize(gradient)),
    constants: { LEVELS: levels },
    flops: 1,
  })
}

type Weighted = Required<WeightedSumGradientArgs>

function inputGradients(r: Recorder, { gradient, inputs, weights, label }: Weighted): readonly GpuTensor[] {
  const outputs = inputs.map((_, level) => r.alloc(gradient.shape, 'f32', `${label} input ${level}`))
  const width = chooseWidth(sampleSize(gradient))
  const unused = Array.from({ length: maxLevels - inputs.length }, () => r.alloc([width], 'f32', `${label} unused`))
  for (const slice of batchSlices(r.adapter, [gradient, ...outputs])) {
    const part = sliceOf(gradient, slice)
    const written = outputs.map((output) => sliceOf(output, slice))
    const count = part.size / width
    const { rounds, workgroups } = chooseRounds(r, count)
    r.dispatch({
      kernel: kernel('weighted_sum_input_gradient', {
        ...valueAlias(width),
        WORKGROUP: workgroup,
        LEVELS: inputs.length,
      }),
      label,
      workgroups: [workgroups],
      bindings: {
        gradient: part,
        logits: weights,
        ...numbered('output', [...written, ...unused]),
        params: { count, rounds },
      },
      flops: inputs.length * part.size,
      bytes: (1 + inputs.length) * part.bytes,
    })
  }
  return outputs
}

function weightGradient(r: Recorder, { gradient, inputs, weights, label }: Weighted): GpuTensor {
  const width = chooseWidth(sampleSize(gradient))
  const slices = batchSlices(r.adapter, [gradient, ...inputs])
  const { rounds, workgroups } = chooseRounds(r, (sampleSize(gradient) * (slices[0]?.count ?? 1)) / width)
  const invocations = workgroups * workgroup
  const partial = r.alloc([invocations * slices.length, 4], 'f32', `${label} partials`)
  for (const [index, slice] of slices.entries()) {
    const part = sliceOf(gradient, slice)
    const levels = inputs.map((input) => sliceOf(input, slice))
    const unused = Array.from({ length: maxLevels - inputs.length }, () => part)
    r.dispatch({
      kernel: kernel('weighted_sum_products', {
        ...valueAlias(width),
        WIDTH: width,
        WORKGROUP: workgroup,
        LEVELS: inputs.length,
      }),
      label,
      workgroups: [workgroups],
      bindings: {
        gradient: part,
        ...numbered('input', [...levels, ...unused]),
        partial,
        params: { count: part.size / width, rounds, first_part: index * invocations },
      },
      flops: 2 * inputs.length * part.size,
      bytes: (1 + inputs.length) * part.bytes,
    })
  }
  const output = r.alloc([inputs.length], 'f32', `${label} weights`)
  r.dispatch({
    kernel: kernel('weighted_sum_weight_gradient', { WORKGROUP: workgroup, LEVELS: inputs.length }),
    label,
    workgroups: [1],
    bindings: { partial, logits: weights, output, params: { parts: invocations * slices.length } },
    bytes: partial.bytes,
  })
  return output
}

/** How a dispatch shares `count` elements (of four): each invocation takes `rounds`. */
function chooseRounds(r: Recorder, count: number): { readonly rounds: number; readonly workgroups: number } {
  const rounds = Math.max(leastRounds, Math.ceil(count / mostInvocations[r.adapter.kind]))
  return { rounds, workgroups: Math.ceil(count / (workgroup * rounds)) }
}

/** `{ name0: tensors[0], name1: tensors[1], ... }` */
function numbered(name: string, tensors: readonly GpuTensor[]): Readonly<Record<string, GpuTensor>> {
  return Object.fromEntries(tensors.map((tensor, index) => [`${name}${index}`, tensor]))
}
