// What a launch of a convolution needs, whichever kernel does it, and how kernels are told of the epilogue:
//   y = activation(sum * scale[o] + bias[o] + residual)

import { ShapeError } from '../../gpu/errors.ts'
import type { Constants } from '../../gpu/shader.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { type Activation, activationMax } from '../activation.ts'
import type { ConvFilter } from './filter.ts'
import { type ConvProblem, convFlops } from './geometry.ts'

export interface Epilogue {
  /** `[O]` */
  readonly scale: GpuTensor | undefined
  /** `[O]` */
  readonly bias: GpuTensor | undefined
  /** Of the output's shape. */
  readonly residual: GpuTensor | undefined
  readonly activation: Activation
}

/** The sums as they are. */
export const noEpilogue: Epilogue = { scale: undefined, bias: undefined, residual: undefined, activation: 'none' }

/** Everything one launch needs, for a slice of the batch. */
export interface ConvLaunch extends Epilogue {
  readonly problem: ConvProblem
  readonly weight: ConvFilter
  readonly input: GpuTensor
  readonly output: GpuTensor
  /** The input's first channel that is read; its channels may be more than the filter takes. */
  readonly firstChannel: number
  readonly label: string
}

/** Bindings of the epilogue; what is absent gets a stand-in that the shader does not read. */
export function epilogueBindings({ scale, bias, residual, input }: ConvLaunch): Record<string, GpuTensor> {
  return { scale: scale ?? input, bias: bias ?? input, residual: residual ?? input }
}

/** Constants of the epilogue. */
export function epilogueConstants({ scale, bias, residual, activation }: Epilogue): Constants {
  return {
    HAS_SCALE: scale !== undefined,
    HAS_BIAS: bias !== undefined,
    HAS_RESIDUAL: residual !== undefined,
    ACTIVATION_MAX: activationMax(activation),
  }
}

/** The same as parameters, for shaders that serve every layer. */
export function epilogueParams({ scale, bias, residual, activation }: Epilogue): Record<string, number> {
  return {
    has_scale: scale ? 1 : 0,
    has_bias: bias ? 1 : 0,
    has_residual: residual ? 1 : 0,
    activation_max: activationMax(activation),
  }
}

/** FLOPs, and the bytes if everything were moved once. */
export function convCost({ problem, input, weight, output, residual }: ConvLaunch): { flops: number; bytes: number } {
  const filter = weight.tensor ?? weight.transformed
  const bytes = input.bytes + filter.bytes + output.bytes + (residual?.bytes ?? 0)
  return { flops: convFlops(problem), bytes }
}

/** The filter as it was packed. @throws ShapeError if only Winograd's transform of it was kept */
export function packedFilter({ weight, label }: Pick<ConvLaunch, 'weight' | 'label'>): GpuTensor {
  if (weight.tensor) return weight.tensor
  throw new ShapeError(
    `${label}: this plan reads the packed filter, but \`${weight.transformed.label}\` was kept transformed alone`,
  )
}
