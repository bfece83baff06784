// Checks a tape's gradients against finite differences. A graph is written once, over an interface with two implementations: the
// tape's ops, and the float64 references. The op under test sits in mid-graph: what goes in has passed through a convolution,
// and what comes out is squared and weighed, so that no gradient on the way is 1.

import { expect } from 'vitest'
import type { Device } from '../../src/gpu/device.ts'
import type { Precision } from '../../src/gpu/half.ts'
import { runOnce } from '../../src/gpu/program.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import type { Activation } from '../../src/kernels/activation.ts'
import { smoothL1Loss } from '../../src/kernels/losses.ts'
import { softmaxCrossEntropy as softmaxLoss } from '../../src/kernels/softmax-loss.ts'
import { Tape, type Tensor } from '../../src/nn/autograd.ts'
import * as ops from '../../src/nn/ops.ts'
import { Parameter } from '../../src/nn/parameter.ts'
import * as batchNorm from '../reference/batch-norm.ts'
import { conv2d } from '../reference/conv2d.ts'
import * as elementwise from '../reference/elementwise.ts'
import { finiteDifferences } from '../reference/finite-differences.ts'
import * as losses from '../reference/losses.ts'
import { softmaxCrossEntropy } from '../reference/softmax-loss.ts'
import * as spatial from '../reference/spatial.ts'
import { expectClose, type HostTensor, random, upload } from './tensors.ts'

type Shape = readonly number[]

export interface ConvOptions {
  readonly bias?: string
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
  readonly groups?: number
}

export interface Norm<T> {
  readonly input: T
  readonly gamma: T
  readonly beta: T
  readonly residual?: T
}

/** Every op of src/nn/ops.ts over some kind of tensor. */
export interface Graph<T> {
  /** @param filter name of a filter; `bias` that of an input */
  conv2d(input: T, filter: string, options?: ConvOptions): T
  batchNorm(inputs: Norm<T>, options?: { readonly activation?: Activation }): T
  /** With running statistics that are functions of the number of channels. */
  frozenBatchNorm(inputs: Norm<T>, options?: { readonly activation?: Activation }): T
  relu(input: T): T
  sigmoid(input: T): T
  globalAveragePool(input: T): T
  /** @param filter name of a filter of two dimensions; `bias` that of an input */
  linear(input: T, filter: string, bias?: string): T
  /** Of `[N, K]` logits with classes that are a function of N and K. */
  softmaxCrossEntropy(logits: T): T
  relu6(input: T): T
  add(a: T, b: T, options?: { readonly activation?: Activation }): T
  maxPool(input: T, window: { readonly kernel: number; readonly stride: number; readonly padding: number }): T
  centerCrop(input: T, size: number): T
  bilinearResize(input: T, options: { readonly size: number; readonly alignCorners?: boolean }): T
  nearestResize(input: T, options: { readonly size: number }): T
  appendSamples(input: T, samples: { readonly first: number; readonly count: number }): T
  depthwiseCorrelation(input: T, kernel: T): T
  weightedSum(inputs: readonly T[], weights?: T): T
  /** Smooth L1 of `[N, H, W, 4]` against fixed targets with fixed weights. */
  loss(prediction: T): T
  reshape(input: T, shape: Shape): T
  sizeOf(tensor: T): number
}

export interface GradientCase {
  /** Tensors whose gradients are checked. Those of rank 4 reach the graph through a convolution. */
  readonly inputs: Readonly<Record<string, Shape>>
  /** Filters `[O, I, kh, kw]`, whose gradients are checked too. */
  readonly filters?: Readonly<Record<string, Shape>>
  build<T>(graph: Graph<T>, input: (name: string) => T): T
}

/** Of the device against differences of float64: in half precision some ten roundings of 2^-11 follow each other. */
const tolerances = { f32: 2e-5, f16: 1e-2 } as const

export interface CheckOptions {
  /** Of the maps. Default f32. */
  readonly precision?: Precision
  readonly tolerance?: number
}

const eps = 1e-5
const entrance = 'entrance'
const square = 'exit.square'
const line = 'exit.line'

