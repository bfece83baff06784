// How each forward op of section B is run through the library: one entry per op name, from the case's inputs and parameters to
// the outputs that the case lists. Everything but box overlaps runs on the device.

import type { Device } from '../../../src/gpu/device.ts'
import type { Recorder } from '../../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../../src/gpu/tensor.ts'
import { packConvWeight, releaseConvWeight } from '../../../src/kernels/conv/filter.ts'
import { conv2d } from '../../../src/kernels/conv/forward.ts'
import { depthwiseCorrelation } from '../../../src/kernels/correlation.ts'
import { cropRecord, cropResize } from '../../../src/kernels/crop-resize.ts'
import { add, relu } from '../../../src/kernels/elementwise.ts'
import { foldBatchNorm, frozenBatchNorm } from '../../../src/kernels/norm.ts'
import { bilinearResize } from '../../../src/kernels/resize.ts'
import { maxPool } from '../../../src/kernels/spatial.ts'
import { weightedSum } from '../../../src/kernels/weighted-sum.ts'
import { bboxOverlaps } from '../../../src/siamrpn/boxes.ts'
import { cropGeometry } from '../../../src/siamrpn/crop-geometry.ts'
import { evaluate, goldenMap, type Map4, toNHWC, uploadMap, withTensors } from './maps.ts'
import { GoldenDataError, type GoldenSection, type GoldenTensor } from './reader.ts'

/** One case of section B, with its inputs at hand. */
export interface OpCase {
  readonly id: string
  readonly device: Device
  /** Roles of the inputs, in the file's order. */
  readonly roles: readonly string[]
  map(role: string): Map4
  vector(role: string): Float32Array
  has(role: string): boolean
  /** @throws GoldenDataError if the case has no such number */
  number(parameter: string): number
  numbers(parameter: string): readonly number[]
  flag(parameter: string): boolean
  text(parameter: string): string
}

/** Values of one output, and in what shape the file must have them. */
export interface OpOutput {
  readonly data: ArrayLike<number>
  readonly shape: readonly number[]
}

/** Runs a case; the result answers for each output role, given the golden tensor that it will be compared with. */
export type RunOp = (one: OpCase) => Promise<(role: string, expected: GoldenTensor) => OpOutput>

/** Description of a case in the file. */
export interface OpDescription {
  readonly id: string
  readonly op: string
  readonly params: Readonly<Record<string, unknown>>
  readonly inputs: Readonly<Record<string, string>>
}

export const forwardOps: Readonly<Record<string, RunOp>> = {
  conv2d: convolution,
  depthwise_correlation: onDevice((one, lend) => {
    const input = lend(one.map('x'))
    const kernel = lend(one.map('kernel'))
    return (r) => depthwiseCorrelation(r, { input, kernel })
  }),
  batchnorm_eval: batchNorm,
  relu: onDevice((one, lend) => {
    const input = lend(one.map('x'))
    return (r) => relu(r, input)
  }),
  add: onDevice((one, lend) => sum(one, lend, false)),
  add_relu: onDevice((one, lend) => sum(one, lend, true)),
  maxpool3x3s2p1: onDevice((one, lend) => {
    const input = lend(one.map('x'))
    return (r) => maxPool(r, { input, kernel: 3, stride: 2, padding: 1 })
  }),
  softmax_weighted_sum: weightedLevels,
  bilinear_resize: onDevice((one, lend) => {
    const alignCorners = one.flag('align_corners')
    const input = lend(one.map('x'))
    const size = one.number('out')
    return (r) => bilinearResize(r, { input, size, alignCorners })
  }),
  get_cropped_img: croppedImage,
  bbox_overlaps: overlaps,
}

/** The inputs and parameters of a described case. */
export function openCase(device: Device, section: GoldenSection<unknown>, description: OpDescription): OpCase {
  const { id, inputs, params } = description
  const key = (role: string) => {
    const found = inputs[role]
    if (found === undefined) throw new GoldenDataError(`case ${id} of section ${section.name} has no input '${role}'`)
    return found
  }
  const parameter = <T>(name: string, is: (value: unknown) => value is T, expected: string): T => {
    const value = params[name]
    if (is(value)) return value
    throw new GoldenDataError(`case ${id}: parameter '${name}' is ${JSON.stringify(value)}, expected ${expected}`)
  }
  return {
    id,
    device,
    roles: Object.keys(inputs),
    map: (role) => goldenMap(section, key(role)),
    vector: (role) => section.float32(key(role)),
    has: (role) => inputs[role] !== undefined,
    number: (name) => parameter(name, isNumber, 'a number'),
    numbers: (name) => parameter(name, isNumbers, 'a list of numbers'),
    flag: (name) => parameter(name, isBoolean, 'true or false'),
    text: (name) => parameter(name, isText, 'a text'),
  }
}

