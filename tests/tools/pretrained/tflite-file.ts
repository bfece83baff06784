// A small TFLite file made by hand, by the builder of the flatbuffers library: convolutions one after the other, their constants
// in float32, or in float16 behind dequantize operators.

import { Builder } from 'flatbuffers'

export interface MadeConvolution {
  readonly name: string
  readonly depthwise: boolean
  /** As TFLite lays filters out: `[O, H, W, I]`, depthwise `[1, H, W, O]`. */
  readonly shape: readonly number[]
  readonly filter: readonly number[]
  readonly bias: readonly number[]
  readonly stride: number
  /** Constants are float16, given as their bits. */
  readonly half?: boolean
}

const [conv2d, depthwiseConv2d, dequantize] = [3, 4, 6]
const [f32, f16] = [0, 1]

/** The bytes of the model. */
export function tfliteFile(convolutions: readonly MadeConvolution[]): Uint8Array {
  const builder = new Builder(1024)
  const file = new FileParts(builder)
  let input = file.tensor('input', [1, 8, 8, 3], f32)
  for (const { name, depthwise, shape, filter, bias, stride, half = false } of convolutions) {
    const weight = file.constant(`${name}/filter`, shape, filter, half)
    const offset = file.constant(`${name}/bias`, [bias.length], bias, half)
    const output = file.tensor(name, [1, 8, 8, bias.length], f32)
    file.operator(depthwise ? 1 : 0, [input, weight, offset], [output], stride)
    input = output
  }
  return file.finish([conv2d, depthwiseConv2d, dequantize])
}

class FileParts {
  readonly #builder: Builder
  readonly #tensors: number[] = []
  readonly #operators: number[] = []
  readonly #buffers: number[]

  constructor(builder: Builder) {
    this.#builder = builder
    this.#buffers = [this.#table(1, () => undefined)]
  }

  tensor(name: string, shape: readonly number[], type: number, buffer = 0): number {
    const [text, sizes] = [this.#builder.createString(name), this.#integers(shape)]
    this.#tensors.push(
      this.#table(4, (b) => {
        b.addFieldOffset(0, sizes, 0)
        b.addFieldInt8(1, type, 0)
        b.addFieldInt32(2, buffer, 0)
        b.addFieldOffset(3, text, 0)
      }),
    )
    return this.#tensors.length - 1
  }

  constant(name: string, shape: readonly number[], values: readonly number[], half: boolean): number {
    const array = half ? Uint16Array.from(values) : Float32Array.from(values)
    const data = this.#builder.createByteVector(new Uint8Array(array.buffer))
    this.#buffers.push(this.#table(1, (b) => b.addFieldOffset(0, data, 0)))
    const stored = this.tensor(name, shape, half ? f16 : f32, this.#buffers.length - 1)
    if (!half) return stored
    const wide = this.tensor(`${name}_dequantize`, shape, f32)
    this.operator(2, [stored], [wide])
    return wide
  }

  operator(code: number, inputs: readonly number[], outputs: readonly number[], stride?: number): void {
    const [from, to] = [this.#integers(inputs), this.#integers(outputs)]
    const options =
      stride &&
      this.#table(3, (b) => {
        b.addFieldInt32(1, stride, 0)
        b.addFieldInt32(2, stride, 0)
      })
    this.#operators.push(
      this.#table(5, (b) => {
        b.addFieldInt32(0, code, 0)
        b.addFieldOffset(1, from, 0)
        b.addFieldOffset(2, to, 0)
        if (options) b.addFieldOffset(4, options, 0)
      }),
    )
  }

  finish(codes: readonly number[]): Uint8Array {
    const [tensors, operators, buffers] = [
      this.#offsets(this.#tensors),
      this.#offsets(this.#operators),
      this.#offsets(this.#buffers),
    ]
    const graph = this.#table(4, (b) => {
      b.addFieldOffset(0, tensors, 0)
      b.addFieldOffset(3, operators, 0)
    })
    const operatorCodes = this.#offsets(codes.map((code) => this.#table(4, (b) => b.addFieldInt8(0, code, -1))))
    const graphs = this.#offsets([graph])
    const model = this.#table(5, (b) => {
      b.addFieldOffset(1, operatorCodes, 0)
      b.addFieldOffset(2, graphs, 0)
      b.addFieldOffset(4, buffers, 0)
    })
    this.#builder.finish(model, 'TFL3')
    return this.#builder.asUint8Array().slice()
  }

  #table(fields: number, fill: (builder: Builder) => void): number {
    this.#builder.startObject(fields)
    fill(this.#builder)
    return this.#builder.endObject()
  }

  #integers(values: readonly number[]): number {
    this.#builder.startVector(4, values.length, 4)
    for (const value of values.toReversed()) this.#builder.addInt32(value)
    return this.#builder.endVector()
  }

  #offsets(values: readonly number[]): number {
    this.#builder.startVector(4, values.length, 4)
    for (const value of values.toReversed()) this.#builder.addOffset(value)
    return this.#builder.endVector()
  }
}
