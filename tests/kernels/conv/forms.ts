// Every form of the convolution kernels as a check that compiles it and compares it with float64: the tables of the families
// that measurement chooses from, and the kernels that reasoning chooses, on problems larger than a tile, with tiles that are
// nearly empty, and with splits in turn. For the tests, and for the report of an adapter (npm run bench -- --gpu-report).

import { toFloat32 } from '../../../src/formats/state-dict.ts'
import type { Device } from '../../../src/gpu/device.ts'
import { toHalf } from '../../../src/gpu/half.ts'
import { registerFamily, shuffleFamily, tileFamily } from '../../../src/kernels/conv/candidates.ts'
import { depthwisePlan, depthwiseWeightPlan } from '../../../src/kernels/conv/depthwise-plan.ts'
import { packConvWeight, releaseConvWeight, unpackConvWeight } from '../../../src/kernels/conv/filter.ts'
import { conv2d } from '../../../src/kernels/conv/forward.ts'
import { convProblem } from '../../../src/kernels/conv/geometry.ts'
import {
  type ConvAdapter,
  type ConvPlan,
  chooseConv,
  type MatrixShape,
  multiplies,
  passesAmong,
} from '../../../src/kernels/conv/plan.ts'
import { planName } from '../../../src/kernels/conv/plan-name.ts'
import { convWeightGradient } from '../../../src/kernels/conv/weight-gradient.ts'
import { chooseWeightGradient, type WeightGradientPlan } from '../../../src/kernels/conv/weight-gradient-plan.ts'
import { evaluate, type HostTensor, random, relativeError, upload } from '../../helpers/host-tensors.ts'
import * as reference from '../../reference/conv2d.ts'
import { conv2dGradients } from '../../reference/conv2d-gradient.ts'

/** One form on one problem. */
export interface FormCheck {
  readonly name: string
  /** Whether the adapter is one that the form is for; elsewhere it is refused. */
  readonly suits: (adapter: ConvAdapter) => boolean
  /** @returns the largest difference to float64, as a part of the largest magnitude; NaN if something was not written */
  readonly error: (device: Device) => Promise<number>
}

interface Case {
  readonly x: readonly [number, number, number, number]
  readonly w: readonly [number, number, number, number]
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
  readonly groups?: number
}

const cases: readonly Case[] = [
  { x: [2, 9, 8, 36], w: [72, 36, 3, 3], padding: 1 },
  { x: [1, 13, 12, 8], w: [132, 8, 3, 3], padding: 2, dilation: 2, stride: 2 },
  { x: [1, 12, 13, 40], w: [20, 40, 1, 1] },
]

/** Stride 1, 3x3. */
const winogradCase: Case = { x: [2, 13, 10, 36], w: [68, 36, 3, 3], padding: 2, dilation: 2 }

/** Channels that are no multiple of four. */
const oddCase: Case = { x: [1, 9, 8, 5], w: [7, 5, 3, 3], padding: 1 }

const depthwiseCase: Case = { x: [2, 11, 10, 12], w: [12, 1, 3, 3], padding: 1, stride: 2, groups: 12 }

const splits = [1, 2, 4, 8] as const

async function forwardError(device: Device, { x, w, ...window }: Case, plan?: ConvPlan): Promise<number> {
  const stored = plan?.variant === 'matrices' ? halves : (tensor: HostTensor) => tensor
  const [input, filter] = [stored(random(`x ${x}`, x)), stored(random(`w ${w}`, w, 0.5))]
  const bias = random(`b ${w[0]}`, [w[0]])
  const weight = packConvWeight(device, Float32Array.from(filter.data), w)
  const operands = [upload(device, input), upload(device, bias)] as const
  try {
    const args = { input: operands[0], bias: operands[1], weight, ...window, ...(plan && { plan }) }
    const found = await evaluate(device, (r) => conv2d(r, { ...args, activation: 'relu6' }))
    const expected = reference.conv2d({ input, weight: filter, bias, ...window, activation: 'relu6' })
    return relativeError(found.data, expected.data)
  } finally {
    for (const tensor of operands) device.release(tensor)
    releaseConvWeight(device, weight)
  }
}

/** Rounded to half precision, so that matrix units get what float64 gets. */
function halves({ data, shape }: HostTensor): HostTensor {
  const bytes = new Uint8Array(toHalf(Float32Array.from(data)).buffer)
  return { data: toFloat32({ dtype: 'f16', shape, data: bytes }), shape }
}

