// Plans in a few words, as profiles, benches and reports show them.

import type { ConvPlan, Tile } from './plan.ts'
import type { WeightGradientPlan } from './weight-gradient-plan.ts'

/** `tiled 64x64x16, 8x4, 2 buffers, split 4`: rows x output channels x inner dimension, those of an invocation, ... */
export function planName(plan: ConvPlan | WeightGradientPlan): string {
  const { variant } = plan
  if (variant === 'direct') return named('direct', 'splits' in plan ? plan.splits : 1)
  if (variant === 'subgroup') return named('subgroup', 'splits' in plan ? plan.splits : 1)
  if (variant === 'narrow') return named(`narrow ${8 * plan.channelsPerLane}`, 'splits' in plan ? plan.splits : 1)
  if (variant === 'tiled') return named(`tiled ${tileName(plan)}`, 'splits' in plan ? plan.splits : plan.splitK)
  if (variant === 'registers') {
    return 'splits' in plan
      ? named(`registers 4x${plan.channels}`, plan.splits)
      : named(`registers ${plan.pixels}x${plan.channels}`, plan.splitK)
  }
  if (variant === 'shuffle') return named(`shuffle ${plan.lanes} lanes`, plan.splitK)
  if (variant === 'matrices') return named(`matrices ${plan.rows}x${plan.columns}x${plan.depth}`, plan.splitK)
  if (variant === 'winograd') {
    const { products, sliceChannels } = plan
    return [products ? `winograd of ${tileName(products)}` : 'winograd', `slices of ${sliceChannels}`].join(', ')
  }
  const { strip, rows } = plan
  return 'samples' in plan ? `depthwise ${strip}x${rows}x${plan.samples}` : `depthwise ${strip}x${rows}`
}

function tileName({ tileM, tileN, tileK, rows, channels, buffers }: Tile): string {
  return `${tileM}x${tileN}x${tileK}, ${rows}x${channels}${buffers === 2 ? ', 2 buffers' : ''}`
}

function named(name: string, splits: number): string {
  return splits > 1 ? `${name}, split ${splits}` : name
}
