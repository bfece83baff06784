// The public face of training networks: the tape and its ops, parameters, initialisation, layers and optimizers.

export { type Gradients, type Rule, Tape, type TapeOptions, type Tensor } from './autograd.ts'
export {
  type ConvForward,
  ConvModule,
  type ConvModuleOptions,
  type ConvSpec,
  type WeightSource,
} from './conv-module.ts'
export { ModuleStateError, OptimizerError } from './errors.ts'
export {
  type FilterShape,
  fans,
  type InitDraws,
  type KaimingOptions,
  kaiming,
  type XavierOptions,
  xavier,
} from './init.ts'
export * as ops from './ops.ts'
export {
  type AdamWSettings,
  type Optimized,
  Optimizer,
  type OptimizerSettings,
  type ParameterGroup,
  type ParameterState,
  parameterGroups,
  type SgdSettings,
  type Update,
} from './optimizer.ts'
export { Parameter, type ParameterOptions, type ParameterSource } from './parameter.ts'
export {
  TrainableConv,
  type TrainableConvOptions,
  type TrainableForward,
  type TrainableNorm,
  type TrainingMode,
} from './trainable-conv.ts'
