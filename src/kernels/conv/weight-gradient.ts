// The gradient of a convolution's filter ("wgrad"): a matrix product whose inner dimension is the pixels of the whole batch,
//   dw[tap, c, o] = sum over pixels p of x[pixel(p, tap), c] * dy[p, o],
// in the filter's own packed layout, so that an optimizer updates the filter elementwise. Deterministic.

import type { Recorder } from '../../gpu/recorder.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { expectShape } from '../launch.ts'
import { batchSlices, sliceOf } from '../slices.ts'
import { ConvChoices } from './choices.ts'
import { depthwiseWeightGradient } from './depthwise.ts'
import { directWeightGradient } from './direct.ts'
import type { ConvWeight } from './filter.ts'
import { type ConvWindow, convProblem } from './geometry.ts'
import { narrowWeightGradient } from './narrow.ts'
import type { WeightGradientLaunch } from './partial-sums.ts'
import { planName } from './plan-name.ts'
import { registersWeightGradient } from './registers.ts'
import { subgroupWeightGradient } from './subgroup-weight-gradient.ts'
import { tiledWeightGradient } from './tiled.ts'
import { gradientSamples, type WeightGradientPlan, type WeightGradientVariant } from './weight-gradient-plan.ts'
import { winogradWeightGradient } from './winograd-weight-gradient.ts'

export interface ConvWeightGradientArgs extends ConvWindow {
  /** `[N, H, W, C]`, f32 or f16. */
  readonly input: GpuTensor
  /** Of the output, `[N, OH, OW, O]`, in the same precision; the result is f32 always. */
  readonly gradient: GpuTensor
  /** Its shape and panels alone matter. */
  readonly weight: ConvWeight
  /** The forward convolution read the `I` channels from this one on, of an input that has more. */
  readonly firstChannel?: number
  /** Whether Winograd's transforms may be used, whose rounding errors are larger. Default true. */
  readonly allowWinograd?: boolean
  /** How to compute it; default: what was measured on the device, else what `chooseWeightGradient` says. For tests and benches. */
  readonly plan?: WeightGradientPlan
  readonly label?: string
}

/**
 * The gradient of `conv2d` with respect to its filter, packed as `weight.tensor` is; channels that only fill a panel get zeros.
 * @throws ShapeError if the gradient's shape is not that of the convolution's output
 */
export function convWeightGradient(r: Recorder, args: ConvWeightGradientArgs): GpuTensor {
  const { input, gradient, weight, firstChannel, allowWinograd, label = 'conv2d.weight_gradient' } = args
  const problem = convProblem({ ...args, label })
  expectShape(label, gradient, [problem.batch, problem.outHeight, problem.outWidth, problem.outChannels], input.dtype)
  const output = r.alloc(weight.tensor.shape, 'f32', label)
  const limits = { allowWinograd, firstChannel, halfImages: input.dtype === 'f16' }
  const plan = args.plan ?? r.device.attached(ConvChoices).weightGradient(r.adapter, problem, limits)
  for (const slice of batchSlices(r.adapter, [input, gradient], gradientSamples(r.adapter, plan, problem, limits))) {
    launch(r, plan, {
      problem: { ...problem, batch: slice.count },
      weight,
      input: sliceOf(input, slice),
      gradient: sliceOf(gradient, slice),
      output,
      accumulate: slice.start > 0,
      firstChannel: firstChannel ?? 0,
      label,
    })
  }
  return output
}

/** Records what a variant is made of. */
type Launch<V extends WeightGradientVariant> = (
  r: Recorder,
  launch: WeightGradientLaunch,
  plan: WeightGradientPlan & { readonly variant: V },
) => void

const launches: { readonly [V in WeightGradientVariant]: Launch<V> } = {
  direct: directWeightGradient,
  tiled: tiledWeightGradient,
  registers: registersWeightGradient,
  subgroup: subgroupWeightGradient,
  narrow: narrowWeightGradient,
  winograd: winogradWeightGradient,
  depthwise: depthwiseWeightGradient,
}

function launch<V extends WeightGradientVariant>(
  r: Recorder,
  plan: WeightGradientPlan & { readonly variant: V },
  gradient: WeightGradientLaunch,
): void {
  r.inForm(planName(plan), () => launches[plan.variant](r, gradient, plan))
}
