// The kernels for software adapters and few output channels: 8, 16 or 32 per subgroup. The forward kernel takes its outputs in
// an order in which one tap more along a filter row is one position on, so that an input that was loaded once serves several
// taps; see conv2d_narrow.wgsl.

import { ShapeError } from '../../gpu/errors.ts'
import type { Recorder } from '../../gpu/recorder.ts'
import type { Constants } from '../../gpu/shader.ts'
import type { GpuTensor } from '../../gpu/tensor.ts'
import { elementType, kernel, linearGrid } from '../launch.ts'
import { type ConvLaunch, convCost, epilogueBindings, epilogueParams, packedFilter } from './epilogue.ts'
import { windowBytes } from './filter-windows.ts'
import { filterRow, filterRows, imageParams } from './geometry.ts'
import { addPartialSums, gradientCost, partialSums, type WeightGradientLaunch } from './partial-sums.ts'
import { type ChannelsPerLane, type ConvPlan, fitsWindow, laneCount } from './plan.ts'
import { requireSubgroups } from './subgroup.ts'
import { pixelRows } from './subgroup-weight-gradient.ts'
import { subgroupTile, type WeightGradientPlan } from './weight-gradient-plan.ts'

/** What a lane holds, and how it and the input lie in memory. */
function laneAliases(channelsPerLane: ChannelsPerLane, input: GpuTensor): Constants {
  return {
    Lane: elementType({ dtype: 'f32' }, channelsPerLane),
    StoredLane: elementType(input, channelsPerLane),
    Stored: elementType(input, 4),
  }
}

/** Positions that one subgroup loads. */
const loadedPositions = 48

/** Records conv2d_narrow: `loadedPositions + 1 - taps` outputs x `8 channelsPerLane` channels per subgroup. */
export function narrow(
  r: Recorder,
  conv: ConvLaunch,
  { channelsPerLane }: ConvPlan & { readonly variant: 'narrow' },
): void {
  const { problem, input, weight, output, label } = conv
  requireSubgroups(r, label)
  if (!fitsWindow(problem)) {
    const filter = packedFilter(conv)
    throw new ShapeError(
      `${label}: filter \`${filter.label}\` has ${filter.bytes} bytes, this plan reads ${windowBytes}`,
    )
  }
  const { taps, passes, tapStep, phases } = filterRow(problem)
  const rowPositions = Math.ceil(problem.outWidth / phases) + taps - 1
  const positions = problem.batch * problem.outHeight * phases * rowPositions
  const columns = Math.ceil(problem.outChannels / (laneCount * channelsPerLane))
  r.dispatch({
    kernel: kernel('conv2d_narrow', {
      ...laneAliases(channelsPerLane, input),
      WINDOW: windowBytes / (4 * channelsPerLane),
      FROM_WINDOW: channelsPerLane > 1,
      TAPS: taps,
      CHANNELS: weight.fileChannels === 3 ? 3 : 4,
    }),
    label,
    workgroups: [...linearGrid(r.adapter, positions, loadedPositions + 1 - taps), columns],
    bindings: {
      input,
      weight: packedFilter(conv),
      window: packedFilter(conv),
      ...epilogueBindings(r, conv),
      output,
      params: {
        positions,
        row_positions: rowPositions,
        phases,
        ...imageParams(problem, conv),
        out_lanes: problem.outChannels / channelsPerLane,
        panel: weight.panel / channelsPerLane,
        kernel_height: problem.kernelHeight,
        kernel_width: problem.kernelWidth,
        groups: passes,
        tap_step: tapStep,
        ...epilogueParams(conv),
      },
    },
    ...convCost(conv),
  })
}

/** Records conv2d_narrow_weight_gradient, 32 rows x `8 channelsPerLane` channels per subgroup, and the sum of its parts. */
export function narrowWeightGradient(
  r: Recorder,
  launch: WeightGradientLaunch,
  { channelsPerLane, splits }: WeightGradientPlan & { readonly variant: 'narrow' },
): void {
  const { problem, weight, input, gradient, label } = launch
  requireSubgroups(r, label)
  const output = partialSums(r, launch, splits)
  const padded = Math.ceil(problem.outChannels / weight.panel) * weight.panel
  r.dispatch({
    kernel: kernel('conv2d_narrow_weight_gradient', {
      ...laneAliases(channelsPerLane, input),
      CHANNELS: weight.fileChannels === 3 ? 3 : 4,
    }),
    label,
    workgroups: [
      Math.ceil(filterRows(problem) / subgroupTile.rows),
      Math.ceil(padded / (laneCount * channelsPerLane)),
      splits,
    ],
    bindings: {
      input,
      gradient,
      output,
      params: {
        ...pixelRows(launch, splits),
        out_lanes: problem.outChannels / channelsPerLane,
        padded_lanes: padded / channelsPerLane,
        panel: weight.panel / channelsPerLane,
        accumulate: launch.accumulate && splits === 1 ? 1 : 0,
        sums: subgroupTile.rows,
      },
    },
    ...gradientCost(launch),
  })
  addPartialSums(r, launch, output, splits)
}
