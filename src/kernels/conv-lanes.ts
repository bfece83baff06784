// The launch of conv2d_lanes.wgsl, the convolution for software adapters with few output channels per subgroup: 8, 16 or 32.
// Its outputs are taken in an order in which one tap more along a filter row is one position on, so that an input that was
// loaded once serves several taps; see the shader.

import type { Recorder } from '../gpu/recorder.ts'
import type { WgslType } from '../gpu/shader.ts'
import { type ConvLaunch, convCost, epilogueBindings, epilogueFlags, requireLanes } from './conv-launch.ts'
import { filterRow, type LanesPlan, type LaneWidth, SUBGROUP_LANES } from './conv-plan.ts'
import { kernel, linearGrid } from './launch.ts'

/** WGSL types by width. */
export const laneTypes: Readonly<Record<LaneWidth, WgslType>> = { 1: 'f32', 2: 'vec2f', 4: 'vec4f' }

/** Positions that one subgroup loads. */
const POSITIONS = 48

/** `POSITIONS + 1 - taps` outputs x `8 laneWidth` channels per subgroup. */
export function lanes(r: Recorder, conv: ConvLaunch, { laneWidth }: LanesPlan): void {
  const { problem, input, weight, output, label } = conv
  requireLanes(r, label)
  const { taps, groups, tapStep, phases } = filterRow(problem)
  const rowPositions = Math.ceil(problem.outWidth / phases) + taps - 1
  const positions = problem.batch * problem.outHeight * phases * rowPositions
  const columns = Math.ceil(problem.outChannels / (SUBGROUP_LANES * laneWidth))
  r.dispatch({
    kernel: kernel('conv2d_lanes', {
      Lane: laneTypes[laneWidth],
      TAPS: taps,
      CHANNELS: weight.fileChannels === 3 ? 3 : 4,
    }),
    label,
    workgroups: [...linearGrid(r.adapter, positions, POSITIONS + 1 - taps), columns],
    bindings: {
      input,
      weight: weight.tensor,
      ...epilogueBindings(conv),
      output,
      params: {
        positions,
        row_positions: rowPositions,
        phases,
        ...imageParams(conv),
        out_lanes: problem.outChannels / laneWidth,
        panel: weight.panel / laneWidth,
        kernel_height: problem.kernelHeight,
        kernel_width: problem.kernelWidth,
        groups,
        tap_step: tapStep,
        ...epilogueFlags(conv),
      },
    },
    ...convCost(conv),
  })
}

function imageParams({ problem, input, firstChannel }: ConvLaunch) {
  return {
    in_height: problem.inHeight,
    in_width: problem.inWidth,
    in_channels4: problem.inChannels / 4,
    in_stride4: (input.shape[3] ?? 0) / 4,
    in_first4: firstChannel / 4,
    out_height: problem.outHeight,
    out_width: problem.outWidth,
    stride: problem.stride,
    padding_y: problem.paddingY,
    padding_x: problem.paddingX,
    dilation: problem.dilation,
  }
}
