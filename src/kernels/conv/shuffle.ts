// The kernel for GPUs with subgroups of 16 to 64 lanes that pass inputs among each other instead of through workgroup memory.

import { FeatureError } from '../../gpu/errors.ts'
import type { Recorder } from '../../gpu/recorder.ts'
import { kernel } from '../launch.ts'
import {
  type ConvLaunch,
  convCost,
  epilogueBindings,
  epilogueConstants,
  imageAliases,
  packedFilter,
} from './epilogue.ts'
import { filterAlias } from './filter.ts'
import { imageConstants, outputPixels } from './geometry.ts'
import { type ConvAdapter, type ConvPlan, passesAmong } from './plan.ts'
import { addSplitSums, splitSums } from './split-sums.ts'

/** A multiple of the largest subgroup that there is. */
const workgroup = 64

/**
 * Records a convolution, in two stages where the inner dimension is split.
 * @throws FeatureError if the adapter's subgroups do not consist of groups of so many lanes
 */
export function shuffle(r: Recorder, conv: ConvLaunch, plan: ConvPlan & { readonly variant: 'shuffle' }): void {
  const { problem, input, weight, label } = conv
  const { lanes, splitK } = plan
  requireLanes(r.adapter, lanes, label)
  const pixels = outputPixels(problem)
  const sums = splitSums(r, conv, splitK)
  r.dispatch({
    kernel: kernel('conv2d_shuffle', {
      WORKGROUP: workgroup,
      LANES: lanes,
      SPLIT_K: splitK,
      ...imageConstants(problem, conv, weight.panel),
      ...epilogueConstants(conv),
      ...filterAlias(packedFilter(conv), 4),
      ...imageAliases({ input, output: sums }),
    }),
    label,
    workgroups: [Math.ceil(pixels / workgroup), Math.ceil(problem.outChannels / (4 * lanes)), splitK],
    bindings: { input, weight: packedFilter(conv), ...epilogueBindings(r, conv), output: sums, params: { pixels } },
    ...convCost(conv),
  })
  addSplitSums(r, conv, sums, splitK)
}

function requireLanes(adapter: ConvAdapter & { readonly description: string }, lanes: number, label: string): void {
  if (passesAmong(adapter, lanes)) return
  const found = adapter.features.has('subgroups')
    ? `subgroups of ${adapter.subgroupMinSize} to ${adapter.subgroupMaxSize} lanes`
    : 'no subgroups'
  throw new FeatureError(
    `${label}: this plan passes values among ${lanes} lanes of a subgroup; \`${adapter.description}\` has ${found}`,
  )
}
