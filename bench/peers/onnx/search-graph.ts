// The search branch as an ONNX graph, NCHW: the search image and the target's correlation kernels in, score and box map out,
// the same work that one of our frames does between crop and choice. Batch norms stay nodes of their own, as an exporter
// leaves them, or are folded into the convolutions for libraries that cannot do it.

import { type NamedTensor, type StateDict, toFloat32 } from '../../../src/formats/state-dict.ts'
import { foldBatchNorm } from '../../../src/kernels/norm.ts'
import type { ConvNode, CorrelationNode, Feature, PoolNode, WeightedSumNode } from '../../../src/nn/counting-layers.ts'
import type { SearchNetwork } from '../../network.ts'
import type { OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from './model.ts'

export interface GraphOptions {
  /** Fold batch norms into filters and biases. */
  readonly folded: boolean
}

/** @throws Error naming a tensor that the state dict lacks */
export function searchGraph(network: SearchNetwork, state: StateDict, { folded }: GraphOptions): OnnxGraph {
  const draft: Draft = { nodes: [], initializers: [], weights: weightSource(state), folded }
  for (const node of network.nodes) {
    if (node.op === 'conv') addConv(draft, node)
    else if (node.op === 'maxPool') addMaxPool(draft, node)
    else if (node.op === 'correlation') addCorrelation(draft, node)
    else if (node.op === 'weightedSum') addWeightedSum(draft, node)
    else throw new Error(`\`${node.output}\`: this ${node.op} has no counterpart here yet`)
  }
  const image = ({ name, channels, size }: Feature): OnnxValue => ({ name, shape: [1, channels, size, size] })
  const kernel = ({ name, channels, size }: Feature): OnnxValue => ({ name, shape: [channels, 1, size, size] })
  return {
    name: 'siamrpn-search',
    nodes: draft.nodes,
    initializers: draft.initializers,
    inputs: [image(network.image), ...network.kernels.map(kernel)],
    outputs: network.outputs.map(image),
  }
}

/** Values of the tensors of a state dict. */
export function weightSource(state: StateDict): (name: string) => Float32Array {
  return (name) => {
    const tensor: NamedTensor | undefined = state.get(name)
    if (!tensor) throw new Error(`The state dict has no tensor \`${name}\``)
    return toFloat32(tensor)
  }
}

/** Filter `[O, I, kh, kw]` and bias `[O]` of a convolution with its batch norm folded in. */
export function foldedConv({ spec }: ConvNode, weights: (name: string) => Float32Array) {
  const filter = weights(`${spec.name}.weight`)
  const { norm } = spec
  if (!norm) return { filter, bias: spec.bias ? weights(`${spec.name}.bias`) : new Float32Array(spec.outChannels) }
  const { scale, bias } = foldBatchNorm(
    {
      gamma: weights(`${norm}.weight`),
      beta: weights(`${norm}.bias`),
      mean: weights(`${norm}.running_mean`),
      variance: weights(`${norm}.running_var`),
    },
    spec.eps,
  )
  const perChannel = filter.length / spec.outChannels
  return { filter: filter.map((value, at) => value * (scale[Math.floor(at / perChannel)] ?? 0)), bias }
}

/** Weights of the levels: the softmax of the logits, or equal ones. */
export function levelWeights(node: WeightedSumNode, weights: (name: string) => Float32Array): number[] {
  if (!node.weights) return node.inputs.map(() => 1 / node.inputs.length)
  const powers = [...weights(node.weights)].map(Math.exp)
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

interface Draft {
  readonly nodes: OnnxNode[]
  readonly initializers: OnnxTensor[]
  readonly weights: (name: string) => Float32Array
  readonly folded: boolean
}

/** Adds an initializer and returns its name. */
function initializer({ initializers }: Draft, name: string, shape: readonly number[], data: Float32Array): string {
  initializers.push({ name, shape, data })
  return name
}

function addConv(draft: Draft, node: ConvNode): void {
  const { spec, output, residual, activation } = node
  if (activation === 'relu6') throw new Error(`\`${output}\`: ReLU6 has no counterpart here yet`)
  const steps: ((input: string, output: string) => void)[] = [
    (input, out) => addBareConv(draft, node, input, out),
    ...(spec.norm && !draft.folded ? [(input: string, out: string) => addBatchNorm(draft, node, input, out)] : []),
    ...(residual ? [(input: string, out: string) => addSimple(draft, 'Add', [input, residual], out)] : []),
    ...(activation === 'relu' ? [(input: string, out: string) => addSimple(draft, 'Relu', [input], out)] : []),
  ]
  let input = node.input
  for (const [index, step] of steps.entries()) {
    const out = index === steps.length - 1 ? output : `${output}/${index}`
    step(input, out)
    input = out
  }
}

function addBareConv(draft: Draft, node: ConvNode, input: string, output: string): void {
  const { spec } = node
  const { name, outChannels, inChannels, kernel, stride, padding, dilation } = spec
  const folds = draft.folded && spec.norm !== undefined
  const { filter, bias } = folds ? foldedConv(node, draft.weights) : plainConv(node, draft.weights)
  const shape = [outChannels, inChannels, kernel, kernel]
  const inputs = [input, initializer(draft, `${name}.weight`, shape, filter)]
  if (bias) inputs.push(initializer(draft, `${name}.bias`, [outChannels], bias))
  const attributes = {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [padding, padding, padding, padding],
    dilations: [dilation, dilation],
    group: 1,
  }
  draft.nodes.push({ type: 'Conv', name, inputs, output, attributes })
}

function plainConv({ spec }: ConvNode, weights: (name: string) => Float32Array) {
  return { filter: weights(`${spec.name}.weight`), bias: spec.bias ? weights(`${spec.name}.bias`) : undefined }
}

function addBatchNorm(draft: Draft, { spec }: ConvNode, input: string, output: string): void {
  const norm = spec.norm ?? ''
  const entries = ['weight', 'bias', 'running_mean', 'running_var'].map((entry) => {
    return initializer(draft, `${norm}.${entry}`, [spec.outChannels], draft.weights(`${norm}.${entry}`))
  })
  const attributes = { epsilon: { float: spec.eps } }
  draft.nodes.push({ type: 'BatchNormalization', name: norm, inputs: [input, ...entries], output, attributes })
}

function addMaxPool({ nodes }: Draft, { input, output, kernel, stride, padding }: PoolNode): void {
  const pads = [padding, padding, padding, padding]
  const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads }
  nodes.push({ type: 'MaxPool', name: output, inputs: [input], output, attributes })
}

function addCorrelation({ nodes }: Draft, { input, kernel, output, channels, kernelSize }: CorrelationNode): void {
  const attributes = {
    kernel_shape: [kernelSize, kernelSize],
    strides: [1, 1],
    pads: [0, 0, 0, 0],
    dilations: [1, 1],
    group: channels,
  }
  nodes.push({ type: 'Conv', name: output, inputs: [input, kernel], output, attributes })
}

function addWeightedSum(draft: Draft, node: WeightedSumNode): void {
  const { inputs, output } = node
  const scaled = levelWeights(node, draft.weights).map((weight, level) => {
    const factor = initializer(draft, `${output}.level${level}.weight`, [1], Float32Array.of(weight))
    const out = inputs.length === 1 ? output : `${output}/level${level}`
    addSimple(draft, 'Mul', [inputs[level] ?? '', factor], out)
    return out
  })
  scaled.reduce((sum, level, index) => {
    const out = index === scaled.length - 1 ? output : `${output}/sum${index}`
    addSimple(draft, 'Add', [sum, level], out)
    return out
  })
}

function addSimple({ nodes }: Draft, type: string, inputs: readonly string[], output: string): void {
  nodes.push({ type, name: `${output}/${type}`, inputs, output })
}
