// The public face of training networks: the tape and its ops, parameters, initialisation, layers and optimizers.

export { type Gradients, type Rule, Tape, type Tensor } from './autograd.ts'
export { ConvModule, type ConvModuleOptions, type ConvSpec } from './conv-module.ts'
export { ModuleStateError, OptimizerError } from './errors.ts'
export { fans, type InitDraws, kaimingNormal, xavier } from './init.ts'
export * as ops from './ops.ts'
export { Optimizer, type OptimizerSettings, type ParameterGroup, parameterGroups, type Update } from './optimizer.ts'
export { Parameter, type ParameterOptions, type ParameterSource } from './parameter.ts'
export { TrainableConv, type TrainableConvOptions, type TrainingMode } from './trainable-conv.ts'
