// One convolution problem on random numbers, to be computed by one plan after the other: are the results equal, and which plan
// is the fastest? Times are medians of wall time over several runs of a program that does nothing else.

import type { Device } from '../../gpu/device.ts'
import { BindingError, FeatureError, OutOfMemoryError, ShaderError, ShapeError } from '../../gpu/errors.ts'
import { toHalf } from '../../gpu/half.ts'
import { capture, runOnce } from '../../gpu/program.ts'
import type { Recorder } from '../../gpu/recorder.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { convert } from '../elementwise.ts'
import type { ConvQuestion } from './choices.ts'
import { noEpilogue } from './epilogue.ts'
import { packConvWeight, releaseConvWeight } from './filter.ts'
import { convolve } from './forward.ts'
import { type ConvProblem, filterRows } from './geometry.ts'
import type { ConvLimits, ConvPlan } from './plan.ts'
import { convWeightGradient } from './weight-gradient.ts'
import type { WeightGradientPlan } from './weight-gradient-plan.ts'

/** One plan's time, by its index among the candidates. */
export interface Timing {
  readonly index: number
  readonly milliseconds: number
}

/** Of all candidates that ran and were right, in their order. */
export type Timings = readonly Timing[]

/** A problem with its operands on the device. */
export interface Trial<P> {
  readonly record: (r: Recorder, plan: P) => GpuTensor
  readonly release: () => void
  /** Results differ by less than this part of the largest magnitude, or a plan is not right. */
  readonly tolerance: number
}

/** Values of the input and of the result in a trial, at most: larger batches are measured by fewer samples. */
const mostValues = 1 << 24

/**
 * Of single precision, where Winograd's error is the largest; of results that are rounded to half precision; of filters in half
 * precision, because matrix units round the input to it, too.
 */
const tolerances = { f32: 1e-4, f16: 1e-3, halfFilter: 2e-3 } as const

function toleranceOf({ halfFilter = false, halfImages = false }: ConvLimits): number {
  if (halfFilter) return tolerances.halfFilter
  return halfImages ? tolerances.f16 : tolerances.f32
}

/** Samples that a median is made of, and the milliseconds that each should take at least. */
const sampleCount = 5
const sampleMilliseconds = 2

const mostRuns = 64

/** A plan that takes longer than this many times the best so far is not timed again. */
const hopeless = 1.5

/** A forward convolution, or one that a gradient of an input is made of. */
export function forwardTrial(device: Device, { problem: whole, limits }: ConvQuestion): Trial<ConvPlan> {
  const problem = affordable(whole)
  const { outHeight, outWidth, outChannels, batch } = problem
  const { input, weight, firstChannel } = operands(device, problem, limits)
  return {
    tolerance: toleranceOf(limits),
    record(r, plan) {
      const output = r.alloc([batch, outHeight, outWidth, outChannels], input.dtype, 'trial')
      convolve(r, plan, { ...noEpilogue, problem, weight, input, output, firstChannel, label: 'trial' })
      return output
    },
    release() {
      device.release(input)
      releaseConvWeight(device, weight)
    },
  }
}

/** The gradient of a filter. */
export function gradientTrial(device: Device, { problem: whole, limits }: ConvQuestion): Trial<WeightGradientPlan> {
  const problem = affordable(whole)
  const { outHeight, outWidth, outChannels, batch, stride, paddingY, paddingX, dilation, groups } = problem
  const { input, weight } = operands(device, problem, limits)
  const shape = [batch, outHeight, outWidth, outChannels]
  const gradient = device.tensor(images(batch * outHeight * outWidth * outChannels, limits), shape, 'trial.gradient')
  const { firstChannel } = limits
  const view = firstChannel === undefined ? {} : { firstChannel }
  const window = { stride, padding: [paddingY, paddingX] as const, dilation, groups, ...view }
  return {
    tolerance: tolerances.f32,
    record: (r, plan) => convWeightGradient(r, { input, gradient, weight, ...window, plan, label: 'trial' }),
    release() {
      for (const tensor of [input, gradient]) device.release(tensor)
      releaseConvWeight(device, weight)
    },
  }
}

/**
 * Times the plans until the time is over, the first of them in any case; those that the device cannot run or that are not right
 * are left out. Releases the trial.
 * @param onLeftOut told of each that is left out
 */
