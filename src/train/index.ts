// The public face of training a tracker: trainer, schedule of learning rates, augmentation.

export type { DecodedPair, PairFrame, PairSample, Xyxy } from './augmentation/pair.ts'
export { type PreparedBatch, type TrainInput, TrainPipeline } from './augmentation/train-pipeline.ts'
export type { TransformDraws } from './augmentation/train-transforms.ts'
export { WindowUpload } from './augmentation/window-upload.ts'
export { TrainerError, TrainingError, TrainSampleError } from './errors.ts'
export type { GradientExchange } from './gradient-exchange.ts'
export { checkHalfPrecision, hasLossScale, type LossScaling } from './loss-scaler.ts'
export { LrSchedule, type Moment } from './lr-schedule.ts'
export type { PhasePlan } from './phase.ts'
export { type Losses, type StepResult, type TrainBatch, Trainer, type TrainerOptions } from './trainer.ts'
