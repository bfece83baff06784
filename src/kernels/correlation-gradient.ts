// Gradient of the depthwise cross-correlation with respect to both of its inputs, sample by sample:
//   dx = full correlation of the gradient with the kernel;  dk = correlation of the input with the gradient as its kernel.

import type { AdapterFacts } from '../gpu/device.ts'
import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { Constants } from '../gpu/shader.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { chunkTotal } from './chunks.ts'
import {
  type CorrelationProblem,
  chooseCorrelation,
  correlate,
  depthwiseCorrelation,
  maxRollingTaps,
} from './correlation.ts'
import { expectShape, type ImageShape, imageShape, kernel as kernelSpec, linearGrid } from './launch.ts'
import { batchSlices, sliceOf } from './slices.ts'

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
  const x = imageShape('depthwiseCorrelationGradient', input)
  const k = imageShape('depthwiseCorrelationGradient', kernel)
  if (k.batch !== x.batch || k.channels !== x.channels || k.height > x.height || k.width > x.width) {
    throw new ShapeError(
      `depthwiseCorrelationGradient: kernel \`${kernel.label}\` [${kernel.shape}] does not fit input ` +
        `\`${input.label}\` [${input.shape}]`,
    )
  }
  expectShape('depthwiseCorrelationGradient', gradient, [
    x.batch,
    x.height - k.height + 1,
    x.width - k.width + 1,
    x.channels,
  ])
  return {
    input: inputGradient(r, { gradient, input, kernel, label }, k),
    kernel: kernelGradient(r, { gradient, input, kernel, label }, { x, k }),
  }
}

function inputGradient(r: Recorder, args: Required<DepthwiseCorrelationGradientArgs>, k: ImageShape): GpuTensor {
  const { gradient, kernel, label } = args
  const { height, width, channels } = imageShape('depthwiseCorrelationGradient', gradient)
  const problem = { height, width, channels, kernelHeight: k.height, kernelWidth: k.width, full: true }
  const plan = chooseCorrelation(r.adapter, problem)
  const output = r.alloc(args.input.shape, 'f32', `${label} input`)
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

const workgroup = 64

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
  if (!plan || plan.parts * kernel.bytes > r.adapter.maxBindingBytes || kernel.size > mostColumns) {
    return depthwiseCorrelation(r, { input, kernel: gradient, label })
  }
  const { parts, constants } = plan
  const partial = r.alloc([parts, ...kernel.shape], 'f32', `${label} kernel`)
  for (const slice of batchSlices(r.adapter, [input, gradient])) {
    const cut = { input: sliceOf(input, slice), gradient: sliceOf(gradient, slice) }
    const count = slice.count * parts * x.channels
    r.dispatch({
      kernel: kernelSpec('depthwise_correlation_kernel_gradient', constants),
      label,
      workgroups: linearGrid(r.adapter, count, workgroup),
      bindings: { ...cut, partial, params: { count, batch: x.batch, first_sample: slice.start } },
      flops: 2 * cut.gradient.size * k.height * k.width,
      bytes: cut.input.bytes + cut.gradient.bytes + (partial.bytes * slice.count) / x.batch,
    })
  }
  if (parts === 1) return partial.reshape(kernel.shape)
  const columns = { channels: kernel.size, chunks: parts }
  return chunkTotal(r, columns, { partial, planes: 1, plane: 0 }, `${label} kernel`).reshape(kernel.shape)
}
