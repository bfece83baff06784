// The gradient of a convolution's filter ("wgrad"): a matrix product whose inner dimension is the pixels of the whole batch,
//   dw[tap, c, o] = sum over pixels p of x[pixel(p, tap), c] * dy[p, o],
// in the filter's own packed layout, so that an optimizer updates the filter elementwise. Deterministic.

import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { ConvProblem } from './conv-plan.ts'
import type { ConvWeight } from './conv-weight.ts'
import { depthwise, direct, lanes, subgroup, tiled, type WeightGradientLaunch } from './conv-weight-gradient-launch.ts'
import {
  chooseWeightGradient,
  directPlan,
  gradientSamples,
  subgroupPlan,
  type WeightGradientPlan,
} from './conv-weight-gradient-plan.ts'
import { convProblem } from './conv2d.ts'
import { expectShape } from './launch.ts'
import { batchSlices, sliceOf } from './slices.ts'
import { winogradGradient } from './winograd-weight-gradient.ts'

export interface ConvWeightGradientArgs {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** Of the output, `[N, OH, OW, O]`. */
  readonly gradient: GpuTensor
  /** Its shape and panels alone matter. */
  readonly weight: ConvWeight
  /** Default 1. */
  readonly stride?: number
  /** One number, or rows and columns. Default 0. */
  readonly padding?: number | readonly [number, number]
  /** Default 1. */
  readonly dilation?: number
  /** Default 1. */
  readonly groups?: number
  /** The forward convolution read the `I` channels from this one on, of an input that has more. */
  readonly firstChannel?: number
  /** Whether Winograd's transforms may be used, whose rounding errors are larger. Default true. */
  readonly winograd?: boolean
  /** How to compute it; default: what `chooseWeightGradient` says. For tests and benches. */
  readonly plan?: WeightGradientPlan
  readonly label?: string
}

/**
 * The gradient of `conv2d` with respect to its filter, packed as `weight.tensor` is; channels that only fill a panel get zeros.
 * @throws ShapeError if the gradient's shape is not that of the convolution's output
 */
export function convWeightGradient(r: Recorder, args: ConvWeightGradientArgs): GpuTensor {
  const { input, gradient, weight, firstChannel = 0, label = 'conv2d.weight_gradient' } = args
  const problem = convProblem({ ...args, plan: undefined, label })
  expectShape(label, gradient, [problem.batch, problem.outHeight, problem.outWidth, problem.outChannels])
  const output = r.alloc(weight.tensor.shape, 'f32', label)
  const plan = args.plan ?? choosePlan(r, args, problem)
  for (const slice of batchSlices(r.adapter, [input, gradient], gradientSamples(r.adapter, plan, problem))) {
    launch(r, plan, {
      problem: { ...problem, batch: slice.count },
      weight,
      input: sliceOf(input, slice),
      gradient: sliceOf(gradient, slice),
      output,
      accumulate: slice.start > 0,
      firstChannel,
      label,
    })
  }
  return output
}

/** Views of some channels go to kernels that can read them. */
function choosePlan(
  { adapter }: Recorder,
  { firstChannel, winograd = true }: ConvWeightGradientArgs,
  problem: ConvProblem,
): WeightGradientPlan {
  const chosen = chooseWeightGradient(adapter, problem)
  if (chosen.variant === 'depthwise') return chosen
  if (firstChannel !== undefined && firstChannel % 4 !== 0) return directPlan(adapter, problem)
  const plain = !winograd || firstChannel !== undefined
  return chosen.variant === 'winograd' && plain ? subgroupPlan(adapter, problem) : chosen
}

function launch(r: Recorder, plan: WeightGradientPlan, conv: WeightGradientLaunch): void {
  if (plan.variant === 'subgroup') subgroup(r, conv, plan)
  else if (plan.variant === 'winograd') winogradGradient(r, conv, plan)
  else if (plan.variant === 'lanes') lanes(r, conv, plan)
  else if (plan.variant === 'tiled') tiled(r, conv, plan)
  else if (plan.variant === 'depthwise') depthwise(r, conv, plan)
  else direct(r, conv, plan)
}
