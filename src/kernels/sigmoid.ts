// The logistic function and its gradient, element by element.

import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectShape } from './launch.ts'
import { chooseWidth, mapKernel, sampleSize } from './map.ts'

/** `1 / (1 + exp(-input))`, any shape. */
export function sigmoid(r: Recorder, input: GpuTensor, label = 'sigmoid'): GpuTensor {
  expectShape('sigmoid', input, input.shape)
  return mapKernel(r, {
    shader: 'sigmoid',
    label,
    inputs: { input },
    shape: input.shape,
    width: chooseWidth(sampleSize(input)),
    flops: 4,
  })
}

export interface SigmoidGradientArgs {
  /** Of the output. */
  readonly gradient: GpuTensor
  /** What the forward pass gave. */
  readonly output: GpuTensor
  readonly label?: string
}

/** `gradient * output * (1 - output)`, any shape. @throws ShapeError if the shapes differ */
export function sigmoidGradient(r: Recorder, args: SigmoidGradientArgs): GpuTensor {
  const { gradient, output, label = 'sigmoid.gradient' } = args
  expectShape('sigmoidGradient', gradient, output.shape)
  expectShape('sigmoidGradient', output, output.shape)
  return mapKernel(r, {
    shader: 'sigmoid_gradient',
    label,
    inputs: { gradient, activation: output },
    shape: output.shape,
    width: chooseWidth(sampleSize(output)),
    flops: 3,
  })
}
