// The configuration's `img_norm_cfg` for the kernels that make the network's images.

import type { Normalisation } from '../kernels/normalisation.ts'
import type { ModelConfig } from './config.ts'

/** Undefined where images are blue, green, red from 0 to 255. */
export function normalisationOf({ img_norm_cfg }: Pick<ModelConfig, 'img_norm_cfg'>): Normalisation | undefined {
  if (img_norm_cfg === null) return undefined
  const { mean, std, to_rgb } = img_norm_cfg
  return { mean, std, toRgb: to_rgb }
}
