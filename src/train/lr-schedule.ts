// Learning-rate policies. `SiameseRPN`: a factor per epoch, piecewise exponential; `step` runs from its start towards its end
// without reaching it, `log` reaches its end in its last epoch. `CosineAnnealing`: half a cosine, by epoch or iteration, behind a
// linear rise.
// Sources: mmtrack/core/optimizer/sot_lr_updater.py (step_lr_interval, log_lr_interval = numpy.logspace);
// mmcv/runner/hooks/lr_updater.py (CosineAnnealingLrUpdaterHook, LrUpdaterHook.get_warmup_lr).
// In double precision engines and numpy may differ in the last bits; in float32, as the device applies it, the rate is the same.

import type { LrConfig } from '../siamrpn/config.ts'
import { TrainingError } from './errors.ts'

type SiameseRPNPolicy = Extract<LrConfig, { policy: 'SiameseRPN' }>
type CosinePolicy = Extract<LrConfig, { policy: 'CosineAnnealing' }>
type Interval = SiameseRPNPolicy['lr_configs'][number]

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

/** The factor of the cosine policy. */
export function cosineFactor(
  config: CosinePolicy,
  { epoch, iteration, maxEpochs, iterationsPerEpoch }: Moment,
): number {
  const { min_lr_ratio, by_epoch, warmup, warmup_iters, warmup_ratio } = config
  const progress = by_epoch ? epoch / maxEpochs : iteration / (maxEpochs * iterationsPerEpoch)
  const factor = min_lr_ratio + 0.5 * (1 - min_lr_ratio) * (Math.cos(Math.PI * progress) + 1)
  if (warmup === null || iteration >= warmup_iters) return factor
  return factor * (1 - (1 - iteration / warmup_iters) * (1 - warmup_ratio))
}

/** Learning rates of the parameter groups. */
export class LrSchedule {
  readonly #factor: (moment: Moment) => number

  /** @param config absent: the rates stay as they are */
  constructor(config: LrConfig | undefined) {
    if (config === undefined) this.#factor = () => 1
    else if (config.policy === 'CosineAnnealing') this.#factor = (moment) => cosineFactor(config, moment)
    else {
      const factors = lrFactors(config)
      this.#factor = ({ epoch }) => factorOf(factors, epoch)
    }
  }

  /** The rate of each group. @throws TrainingError for an epoch after the end of the schedule */
  rates(groups: readonly { readonly lr: number }[], moment: Moment): number[] {
    const factor = this.#factor(moment)
    return groups.map(({ lr }) => lr * factor)
  }
}

function factorOf(factors: readonly number[], epoch: number): number {
  const factor = factors[epoch]
  if (factor !== undefined) return factor
  throw new TrainingError(`lr_config has no learning rate for epoch ${epoch + 1}: it ends with ${factors.length}`)
}
