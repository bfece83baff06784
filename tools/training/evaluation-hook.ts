// Measures the model after epochs and keeps the best one. Sources: mmcv/runner/hooks/evaluation.py, mmtrack/core/evaluation.

import type { EvaluationConfig } from 'siamrpn'
import type { StateDict } from 'siamrpn/formats'
import { TrainingError } from 'siamrpn/train'
import type { CheckpointHook, RunFacts } from './checkpoint-hook.ts'
import type { Hook, Run, Scores } from './runner.ts'
import type { WorkDir } from './work-dir.ts'

/** Measures a model, by MMTracking's names: success, norm_precision, precision, all in percent. Undefined: it was broken off. */
export type Evaluate = (model: StateDict) => Promise<Scores | undefined>

export interface EvaluationHookOptions {
  readonly evaluate: Evaluate
  readonly config: EvaluationConfig
  readonly checkpoints: CheckpointHook
  readonly facts: RunFacts
  /** Absent on the ranks that write nothing. */
  readonly workDir?: WorkDir | undefined
  /** Told of the result. */
  readonly listeners: readonly Hook[]
}

/** Whether an epoch (from 0) is evaluated: from epoch `start` (from 1) on, every `interval` of them. */
export function evaluatesAfter({ start, interval }: EvaluationConfig, epoch: number): boolean {
  const done = epoch + 1
  return start === null ? done % interval === 0 : done >= start && (done - start) % interval === 0
}

/** Stands behind the checkpoint hook: what is measured has been saved before. */
export class EvaluationHook implements Hook {
  readonly #options: EvaluationHookOptions

  constructor(options: EvaluationHookOptions) {
    this.#options = options
  }

  /** Catches up on the evaluation that an earlier run did not come to. */
  async beforeRun(run: Run): Promise<void> {
    if (this.#options.facts.pendingEvaluation) await this.#evaluate(run, run.epoch)
  }

  async afterEpoch(run: Run): Promise<void> {
    if (run.mode !== 'train' || !evaluatesAfter(this.#options.config, run.epoch)) return
    await this.#evaluate(run, run.epoch + 1)
  }

  /** @param epochs epochs trained so far */
  async #evaluate(run: Run, epochs: number): Promise<void> {
    const { evaluate, facts, checkpoints, listeners } = this.#options
    const scores = await evaluate(await run.trainer.modelState())
    if (scores === undefined) return
    facts.scores = scores
    facts.pendingEvaluation = false
    for (const listener of listeners) await listener.afterEvaluation?.(run, scores)
    await this.#keepBest(run, scores, epochs)
    await checkpoints.update(run)
  }

  async #keepBest(run: Run, scores: Scores, epochs: number): Promise<void> {
    const { config, facts, checkpoints, workDir } = this.#options
    if (config.save_best === null) return
    const measure = config.save_best === 'auto' ? (Object.keys(scores)[0] ?? '') : config.save_best
    const value = scores[measure]
    if (value === undefined) {
      throw new TrainingError(
        `evaluation.save_best is ${measure}, but the evaluation gave ${Object.keys(scores).join(', ')}`,
      )
    }
    const before = facts.best
    const better = config.rule === 'less' ? value < (before?.value ?? Infinity) : value > (before?.value ?? -Infinity)
    if (!better) return
    const name = `best_${measure}_epoch_${epochs}`
    facts.best = { measure, value, file: name }
    await checkpoints.save(run, name)
    if (before !== null && before.file !== name) await workDir?.remove(before.file)
  }
}
