// The log of a training run, as the trainer and mmcv's TextLoggerHook write it: JSON lines (`TIME.log.json`), the first with
// the run's facts, then one per interval with the mode `train` or `val`.

/** Values over the course of a training run. */
export interface TrainingLog {
  /** One per line of the log, in order. */
  readonly train: readonly LoggedStep[]
  /** After epochs, on clips that the training does not see. */
  readonly held: readonly LoggedStep[]
  /** Iterations in an epoch, as far as the log shows. */
  readonly iterationsPerEpoch: number
}

export interface LoggedStep {
  /** Epochs since the start, with the part of the present one. */
  readonly epoch: number
  /** By the log's names: `loss`, `loss_rpn_cls`, `lr`, `grad_norm`, `success` ... */
  readonly values: Readonly<Record<string, number>>
}
