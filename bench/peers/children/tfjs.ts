// TensorFlow.js with its WebGPU backend on Dawn: the network from the same list of layers, NHWC, batch norms folded, bias and
// ReLU fused into the convolutions, as its model converter would do.

import '../../dawn.ts'
import type { ConvNode, CorrelationNode, NetworkNode, WeightedSumNode } from '../../../src/nn/counting-layers.ts'
import { toNCHW, toNHWC } from '../../../tests/golden/check/maps.ts'
import { benchModel } from '../../data.ts'
import { searchNetwork } from '../../network.ts'
import { contend, type InputTensor } from '../contend.ts'
import { foldedConv, levelWeights, weightSource } from '../onnx/search-graph.ts'

interface Tensor {
  readonly shape: readonly number[]
  data(): Promise<Float32Array>
}

/** The part of TensorFlow.js's interface that is used here. */
interface TensorFlow {
  setBackend(name: string): Promise<boolean>
  ready(): Promise<void>
  getBackend(): string
  tensor(data: Float32Array, shape: readonly number[]): Tensor
  tidy<T>(work: () => T): T
  dispose(tensors: readonly Tensor[]): void
  add(a: Tensor, b: Tensor): Tensor
  mul(a: Tensor, b: number): Tensor
  relu(x: Tensor): Tensor
  maxPool(x: Tensor, size: number, stride: number, padding: number, rounding: 'floor'): Tensor
  depthwiseConv2d(x: Tensor, filter: Tensor, stride: number, padding: 'valid'): Tensor
  readonly fused: { conv2d(options: Readonly<Record<string, unknown>>): Tensor }
}

const packages: readonly string[] = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-webgpu']

await contend(async ({ model }, inputs) => {
  const [loaded]: (TensorFlow & { readonly default?: TensorFlow })[] = await Promise.all(
    packages.map((name) => import(name)),
  )
  if (!loaded) throw new Error('TensorFlow.js is missing')
  const tf = loaded.default ?? loaded
  if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js found no WebGPU')
  await tf.ready()
  const frame = await build(tf, model, inputs)
  return async () => {
    const maps = tf.tidy(frame)
    const [cls = new Float32Array(), bbox = new Float32Array()] = await Promise.all(maps.map((map) => map.data()))
    const shapes = maps.map((map) => map.shape)
    tf.dispose(maps)
    return { cls: planes(cls, shapes[0]), bbox: planes(bbox, shapes[1]) }
  }
})

function planes(data: Float32Array, [n = 0, h = 0, w = 0, c = 0]: readonly number[] = []): Float32Array {
  return toNCHW({ data, shape: [n, h, w, c] }).data
}

/** Uploads the weights; the returned function is one frame up to both maps. */
async function build(tf: TensorFlow, model: string, inputs: ReadonlyMap<string, InputTensor>) {
  const { config, state } = await benchModel(model)
  const weights = weightSource(state)
  const network = searchNetwork(config.model)
  const kernels = new Map(network.kernels.map(({ name }) => [name, uploadKernel(tf, inputs.get(name))]))
  const steps = network.nodes.map((node) => {
    if (node.op === 'conv') return convStep(tf, node, weights)
    if (node.op === 'correlation') return correlationStep(tf, node, kernels.get(node.kernel))
    if (node.op === 'weightedSum') return sumStep(tf, node, levelWeights(node, weights))
    if (node.op !== 'maxPool') throw unsupported(node)
    const { input, kernel, stride, padding } = node
    return (maps: Maps) => tf.maxPool(need(maps, input), kernel, stride, padding, 'floor')
  })
  const image = inputs.get('search')
  return () => {
    const maps: Maps = new Map([['search', uploadImage(tf, image)]])
    for (const [index, node] of network.nodes.entries()) {
      const step = steps[index]
      if (step) maps.set(node.output, step(maps))
    }
    return network.outputs.map(({ name }) => need(maps, name))
  }
}

type Maps = Map<string, Tensor>

function need(maps: Maps, name: string): Tensor {
  const found = maps.get(name)
  if (found) return found
  throw new Error(`Nothing has written \`${name}\``)
}

function convStep(tf: TensorFlow, node: ConvNode, weights: (name: string) => Float32Array) {
  const { spec, residual, activation: after } = node
  const { outChannels, inChannels, kernel, stride: strides, padding, dilation: dilations } = spec
  const folded = foldedConv(node, weights)
  const filter = tf.tensor(hwio(folded.filter, [outChannels, inChannels, kernel, kernel]), [
    kernel,
    kernel,
    inChannels,
    outChannels,
  ])
  const bias = tf.tensor(folded.bias, [outChannels])
  if (after === 'relu6') throw unsupported(node)
  const relu = after === 'relu'
  const activation = relu && !residual ? 'relu' : 'linear'
  const fixed = { filter, bias, strides, pad: padding, dilations, activation, dataFormat: 'NHWC' }
  return (maps: Maps) => {
    const y = tf.fused.conv2d({ ...fixed, x: need(maps, node.input), dimRoundingMode: 'floor' })
    if (!residual) return y
    const sum = tf.add(y, need(maps, residual))
    return relu ? tf.relu(sum) : sum
  }
}

/** What no model that is compared has. */
function unsupported({ op, output }: NetworkNode): Error {
  return new Error(`\`${output}\`: this ${op} has no counterpart here yet`)
}

function correlationStep(tf: TensorFlow, { input }: CorrelationNode, kernel: Tensor | undefined) {
  if (!kernel) throw new Error('A correlation has no kernel')
  return (maps: Maps) => tf.depthwiseConv2d(need(maps, input), kernel, 1, 'valid')
}

function sumStep(tf: TensorFlow, { inputs }: WeightedSumNode, weights: readonly number[]) {
  return (maps: Maps) =>
    inputs.map((input, level) => tf.mul(need(maps, input), weights[level] ?? 0)).reduce((sum, map) => tf.add(sum, map))
}

function uploadImage(tf: TensorFlow, input: InputTensor | undefined): Tensor {
  const [n = 0, c = 0, h = 0, w = 0] = input?.shape ?? []
  const moved = toNHWC({ data: input?.data ?? new Float32Array(), shape: [n, c, h, w] })
  return tf.tensor(moved.data, moved.shape)
}

/** `[C, 1, h, w]` to `[h, w, C, 1]`. */
function uploadKernel(tf: TensorFlow, input: InputTensor | undefined): Tensor {
  const [c = 0, , h = 0, w = 0] = input?.shape ?? []
  const moved = toNHWC({ data: input?.data ?? new Float32Array(), shape: [1, c, h, w] })
  return tf.tensor(moved.data, [h, w, c, 1])
}

/** `[O, I, h, w]` to `[h, w, I, O]`. */
function hwio(oihw: Float32Array, [o = 0, i = 0, h = 0, w = 0]: readonly number[]): Float32Array {
  const moved = new Float32Array(oihw.length)
  let from = 0
  for (let out = 0; out < o; out++) {
    for (let input = 0; input < i; input++) {
      for (let tap = 0; tap < h * w; tap++) moved[(tap * i + input) * o + out] = oihw[from++] ?? 0
    }
  }
  return moved
}
