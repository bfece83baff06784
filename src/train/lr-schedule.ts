// Learning-rate policies. `SiameseRPN`: a factor per epoch, piecewise exponential; `step` runs from its start towards its end
// without reaching it, `log` reaches its end in its last epoch. The others are mmcv's, by epoch or iteration, behind its warm-up.
// Sources: mmtrack/core/optimizer/sot_lr_updater.py (step_lr_interval, log_lr_interval = numpy.logspace);
// mmcv/runner/hooks/lr_updater.py (get_lr of each hook, annealing_cos, LrUpdaterHook.get_warmup_lr).
// In double precision engines and numpy may differ in the last bits; in float32, as the device applies it, the rate is the same.

import type { LrConfig } from '../siamrpn/config.ts'
import { TrainingError } from './errors.ts'

type SiameseRPNPolicy = Extract<LrConfig, { policy: 'SiameseRPN' }>
type Interval = SiameseRPNPolicy['lr_configs'][number]
/** A policy of mmcv. */
type Policy = Exclude<LrConfig, SiameseRPNPolicy>
type PolicyOf<Name extends Policy['policy']> = Extract<Policy, { policy: Name }>

/** Where training is. */
export interface Moment {
  /** From 0. */
  readonly epoch: number
  /** From 0, all epochs together. */
  readonly iteration: number
  /** Epochs of the whole schedule. */
  readonly maxEpochs: number
  readonly iterationsPerEpoch: number
}

/** The factor of every epoch, from epoch 0 to the last interval's `end_epoch`, that one excluded. */
export function lrFactors({ lr_configs }: SiameseRPNPolicy): number[] {
  const factors: number[] = []
  for (const interval of lr_configs) factors.push(...intervalFactors(interval, interval.end_epoch - factors.length))
  return factors
}

function intervalFactors({ type, start_lr_factor: start, end_lr_factor: end }: Interval, epochs: number): number[] {
  const indices = Array.from({ length: epochs }, (_, i) => i)
  if (type === 'step') {
    const ratio = (end / start) ** (1 / epochs)
    return indices.map((i) => start * ratio ** i)
  }
  const [first, last] = [Math.log10(start), Math.log10(end)]
  const step = (last - first) / (epochs - 1)
  return indices.map((i) => 10 ** (i === 0 ? first : i === epochs - 1 ? last : i * step + first))
}

/** The factor of a cosine that falls to a part of the optimizer's rate, warm-up included. */
export function cosineFactor(config: PolicyOf<'CosineAnnealing'>, moment: Moment): number {
  const { progress, end } = progressOf(config, moment)
  return annealed(1, config.min_lr_ratio ?? 0, progress / end) * warmUpFactor(config, moment)
}

/** The rate of a policy of mmcv, warm-up included. @param base the optimizer's own @throws TrainingError after its end */
function policyRate(config: Policy, base: number, moment: Moment): number {
  if (config.policy === 'CosineAnnealing' && config.min_lr === undefined) return base * cosineFactor(config, moment)
  return regularRate(config, base, moment) * warmUpFactor(config, moment)
}

/** How far training is, and where it ends, in epochs or iterations as the policy counts. */
function progressOf({ by_epoch }: Policy, { epoch, iteration, maxEpochs, iterationsPerEpoch }: Moment) {
  return by_epoch ? { progress: epoch, end: maxEpochs } : { progress: iteration, end: maxEpochs * iterationsPerEpoch }
}

/** The rate without a warm-up. */
function regularRate(config: Policy, base: number, moment: Moment): number {
  const { progress, end } = progressOf(config, moment)
  switch (config.policy) {
    case 'fixed':
      return base
    case 'step':
      return Math.max(base * config.gamma ** stepsMade(config.step, progress), config.min_lr ?? 0)
    case 'exp':
      return base * config.gamma ** progress
    case 'poly':
      return (base - config.min_lr) * (1 - progress / end) ** config.power + config.min_lr
    case 'inv':
      return base * (1 + config.gamma * progress) ** -config.power
    case 'CosineAnnealing':
      return annealed(base, lowestRate(config, base), progress / end)
    case 'CosineRestart':
      return restartRate(config, base, progress)
    case 'cyclic':
      return cyclicRate(config, base, progress, end)
  }
}

