// Depthwise cross-correlation of SiamRPN++: each sample of the search features with its own template features as the kernel, and
// its gradient with respect to both, sample by sample:
//   dx = full correlation of the gradient with the kernel;  dk = correlation of the input with the gradient as its kernel.
// Source: depthwise_correlation of MMTracking (siamese_rpn_head.py); Li et al., SiamRPN++, CVPR 2019, section 3.3.

import type { AdapterFacts } from '../gpu/device.ts'
import { ShapeError } from '../gpu/errors.ts'
import type { Params } from '../gpu/params.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { Constants } from '../gpu/shader.ts'
import { elementBytes, type GpuTensor } from '../gpu/tensor.ts'
import { chunkTotal } from './chunks.ts'
import { convert } from './elementwise.ts'
import {
  activationShape,
  elementType,
  expectShape,
  type ImageShape,
  kernel as kernelSpec,
  linearGrid,
} from './launch.ts'
import { batchSlices, sliceOf } from './slices.ts'

export interface DepthwiseCorrelationArgs {
  /** Search features `[N, H, W, C]`. */
  readonly input: GpuTensor
  /** Template features `[N, kh, kw, C]`. */
  readonly kernel: GpuTensor
  readonly label?: string
}

/** Sizes of one correlation, without the batch. */
export interface CorrelationProblem {
  readonly height: number
  readonly width: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly channels: number
  /** The gradient with respect to the input: the output is larger than the input by `kernel - 1`, zeros lie around it. */
  readonly full?: boolean
}

/** How to compute it: which shader, its constants, and invocations per sample. */
export interface CorrelationPlan {
  readonly shader: 'depthwise_correlation_rolling' | 'depthwise_correlation'
  readonly constants: Constants & { readonly WORKGROUP: number }
  readonly invocationsPerSample: number
  /** Uniform values besides the count. */
  readonly params: Params
}

const workgroup = 64

/** A kernel of more taps than this would not stay in registers. */
const maxRollingTaps = 49

/**
 * Outputs per invocation, at most. A software adapter wants few loads per FMA, hence tall tiles; wider ones are no faster
 * there and take long to compile. A GPU wants enough invocations to fill it: small tiles.
 */
const largestTile = { cpu: { rows: 32, columns: 5 }, gpu: { rows: 5, columns: 5 } } as const

/** The plan for a problem; pure. The rolling shader for kernels of at most 49 taps, else the plain one. */
export function chooseCorrelation(
  adapter: Pick<AdapterFacts, 'kind'>,
  { height, width, kernelHeight, kernelWidth, channels, full = false }: CorrelationProblem,
): CorrelationPlan {
  const outHeight = full ? height + kernelHeight - 1 : height - kernelHeight + 1
  const outWidth = full ? width + kernelWidth - 1 : width - kernelWidth + 1
  const constants = {
    WORKGROUP: workgroup,
    CHANNELS: channels,
    IN_H: height,
    IN_W: width,
    KERNEL_H: kernelHeight,
    KERNEL_W: kernelWidth,
    FULL: full,
  }
  if (kernelHeight * kernelWidth > maxRollingTaps) {
    return {
      shader: 'depthwise_correlation',
      constants,
      invocationsPerSample: outHeight * outWidth * channels,
      params: { kernel_height: kernelHeight, kernel_width: kernelWidth },
    }
  }
  const { rows, columns } = largestTile[adapter.kind]
  const segments = Math.ceil(outHeight / rows)
  const strips = Math.ceil(outWidth / columns)
  return {
    shader: 'depthwise_correlation_rolling',
    constants: { ...constants, ROWS: Math.ceil(outHeight / segments), STRIP: Math.ceil(outWidth / strips) },
    invocationsPerSample: segments * strips * channels,
    params: {},
  }
}

/**
 * `y[n,i,j,c] = sum over u,v of input[n,i+u,j+v,c] * kernel[n,u,v,c]`: `[N, H - kh + 1, W - kw + 1, C]`.
 * @throws ShapeError if batch or channels differ, or the kernel is larger than the input
 */
