// The ONNX files for the comparison, read back from their bytes.
import { describe, expect, test } from 'vitest'
import { searchNetwork } from '../../bench/network.ts'
import { encodeModel, type OnnxGraph } from '../../bench/peers/onnx/model.ts'
import { foldedConv, searchGraph, weightSource } from '../../bench/peers/onnx/search-graph.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import { randomWeights } from '../../tools/cli/random-weights.ts'
import { fields, numbers, texts } from './protobuf-reader.ts'

const { model } = namedConfig('micro')
const network = searchNetwork(model)
const state = randomWeights(stateDictShapes(model), 1)

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

describe('encodeModel', () => {
  const graph: OnnxGraph = {
    name: 'g',
    nodes: [
      {
        type: 'Conv',
        name: 'n',
        inputs: ['x', 'w'],
        output: 'y',
        attributes: { group: 300, pads: [0, 1, 2, 3], epsilon: { float: 0.5 } },
      },
    ],
    initializers: [{ name: 'w', shape: [2, 1], data: Float32Array.of(1.5, -2) }],
    inputs: [{ name: 'x', shape: [1, 3] }],
    outputs: [{ name: 'y', shape: [1, 2] }],
  }
  const file = fields(concatenate(encodeModel(graph)))
  const encoded = fields(file.bytes(7))

  test('states format version and operator set', () => {
    expect(numbers(file, 1)).toEqual([7])
    const opset = fields(file.bytes(8))
    expect(texts(opset, 1)).toEqual([''])
    expect(numbers(opset, 2)).toEqual([13])
  })

  test('writes a node with its inputs in order, its output and its attributes', () => {
    const node = fields(encoded.bytes(1))
    expect([texts(node, 1), texts(node, 2), texts(node, 3), texts(node, 4)]).toEqual([
      ['x', 'w'],
      ['y'],
      ['n'],
      ['Conv'],
    ])
    const attributes = node.all(5).map((bytes) => fields(bytes))
    expect(attributes.map((attribute) => texts(attribute, 1)[0])).toEqual(['group', 'pads', 'epsilon'])
    expect(attributes.map((attribute) => numbers(attribute, 20)[0])).toEqual([2, 7, 1])
    expect(numbers(attributes[0]!, 3)).toEqual([300])
    expect(numbers(attributes[1]!, 8)).toEqual([0, 1, 2, 3])
    expect(attributes[2]!.float(2)).toBe(0.5)
  })

  test('writes a tensor as raw little-endian float32 with its shape', () => {
    const tensor = fields(encoded.bytes(5))
    expect(numbers(tensor, 1)).toEqual([2, 1])
    expect(numbers(tensor, 2)).toEqual([1])
    expect(texts(tensor, 8)).toEqual(['w'])
    expect([...tensor.bytes(9)]).toEqual([0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0])
  })

  test('writes inputs and outputs with type and shape', () => {
    const shapeOf = (field: number) => {
      const value = fields(encoded.bytes(field))
      const tensor = fields(fields(value.bytes(2)).bytes(1))
      const dimensions = fields(tensor.bytes(2)).all(1)
      return [texts(value, 1)[0], numbers(tensor, 1)[0], dimensions.map((bytes) => numbers(fields(bytes), 1)[0])]
    }
    expect(shapeOf(11)).toEqual(['x', 1, [1, 3]])
    expect(shapeOf(12)).toEqual(['y', 1, [1, 2]])
  })
})

describe('searchGraph', () => {
  const plain = searchGraph(network, state, { folded: false })
  const folded = searchGraph(network, state, { folded: true })
  const count = ({ nodes }: OnnxGraph, type: string) => nodes.filter((node) => node.type === type).length
  const convs = network.nodes.filter((node) => node.op === 'conv')

  test('has a node per layer and batch norm, and none of the latter when they are folded', () => {
    expect(count(plain, 'Conv')).toBe(convs.length + network.kernels.length)
    expect(count(plain, 'BatchNormalization')).toBe(convs.filter(({ spec }) => spec.norm).length)
    expect(count(plain, 'Relu')).toBe(convs.filter(({ activation }) => activation === 'relu').length)
    expect(count(plain, 'MaxPool')).toBe(1)
    expect(count(folded, 'BatchNormalization')).toBe(0)
    expect(count(folded, 'Conv')).toBe(count(plain, 'Conv'))
  })

  test.each([
    ['plain', plain],
    ['folded', folded],
  ])(
    '%s: every node reads what an earlier one, an input or an initializer provides, and the outputs are written',
    (_, graph) => {
      const known = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name))
      for (const { inputs, output } of graph.nodes) {
        expect(inputs.filter((name) => !known.has(name))).toEqual([])
        expect(known.has(output)).toBe(false)
        known.add(output)
      }
      expect(graph.outputs.filter(({ name }) => !known.has(name))).toEqual([])
    },
  )

  test('every initializer has as many numbers as its shape says', () => {
    for (const { shape, data } of [...plain.initializers, ...folded.initializers]) {
      expect(data.length).toBe(shape.reduce((product, size) => product * size, 1))
    }
  })

  test('takes the image and the correlation kernels as inputs', () => {
    const { channels, size } = network.kernels[0]!
    expect(plain.inputs.map(({ name }) => name)).toEqual(['search', ...network.kernels.map(({ name }) => name)])
    expect(plain.inputs[0]!.shape).toEqual([1, 3, 255, 255])
    expect(plain.inputs[1]!.shape).toEqual([channels, 1, size, size])
    const correlation = plain.nodes.find(({ inputs }) => inputs.includes('cls_kernel0'))
    expect(correlation?.attributes?.group).toBe(channels)
  })

  test('weighs the levels by the softmax of their logits', () => {
    const weights = plain.initializers.filter(({ name }) => name.startsWith('cls.level')).map(({ data }) => data[0]!)
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 6)
    const logits = weightSource(state)('head.cls_weight')
    expect(weights[1]! / weights[0]!).toBeCloseTo(Math.exp(logits[1]! - logits[0]!), 5)
  })

  test('a missing tensor is named', () => {
    expect(() => searchGraph(network, new Map(), { folded: false })).toThrow('backbone.conv1.weight')
  })
})

test('a folded convolution does what convolution and batch norm do one after the other', () => {
  const weights = weightSource(state)
  const node = network.nodes.find((candidate) => candidate.op === 'conv' && candidate.spec.kernel === 1)
  if (node?.op !== 'conv') throw new Error('no 1x1 convolution')
  const { inChannels, outChannels, name, norm, eps } = node.spec
  const x = Array.from({ length: inChannels }, (_, c) => Math.sin(c + 1))
  const dot = (filter: Float32Array, o: number) => x.reduce((sum, v, c) => sum + v * filter[o * inChannels + c]!, 0)
  const { filter, bias } = foldedConv(node, weights)
  const part = (entry: string, o: number) => weights(`${norm}.${entry}`)[o]!
  for (let o = 0; o < outChannels; o++) {
    const normalised =
      (dot(weights(`${name}.weight`), o) - part('running_mean', o)) / Math.sqrt(part('running_var', o) + eps)
    expect(dot(filter, o) + bias[o]!).toBeCloseTo(normalised * part('weight', o) + part('bias', o), 5)
  }
})
