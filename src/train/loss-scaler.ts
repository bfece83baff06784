// The scale of the loss in half precision: multiplied by it, gradients that would vanish among half precision's smallest numbers
// survive the backward pass; divided by it in float32, they are themselves again. Too large a scale shows as gradients that are
// not finite: such an update is left out. A dynamic scale then is lowered, and raised again after long enough without.
// Sources: Micikevicius et al., arXiv:1710.03740; torch/cuda/amp/grad_scaler.py and _amp_update_scale_ of PyTorch;
// Fp16OptimizerHook of mmcv (runner/hooks/optimizer.py), which keeps a scale that is a number.

import { CheckpointError } from '../formats/errors.ts'
import { fromFloat32, type StateDict, toFloat32, toTypedArray } from '../formats/state-dict.ts'
import type { AdapterFacts } from '../gpu/adapter.ts'
import { FeatureError } from '../gpu/errors.ts'
import type { Config, Fp16Config } from '../siamrpn/config.ts'

/** How GradScaler changes its scale, in its words. */
interface Growth {
  readonly growth_interval: number
  readonly growth_factor: number
  readonly backoff_factor: number
}

/** GradScaler's defaults. */
const defaults = { init_scale: 65536, growth_interval: 2000, growth_factor: 2, backoff_factor: 0.5 } as const

/** Names in a checkpoint, beside the optimizer's state. */
const keys = {
  scale: 'loss_scaler.scale',
  grown: 'loss_scaler.growth_tracker',
  skipped: 'loss_scaler.skipped',
  inARow: 'loss_scaler.skipped_in_a_row',
} as const

/** @throws FeatureError for a configuration with `fp16` on an adapter without half precision */
export function checkHalfPrecision({ description, features }: AdapterFacts, { fp16 }: Pick<Config, 'fp16'>): void {
  if (fp16 === null || features.has('shader-f16')) return
  throw new FeatureError(
    `fp16 of the configuration needs the feature \`shader-f16\`, which the adapter \`${description}\` does not have; ` +
      'without fp16 (--set fp16=null) training is in single precision',
  )
}

/** Whether state of training is of half precision. */
export function hasLossScale(state: StateDict): boolean {
  return state.has(keys.scale)
}

/** What became of the scale in a step. */
export interface LossScaling {
  /** What the step's loss was multiplied by. */
  readonly scale: number
  /** What the next step's loss will be multiplied by. */
  readonly nextScale: number
  /** Whether the gradients of the update that the step ends are not finite, so that nothing was updated. */
  readonly skipped: boolean
  /** Updates left out so far. */
  readonly skippedUpdates: number
  /** Those of them that came one after the other, up to now. */
  readonly skippedInARow: number
}

export class LossScaler {
  readonly #initial: number
  readonly #growth: Growth | undefined
  #scale: number
  /** Updates in a row since the scale was last changed. */
  #grown = 0
  #skipped = 0
  #skippedInARow = 0

  constructor({ loss_scale }: Fp16Config) {
    const given = typeof loss_scale === 'number' ? undefined : loss_scale === 'dynamic' ? defaults : loss_scale
    this.#growth = given
    this.#initial = Math.fround(typeof loss_scale === 'number' ? loss_scale : (given?.init_scale ?? 1))
    this.#scale = this.#initial
  }

  /** What the next step's loss is multiplied by: a float32. */
  get scale(): number {
    return this.#scale
  }

  /** What becomes of a step that only gathers gradients. */
  get gathering(): LossScaling {
    return this.#outcome(this.#scale, false)
  }

  /** Counts an update. @param finite whether all of its gradients were: otherwise nothing may have been updated */
  update(finite: boolean): LossScaling {
    const before = this.#scale
    if (finite) this.#skippedInARow = 0
    else {
      this.#skipped++
      this.#skippedInARow++
    }
    if (this.#growth) this.#adjust(this.#growth, finite)
    return this.#outcome(before, !finite)
  }

  /** What training needs to go on, beside the optimizer's state. */
  state(): StateDict {
    return new Map([
      [keys.scale, fromFloat32(Float32Array.of(this.#scale), [])],
      [keys.grown, integer(this.#grown)],
      [keys.skipped, integer(this.#skipped)],
      [keys.inARow, integer(this.#skippedInARow)],
    ])
  }

  /**
   * Goes on from such state; absent, or of training in single precision: from the start. A scale that is a number stays the
   * configuration's.
   * @throws CheckpointError for a scale that is none
   */
  load(state: StateDict | undefined): void {
    const saved = state?.get(keys.scale)
    const scale = saved === undefined ? this.#initial : (toFloat32(saved)[0] ?? Number.NaN)
    if (!(scale > 0 && Number.isFinite(scale))) {
      throw new CheckpointError(`State of training: \`${keys.scale}\` is ${scale}, expected a positive number`)
    }
    const count = (key: string) => {
      const tensor = state?.get(key)
      return tensor ? Number(toTypedArray(tensor)[0]) : 0
    }
    this.#scale = this.#growth ? scale : this.#initial
    this.#grown = count(keys.grown)
    this.#skipped = count(keys.skipped)
    this.#skippedInARow = count(keys.inARow)
  }

  /** `_amp_update_scale_`: the products are in double precision, the scale is a float32. */
  #adjust({ growth_interval, growth_factor, backoff_factor }: Growth, finite: boolean): void {
    if (!finite) {
      this.#scale = Math.fround(this.#scale * backoff_factor)
      this.#grown = 0
      return
    }
    this.#grown++
    if (this.#grown < growth_interval) return
    this.#grown = 0
    const larger = Math.fround(this.#scale * growth_factor)
    if (Number.isFinite(larger)) this.#scale = larger
  }

  #outcome(scale: number, skipped: boolean): LossScaling {
    const [skippedUpdates, skippedInARow] = [this.#skipped, this.#skippedInARow]
    return { scale, nextScale: this.#scale, skipped, skippedUpdates, skippedInARow }
  }
}

function integer(value: number) {
  return { dtype: 'i64', shape: [], data: new Uint8Array(BigInt64Array.of(BigInt(value)).buffer) } as const
}