export function depthwiseCorrelation(r: Recorder, args: DepthwiseCorrelationArgs): GpuTensor {
  const { input, kernel, label = 'depthwiseCorrelation' } = args
  const { x, k } = checkPair('depthwiseCorrelation', args)
  const plan = chooseCorrelation(r.adapter, { ...x, kernelHeight: k.height, kernelWidth: k.width })
  const output = r.alloc([x.batch, x.height - k.height + 1, x.width - k.width + 1, x.channels], input.dtype, label)
  correlate(r, plan, { input, kernel, output, label, multiplies: output.size * k.height * k.width })
  return output
}

/** Tensors of a correlation, forward or backward; the first dimension of all is the batch. */
interface CorrelationLaunch {
  readonly input: GpuTensor
  readonly kernel: GpuTensor
  readonly output: GpuTensor
  readonly label: string
  /** Multiplications of the whole batch. */
  readonly multiplies: number
}

/** Launches a plan, slice by slice of the batch. */
function correlate(r: Recorder, plan: CorrelationPlan, launch: CorrelationLaunch): void {
  const { input, kernel, output, label, multiplies } = launch
  const batch = output.shape[0] ?? 1
  for (const slice of batchSlices(r.adapter, [input, kernel, output])) {
    const parts = { input: sliceOf(input, slice), kernel: sliceOf(kernel, slice), output: sliceOf(output, slice) }
    const count = plan.invocationsPerSample * slice.count
    r.dispatch({
      kernel: kernelSpec(plan.shader, { ...plan.constants, Stored: elementType(output, 1) }),
      label,
      workgroups: linearGrid(r.adapter, count, plan.constants.WORKGROUP),
      bindings: { ...parts, params: { count, ...plan.params } },
      flops: (2 * multiplies * slice.count) / batch,
      bytes: parts.input.bytes + parts.kernel.bytes + parts.output.bytes,
    })
  }
}

function checkPair(
  op: string,
  { input, kernel }: DepthwiseCorrelationArgs,
): { readonly x: ImageShape; readonly k: ImageShape } {
  const [x, k] = [activationShape(op, input), activationShape(op, kernel)]
  if (
    kernel.dtype === input.dtype &&
    k.batch === x.batch &&
    k.channels === x.channels &&
    k.height <= x.height &&
    k.width <= x.width
  )
    return { x, k }
  throw new ShapeError(
    `${op}: kernel \`${kernel.label}\` [${kernel.shape}] does not fit input \`${input.label}\` ` +
      `[${input.shape}]: precision, batch and channels must be equal, height and width no larger`,
  )
}

export interface DepthwiseCorrelationGradientArgs {
  /** The gradient of the output, `[N, H - kh + 1, W - kw + 1, C]`. */
  readonly gradient: GpuTensor
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** `[N, kh, kw, C]` */
  readonly kernel: GpuTensor
  readonly label?: string
}

export interface DepthwiseCorrelationGradients {
  /** `[N, H, W, C]` */
  readonly input: GpuTensor
  /** `[N, kh, kw, C]` */
  readonly kernel: GpuTensor
}

/** Gradient of `depthwiseCorrelation`. @throws ShapeError if the shapes are not those of one correlation */
export function depthwiseCorrelationGradient(
  r: Recorder,
  args: DepthwiseCorrelationGradientArgs,
): DepthwiseCorrelationGradients {
  const { gradient, input, kernel, label = 'depthwiseCorrelationGradient' } = args
  const { x, k } = checkPair('depthwiseCorrelationGradient', args)
  expectShape(
    'depthwiseCorrelationGradient',
    gradient,
    [x.batch, x.height - k.height + 1, x.width - k.width + 1, x.channels],
    input.dtype,
  )
  return {
    input: inputGradient(r, { gradient, input, kernel, label }, k),
    kernel: kernelGradient(r, { gradient, input, kernel, label }, { x, k }),
  }
}

function inputGradient(r: Recorder, args: Required<DepthwiseCorrelationGradientArgs>, k: ImageShape): GpuTensor {
  const { gradient, kernel, label } = args
  const { height, width, channels } = activationShape('depthwiseCorrelationGradient', gradient)
  const problem = { height, width, channels, kernelHeight: k.height, kernelWidth: k.width, full: true }
  const plan = chooseCorrelation(r.adapter, problem)
  const output = r.alloc(args.input.shape, args.input.dtype, `${label} input`)
  const multiplies = gradient.size * k.height * k.width
  correlate(r, plan, { input: gradient, kernel, output, label, multiplies })
  return output
}