/** @throws an assertion if a gradient differs, or the device's loss from the reference's */
export async function checkGradients(device: Device, one: GradientCase, options: CheckOptions = {}): Promise<void> {
  const { precision = 'f32', tolerance = tolerances[precision] } = options
  const leaves = new Map<string, HostTensor>()
  for (const [name, shape] of Object.entries({ ...one.inputs, ...one.filters })) leaves.set(name, random(name, shape))
  const reference = (values: ReadonlyMap<string, HostTensor>) => {
    const graph = referenceGraph(values)
    return whole(one, graph, (name) => need(values, name))
  }
  const found = await onDevice(device, one, { leaves, precision })
  const loss = flat(reference(leaves))
  // A sum of terms of about 1, which may cancel: their roundings do not.
  const scale = precision === 'f16' ? Math.max(1, 1 / Math.abs(loss.data[0]!)) : 1
  expectClose({ data: found.loss, shape: [1] }, loss, scale * tolerance)
  expect([...found.gradients.keys()]).toEqual([...leaves.keys()])
  for (const [name, leaf] of leaves) {
    const moved = (value: HostTensor) => flat(reference(new Map(leaves).set(name, value)))
    const expected = finiteDifferences(moved, leaf, { data: Float64Array.of(1), shape: [1] })
    expectClose({ data: found.gradients.get(name)!, shape: leaf.shape }, expected, tolerance)
  }
}

/** The case between its entrance and the scalar at the end. */
function whole<T>(one: GradientCase, graph: Graph<T>, leaf: (name: string) => T): T {
  const input = (name: string) => {
    const shape = one.inputs[name]!
    return shape.length === 4 ? graph.conv2d(leaf(name), `${entrance} ${shape[3]}`) : leaf(name)
  }
  const entered = new Map(Object.keys(one.inputs).map((name) => [name, input(name)]))
  const output = one.build(graph, (name) => need(entered, name))
  const size = graph.sizeOf(output)
  const row = graph.reshape(output, [1, 1, 1, size])
  const squared = graph.depthwiseCorrelation(row, row)
  return graph.add(graph.conv2d(squared, `${square} ${size}`), graph.conv2d(row, `${line} ${size}`))
}

/** Fixed filters by name: `entrance C` mixes C channels, `exit.* S` sums S values with weights. */
function fixedFilter(name: string): HostTensor | undefined {
  const [kind, channels] = name.split(' ')
  const inputs = Number(channels)
  if (kind === entrance) return random(name, [inputs, inputs, 1, 1])
  return kind === square || kind === line ? random(name, [1, inputs, 1, 1]) : undefined
}

function statisticsOf(channels: number) {
  const variance = random(`variance ${channels}`, [channels])
  return {
    mean: random(`mean ${channels}`, [channels]),
    variance: { ...variance, data: variance.data.map((value) => Math.abs(value) + 0.1) },
  }
}

function targetsOf([n = 1, h = 1, w = 1]: Shape) {
  const shape = [n, h * w, 4]
  return { targets: random(`targets ${shape}`, shape, 2), weights: random(`weights ${shape}`, shape) }
}

function classesOf([samples = 0, classes = 1]: Shape): number[] {
  return Array.from({ length: samples }, (_, n) => (3 * n + 1) % classes)
}

