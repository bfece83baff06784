// What a launch of a convolution needs, whichever kernel does it, and how kernels are told of the epilogue:
//   y = activation(sum * scale[o] + bias[o] + residual)

import { ShapeError } from '../../gpu/errors.ts'
import type { Recorder } from '../../gpu/recorder.ts'
import type { Constants } from '../../gpu/shader.ts'
import { GpuTensor } from '../../gpu/tensor.ts'
import { type Activation, activationMax } from '../activation.ts'
import { fill } from '../elementwise.ts'
import { elementType } from '../launch.ts'
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

/** Bindings of the epilogue; what is absent gets a stand-in of its precision that the shader does not read. */
export function epilogueBindings(r: Recorder, conv: ConvLaunch): Record<string, GpuTensor> {
  const { scale, bias, residual, input } = conv
  const single = scale ?? bias ?? (input.dtype === 'f32' ? input : unread(r, conv))
  return { scale: scale ?? single, bias: bias ?? single, residual: residual ?? input }
}

/** A few numbers of single precision: the filter's first, as a filter may be above the binding limit, or zeros. */
function unread(r: Recorder, { weight, label }: ConvLaunch): GpuTensor {
  const { storage, dtype, byteOffset } = weight.tensor ?? weight.transformed
  return dtype === 'f32' ? new GpuTensor(storage, [4], dtype, byteOffset) : fill(r, [4], 0, `${label}.unread`)
}

/**
 * What makes a shader's `Stored` the type that the input has, and the residual: images and maps are all of one precision.
 * @param width elements that it holds
 */
export function inputAlias({ input }: Pick<ConvLaunch, 'input'>, width: 1 | 4): Constants {
  return { Stored: elementType(input, width) }
}

/** The same for shaders whose output may be of another precision: sums of parts that are added afterwards are always f32. */
export function imageAliases({ input, output }: Pick<ConvLaunch, 'input' | 'output'>): Constants {
  return { ...inputAlias({ input }, 4), Output: elementType(output, 4) }
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