type Lend = (map: Map4) => GpuTensor

/** An op with one output `y`, an activation. */
function onDevice(record: (one: OpCase, lend: Lend) => (r: Recorder) => GpuTensor): RunOp {
  return async (one) => {
    const { device } = one
    const found = await withTensors(device, (lend) =>
      evaluate(
        device,
        record(one, (map) => lend(uploadMap(device, map))),
      ),
    )
    return only(found)
  }
}

function only(output: OpOutput) {
  return () => output
}

function sum(one: OpCase, lend: Lend, clamp: boolean): (r: Recorder) => GpuTensor {
  const a = lend(one.map('a'))
  const b = lend(one.map('b'))
  return (r) => add(r, { a, b, activation: clamp ? 'relu' : 'none' })
}

async function convolution(one: OpCase) {
  const { device } = one
  const filter = one.map('w')
  const weight = packConvWeight(device, filter.data, filter.shape)
  const [stride, padding, dilation, groups] = ['stride', 'padding', 'dilation', 'groups'].map((name) =>
    one.number(name),
  )
  try {
    const found = await withTensors(device, async (lend) => {
      const input = lend(uploadMap(device, one.map('x')))
      const bias = one.has('b') ? lend(vectorTensor(device, one.vector('b'))) : undefined
      return await evaluate(device, (r) =>
        conv2d(r, {
          input,
          weight,
          bias,
          ...(stride !== undefined && { stride }),
          ...(padding !== undefined && { padding }),
          ...(dilation !== undefined && { dilation }),
          ...(groups !== undefined && { groups }),
        }),
      )
    })
    return only(found)
  } finally {
    releaseConvWeight(device, weight)
  }
}

async function batchNorm(one: OpCase) {
  const { device } = one
  const folded = foldBatchNorm(
    {
      gamma: one.vector('gamma'),
      beta: one.vector('beta'),
      mean: one.vector('running_mean'),
      variance: one.vector('running_var'),
    },
    one.number('eps'),
  )
  const found = await withTensors(device, async (lend) => {
    const input = lend(uploadMap(device, one.map('x')))
    const scale = lend(vectorTensor(device, folded.scale))
    const bias = lend(vectorTensor(device, folded.bias))
    return await evaluate(device, (r) => frozenBatchNorm(r, { input, scale, bias }))
  })
  return only(found)
}

async function weightedLevels(one: OpCase) {
  const { device } = one
  const levels = one.roles.filter((role) => /^x\d+$/.test(role))
  const found = await withTensors(device, async (lend) => {
    const inputs = levels.map((role) => lend(uploadMap(device, one.map(role))))
    const weights = lend(vectorTensor(device, one.vector('weight')))
    return await evaluate(device, (r) => weightedSum(r, { inputs, weights }))
  })
  return only(found)
}

/** Three float channels; the kernel writes a fourth one, of zeros. */
async function croppedImage(one: OpCase) {
  const { device } = one
  const image = toNHWC(one.map('img'))
  const [, height, width, channels] = image.shape
  const size = one.number('target_size')
  const [cx = 0, cy = 0] = one.numbers('center_xy')
  const rectangle = cropGeometry({ cx, cy }, one.number('crop_size'), width, height)
  const found = await withTensors(device, async (lend) => {
    const words = new Uint32Array(image.data.buffer)
    const pixels = lend(device.tensor(words, [words.length]))
    const crops = lend(device.tensor(cropRecord(rectangle, one.vector('avg_channel')), [1, 8]))
    const frame = { pixels, width, height, format: 'rgb32f' } as const
    return await evaluate(device, (r) => cropResize(r, { frame, crops, size, reverseChannels: false }))
  })
  return only({ data: found.data.subarray(0, channels * size * size), shape: [1, channels, size, size] })
}

/** Row by row, or the first rows of each side against each other, as many as the output's shape says. */
function overlaps(one: OpCase) {
  const mode = one.text('mode')
  if (mode !== 'iou' && mode !== 'iof' && mode !== 'giou') throw new GoldenDataError(`case ${one.id}: mode '${mode}'`)
  const a = one.vector('a')
  const b = one.vector('b')
  return Promise.resolve((role: string, { shape }: GoldenTensor): OpOutput => {
    const [rows = 0, columns] = shape
    if (role === 'aligned') return { data: bboxOverlaps(a, b, { mode, aligned: true }), shape: [a.length / 4] }
    const data = bboxOverlaps(a.subarray(0, 4 * rows), b.subarray(0, 4 * (columns ?? 0)), { mode })
    return { data, shape: [rows, columns ?? 0] }
  })
}

function vectorTensor(device: Device, values: Float32Array): GpuTensor {
  return device.tensor(values, [values.length])
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isNumber)
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