function stepsMade(step: number | readonly number[], progress: number): number {
  return typeof step === 'number' ? Math.floor(progress / step) : step.filter((each) => progress >= each).length
}

/** Half a cosine from `weight * start + (1 - weight) * end` to `end`, while `share` goes from 0 to 1. */
function annealed(start: number, end: number, share: number, weight = 1): number {
  return end + 0.5 * weight * (start - end) * (Math.cos(Math.PI * share) + 1)
}

function lowestRate({ min_lr, min_lr_ratio }: PolicyOf<'CosineAnnealing' | 'CosineRestart'>, base: number): number {
  return min_lr ?? base * (min_lr_ratio ?? 0)
}

function restartRate(config: PolicyOf<'CosineRestart'>, base: number, progress: number): number {
  let begin = 0
  for (const [i, period] of config.periods.entries()) {
    if (progress < begin + period) {
      return annealed(base, lowestRate(config, base), (progress - begin) / period, config.restart_weights[i])
    }
    begin += period
  }
  const unit = config.by_epoch ? 'epochs' : 'iterations'
  throw new TrainingError(`lr_config.periods end after ${begin} ${unit}, expected more than ${progress}`)
}

function cyclicRate(config: PolicyOf<'cyclic'>, base: number, iteration: number, end: number): number {
  const { target_ratio, cyclic_times, step_ratio_up } = config
  const [highest = 1, lowest = highest / 1e5] = typeof target_ratio === 'number' ? [target_ratio] : target_ratio
  const cycle = Math.floor(end / cyclic_times)
  if (cycle === 0) {
    throw new TrainingError(`lr_config.cyclic_times is ${cyclic_times}, expected at most ${end}, the iterations`)
  }
  const top = Math.trunc(step_ratio_up * cycle)
  const now = iteration % cycle
  return now < top
    ? annealed(base, base * highest, now / top)
    : annealed(base * highest, base * lowest, (now - top) / (cycle - top))
}

function warmUpFactor(config: Policy, { iteration, iterationsPerEpoch }: Moment): number {
  const { warmup, warmup_iters, warmup_ratio, warmup_by_epoch } = config
  const length = warmup_by_epoch ? warmup_iters * iterationsPerEpoch : warmup_iters
  if (warmup === null || iteration >= length) return 1
  const left = 1 - iteration / length
  if (warmup === 'constant') return warmup_ratio
  return warmup === 'linear' ? 1 - left * (1 - warmup_ratio) : warmup_ratio ** left
}

/** Learning rates of the parameter groups. */
export class LrSchedule {
  readonly #rate: (base: number, moment: Moment) => number

  /** @param config absent: the rates stay as they are */
  constructor(config: LrConfig | undefined) {
    if (config === undefined) this.#rate = (base) => base
    else if (config.policy === 'SiameseRPN') {
      const factors = lrFactors(config)
      this.#rate = (base, { epoch }) => base * factorOf(factors, epoch)
    } else this.#rate = (base, moment) => policyRate(config, base, moment)
  }

  /** The rate of each group. @throws TrainingError for a moment after the end of the schedule */
  rates(groups: readonly { readonly lr: number }[], moment: Moment): number[] {
    return groups.map(({ lr }) => this.#rate(lr, moment))
  }
}

function factorOf(factors: readonly number[], epoch: number): number {
  const factor = factors[epoch]
  if (factor !== undefined) return factor
  throw new TrainingError(`lr_config has no learning rate for epoch ${epoch + 1}: it ends with ${factors.length}`)
}