function referenceGraph(leaves: ReadonlyMap<string, HostTensor>): Graph<HostTensor> {
  const plus = (x: HostTensor, residual: HostTensor | undefined) => (residual ? elementwise.add(x, residual) : x)
  return {
    conv2d(input, filter, { bias, ...options } = {}) {
      const weight = fixedFilter(filter) ?? need(leaves, filter)
      return conv2d({ input, weight, ...options, ...(bias && { bias: need(leaves, bias) }) })
    },
    batchNorm({ input, gamma, beta, residual }, { activation } = {}) {
      const affine = { gamma: gamma.data, beta: beta.data }
      return elementwise.activate(plus(batchNorm.batchNormTrain(input, affine, { eps }), residual), activation)
    },
    frozenBatchNorm({ input, gamma, beta, residual }, { activation } = {}) {
      const { mean, variance } = statisticsOf(input.shape.at(-1)!)
      const statistics = { gamma: gamma.data, beta: beta.data, mean: mean.data, variance: variance.data }
      return elementwise.activate(plus(elementwise.batchNorm(input, statistics, eps), residual), activation)
    },
    relu: (input) => elementwise.activate(input, 'relu'),
    relu6: (input) => elementwise.activate(input, 'relu6'),
    add: (a, b, { activation } = {}) => elementwise.activate(elementwise.add(a, b), activation),
    sigmoid: elementwise.sigmoid,
    globalAveragePool: spatial.globalAveragePool,
    linear(input, filter, bias) {
      const { data, shape } = need(leaves, filter)
      const [samples = 0] = input.shape
      const pixel = { data: input.data, shape: [samples, 1, 1, input.data.length / samples] }
      const weight = { data, shape: [...shape, 1, 1] }
      const output = conv2d({ input: pixel, weight, ...(bias && { bias: need(leaves, bias) }) })
      return { data: output.data, shape: [samples, shape[0]!] }
    },
    softmaxCrossEntropy: (logits) => softmaxCrossEntropy(logits, classesOf(logits.shape)),
    maxPool: (input, { kernel, stride, padding }) => spatial.maxPool(input, kernel, stride, padding),
    centerCrop: spatial.centerCrop,
    bilinearResize: (input, { size, alignCorners }) => spatial.bilinearResize(input, size, alignCorners),
    nearestResize: (input, { size }) => spatial.nearestResize(input, size),
    appendSamples: ({ data, shape: [batch = 1, ...rest] }, { first, count }) => {
      const size = data.length / batch
      return {
        data: Float64Array.of(...data, ...data.slice(first * size, (first + count) * size)),
        shape: [batch + count, ...rest],
      }
    },
    depthwiseCorrelation: spatial.depthwiseCorrelation,
    weightedSum: (inputs, weights) => elementwise.weightedSum(inputs, weights?.data),
    loss(prediction) {
      const { targets, weights } = targetsOf(prediction.shape)
      const rows = (x: HostTensor) => {
        return Array.from({ length: x.data.length / 4 }, (_, i) => [...x.data.slice(4 * i, 4 * i + 4)])
      }
      const { row } = losses.smoothL1(1)
      const values = rows(prediction).map((delta, i) => row(delta, rows(targets)[i]!, rows(weights)[i]!))
      return { data: Float64Array.of(values.reduce((sum, value) => sum + value, 0)), shape: [1] }
    },
    reshape: ({ data }, shape) => ({ data, shape }),
    sizeOf: ({ data }) => data.length,
  }
}

interface Found {
  readonly loss: Float32Array
  /** In PyTorch's layouts. */
  readonly gradients: ReadonlyMap<string, Float32Array>
}

interface Given {
  readonly leaves: ReadonlyMap<string, HostTensor>
  readonly precision: Precision
}

async function onDevice(device: Device, one: GradientCase, { leaves, precision }: Given): Promise<Found> {
  const owned: GpuTensor[] = []
  const own = (host: HostTensor) => {
    const tensor = upload(device, host)
    owned.push(tensor)
    return tensor
  }
  const uploaded = new Map(Object.keys(one.inputs).map((name) => [name, own(need(leaves, name))]))
  const filters = new Map<string, Parameter>()
  const filter = (name: string) => {
    const known = filters.get(name)
    if (known) return known
    const { data, shape } = fixedFilter(name) ?? need(leaves, name)
    const made = new Parameter(device, { name, shape, values: Float32Array.from(data) })
    owned.push(made.data)
    filters.set(name, made)
    return made
  }
  const program = await runOnce(device, (r) => {
    const tape = new Tape(r, { precision })
    const variables = new Map([...uploaded].map(([name, data]) => [name, tape.variable(data)]))
    const graph = deviceGraph(tape, { own, filter, input: (name) => need(variables, name) })
    const loss = ops.convert(
      tape,
      whole(one, graph, (name) => need(variables, name)),
      'f32',
    )
    const gradients = tape.backward(loss)
    const result: Record<string, GpuTensor> = {}
    for (const [name, tensor] of variables) result[name] = gradients.of(tensor)!
    for (const [{ name }, gradient] of gradients.parameters) result[name] = gradient
    return { loss: loss.data, gradients: result }
  })
  const gradients = new Map<string, Float32Array>()
  for (const name of leaves.keys()) {
    const gradient = program.result.gradients[name]
    if (!gradient) continue
    const values = await device.readF32(gradient)
    gradients.set(name, filters.get(name)?.toPyTorch(values) ?? values)
  }
  const loss = await device.readF32(program.result.loss)
  program.destroy()
  for (const tensor of owned) device.release(tensor)
  return { loss, gradients }
}