export async function measureCandidates<P>(
  device: Device,
  trial: Trial<P>,
  plans: readonly P[],
  milliseconds: number,
  onLeftOut: (index: number, reason: string) => void = () => {},
): Promise<Timings> {
  const deadline = performance.now() + milliseconds
  const timings: Timing[] = []
  let expected: Float32Array | undefined
  try {
    for (const [index, plan] of plans.entries()) {
      if (index > 0 && performance.now() > deadline) break
      const best = timings.reduce((least, timing) => Math.min(least, timing.milliseconds), Number.POSITIVE_INFINITY)
      try {
        const found = await resultOf(device, (r) => trial.record(r, plan))
        expected ??= found
        if (!isClose(found, expected, trial.tolerance)) onLeftOut(index, 'its result is not that of the first')
        else timings.push({ index, milliseconds: await timeOf(device, (r) => trial.record(r, plan), best) })
      } catch (error) {
        if (index === 0 || !cannotRun(error)) throw error
        onLeftOut(index, error instanceof Error ? error.message : String(error))
      }
    }
  } finally {
    trial.release()
  }
  return timings
}

/** Fewer samples where all of them are too many values. */
function affordable(problem: ConvProblem): ConvProblem {
  const { batch, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = problem
  const values = Math.max(inHeight * inWidth * inChannels, outHeight * outWidth * outChannels)
  return { ...problem, batch: Math.max(1, Math.min(batch, Math.floor(mostValues / values))) }
}

function operands(device: Device, problem: ConvProblem, limits: ConvLimits) {
  const { firstChannel = 0, halfFilter = false } = limits
  const { batch, inHeight, inWidth, inChannels, outChannels, kernelHeight, kernelWidth, groups } = problem
  const channels = firstChannel + inChannels
  const filter = [outChannels, inChannels / groups, kernelHeight, kernelWidth]
  const values = noise(filterRows(problem) * outChannels)
  const weight = packConvWeight(device, values, filter, {
    label: 'trial.filter',
    precision: halfFilter ? 'f16' : 'f32',
  })
  const shape = [batch, inHeight, inWidth, channels]
  const input = device.tensor(images(batch * inHeight * inWidth * channels, limits), shape, 'trial.input')
  return { input, weight, firstChannel }
}

/** The same, as images are stored. */
function images(count: number, { halfImages = false }: ConvLimits): Float32Array | Uint16Array {
  return halfImages ? toHalf(noise(count)) : noise(count)
}

/** Numbers in -1..1, always the same: no special values, no zeros that a driver could skip. */
function noise(count: number): Float32Array {
  let state = 1
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state / 0x80000000
  })
}

/** The result on the host; what a plan does not write is NaN. */
async function resultOf(device: Device, record: (r: Recorder) => GpuTensor): Promise<Float32Array> {
  const program = await runOnce(device, (r) => convert(r, record(r), 'f32'))
  const values = await device.readF32(program.result)
  program.destroy()
  return values
}

async function timeOf(device: Device, record: (r: Recorder) => GpuTensor, best: number): Promise<number> {
  const program = await capture(device, record)
  try {
    const sample = async (runs: number) => {
      const start = performance.now()
      for (let run = 0; run < runs; run++) program.run()
      await device.guard(device.gpu.queue.onSubmittedWorkDone())
      return (performance.now() - start) / runs
    }
    const first = await sample(1)
    if (first > Math.max(hopeless * best, sampleMilliseconds)) return first
    const runs = Math.min(mostRuns, Math.ceil(sampleMilliseconds / first))
    const samples: number[] = []
    for (let k = 0; k < sampleCount; k++) samples.push(await sample(runs))
    return samples.sort((a, b) => a - b)[sampleCount >> 1] ?? first
  } finally {
    program.destroy()
  }
}

function isClose(found: Float32Array, expected: Float32Array, tolerance: number): boolean {
  let largest = 0
  let difference = 0
  for (let i = 0; i < expected.length; i++) {
    const value = expected[i] ?? 0
    const distance = Math.abs((found[i] ?? 0) - value)
    if (Number.isNaN(distance)) return false
    largest = Math.max(largest, Math.abs(value))
    difference = Math.max(difference, distance)
  }
  return difference <= tolerance * largest
}

/** Errors that say that this plan does not go here, not that something is broken. */
function cannotRun(error: unknown): boolean {
  return [ShaderError, FeatureError, ShapeError, BindingError, OutOfMemoryError].some((kind) => error instanceof kind)
}
