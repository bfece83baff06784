// The kernel for GPUs with matrix units: an implicit GEMM over subgroup matrices, operands in half precision, sums in single.

import type { AdapterFacts, SubgroupMatrixShape } from '../../gpu/adapter.ts'
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
import { type ConvPlan, matrixTile, multiplies } from './plan.ts'
import { addSplitSums, splitSums } from './split-sums.ts'

/**
 * Records a convolution, in two stages where the inner dimension is split.
 * @throws FeatureError if the adapter does not list such matrices, or its subgroups differ in size
 */
export function matrices(r: Recorder, conv: ConvLaunch, plan: ConvPlan & { readonly variant: 'matrices' }): void {
  const { problem, input, weight, label } = conv
  const { rows, columns, depth, splitK } = plan
  requireMatrices(r.adapter, plan, label)
  const { blocksM, blocksN, tileM, tileN, tileK } = matrixTile(plan)
  const pixels = outputPixels(problem)
  const sums = splitSums(r, conv, splitK)
  r.dispatch({
    kernel: kernel('conv2d_matrices', {
      SUBGROUP: r.adapter.subgroupMaxSize,
      MATRIX_M: rows,
      MATRIX_N: columns,
      MATRIX_K: depth,
      BLOCKS_M: blocksM,
      BLOCKS_N: blocksN,
      TILE_K: tileK,
      SPLIT_K: splitK,
      ...imageConstants(problem, conv, weight.panel),
      ...epilogueConstants(conv),
      ...filterAlias(packedFilter(conv), 4),
      ...imageAliases({ input, output: sums }),
    }),
    label,
    workgroups: [Math.ceil(problem.outChannels / tileN), Math.ceil(pixels / tileM), splitK],
    bindings: { input, weight: packedFilter(conv), ...epilogueBindings(r, conv), output: sums, params: { pixels } },
    ...convCost(conv),
  })
  addSplitSums(r, conv, sums, splitK)
}

function requireMatrices(
  adapter: AdapterFacts,
  plan: ConvPlan & { readonly variant: 'matrices' },
  label: string,
): void {
  if (multiplies(adapter, plan)) return
  const { subgroupMatrices, subgroupMinSize, subgroupMaxSize, description } = adapter
  const listed = subgroupMatrices.map(shapeName).join(', ') || 'none'
  throw new FeatureError(
    `${label}: this plan needs subgroup matrices of ${plan.rows}x${plan.columns}x${plan.depth}, f16 to f32, and subgroups of one size; ` +
      `\`${description}\` has matrices: ${listed}, and subgroups of ${subgroupMinSize} to ${subgroupMaxSize} lanes`,
  )
}

function shapeName({ M, N, K, componentType, resultComponentType }: SubgroupMatrixShape): string {
  return `${M}x${N}x${K} ${componentType} to ${resultComponentType}`
}
