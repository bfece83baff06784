// The launches behind conv2d: one function per tiled or direct shader. Winograd's products go through the subgroup launch too.

import { FeatureError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { Constants } from '../gpu/shader.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { type Activation, activationMax } from './activation.ts'
import { type ConvPlan, type ConvProblem, convFlops, outputPixels, SUBGROUP_LANES } from './conv-plan.ts'
import type { ConvWeight } from './conv-weight.ts'
import { kernel, linearGrid } from './launch.ts'

/** Everything one launch needs, for a slice of the batch. */
export interface ConvLaunch {
  readonly problem: ConvProblem
  readonly weight: ConvWeight
  readonly input: GpuTensor
  readonly output: GpuTensor
  readonly scale: GpuTensor | undefined
  readonly bias: GpuTensor | undefined
  readonly residual: GpuTensor | undefined
  readonly activation: Activation
  /** The input's first channel that is read; its channels may be more than the filter takes. */
  readonly firstChannel: number
  readonly label: string
}

const DIRECT_WORKGROUP = 64

/** Pixels and output channels that one subgroup computes (conv2d_subgroup.wgsl). */
const SUBGROUP_TILE = { pixels: 32, channels: 64 } as const

/** Bindings of the epilogue; what is absent gets a stand-in that the shader does not read. */
export function epilogueBindings({ scale, bias, residual, input }: ConvLaunch): Record<string, GpuTensor> {
  return { scale: scale ?? input, bias: bias ?? input, residual: residual ?? input }
}

/** Constants of the epilogue. */
export function epilogueConstants({ scale, bias, residual, activation }: ConvLaunch): Constants {
  return {
    HAS_SCALE: scale !== undefined,
    HAS_BIAS: bias !== undefined,
    HAS_RESIDUAL: residual !== undefined,
    ACTIVATION_MAX: activationMax(activation),
  }
}

/** The same as parameters, for shaders that take the epilogue as parameters. */
export function epilogueFlags({ scale, bias, residual, activation }: ConvLaunch): Record<string, number> {
  return {
    has_scale: scale ? 1 : 0,
    has_bias: bias ? 1 : 0,
    has_residual: residual ? 1 : 0,
    activation_max: activationMax(activation),
  }
}

/** FLOPs, and the bytes if everything were moved once. */
export function convCost({ problem, input, weight, output, residual }: ConvLaunch): { flops: number; bytes: number } {
  const bytes = input.bytes + weight.tensor.bytes + output.bytes + (residual?.bytes ?? 0)
  return { flops: convFlops(problem), bytes }
}

/** Parameters of the direct shaders, forward and backward. */
export function directGeometry({
  problem,
  input,
  weight,
  firstChannel,
}: Pick<ConvLaunch, 'problem' | 'input' | 'weight' | 'firstChannel'>): Record<string, number> {
  return {
    in_height: problem.inHeight,
    in_width: problem.inWidth,
    in_stride: input.shape[3] ?? 0,
    in_first: firstChannel,
    out_height: problem.outHeight,
    out_width: problem.outWidth,
    out_channels: problem.outChannels,
    panel: weight.panel,
    kernel_height: problem.kernelHeight,
    kernel_width: problem.kernelWidth,
    stride: problem.stride,
    padding_y: problem.paddingY,
    padding_x: problem.paddingX,
    dilation: problem.dilation,
    group_inputs: problem.inChannels / problem.groups,
    group_outputs: problem.outChannels / problem.groups,
  }
}

/** One output element per invocation. */
export function direct(r: Recorder, conv: ConvLaunch): void {
  const { input, weight, output, label } = conv
  r.dispatch({
    kernel: kernel('conv2d_direct', { WORKGROUP: DIRECT_WORKGROUP, ...epilogueConstants(conv) }),
    label,
    workgroups: linearGrid(r.adapter, output.size, DIRECT_WORKGROUP),
    bindings: {
      input,
      weight: weight.tensor,
      ...epilogueBindings(conv),
      output,
      params: {
        count: output.size,
        ...directGeometry(conv),
      },
    },
    ...convCost(conv),
  })
}

/** One batched GEMM through the subgroup kernel; `batches` products of equal size, one after the other in memory. */
export interface SubgroupLaunch {
  readonly conv: ConvLaunch
  /** `batches` filters, one after the other. */
  readonly weight: GpuTensor
  /** Output channels that lie together in each of them. */
  readonly panel: number
  readonly batches?: number
}

/** 32 pixels x 64 channels per subgroup. */
export function subgroup(r: Recorder, conv: ConvLaunch): void {
  subgroupProducts(r, { conv, weight: conv.weight.tensor, panel: conv.weight.panel })
}

/** Dispatches conv2d_subgroup: a convolution, or `batches` matrix products for Winograd. */
export function subgroupProducts(r: Recorder, { conv, weight, panel, batches = 1 }: SubgroupLaunch): void {
  const { problem, input, output, label } = conv
  requireLanes(r, label)
  const pixels = outputPixels(problem)
  const taps = problem.kernelHeight * problem.kernelWidth
  const { flops, bytes } = convCost(conv)
  r.dispatch({
    kernel: kernel('conv2d_subgroup'),
    label,
    workgroups: [
      Math.ceil(pixels / SUBGROUP_TILE.pixels),
      Math.ceil(problem.outChannels / SUBGROUP_TILE.channels),
      batches,
    ],
    bindings: {
      input,
      weight,
      ...epilogueBindings(conv),
      output,
      params: {
        pixels,
        in_height: problem.inHeight,
        in_width: problem.inWidth,
        in_channels4: problem.inChannels / 4,
        in_stride4: (input.shape[3] ?? 0) / 4,
        in_first4: conv.firstChannel / 4,
        out_height: problem.outHeight,
        out_width: problem.outWidth,
        out_channels4: problem.outChannels / 4,
        kernel_width: problem.kernelWidth,
        taps,
        stride: problem.stride,
        padding_y: problem.paddingY,
        padding_x: problem.paddingX,
        dilation: problem.dilation,
        input_batch: (problem.batch * problem.inHeight * problem.inWidth * problem.inChannels) / 4,
        filter_rows: taps * problem.inChannels,
        panel4: panel / 4,
        ...epilogueFlags(conv),
        sums: 2 * SUBGROUP_TILE.pixels,
      },
    },
    flops: flops * batches,
    bytes,
  })
}

/** Subgroup kernels pass operands among 8 lanes; fewer would give wrong sums. @throws FeatureError */
export function requireLanes({ adapter }: Recorder, label: string): void {
  if (adapter.features.has('subgroups') && adapter.subgroupMinSize >= SUBGROUP_LANES) return
  const found = adapter.features.has('subgroups') ? `subgroups of ${adapter.subgroupMinSize} lanes` : 'no subgroups'
  throw new FeatureError(
    `${label}: this plan needs subgroups of at least ${SUBGROUP_LANES} lanes; \`${adapter.description}\` has ${found}`,
  )
}

/** Through workgroup memory, in two stages where the inner dimension is split. */
export function tiled(r: Recorder, conv: ConvLaunch, { tileM, tileN, splitK }: ConvPlan & { variant: 'tiled' }): void {
  const { problem, input, weight, output, label } = conv
  const pixels = outputPixels(problem)
  const epilogue = epilogueConstants(conv)
  const outChannels4 = problem.outChannels / 4
  const sums = splitK > 1 ? r.alloc([splitK, ...output.shape], 'f32', `${label}.partial`) : output
  r.dispatch({
    kernel: kernel('conv2d_tiled', {
      TILE_M: tileM,
      TILE_N: tileN,
      SPLIT_K: splitK,
      IN_HEIGHT: problem.inHeight,
      IN_WIDTH: problem.inWidth,
      IN_CHANNELS4: problem.inChannels / 4,
      IN_STRIDE4: (input.shape[3] ?? 0) / 4,
      IN_FIRST4: conv.firstChannel / 4,
      OUT_HEIGHT: problem.outHeight,
      OUT_WIDTH: problem.outWidth,
      OUT_CHANNELS4: outChannels4,
      PANEL4: weight.panel / 4,
      KERNEL_WIDTH: problem.kernelWidth,
      TAPS: problem.kernelHeight * problem.kernelWidth,
      STRIDE: problem.stride,
      PADDING_Y: problem.paddingY,
      PADDING_X: problem.paddingX,
      DILATION: problem.dilation,
      ...epilogue,
    }),
    label,
    workgroups: [Math.ceil(problem.outChannels / tileN), Math.ceil(pixels / tileM), splitK],
    bindings: { input, weight: weight.tensor, ...epilogueBindings(conv), output: sums, params: { pixels } },
    ...convCost(conv),
  })
  if (splitK === 1) return
  r.dispatch({
    kernel: kernel('conv2d_reduce', { SPLIT_K: splitK, OUT_CHANNELS4: outChannels4, ...epilogue }),
    label: `${label}.reduce`,
    workgroups: linearGrid(r.adapter, output.size / 4, 64),
    bindings: { partial: sums, ...epilogueBindings(conv), output, params: { count: output.size / 4 } },
    flops: output.size * (splitK - 1),
    bytes: sums.bytes + output.bytes,
  })
}