async function gradientError(device: Device, { x, w, ...window }: Case, plan?: WeightGradientPlan): Promise<number> {
  const [input, filter] = [random(`x ${x}`, x), random(`w ${w}`, w, 0.5)]
  const gradient = random('dy', reference.conv2d({ input, weight: filter, ...window }).shape)
  const weight = packConvWeight(device, Float32Array.from(filter.data), w)
  const operands = [upload(device, input), upload(device, gradient)] as const
  try {
    const args = { input: operands[0], gradient: operands[1], weight, ...window, ...(plan && { plan }) }
    const found = await evaluate(device, (r) => convWeightGradient(r, args))
    const expected = conv2dGradients({ input, weight: filter, ...window }, gradient)
    return relativeError(unpackConvWeight(Float32Array.from(found.data), weight, w), expected.weight.data)
  } finally {
    for (const tensor of operands) device.release(tensor)
    releaseConvWeight(device, weight)
  }
}

const anywhere = () => true

function forward(one: Case, plan: ConvPlan, suits: FormCheck['suits'] = anywhere): FormCheck {
  const name = `${planName(plan)}: ${caseName(one)}`
  return { name, suits, error: (device) => forwardError(device, one, plan) }
}

function gradient(one: Case, plan: WeightGradientPlan): FormCheck {
  const name = `gradient of the filter, ${planName(plan)}: ${caseName(one)}`
  return { name, suits: anywhere, error: (device) => gradientError(device, one, plan) }
}

function caseName({ x, w, stride = 1, padding = 0, dilation = 1, groups = 1 }: Case): string {
  return `${x.join('x')} with ${w.join('x')}, s${stride} p${padding} d${dilation}${groups > 1 ? ` g${groups}` : ''}`
}

/** A form takes seconds to compile on a software adapter, so that each gets one of the cases in turn. */
function caseFor(index: number): Case {
  const one = cases[index % cases.length]
  if (!one) throw new Error('there are no cases')
  return one
}

/** Tiles: forward, gradient of the filter, and Winograd around them for both. */
export const tileForms: readonly FormCheck[] = tileFamily.flatMap((tile, index) => {
  const winograd = { variant: 'winograd', sliceChannels: 64, products: tile } as const
  return [
    forward(caseFor(index), { variant: 'tiled', ...tile, splitK: splits[index % 4] ?? 1 }),
    gradient(caseFor(index + 1), { variant: 'tiled', ...tile, splits: splits[(index + 1) % 4] ?? 1 }),
    forward(winogradCase, winograd),
    gradient(winogradCase, winograd),
  ]
})

/** No workgroup memory. */
export const registerForms: readonly FormCheck[] = [
  ...registerFamily.flatMap((form, index) =>
    splits.map((splitK, at) => forward(caseFor(index + at), { variant: 'registers', ...form, splitK })),
  ),
  ...([4, 8] as const).flatMap((channels) =>
    cases.map((one) => gradient(one, { variant: 'registers', channels, splits: 2 })),
  ),
]

/** Values passed among lanes. */
export const shuffleForms: readonly FormCheck[] = [4, 8, ...shuffleFamily].flatMap((lanes) =>
  cases.map((one) => forward(one, { variant: 'shuffle', lanes, splitK: 2 }, (adapter) => passesAmong(adapter, lanes))),
)

/** What adapters list: Apple's, NVIDIA's two, Intel's. */
export const matrixFamily: readonly MatrixShape[] = [
  { rows: 8, columns: 8, depth: 8 },
  { rows: 16, columns: 16, depth: 16 },
  { rows: 16, columns: 8, depth: 16 },
  { rows: 8, columns: 16, depth: 16 },
]

/** Matrix units. */
export const matrixForms: readonly FormCheck[] = matrixFamily.flatMap((shape, index) =>
  cases.map((one, at) =>
    forward(one, { variant: 'matrices', ...shape, splitK: splits[(index + at) % 4] ?? 1 }, (adapter) =>
      multiplies(adapter, shape),
    ),
  ),
)

/** What reasoning chooses on the adapter, and the kernels that take any problem. */
export function defaultForms(adapter: ConvAdapter): FormCheck[] {
  const all = [...cases, winogradCase, oddCase, depthwiseCase]
  return [
    ...all.flatMap((one) => {
      const problem = problemOf(one)
      return [forward(one, chooseConv(adapter, problem)), gradient(one, chooseWeightGradient(adapter, problem))]
    }),
    ...[...cases, oddCase].flatMap((one) => [
      forward(one, { variant: 'direct' }),
      gradient(one, { variant: 'direct', splits: 2 }),
    ]),
    ...(['cpu', 'gpu'] as const).flatMap((kind) => [
      forward(depthwiseCase, depthwisePlan({ ...adapter, kind }, problemOf(depthwiseCase))),
      gradient(depthwiseCase, depthwiseWeightPlan({ ...adapter, kind }, problemOf(depthwiseCase))),
    ]),
  ]
}

function problemOf({ x, w, ...window }: Case) {
  const [outChannels, inChannels, kernelHeight, kernelWidth] = w
  const weight = { outChannels, inChannels, kernelHeight, kernelWidth, panel: outChannels }
  return convProblem({ input: { shape: x, dtype: 'f32', label: 'x' }, weight, ...window })
}
