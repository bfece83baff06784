// Saves checkpoints every so many epochs or iterations, at the end and when training is interrupted, and deletes old ones.
// While gradients are being gathered over several batches, a checkpoint waits until the update has been made.
// Source: mmcv/runner/hooks/checkpoint.py.

import type { CheckpointConfig, Config, StateDict } from 'siamrpn'
import { DivergedError, TrainingCheckpointError } from './errors.ts'
import type { Hook, Run, Scores } from './runner.ts'
import { type TrainingFacts, writeTrainingCheckpoint } from './training-checkpoint.ts'
import type { WorkDir } from './work-dir.ts'

/** What checkpoints hold beside tensors and position; the evaluation hook changes it. */
export interface RunFacts {
  readonly seed: number
  best: TrainingFacts['best']
  scores: Scores | null
  /** Whether the epoch that has ended is still to be evaluated. */
  pendingEvaluation: boolean
}

export const checkpointDefaults: CheckpointConfig = {
  interval: 1,
  by_epoch: true,
  save_optimizer: true,
  max_keep_ckpts: -1,
  save_last: true,
}

export interface CheckpointHookOptions {
  /** Absent on the ranks that write nothing. */
  readonly workDir?: WorkDir | undefined
  readonly config: Config
  readonly facts: RunFacts
  /** Whether an epoch (from 0) will be evaluated after it is saved. */
  readonly willEvaluate?: (run: Run) => boolean
  /** Processes that train together. Default 1. */
  readonly ranks?: number
  /** Looks at what is about to be written; what it throws keeps it from being written. */
  readonly verify?: ((model: StateDict, optimizer: StateDict) => Promise<void>) | undefined
}

export class CheckpointHook implements Hook {
  readonly #options: CheckpointHookOptions
  readonly #settings: CheckpointConfig
  #due = false
  /** Iteration of the last checkpoint, and its name. */
  #saved: { readonly iteration: number; readonly name: string } | undefined

  constructor(options: CheckpointHookOptions) {
    this.#options = options
    this.#settings = options.config.checkpoint_config ?? checkpointDefaults
  }

  async afterIteration(run: Run): Promise<void> {
    const { by_epoch, interval } = this.#settings
    if (!by_epoch && interval > 0 && run.iteration % interval === 0) this.#due = true
    const epochEnds = run.innerIteration === run.iterationsPerEpoch
    if (!epochEnds) await this.#saveIfDue(run)
  }

  async afterEpoch(run: Run): Promise<void> {
    if (run.mode !== 'train') return
    const { by_epoch, interval, save_last } = this.#settings
    const last = run.epoch + 1 === run.maxEpochs
    if (by_epoch && interval > 0 && (run.epoch + 1) % interval === 0) this.#due = true
    if (save_last && last) this.#due = true
    this.#options.facts.pendingEvaluation = this.#options.willEvaluate?.(run) ?? false
    await this.#saveIfDue(run, last)
  }

  async afterRun(run: Run): Promise<void> {
    const wanted = run.interrupted || this.#settings.save_last
    if (wanted && run.iteration > run.startIteration && this.#saved?.iteration !== run.iteration) {
      this.#due = true
      await this.#saveIfDue(run)
    }
  }

  /** Writes the checkpoint of this very position again, with the facts as they are now. */
  async update(run: Run): Promise<void> {
    if (this.#saved?.iteration === run.iteration) await this.save(run, this.#saved.name)
  }

  /**
   * Writes a checkpoint of where training is.
   * @returns its path
   * @throws DivergedError if a value is not finite, TrainingCheckpointError; older checkpoints are untouched then
   */
  async save(run: Run, name: string): Promise<string> {
    const { workDir, config, facts, ranks = 1, verify } = this.#options
    const path = workDir?.file(name) ?? name
    const model = await run.trainer.modelState()
    const optimizer = this.#settings.save_optimizer ? await run.trainer.optimizerState() : new Map()
    checkFinite(run, model, optimizer)
    await verify?.(model, optimizer)
    if (!workDir) return path
    const { iterationsPerEpoch, position } = run
    const { batchSize } = run.trainer
    const saved = { ...facts, ...position, iterationsPerEpoch, batchSize, ranks }
    try {
      await writeTrainingCheckpoint(path, { model, optimizer, facts: saved }, config)
    } catch (cause) {
      if (!(cause instanceof TrainingCheckpointError)) throw cause
      const last = run.lastCheckpoint ? `the last one is ${run.lastCheckpoint}` : 'there is no earlier one'
      throw new TrainingCheckpointError(`${cause.message}; ${last}`, { cause })
    }
    return path
  }

  /** @param whatever also where gathered gradients are lost, because no update will follow */
  async #saveIfDue(run: Run, whatever = false): Promise<void> {
    if (!this.#due || !(run.trainer.betweenUpdates || whatever)) return
    const { epoch, iteration } = run.position
    const name = iteration === 0 ? `epoch_${epoch}` : `iter_${run.iteration}`
    const { workDir } = this.#options
    const path = await this.save(run, name)
    await workDir?.pointTo(name)
    this.#due = false
    this.#saved = { iteration: run.iteration, name }
    run.lastCheckpoint = path
    await this.#prune(run)
  }

  async #prune(run: Run): Promise<void> {
    const { workDir } = this.#options
    const keep = this.#settings.max_keep_ckpts
    if (keep < 1 || !workDir) return
    const older = (await workDir.checkpoints(run.iterationsPerEpoch)).filter(
      ({ iteration }) => iteration < run.iteration,
    )
    for (const { name } of older.slice(0, Math.max(0, older.length - (keep - 1)))) await workDir.remove(name)
  }
}

/** No checkpoint with values that are not finite is written: it would be resumed from, and good ones be deleted for it. */
function checkFinite(run: Run, model: StateDict, optimizer: StateDict): void {
  for (const [name, tensor] of [...model, ...optimizer]) {
    if (tensor.dtype !== 'f32' || isFinite32(tensor.data)) continue
    const last = run.lastCheckpoint ? `the last good one is ${run.lastCheckpoint}` : 'there is no earlier one'
    throw new DivergedError(
      `training has diverged: ${name} holds values that are not finite after iteration ${run.iteration}; no checkpoint ` +
        `was written, ${last}. A lower learning rate or gradient clipping (optimizer_config.grad_clip) may help`,
    )
  }
}

/** Whether all float32 values of these bytes are finite. */
function isFinite32(data: Uint8Array): boolean {
  const aligned = data.byteOffset % 4 === 0 ? data : new Uint8Array(data)
  const bits = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4)
  const exponent = 0x7f800000
  for (let i = 0; i < bits.length; i++) if (((bits[i] as number) & exponent) === exponent) return false
  return true
}
