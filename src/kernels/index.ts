// The public face of the ops: each records its dispatches into a recorder and returns its output's tensor, forward and backward.

export type { Precision } from '../gpu/half.ts'
export type { Activation, Rectifier } from './activation.ts'
export { type GlobalAveragePoolGradientArgs, globalAveragePool, globalAveragePoolGradient } from './average-pool.ts'
export {
  type BatchNormGradients,
  type BatchNormNormaliseArgs,
  type BatchNormTrainArgs,
  type BatchNormTrained,
  type BatchNormTrainGradientArgs,
  batchNormNormalise,
  batchNormTrain,
  batchNormTrainGradient,
  type FrozenBatchNormGradientArgs,
  frozenBatchNormGradient,
} from './batch-norm.ts'
export { type BenchmarkOptions, benchmarkConvs, type ChoiceStore, type ConvChoice } from './conv/benchmark.ts'
export type { DepthwisePlan, DepthwiseWeightPlan } from './conv/depthwise-plan.ts'
export {
  type ConvFilter,
  type ConvWeight,
  type PackOptions,
  packConvWeight,
  releaseConvWeight,
  type TransformedWeight,
  unpackConvWeight,
} from './conv/filter.ts'
export { type Conv2dArgs, conv2d } from './conv/forward.ts'
export { indexedDbStore } from './conv/indexed-db-store.ts'
export { type ConvInputGradientArgs, convInputGradient } from './conv/input-gradient.ts'
export type { ChannelsPerLane, ConvPlan, MatrixShape, Tile } from './conv/plan.ts'
export { type ConvWeightGradientArgs, convWeightGradient } from './conv/weight-gradient.ts'
export type { WeightGradientPlan } from './conv/weight-gradient-plan.ts'
export {
  type DepthwiseCorrelationArgs,
  type DepthwiseCorrelationGradientArgs,
  type DepthwiseCorrelationGradients,
  depthwiseCorrelation,
  depthwiseCorrelationGradient,
} from './correlation.ts'
export { type CropResizeArgs, cropResize, type PackedFrame, type PixelFormat } from './crop-resize.ts'
export type { DecodeRule } from './decode-best.ts'
export {
  type AddArgs,
  add,
  convert,
  convertInto,
  fill,
  type ReluGradientArgs,
  relu,
  relu6,
  reluGradient,
  type ScaleArgs,
  type SigmoidGradientArgs,
  scale,
  sigmoid,
  sigmoidGradient,
} from './elementwise.ts'
export {
  type CrossEntropyLossArgs,
  crossEntropyLoss,
  type FocalLossArgs,
  focalLoss,
  type GIoULossArgs,
  giouLoss,
  type IoULossArgs,
  iouLoss,
  type Loss,
  l1Loss,
  type RegressionLossArgs,
  type SmoothL1LossArgs,
  smoothL1Loss,
} from './losses.ts'
export {
  type BatchNormStatistics,
  type FoldedBatchNorm,
  type FrozenBatchNormArgs,
  foldBatchNorm,
  frozenBatchNorm,
} from './norm.ts'
export type { Normalisation } from './normalisation.ts'
export {
  type AccumulateArgs,
  type AdamWArgs,
  accumulateGradient,
  adamWUpdate,
  clipFactor,
  type SgdArgs,
  sgdUpdate,
  squaredSums,
} from './optimizer.ts'
export {
  type BilinearResizeArgs,
  type BilinearResizeGradientArgs,
  bilinearResize,
  bilinearResizeGradient,
  type NearestResizeArgs,
  type NearestResizeGradientArgs,
  nearestResize,
  nearestResizeGradient,
  type ResizeTarget,
} from './resize.ts'
export type { SampleRange } from './samples.ts'
export { type SoftmaxCrossEntropyArgs, softmaxCrossEntropy } from './softmax-loss.ts'
export {
  type CenterCropArgs,
  type CenterCropGradientArgs,
  centerCrop,
  centerCropGradient,
  type MaxPoolArgs,
  type MaxPoolGradientArgs,
  maxPool,
  maxPoolGradient,
} from './spatial.ts'
export {
  type WeightedSumArgs,
  type WeightedSumGradientArgs,
  type WeightedSumGradients,
  weightedSum,
  weightedSumGradient,
} from './weighted-sum.ts'
