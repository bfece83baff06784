// Reductions over all pixels of a batch, per channel, in two deterministic stages: each invocation adds up one chunk of
// pixels into a workspace, then a small kernel adds the chunks in a fixed order. Tensors above the binding limit are cut into
// batch slices that fill one workspace. Kernels without a reduction share the same walk: it loads per-channel values once.

import type { AdapterFacts } from '../gpu/device.ts'
import type { Params } from '../gpu/params.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { Constants } from '../gpu/shader.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { kernel, linearGrid } from './launch.ts'
import { chooseWidth, distinctBytes, storedAlias } from './map.ts'
import type { ShaderName } from './shaders.generated.ts'
import { type BatchSlice, batchSlices, sliceOf } from './slices.ts'

const workgroup = 64

/** Invocations that keep an adapter busy; more of them cost workspace. */
const enoughInvocations = { cpu: 1024, gpu: 65536 } as const

/** Pixels that make a chunk worth its place in the workspace, and those that may be added up one by one without harm. */
const runPixels = { least: 16, most: 512 } as const

/** Pixels per invocation of a kernel that reduces nothing. */
const mapRunPixels = { cpu: 16, gpu: 4 } as const

/** One batch slice, and its chunks in the workspace. */
interface ChunkSlice {
  readonly slice: BatchSlice
  readonly pixels: number
  readonly firstChunk: number
  readonly chunks: number
}

/** How a batch is divided. */
export interface ChunkPlan {
  readonly channels: number
  /** Elements of a channel in the whole batch. */
  readonly pixels: number
  /** Pixels of a chunk, at most. */
  readonly run: number
  /** Chunks of all slices. */
  readonly chunks: number
  readonly slices: readonly ChunkSlice[]
}

/** Pixels per chunk for a reduction over `pixels` pixels of `channels` channels; pure. */
export function chooseRun({ kind }: Pick<AdapterFacts, 'kind'>, pixels: number, channels: number): number {
  const wanted = Math.ceil((pixels * channelGroups(channels)) / enoughInvocations[kind])
  return Math.min(runPixels.most, Math.max(runPixels.least, wanted))
}

/** Divides tensors of the same pixels, `[N, ..., C]` each; `run` pixels per chunk or as many as suit a reduction. */
export function planChunks(r: Recorder, tensors: readonly GpuTensor[], purpose: 'reduce' | 'map'): ChunkPlan {
  const [first] = tensors
  const channels = first?.shape.at(-1) ?? 1
  const pixels = (first?.size ?? 0) / channels
  const run = purpose === 'map' ? mapRunPixels[r.adapter.kind] : chooseRun(r.adapter, pixels, channels)
  const interleave = Math.max(1, Math.floor(workgroup / channelGroups(channels)))
  let chunks = 0
  const slices = batchSlices(r.adapter, tensors).map((slice) => {
    const slicePixels = (pixels / (first?.shape[0] ?? 1)) * slice.count
    const own = Math.ceil(slicePixels / (interleave * run)) * interleave
    chunks += own
    return { slice, pixels: slicePixels, firstChunk: chunks - own, chunks: own }
  })
  return { channels, pixels, run, chunks, slices }
}

export interface ChunkKernel {
  /** One with `alias Value` and `alias Stored`. */
  readonly shader: ShaderName
  readonly label: string
  readonly plan: ChunkPlan
  /** Tensors of the batch, by variable name, cut into its slices; all of one precision. */
  readonly cut: Readonly<Record<string, GpuTensor>>
  /** Tensors that every slice sees whole. */
  readonly shared?: Readonly<Record<string, GpuTensor>>
  /** Workspaces `[chunks, ...]`: the shader then knows where its slice begins. */
  readonly workspace?: Readonly<Record<string, GpuTensor>>
  readonly constants?: Constants
  readonly params?: Params
  /** Floating-point operations per pixel and channel. */
  readonly flops: number
}

/** Records one dispatch per slice. Channels are a parameter, so that one pipeline serves all layers of a network. */
export function dispatchChunks(r: Recorder, op: ChunkKernel): void {
  const { plan, label, shared = {}, workspace, constants = {}, params = {} } = op
  const width = chooseWidth(plan.channels)
  const [like = { dtype: 'f32' as const }] = Object.values(op.cut)
  for (const { slice, pixels, firstChunk, chunks } of plan.slices) {
    const parts = Object.fromEntries(Object.entries(op.cut).map(([name, tensor]) => [name, sliceOf(tensor, slice)]))
    const groups = channelGroups(plan.channels)
    const count = chunks * groups
    const place: Params = {
      count,
      ...{ channels: groups, pixels, run: plan.run },
      ...(workspace && { first_chunk: firstChunk }),
    }
    r.dispatch({
      kernel: kernel(op.shader, { ...storedAlias(width, like), WORKGROUP: workgroup, ...constants }),
      label,
      workgroups: linearGrid(r.adapter, count, workgroup),
      bindings: { ...parts, ...shared, ...workspace, params: { ...place, ...params } },
      flops: op.flops * pixels * plan.channels,
      bytes: distinctBytes(Object.values(parts)),
    })
  }
}

export interface TotalKernel {
  readonly shader: ShaderName
  readonly label: string
  readonly plan: Pick<ChunkPlan, 'channels' | 'chunks'>
  readonly tensors: Readonly<Record<string, GpuTensor>>
  readonly constants?: Constants
  readonly params?: Params
}

/** Records the second stage: one dispatch over the channels. */
export function dispatchTotal(r: Recorder, { shader, label, plan, tensors, constants, params }: TotalKernel): void {
  const { channels, chunks } = plan
  const parts = chooseTotalParts(r.adapter, chunks, channels)
  r.dispatch({
    kernel: kernel(shader, { WORKGROUP: workgroup, PARTS: parts, ...constants }),
    label,
    workgroups: [Math.ceil((channels * parts) / workgroup)],
    bindings: { ...tensors, params: { channels, chunks, ...params } },
    bytes: Object.values(tensors).reduce((sum, tensor) => sum + tensor.bytes, 0),
  })
}

/** Channels that keep an adapter busy without a tree. */
const enoughChannels = 16384

/** Invocations per channel in the second stage, a power of two: a tree costs a software adapter more than it saves. */
export function chooseTotalParts({ kind }: Pick<AdapterFacts, 'kind'>, chunks: number, channels: number): number {
  if ((kind === 'cpu' && chunks <= workgroup) || channels >= enoughChannels) return 1
  return Math.min(workgroup, 2 ** Math.floor(Math.log2(Math.max(1, chunks / 2))))
}

/** `sum over chunks of workspace[chunk, plane, c]`: `[C]`. */
export function chunkTotal(
  r: Recorder,
  plan: Pick<ChunkPlan, 'channels' | 'chunks'>,
  { partial, planes, plane }: { readonly partial: GpuTensor; readonly planes: number; readonly plane: number },
  label: string,
): GpuTensor {
  const total = r.alloc([plan.channels], 'f32', label)
  const tensors = { partial, total }
  dispatchTotal(r, { shader: 'chunk_total', label, plan, tensors, constants: { PLANES: planes, PLANE: plane } })
  return total
}

function channelGroups(channels: number): number {
  return channels / chooseWidth(channels)
}
