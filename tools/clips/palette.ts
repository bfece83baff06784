// Colors of synthetic clips: palettes in the manner of paints, of nature, of greys, of near-white and near-black things,
// and ramps over them.

import type { Random } from 'siamrpn'
import { hsv, type Rgb } from './color.ts'

/** Colors, 0..1 each, from one end of a ramp to the other. */
export type Palette = readonly [Rgb, ...Rgb[]]

/** 256 colors R, G, B, 0..255, one after the other. */
export type Ramp = Uint8Array

type Manner = (random: Random) => () => Rgb

const paints: Manner = (random) => () => hsv(random.next(), random.uniform(0.5, 1), random.uniform(0.35, 1))

const nature: Manner = (random) => {
  const hue = random.pick([0.06, 0.09, 0.12, 0.22, 0.3, 0.58, random.next()])
  return () => hsv(hue + random.uniform(-0.05, 0.05), random.uniform(0.05, 0.5), random.uniform(0.15, 0.8))
}

const kindred: Manner = (random) => {
  const hue = random.next()
  const saturation = random.uniform(0.3, 0.9)
  return () => hsv(hue + random.uniform(-0.04, 0.04), saturation * random.uniform(0.6, 1), random.uniform(0.2, 1))
}

const greys: Manner = (random) => () => hsv(random.next(), random.uniform(0, 0.12), random.uniform(0.08, 0.95))

const pale: Manner = (random) => () => hsv(random.next(), random.uniform(0, 0.18), random.uniform(0.72, 1))

const dark: Manner = (random) => () => hsv(random.next(), random.uniform(0, 0.5), random.uniform(0.03, 0.3))

const skin: Manner = (random) => () =>
  hsv(random.uniform(0.03, 0.09), random.uniform(0.25, 0.6), random.uniform(0.35, 0.95))

const objectManners: readonly [Manner, ...Manner[]] = [
  paints,
  paints,
  kindred,
  kindred,
  nature,
  greys,
  pale,
  pale,
  dark,
  skin,
]
const groundManners: readonly [Manner, ...Manner[]] = [
  nature,
  nature,
  nature,
  nature,
  greys,
  greys,
  kindred,
  pale,
  dark,
  paints,
]

/** Two to five colors of a thing. */
export function objectPalette(random: Random): Palette {
  return draw(random, random.pick(objectManners)(random))
}

/** Two to five colors of a ground. */
export function groundPalette(random: Random): Palette {
  return draw(random, random.pick(groundManners)(random))
}

/** The palette with every color moved a little in the same direction, and drawn together by `contrast`. */
export function shifted(palette: Palette, random: Random, reach: number, contrast = 1): Palette {
  const move = [0, 0, 0].map(() => random.uniform(-reach, reach))
  const mean = meanColor(palette)
  const change = (color: Rgb, c: number) =>
    clamp01((mean[c] ?? 0) + ((color[c] ?? 0) - (mean[c] ?? 0)) * contrast + (move[c] ?? 0))
  const moved = palette.map((color): Rgb => [change(color, 0), change(color, 1), change(color, 2)])
  return [moved[0] ?? palette[0], ...moved.slice(1)]
}

/** The mean of a palette's colors. */
export function meanColor(palette: Palette): Rgb {
  const mean = (c: 0 | 1 | 2) => palette.reduce((sum, color) => sum + color[c], 0) / palette.length
  return [mean(0), mean(1), mean(2)]
}

/** Colors in between; `hard` gives bands instead of a gradient. */
export function rampOf(palette: Palette, hard: boolean): Ramp {
  const ramp = new Uint8Array(256 * 3)
  const steps = palette.length - 1
  for (let index = 0; index < 256; index++) {
    const position = (index / 255) * steps
    const below = Math.min(Math.max(0, steps - 1), Math.floor(position))
    const a = palette[below] ?? palette[0]
    const b = palette[Math.min(steps, below + 1)] ?? a
    const t = hard ? Math.min(1, Math.max(0, (position - below - 0.5) * 8 + 0.5)) : position - below
    for (let c = 0; c < 3; c++) {
      const low = a[c] ?? 0
      ramp[index * 3 + c] = Math.round(255 * clamp01(low + ((b[c] ?? 0) - low) * t))
    }
  }
  return ramp
}

function draw(random: Random, color: () => Rgb): Palette {
  const first = color()
  return [first, ...Array.from({ length: 1 + random.integer(4) }, color)]
}

function clamp01(value: number): number {
  return Math.max(0, Math.min(1, value))
}
