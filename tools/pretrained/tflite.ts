// The convolutions of a TFLite model: their weights as PyTorch lays them out, by the name of what they compute. Weights may be
// float32, or float16 behind a dequantize operator. Nothing is run.
// Source: tensorflow/lite/schema/schema.fbs (field numbers), lite/kernels (layout of filters).

import { elementCount, type NamedTensor, type TensorDType, toFloat32 } from 'siamrpn/formats'
import { FlatFile, type FlatTable } from './flat-table.ts'

/** A convolution with its bias. */
export interface TfliteConvolution {
  /** Name of its output; names of fused layers are joined by semicolons. */
  readonly name: string
  readonly depthwise: boolean
  /** `[outputs, inputs, height, width]`; depthwise: `[channels, 1, height, width]`. */
  readonly shape: readonly [number, number, number, number]
  readonly weight: Float32Array<ArrayBuffer>
  /** One per output. */
  readonly bias: Float32Array<ArrayBuffer>
  /** The stride along height and width. */
  readonly stride: number
}

const modelFields = { operatorCodes: 1, subgraphs: 2, buffers: 4 }
const codeFields = { deprecated: 0, code: 3 }
const subgraphFields = { tensors: 0, operators: 3 }
const tensorFields = { shape: 0, type: 1, buffer: 2, name: 3 }
const operatorFields = { code: 0, inputs: 1, outputs: 2, options: 4 }
const convolutionFields = { strideWidth: 1, strideHeight: 2 }
const [conv2d, depthwiseConv2d, dequantize] = [3, 4, 6]
const floatTypes: readonly (TensorDType | undefined)[] = ['f32', 'f16']

/**
 * The convolutions of a model, in the order in which they run.
 * @param name what messages call the file
 * @throws PretrainedFileError if it is no TFLite model, damaged, or its convolutions hold other than floating-point constants
 */
export function readTfliteConvolutions(bytes: Uint8Array, name: string): TfliteConvolution[] {
  const file: FlatFile = new FlatFile(name, bytes)
  const model = file.root('TFL3')
  const [graph, ...more] = model.tables(modelFields.subgraphs)
  if (graph === undefined || more.length > 0) file.fail(`it has ${more.length + (graph ? 1 : 0)} graphs, expected 1`)
  return new Graph(file, model, graph).convolutions()
}

class Graph {
  readonly #file: FlatFile
  readonly #codes: readonly number[]
  readonly #buffers: readonly FlatTable[]
  readonly #tensors: readonly FlatTable[]
  readonly #operators: readonly FlatTable[]
  /** Where a dequantised tensor comes from. */
  readonly #sources = new Map<number, number>()

  constructor(file: FlatFile, model: FlatTable, graph: FlatTable) {
    this.#file = file
    this.#codes = model
      .tables(modelFields.operatorCodes)
      .map((code) => Math.max(code.int8(codeFields.deprecated), code.int32(codeFields.code)))
    this.#buffers = model.tables(modelFields.buffers)
    this.#tensors = graph.tables(subgraphFields.tensors)
    this.#operators = graph.tables(subgraphFields.operators)
  }

  convolutions(): TfliteConvolution[] {
    const found: TfliteConvolution[] = []
    for (const [index, operator] of this.#operators.entries()) {
      const code = this.#codes[operator.int32(operatorFields.code)]
      if (code === undefined) this.#file.fail(`operator ${index} has no code`)
      const inputs = operator.int32s(operatorFields.inputs)
      const [output = -1] = operator.int32s(operatorFields.outputs)
      if (code === dequantize) this.#sources.set(output, inputs[0] ?? -1)
      if (code === conv2d || code === depthwiseConv2d) {
        const name = this.#tensor(output).text(tensorFields.name)
        found.push({ name, ...this.#convolution(operator, code === depthwiseConv2d) })
      }
    }
    return found
  }

  #convolution(operator: FlatTable, depthwise: boolean): Omit<TfliteConvolution, 'name'> {
    const [, filterIndex = -1, biasIndex = -1] = operator.int32s(operatorFields.inputs)
    const filter = this.#constant(filterIndex)
    const bias = this.#constant(biasIndex)
    const [first = 0, height = 0, width = 0, last = 0] = filter.shape
    if (filter.shape.length !== 4 || (depthwise && first !== 1)) {
      this.#file.fail(`the filter '${filter.name}' has the shape [${filter.shape}], expected four sizes`)
    }
    const [outputs, inputs] = depthwise ? [last, 1] : [first, last]
    if (bias.values.length !== outputs) {
      this.#file.fail(`the bias '${bias.name}' has ${bias.values.length} values, expected ${outputs}`)
    }
    const options = operator.table(operatorFields.options)
    const [across, down] = [convolutionFields.strideWidth, convolutionFields.strideHeight].map((field) =>
      options?.int32(field, 1),
    )
    if (across === undefined || across !== down) {
      this.#file.fail(`the convolution of '${filter.name}' has the strides ${across} and ${down}, expected equal ones`)
    }
    return {
      depthwise,
      shape: [outputs, inputs, height, width],
      weight: channelsFirst(filter.values, [outputs, inputs, height * width], depthwise),
      bias: bias.values,
      stride: across,
    }
  }

  /** The values of a constant tensor, dequantised ones included. */
  #constant(index: number): {
    readonly name: string
    readonly shape: readonly number[]
    readonly values: Float32Array<ArrayBuffer>
  } {
    const tensor = this.#tensor(this.#sources.get(index) ?? index)
    const name = tensor.text(tensorFields.name)
    const dtype = floatTypes[tensor.int8(tensorFields.type)]
    if (dtype === undefined) {
      this.#file.fail(
        `the tensor '${name}' has the type ${tensor.int8(tensorFields.type)}, expected 0 or 1 (float32, float16)`,
      )
    }
    const shape = tensor.int32s(tensorFields.shape)
    const buffer = this.#buffers[tensor.int32(tensorFields.buffer)]
    const data = buffer?.bytes(0) ?? new Uint8Array(0)
    const expected = elementCount(shape) * (dtype === 'f16' ? 2 : 4)
    if (data.length !== expected) {
      this.#file.fail(`the tensor '${name}' has ${data.length} bytes, expected ${expected} for ${dtype} [${shape}]`)
    }
    const constant: NamedTensor = { dtype, shape, data }
    const values = Float32Array.from(toFloat32(constant))
    const bad = values.findIndex((value) => !Number.isFinite(value))
    if (bad >= 0) this.#file.fail(`value ${bad} of the tensor '${name}' is ${values[bad]}, expected a finite number`)
    return { name, shape, values }
  }

  #tensor(index: number): FlatTable {
    return this.#tensors[index] ?? this.#file.fail(`there is no tensor ${index} (there are ${this.#tensors.length})`)
  }
}

/** `[O, pixels, I]`, depthwise `[pixels, O]`, to `[O, I, pixels]`. */
function channelsFirst(
  values: Float32Array,
  [outputs, inputs, pixels]: readonly [number, number, number],
  depthwise: boolean,
): Float32Array<ArrayBuffer> {
  const moved = new Float32Array(values.length)
  let to = 0
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let p = 0; p < pixels; p++) {
        moved[to++] = values[depthwise ? p * outputs + o : (o * pixels + p) * inputs + i] ?? 0
      }
    }
  }
  return moved
}
