// The public face of training a tracker: trainer, runner and its hooks' interface, schedule of learning rates, augmentation.

export type {
  CollageObject,
  CollageSource,
  DecodedPair,
  PairDataset,
  PairFrame,
  PairRequest,
  PixelSource,
  Xyxy,
} from './augmentation/pair.ts'
export { type PreparedBatch, type TrainInput, TrainPipeline } from './augmentation/train-pipeline.ts'
export type { TransformDraws } from './augmentation/train-transforms.ts'
export { WindowUpload } from './augmentation/window-upload.ts'
export { NonFiniteLossError, TrainerError, TrainingError, TrainSampleError } from './errors.ts'
export type { GradientExchange } from './gradient-exchange.ts'
export type { LogBuffer } from './log-buffer.ts'
export { LrSchedule, type Moment } from './lr-schedule.ts'
export type { PhasePlan } from './phase.ts'
export {
  type BatchSource,
  type Hook,
  type IterationTimes,
  type NamedBatch,
  type Position,
  type Run,
  Runner,
  type RunnerOptions,
  type Scores,
  type StepOutcome,
  type TrainedModel,
  type Trainee,
} from './runner.ts'
export { type Losses, type StepResult, type TrainBatch, Trainer, type TrainerOptions } from './trainer.ts'
