// The public entry: what a page or a Node program imports. Nothing here needs Node.

export { type Checkpoint, readCheckpoint } from './formats/checkpoint.ts'
export {
  BackboneOnlyError,
  CheckpointError,
  CheckpointWriteError,
  CorruptCheckpointError,
  StateDictMismatchError,
  TruncatedCheckpointError,
  UnsafePickleError,
  UnsupportedCheckpointError,
} from './formats/errors.ts'
export { readSafetensors, writeSafetensors } from './formats/safetensors.ts'
export { fromFloat32, type NamedTensor, type StateDict, toFloat32 } from './formats/state-dict.ts'
export { writeTorchZip } from './formats/torch-writer.ts'
export { type AdapterFacts, Device, type DeviceOptions, openDevice } from './gpu/device.ts'
export {
  ArgumentError,
  BindingError,
  DeviceClosedError,
  DeviceLostError,
  FeatureError,
  NoAdapterError,
  OutOfMemoryError,
  PrecisionError,
  ShaderError,
  ShapeError,
  SiamRpnError,
  WebGpuError,
} from './gpu/errors.ts'
export type { ExternalImage } from './gpu/external-image.ts'
export type { Precision } from './gpu/half.ts'
export { type CaptureOptions, capture, type Plan, type Profile, type Program, plan, runOnce } from './gpu/program.ts'
export type { Recorder } from './gpu/recorder.ts'
export type { DType, GpuTensor, TensorData } from './gpu/tensor.ts'
export type { ChoiceStore, ConvChoice } from './kernels/conv/benchmark.ts'
export {
  crossEntropyLoss,
  focalLoss,
  giouLoss,
  iouLoss,
  type Loss,
  l1Loss,
  smoothL1Loss,
} from './kernels/losses.ts'
export { type Gradients, type Rule, Tape, type Tensor } from './nn/autograd.ts'
export { ModuleStateError, OptimizerError } from './nn/errors.ts'
export * as ops from './nn/ops.ts'
export { Optimizer, type OptimizerSettings, type ParameterGroup, type Update } from './nn/optimizer.ts'
export { Parameter, type ParameterSource } from './nn/parameter.ts'
export type { TrainingMode } from './nn/trainable-conv.ts'
export {
  type Box,
  type CenterBox,
  type Corners,
  centerToBox,
  cornersToCenter,
  type InitBox,
  quadToCenter,
} from './siamrpn/boxes.ts'
export { ownConfig } from './siamrpn/checkpoint-model.ts'
export { testDatasetSchema } from './siamrpn/config/data.ts'
export type { ConfigProblem } from './siamrpn/config/problem.ts'
export type { ModelConfig } from './siamrpn/config/schema.ts'
export {
  type CheckpointConfig,
  type Config,
  type ConfigInput,
  type DataConfig,
  type EvaluationConfig,
  fromMMTracking,
  type IgnoredEntry,
  ignoredEntries,
  isBenchmark,
  type LogConfig,
  overrideConfig,
  parseConfig,
  parseTrackingConfig,
  type TestDatasetConfig,
  type TrackingConfig,
  type TrackingConfigOptions,
  type TrackingExtra,
  type TrainDatasetConfig,
  type WorkflowConfig,
} from './siamrpn/config.ts'
export { defaultModel, defaultModelName } from './siamrpn/default-model.ts'
export { BoxError, ClosedError, ConfigError, CropError, FrameError, SourceError } from './siamrpn/errors.ts'
export type { Frame, FrameShape, PixelFrame, RgbFrame } from './siamrpn/frame.ts'
export { type HeadLosses, headLoss } from './siamrpn/head-loss.ts'
export { type InitScheme, initialWeights } from './siamrpn/initial-weights.ts'
export { stateDictShapes } from './siamrpn/layout.ts'
export { hashKey, mix32, Random } from './siamrpn/random.ts'
export type { Draws } from './siamrpn/sampler.ts'
export type { Frames, Shot } from './siamrpn/shots.ts'
export type { HeadMaps } from './siamrpn/siamese-rpn-head.ts'
export { type CheckpointSource, type FetchOptions, readSource, sourceName } from './siamrpn/source.ts'
export type { KernelBenchmark } from './siamrpn/steps.ts'
export { openSweep, type Sweep, type SweepCounts, type TrackRule } from './siamrpn/sweep.ts'
export type { Target, TargetGroup, TrackResult } from './siamrpn/target.ts'
export { emptyTargets, releaseTargets, type TargetTensors, writeTargets } from './siamrpn/target-tensors.ts'
export { TargetBuilder, type TargetSample, type Targets } from './siamrpn/targets.ts'
export type { TeachOptions, TeachProgress } from './siamrpn/teach.ts'
export { TeachError, type TeachExample } from './siamrpn/teach-examples.ts'
export { type CreateOptions, type LoadOptions, type LoadProgress, SiamRPN } from './siamrpn/tracker.ts'
export {
  type StatisticTensor,
  type TrainableLosses,
  type TrainableOutput,
  TrainableSiamRPN,
  type TrainingImages,
} from './siamrpn/trainable.ts'
export { type EpochMode, epochMode, type ModeConfig } from './siamrpn/training-mode.ts'