interface Sources {
  own(host: HostTensor): GpuTensor
  filter(name: string): Parameter
  input(name: string): Tensor
}

/** Maps take the tape's precision at their first convolution, and leave it where a loss is computed of them. */
function deviceGraph(tape: Tape, { own, filter, input: leaf }: Sources): Graph<Tensor> {
  const statistics = (input: Tensor) => {
    const { mean, variance } = statisticsOf(input.data.shape.at(-1)!)
    return { mean: own(mean), variance: own(variance), eps, momentum: 0.1 }
  }
  return {
    conv2d(input, name, { bias, ...options } = {}) {
      const parameter = filter(name)
      const tensor = tape.parameter(parameter, fixedFilter(name) === undefined)
      const stored = ops.convert(tape, input, tape.precision)
      return ops.conv2d(
        tape,
        { input: stored, filter: { parameter, tensor }, ...(bias && { bias: leaf(bias) }) },
        options,
      )
    },
    batchNorm: (inputs, options) => ops.batchNorm(tape, inputs, statistics(inputs.input), options),
    frozenBatchNorm: (inputs, options) => ops.frozenBatchNorm(tape, inputs, statistics(inputs.input), options),
    relu: (input) => ops.relu(tape, input),
    sigmoid: (input) => ops.sigmoid(tape, input),
    globalAveragePool: (input) => ops.globalAveragePool(tape, input),
    linear(input, name, bias) {
      const parameter = filter(name)
      const tensor = tape.parameter(parameter, true)
      return ops.linear(tape, { input, filter: { parameter, tensor }, ...(bias && { bias: leaf(bias) }) })
    },
    softmaxCrossEntropy(logits) {
      const classes = classesOf(logits.data.shape)
      const labels = own({ data: Float32Array.from(classes), shape: [classes.length] })
      const single = ops.convert(tape, logits, 'f32')
      return ops.loss(tape, single, softmaxLoss(tape.r, { logits: single.data, labels, reduction: 'sum' }))
    },
    relu6: (input) => ops.relu6(tape, input),
    add: (a, b, options) => ops.add(tape, a, b, options),
    maxPool: (input, window) => ops.maxPool(tape, input, window),
    centerCrop: (input, size) => ops.centerCrop(tape, input, size),
    bilinearResize: (input, options) => ops.bilinearResize(tape, input, options),
    nearestResize: (input, options) => ops.nearestResize(tape, input, options),
    appendSamples: (input, samples) => ops.appendSamples(tape, input, samples),
    depthwiseCorrelation: (input, kernel) => ops.depthwiseCorrelation(tape, input, kernel),
    weightedSum: (inputs, weights) => ops.weightedSum(tape, inputs, weights),
    loss(prediction) {
      const { targets, weights } = targetsOf(prediction.data.shape)
      const single = ops.convert(tape, prediction, 'f32')
      const args = { bbox: single.data, boxTargets: own(targets), boxWeights: own(weights) }
      return ops.loss(tape, single, smoothL1Loss(tape.r, { ...args, reduction: 'sum' }))
    },
    reshape: (input, shape) => ops.reshape(tape, input, shape),
    sizeOf: ({ data }) => data.size,
  }
}

function flat({ data }: HostTensor): HostTensor {
  return { data, shape: [data.length] }
}

function need<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name)
  if (value === undefined) throw new Error(`The case has no ${name}`)
  return value
}
