// The learning-rate policy `SiameseRPN`: a factor per epoch, piecewise exponential. `step` runs from its start towards its end
// without reaching it, `log` reaches its end in its last epoch.
// Source: mmtrack/core/optimizer/sot_lr_updater.py (step_lr_interval, log_lr_interval = numpy.logspace).
// Powers are correctly rounded, as a C library's; numpy with AVX-512 instructions is off by one unit in the last place now
// and then. In float32, as the device applies it, the rate is the same.

import type { LrConfig } from '../siamrpn/config.ts'
import { TrainingError } from './errors.ts'
import { exactLog10, exactPower } from './exact-power.ts'

type Interval = LrConfig['lr_configs'][number]

/** The factor of every epoch, from epoch 0 to the last interval's `end_epoch`, that one excluded. */
export function lrFactors({ lr_configs }: LrConfig): number[] {
  const factors: number[] = []
  for (const interval of lr_configs) factors.push(...intervalFactors(interval, interval.end_epoch - factors.length))
  return factors
}

function intervalFactors({ type, start_lr_factor: start, end_lr_factor: end }: Interval, epochs: number): number[] {
  const indices = Array.from({ length: epochs }, (_, i) => i)
  if (type === 'step') {
    const ratio = exactPower(end / start, 1 / epochs)
    return indices.map((i) => start * exactPower(ratio, i))
  }
  const [first, last] = [exactLog10(start), exactLog10(end)]
  const step = (last - first) / (epochs - 1)
  return indices.map((i) => exactPower(10, i === 0 ? first : i === epochs - 1 ? last : i * step + first))
}

/** Learning rates of the parameter groups, epoch by epoch. */
export class LrSchedule {
  readonly #factors: readonly number[] | undefined

  /** @param config absent: the rates stay as they are */
  constructor(config: LrConfig | undefined) {
    this.#factors = config && lrFactors(config)
  }

  /** @param epoch counted from 0 @throws TrainingError for an epoch after the end of the schedule */
  factor(epoch: number): number {
    if (this.#factors === undefined) return 1
    const factor = this.#factors[epoch]
    if (factor === undefined) {
      throw new TrainingError(
        `lr_config has no learning rate for epoch ${epoch + 1}: it ends with ${this.#factors.length}`,
      )
    }
    return factor
  }

  /** The rate of each group in this epoch. */
  rates(groups: readonly { readonly lr: number }[], epoch: number): number[] {
    const factor = this.factor(epoch)
    return groups.map(({ lr }) => lr * factor)
  }
}
