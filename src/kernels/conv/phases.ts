// The gradient of a strided convolution's input, cut into phases: of each stride x stride pixels of the input, those at one
// place see the same taps of the filter, every (stride / gcd(stride, dilation))-th one. Their gradient is an ordinary
// convolution of stride 1 with that sub-filter, so no multiplication with inserted zeros is done. Pure, no GPU.

import { greatestCommonDivisor } from '../arithmetic.ts'
import type { ConvProblem } from './geometry.ts'

/** Taps `first, first + step, ...` of the filter along one axis; in reverse order they are a phase's filter. */
export interface PhaseTaps {
  readonly first: number
  readonly count: number
  /** Of the gradient, for the convolution with these taps; may be negative. */
  readonly padding: number
}

/** Pixels `offset, offset + stride, ...` along one axis. */
interface AxisPhase {
  readonly offset: number
  /** How many there are in the image. */
  readonly size: number
  /** Undefined if no output depends on them. */
  readonly taps: PhaseTaps | undefined
}

/** The pixels `(y.offset + j * stride, x.offset + i * stride)` of the input. */
export interface GradientPhase {
  readonly offsetY: number
  readonly offsetX: number
  readonly height: number
  readonly width: number
  /** The sub-filter and the convolution with it; undefined if the gradient is zero. */
  readonly convolution: { readonly y: PhaseTaps; readonly x: PhaseTaps; readonly problem: ConvProblem } | undefined
}

/** Steps between the taps of a phase. */
export function tapStep({ stride, dilation }: Pick<ConvProblem, 'stride' | 'dilation'>): number {
  return stride / greatestCommonDivisor(stride, dilation)
}

/** All phases of a convolution's input, each pixel in exactly one. With stride 1 there is one phase: the whole image. */
export function gradientPhases(problem: ConvProblem): GradientPhase[] {
  const { inHeight, inWidth, kernelHeight, kernelWidth, paddingY, paddingX } = problem
  const rows = axisPhases(problem, { size: inHeight, kernel: kernelHeight, padding: paddingY })
  const columns = axisPhases(problem, { size: inWidth, kernel: kernelWidth, padding: paddingX })
  return rows.flatMap((y) => columns.map((x) => phase(problem, y, x)))
}

function phase(problem: ConvProblem, y: AxisPhase, x: AxisPhase): GradientPhase {
  const place = { offsetY: y.offset, offsetX: x.offset, height: y.size, width: x.size }
  if (!y.taps || !x.taps) return { ...place, convolution: undefined }
  const convolution: ConvProblem = {
    batch: problem.batch,
    inHeight: problem.outHeight,
    inWidth: problem.outWidth,
    inChannels: problem.outChannels,
    outHeight: y.size,
    outWidth: x.size,
    outChannels: problem.inChannels,
    kernelHeight: y.taps.count,
    kernelWidth: x.taps.count,
    stride: 1,
    paddingY: y.taps.padding,
    paddingX: x.taps.padding,
    dilation: problem.dilation / greatestCommonDivisor(problem.stride, problem.dilation),
    groups: problem.groups,
  }
  return { ...place, convolution: { y: y.taps, x: x.taps, problem: convolution } }
}

interface Axis {
  readonly size: number
  readonly kernel: number
  readonly padding: number
}

function axisPhases(problem: ConvProblem, axis: Axis): AxisPhase[] {
  const count = Math.min(problem.stride, axis.size)
  return Array.from({ length: count }, (_, offset) => {
    const size = Math.ceil((axis.size - offset) / problem.stride)
    return { offset, size, taps: tapsOf(problem, axis, offset) }
  })
}

/** Output o reads pixel `o * stride + tap * dilation - padding`: the taps for which that can be `offset` modulo the stride. */
function tapsOf({ stride, dilation }: ConvProblem, { kernel, padding }: Axis, offset: number): PhaseTaps | undefined {
  const step = tapStep({ stride, dilation })
  for (let first = 0; first < Math.min(step, kernel); first++) {
    const distance = offset + padding - first * dilation
    if (distance % stride !== 0) continue
    const count = Math.ceil((kernel - first) / step)
    return { first, count, padding: ((count - 1) * step * dilation) / stride - distance / stride }
  }
  return undefined
}
