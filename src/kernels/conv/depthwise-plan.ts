// How a depthwise convolution is computed, one where every channel has a filter of its own (groups = input channels = output
// channels). Memory-bound: an input should be loaded as few times as possible. Pure functions, as in plan.ts.

import type { AdapterFacts } from '../../gpu/device.ts'
import { greatestCommonDivisor } from '../arithmetic.ts'
import type { ConvProblem } from './geometry.ts'

/** Tiles of depthwise_conv.wgsl. */
export interface DepthwisePlan {
  readonly variant: 'depthwise'
  /** Outputs of a tile along a row. */
  readonly strip: number
  /** Output rows of a tile, at most. */
  readonly rows: number
}

/** Parts of depthwise_conv_weight_gradient.wgsl. */
export interface DepthwiseWeightPlan {
  readonly variant: 'depthwise'
  /** Outputs that an invocation takes at a time along a row. */
  readonly strip: number
  /** Output rows of a part. */
  readonly rows: number
  /** Samples of a part. */
  readonly samples: number
}

/** Filters of more taps would not stay in registers. */
const maxTaps = 49

/** Filters of more taps leave registers for narrow tiles only. */
const fewTaps = 9

/**
 * Outputs per invocation, at most. A software adapter wants few loads per output, hence tall tiles, but wider ones are no faster
 * there and take longer to compile; a GPU wants enough invocations to fill it. Reasoned, not yet measured on one.
 */
const largestTile = { cpu: { rows: 64, strip: 4 }, gpu: { rows: 4, strip: 4 } } as const

/** The same for the filter's gradient. */
const largestPart = { cpu: { rows: 64, strip: 4 }, gpu: { rows: 8, strip: 4 } } as const

/** Outputs along a row where many taps take the registers. */
const narrowStrip = 2

/** Copies of the filter that one dispatch writes, at most, and their memory in bytes. */
const mostParts = { cpu: 64, gpu: 1024 } as const
const partialBytes = 16 << 20

/** Whether every channel has a filter of its own, of few enough taps for registers. */
export function isDepthwise({ groups, inChannels, outChannels, kernelHeight, kernelWidth }: ConvProblem): boolean {
  return groups > 1 && groups === inChannels && groups === outChannels && kernelHeight * kernelWidth <= maxTaps
}

/** The plan for a depthwise problem. */
export function depthwisePlan({ kind }: Pick<AdapterFacts, 'kind'>, problem: ConvProblem): DepthwisePlan {
  return { variant: 'depthwise', ...tile(problem, largestTile[kind]) }
}

/** The plan for the gradient of a depthwise problem's filter. */
export function depthwiseWeightPlan(
  { kind, maxBindingBytes }: Pick<AdapterFacts, 'kind' | 'maxBindingBytes'>,
  problem: ConvProblem,
): DepthwiseWeightPlan {
  const { kernelHeight, kernelWidth, outChannels, outHeight, batch } = problem
  const { strip, rows } = tile(problem, largestPart[kind])
  const filterBytes = kernelHeight * kernelWidth * Math.ceil(outChannels / 4) * 16
  const parts = Math.min(mostParts[kind], Math.floor(Math.min(partialBytes, maxBindingBytes) / filterBytes))
  const segments = Math.ceil(outHeight / interleave(problem).phases / rows)
  const samples = Math.min(batch, Math.ceil((batch * segments) / Math.max(1, parts)))
  return { variant: 'depthwise', strip, rows, samples }
}

/** Tiles of equal height, no larger than `largest`. */
function tile(problem: ConvProblem, largest: { readonly rows: number; readonly strip: number }) {
  const { kernelHeight, kernelWidth, outHeight } = problem
  const phaseRows = Math.ceil(outHeight / interleave(problem).phases)
  const rows = Math.ceil(phaseRows / Math.ceil(phaseRows / largest.rows))
  return { rows, strip: kernelHeight * kernelWidth > fewTaps ? narrowStrip : largest.strip }
}

/**
 * Outputs `phases` pixels apart share their inputs: in units of the dilation, such a set of outputs is an undilated convolution
 * of stride `step`.
 */
export function interleave({ stride, dilation }: Pick<ConvProblem, 'stride' | 'dilation'>) {
  const common = greatestCommonDivisor(stride, dilation)
  return { step: stride / common, phases: dilation / common }
}
