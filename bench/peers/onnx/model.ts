// ONNX models: nodes, initializers, inputs and outputs, all tensors float32 with static shapes. Field numbers are those of
// onnx.proto. Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

import { Message } from './protobuf.ts'

/** An attribute: integer, list of integers, or float. */
export type Attribute = number | readonly number[] | { readonly float: number }

export interface OnnxNode {
  readonly type: string
  readonly name: string
  readonly inputs: readonly string[]
  readonly output: string
  readonly attributes?: Readonly<Record<string, Attribute>>
}

export interface OnnxTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array
}

/** Name and shape of an input or output. */
export type OnnxValue = Omit<OnnxTensor, 'data'>

export interface OnnxGraph {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly initializers: readonly OnnxTensor[]
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
}

const irVersion = 7
const opsetVersion = 13
const float = 1

const attributeTypes = { FLOAT: 1, INT: 2, INTS: 7 } as const

/** The file, as parts to be written one after the other. */
export function encodeModel(graph: OnnxGraph): readonly Uint8Array[] {
  const opset = new Message().text(1, '').integer(2, opsetVersion)
  return new Message().integer(1, irVersion).text(2, 'siamrpn-bench').message(7, encodeGraph(graph)).message(8, opset)
    .parts
}

function encodeGraph({ name, nodes, initializers, inputs, outputs }: OnnxGraph): Message {
  const message = new Message()
  for (const node of nodes) message.message(1, encodeNode(node))
  message.text(2, name)
  for (const tensor of initializers) message.message(5, encodeTensor(tensor))
  for (const value of inputs) message.message(11, encodeValue(value))
  for (const value of outputs) message.message(12, encodeValue(value))
  return message
}

function encodeNode({ type, name, inputs, output, attributes = {} }: OnnxNode): Message {
  const message = new Message()
  for (const input of inputs) message.text(1, input)
  message.text(2, output).text(3, name).text(4, type)
  for (const [key, value] of Object.entries(attributes)) message.message(5, encodeAttribute(key, value))
  return message
}

function encodeAttribute(name: string, value: Attribute): Message {
  const message = new Message().text(1, name)
  if (typeof value === 'number') return message.integer(3, value).integer(20, attributeTypes.INT)
  if ('float' in value) return message.float(2, value.float).integer(20, attributeTypes.FLOAT)
  for (const item of value) message.integer(8, item)
  return message.integer(20, attributeTypes.INTS)
}

function encodeTensor({ name, shape, data }: OnnxTensor): Message {
  const message = new Message()
  for (const size of shape) message.integer(1, size)
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return message.integer(2, float).text(8, name).bytes(9, bytes)
}

function encodeValue({ name, shape }: OnnxValue): Message {
  const dimensions = new Message()
  for (const size of shape) dimensions.message(1, new Message().integer(1, size))
  const tensor = new Message().integer(1, float).message(2, dimensions)
  return new Message().text(1, name).message(2, new Message().message(1, tensor))
}
