// The sum of up to four maps, weighted by the softmax of their logits or averaged, and its gradient with respect to the maps and
// the logits: how the heads of SiamRPN++ combine their levels.

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { fill } from './elementwise.ts'
import { expectLike, expectShape, kernel } from './launch.ts'
import { chooseWidth, mapKernel, sampleSize, storedAlias } from './map.ts'
import { batchSlices, sliceOf } from './slices.ts'

const workgroup = 64

/** The most levels that one weighted sum takes. */
const maxLevels = 4

/** Elements (of four) that make an invocation worth its softmax, or its place in the workspace. */
const leastRounds = 16

/** Invocations of a dispatch, at most: each loops over elements. */
const mostInvocations = { cpu: 512, gpu: 16384 } as const

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
  for (const input of inputs) expectLike('weightedSum', input, input0)
  if (weights) expectShape('weightedSum', weights, [inputs.length])
  return mapKernel(r, {
    shader: 'weighted_sum',
    label,
    inputs: { input0, input1: input1 ?? input0, input2: input2 ?? input0, input3: input3 ?? input0 },
    shared: { logits: weights ?? singleOf(r, input0, label) },
    shape: input0.shape,
    width: chooseWidth(sampleSize(input0)),
    constants: { LEVELS: inputs.length, AVERAGE: weights === undefined },
    flops: 2 * inputs.length - 1,
  })
}

export interface WeightedSumGradientArgs {
  /** The gradient of the output. */
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
  for (const input of inputs) expectLike('weightedSumGradient', input, gradient)
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
  const outputs = inputs.map((_, level) => r.alloc(gradient.shape, gradient.dtype, `${label} input ${level}`))
  const width = chooseWidth(sampleSize(gradient))
  const unused = Array.from({ length: maxLevels - inputs.length }, () =>
    r.alloc([width], gradient.dtype, `${label} unused`),
  )
  for (const slice of batchSlices(r.adapter, [gradient, ...outputs])) {
    const part = sliceOf(gradient, slice)
    const written = outputs.map((output) => sliceOf(output, slice))
    const count = part.size / width
    const { rounds, workgroups } = chooseRounds(r, count)
    r.dispatch({
      kernel: kernel('weighted_sum_input_gradient', {
        ...storedAlias(width, gradient),
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
        ...storedAlias(width, gradient),
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

/** What is bound for logits that are not read: single precision. */
function singleOf(r: Recorder, input: GpuTensor, label: string): GpuTensor {
  return input.dtype === 'f32' ? input : fill(r, [1], 0, `${label} unused`)
}

/** `{ name0: tensors[0], name1: tensors[1], ... }` */
function numbered(name: string, tensors: readonly GpuTensor[]): Readonly<Record<string, GpuTensor>> {
  return Object.fromEntries(tensors.map((tensor, index) => [`${name}${index}`, tensor]))
}
