// Both gradients of a convolution.

export { type ConvInputGradientArgs, convInputGradient } from './conv-input-gradient.ts'
export { type ConvWeightGradientArgs, convWeightGradient } from './conv-weight-gradient.ts'
