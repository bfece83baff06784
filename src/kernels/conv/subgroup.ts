// The kernel for software adapters and many output channels: 32 pixels x 64 channels per subgroup of 8 lanes, 16 x 32 per one of
// 4. It reads filters through uniform windows, and takes a dispatch for each part of a filter that they show at once
// (filter-windows.ts). It also does Winograd's products, a batch of matrix products of equal size.

import { FeatureError, ShapeError } from '../../gpu/errors.ts'
import type { Recorder } from '../../gpu/recorder.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { convertInto } from '../elementwise.ts'
import { kernel } from '../launch.ts'
import {
  type ConvLaunch,
  convCost,
  epilogueBindings,
  epilogueParams,
  imageAliases,
  noEpilogue,
  packedFilter,
} from './epilogue.ts'
import { mostPanelChannels } from './filter.ts'
import {
  batchSize4,
  type FilterLayout,
  type FilterPart,
  filterParts,
  filterWindow,
  panelSize4,
} from './filter-windows.ts'
import { filterRows, imageParams, outputPixels } from './geometry.ts'
import { laneCount } from './plan.ts'

/** One batched GEMM through the subgroup kernel; `batches` products of equal size, one after the other in memory. */
export interface SubgroupProducts {
  readonly conv: ConvLaunch
  /** As FilterLayout says. */
  readonly weight: GpuTensor
  /** Output channels that lie together. */
  readonly panel: number
  readonly batches?: number
  readonly quarters?: boolean
}

/** Records a convolution. */
export function subgroup(r: Recorder, conv: ConvLaunch): void {
  subgroupProducts(r, { conv, weight: packedFilter(conv), panel: conv.weight.panel })
}

/**
 * Records conv2d_subgroup: a convolution, or `batches` matrix products; once for each part of the filter. Sums to which a later part
 * adds are f32, and are rounded when they are whole.
 */
export function subgroupProducts(r: Recorder, products: SubgroupProducts): void {
  const { conv, weight, panel, batches = 1, quarters = false } = products
  const { problem, label } = conv
  const lanes = subgroupLanes(r, label)
  if (panel > mostPanelChannels) {
    throw new ShapeError(`${label}: filter \`${weight.label}\` has panels of ${panel} channels, at most 32 are read`)
  }
  const taps = problem.kernelHeight * problem.kernelWidth
  const panels = Math.ceil(problem.outChannels / panel)
  const filter = { panels, batches, taps, inChannels: problem.inChannels, panel4: panel / 4, quarters }
  const panelsPerGroup = lanes === 8 ? 2 : 1
  const work = batches * filterRows(problem) * Math.ceil(panels / panelsPerGroup)
  const cost = convCost(conv)
  const parts = filterParts(filter, panelsPerGroup)
  const grow = parts.some(({ firstTap, firstChannel }) => firstTap > 0 || firstChannel > 0)
  const output = grow && conv.output.dtype !== 'f32' ? r.alloc(conv.output.shape, 'f32', `${label}.sums`) : conv.output
  for (const part of parts) {
    const share = (part.groups * part.batches * (part.endTap - part.firstTap) * part.channels) / work
    const { windows, params } = partWindows(weight, filter, part, panelsPerGroup)
    r.dispatch({
      kernel: kernel('conv2d_subgroup', {
        LANES: lanes,
        HAS_RIGHT: lanes === 8 || filter.panel4 > 4,
        ...imageAliases({ input: conv.input, output }),
      }),
      label,
      workgroups: [Math.ceil(outputPixels(problem) / (4 * lanes)), part.groups, part.batches],
      bindings: {
        input: conv.input,
        ...windows,
        ...epilogueBindings(r, conv),
        output,
        params: {
          pixels: outputPixels(problem),
          ...imageParams(problem, conv),
          out_channels4: problem.outChannels / 4,
          kernel_width: problem.kernelWidth,
          input_batch: (problem.batch * problem.inHeight * problem.inWidth * problem.inChannels) / 4,
          ...groupColumns(lanes, filter.panel4),
          ...params,
          in_channels4: part.channels / 4,
          in_first4: (conv.firstChannel + part.firstChannel) / 4,
          ...partEpilogue(conv, part, taps),
          sums: 8 * lanes,
        },
      },
      flops: cost.flops * batches * share,
      bytes: cost.bytes * share,
    })
  }
  if (output !== conv.output) convertInto(r, output, conv.output, `${label}.rounded`)
}

/** A group's columns: two panels for 8 lanes, one for 4. */
function groupColumns(lanes: 4 | 8, panel4: number): Record<string, number> {
  return lanes === 8
    ? { panel4, group_columns: 2 * panel4, right_column: panel4, panel_right4: 0 }
    : { panel4, group_columns: panel4, right_column: 4, panel_right4: 4 }
}

/** Where l's and r's windows lie, and where in them the part's filter begins. */
function partWindows(weight: GpuTensor, filter: FilterLayout, part: FilterPart, panelsPerGroup: 1 | 2) {
  const { panels, panel4, quarters } = filter
  const size4 = panelSize4(filter)
  const row4 = (panel: number, row: number) => ((quarters ? row * panels : 0) + panel) * size4 + part.first4
  const windows = (side: 'l' | 'r', panel: number) => {
    const rows = [0, 1, 2, 3].map((row) => filterWindow(weight, row4(panel, row)))
    return {
      bindings: Object.fromEntries(rows.map(({ window }, row) => [`${side}_row${row}`, window])),
      first: rows[0]?.first4 ?? 0, // the same for all: quarters are multiples of 256 bytes
    }
  }
  const left = windows('l', part.left)
  const right = windows('r', part.right ?? part.left)
  return {
    windows: { ...left.bindings, ...right.bindings },
    params: {
      first_l4: left.first,
      first_r4: right.first,
      row_step4: quarters ? 0 : panel4,
      round_step4: quarters ? panel4 : 4 * panel4,
      first_group: part.left / panelsPerGroup,
      group_step4: panelsPerGroup * size4,
      first_batch: part.firstBatch,
      batch_step4: batchSize4(filter),
      first_tap: part.firstTap,
      end_tap: part.endTap,
    },
  }
}

/** The epilogue comes with the last part; those after the first add to what is there. */
function partEpilogue(conv: ConvLaunch, part: FilterPart, taps: number): Record<string, number> {
  const last = part.endTap === taps && part.firstChannel + part.channels === conv.problem.inChannels
  return {
    accumulate: part.firstTap > 0 || part.firstChannel > 0 ? 1 : 0,
    ...epilogueParams(last ? conv : noEpilogue),
  }
}

/** Lanes that conv2d_subgroup is written for, as many as the adapter has. @throws FeatureError below 4 */
function subgroupLanes(r: Recorder, label: string): 4 | 8 {
  if (r.adapter.subgroupMinSize >= laneCount) return laneCount
  requireSubgroups(r, label, 4)
  return 4
}

/** Subgroup kernels pass operands among 8 lanes, or 4; fewer would give wrong sums. @throws FeatureError */
export function requireSubgroups({ adapter }: Recorder, label: string, lanes: 4 | 8 = laneCount): void {
  if (adapter.features.has('subgroups') && adapter.subgroupMinSize >= lanes) return
  const found = adapter.features.has('subgroups') ? `subgroups of ${adapter.subgroupMinSize} lanes` : 'no subgroups'
  throw new FeatureError(
    `${label}: this plan needs subgroups of at least ${lanes} lanes; \`${adapter.description}\` has ${found}`,
  )
}