/** How to compute the kernel's gradient in registers. */
export interface KernelGradientPlan {
  readonly constants: Constants & { readonly WORKGROUP: number }
  /** Parts of a sample's gradient, each a sum of its own. */
  readonly parts: number
}

/**
 * Parts of a sample. A software adapter is busy with one invocation per channel and sample; a GPU wants many more, and every
 * part costs it a kernel's worth of workspace.
 */
const largestPart = { cpu: { rows: 64, strips: 16 }, gpu: { rows: 13, strips: 1 } } as const

const stripWidth = 5

/** Elements of the kernel's gradient whose parts one dispatch can add. */
const mostColumns = workgroup * 65535

/** The plan for a problem, pure; undefined if the kernel has too many taps for registers. */
export function chooseKernelGradient(
  adapter: Pick<AdapterFacts, 'kind'>,
  { height, width, kernelHeight, kernelWidth, channels }: CorrelationProblem,
): KernelGradientPlan | undefined {
  if (kernelHeight * kernelWidth > maxRollingTaps) return undefined
  const outHeight = height - kernelHeight + 1
  const outWidth = width - kernelWidth + 1
  const largest = largestPart[adapter.kind]
  const strips = Math.ceil(outWidth / stripWidth)
  const strip = Math.ceil(outWidth / strips)
  const partsAcross = Math.ceil(strips / largest.strips)
  const stripsPerPart = Math.ceil(strips / partsAcross)
  const segments = Math.ceil(outHeight / largest.rows)
  const rows = Math.ceil(outHeight / segments)
  return {
    constants: {
      WORKGROUP: workgroup,
      CHANNELS: channels,
      IN_H: height,
      IN_W: width,
      KERNEL_H: kernelHeight,
      KERNEL_W: kernelWidth,
      STRIP: strip,
      STRIPS_PER_PART: stripsPerPart,
      ROWS: rows,
    },
    parts: Math.ceil(outWidth / (strip * stripsPerPart)) * Math.ceil(outHeight / rows),
  }
}

interface Shapes {
  readonly x: ImageShape
  readonly k: ImageShape
}

function kernelGradient(
  r: Recorder,
  { gradient, input, kernel, label }: Required<DepthwiseCorrelationGradientArgs>,
  { x, k }: Shapes,
): GpuTensor {
  const plan = chooseKernelGradient(r.adapter, { ...x, kernelHeight: k.height, kernelWidth: k.width })
  if (!plan || plan.parts * kernel.size * elementBytes.f32 > r.adapter.maxBindingBytes || kernel.size > mostColumns) {
    return depthwiseCorrelation(r, { input, kernel: gradient, label })
  }
  const { parts, constants } = plan
  const partial = r.alloc([parts, ...kernel.shape], 'f32', `${label} kernel`)
  for (const slice of batchSlices(r.adapter, [input, gradient])) {
    const cut = { input: sliceOf(input, slice), gradient: sliceOf(gradient, slice) }
    const count = slice.count * parts * x.channels
    r.dispatch({
      kernel: kernelSpec('depthwise_correlation_kernel_gradient', { ...constants, Stored: elementType(gradient, 1) }),
      label,
      workgroups: linearGrid(r.adapter, count, workgroup),
      bindings: { ...cut, partial, params: { count, batch: x.batch, first_sample: slice.start } },
      flops: 2 * cut.gradient.size * k.height * k.width,
      bytes: cut.input.bytes + cut.gradient.bytes + (partial.bytes * slice.count) / x.batch,
    })
  }
  const columns = { channels: kernel.size, chunks: parts }
  const sum = parts === 1 ? partial : chunkTotal(r, columns, { partial, planes: 1, plane: 0 }, `${label} kernel`)
  return convert(r, sum.reshape(kernel.shape), kernel.dtype === 'f16' ? 'f16' : 'f32')
}
