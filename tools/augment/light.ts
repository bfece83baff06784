// Light on a picture: exposure, offset, contrast curve and tint, drawn at random and applied through one table per color.

import type { Random, RgbFrame } from 'siamrpn'
import type { ColorTables } from './resample.ts'

/** What is done to a color t in [0, 1]: clip(t * gain + offset) ^ gamma * tint. */
export interface Light {
  readonly gain: number
  readonly offset: number
  readonly gamma: number
  /** Factors of R, G, B. */
  readonly tint: readonly [number, number, number]
}

/** @param amount natural logarithm of the largest gain and gamma; offsets go up to half of it, tints up to 0.3 of it */
export function randomLight(random: Random, amount: number): Light {
  const factor = (share: number) => Math.exp(random.uniform(-share * amount, share * amount))
  return {
    gain: factor(1),
    offset: random.uniform(-0.5, 0.5) * amount,
    gamma: factor(1),
    tint: [factor(0.3), factor(0.3), factor(0.3)],
  }
}

export function colorTables({ gain, offset, gamma, tint }: Light): ColorTables {
  const tables = new Uint8Array(3 * 256)
  for (let value = 0; value < 256; value++) {
    const lit = Math.min(Math.max((value / 255) * gain + offset, 0), 1) ** gamma
    for (const [k, factor] of tint.entries()) tables[256 * k + value] = Math.min(lit * factor, 1) * 255
  }
  return tables
}

/** Changes the picture in place. */
export function applyLight({ data }: RgbFrame, tables: ColorTables): void {
  for (let i = 0; i < data.length; i += 3) {
    data[i] = tables[data[i] as number] as number
    data[i + 1] = tables[256 + (data[i + 1] as number)] as number
    data[i + 2] = tables[512 + (data[i + 2] as number)] as number
  }
}

/** Makes the picture grey, in place, by OpenCV's weights. */
export function makeGrey({ data }: RgbFrame): void {
  for (let i = 0; i < data.length; i += 3) {
    const grey = 0.299 * (data[i] as number) + 0.587 * (data[i + 1] as number) + 0.114 * (data[i + 2] as number) + 0.5
    data[i] = grey
    data[i + 1] = grey
    data[i + 2] = grey
  }
}
