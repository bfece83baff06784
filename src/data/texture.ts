// Small procedural textures for synthetic clips: periodic value noise and a few patterns over a random palette.
// Only additions, multiplications and square roots, so that every machine computes the same bytes.

import { mix32, type Random } from './random.ts'

/** R, G, B, each 0..1. */
export type Rgb = readonly [number, number, number]

/** A square picture that repeats in both directions. */
export interface Texture {
  /** Texels per side. */
  readonly size: number
  /** R, G, B, 0..1, rows from the top. */
  readonly data: Float32Array
}

const groundOctaves: readonly (readonly [cell: number, weight: number])[] = [
  [64, 0.34],
  [32, 0.22],
  [16, 0.18],
  [8, 0.15],
  [4, 0.11],
]

/** What an object is covered with. */
export type Pattern = 'checks' | 'stripes' | 'rings' | 'patches'

/** Hue 0..1 (wraps), saturation and value 0..1. */
export function hsv(hue: number, saturation: number, value: number): Rgb {
  const channel = (shift: number) => {
    const k = (shift + (hue - Math.floor(hue)) * 6) % 6
    return value - value * saturation * Math.max(0, Math.min(k, 4 - k, 1))
  }
  return [channel(5), channel(3), channel(1)]
}

/** Smooth noise in [0, 1) at texel (x, y), repeating after `size`; `cell` is the distance of its lattice points. */
export function valueNoise(seed: number, x: number, y: number, cell: number, size: number): number {
  const count = Math.max(1, Math.round(size / cell))
  const gx = (x / size) * count
  const gy = (y / size) * count
  const i = Math.floor(gx)
  const j = Math.floor(gy)
  const fx = fade(gx - i)
  const fy = fade(gy - j)
  const at = (di: number, dj: number) => mix32(seed + ((j + dj) % count) * 7919 + ((i + di) % count) * 104729) / 2 ** 32
  const top = at(0, 0) + (at(1, 0) - at(0, 0)) * fx
  const bottom = at(0, 1) + (at(1, 1) - at(0, 1)) * fx
  return top + (bottom - top) * fy
}

/** A cloudy ground of muted colours. */
export function groundTexture(random: Random, size = 256): Texture {
  const seed = random.bits()
  const hue = random.next()
  const low = hsv(hue, random.uniform(0.2, 0.45), random.uniform(0.2, 0.3))
  const high = hsv(hue + random.uniform(0.05, 0.2), random.uniform(0.1, 0.35), random.uniform(0.6, 0.75))
  return paint(size, (x, y) => {
    let t = 0
    for (const [cell, weight] of groundOctaves) t += valueNoise(seed + cell, x, y, cell, size) * weight
    return blend(low, high, Math.max(0, Math.min(1, (t - 0.5) * 1.8 + 0.5)))
  })
}

/** A strong pattern in three colours around `hue`, roughened by noise. */
export function objectTexture(random: Random, pattern: Pattern, hue: number, size = 64): Texture {
  const seed = random.bits()
  const colors: readonly Rgb[] = [
    hsv(hue, random.uniform(0.7, 0.95), random.uniform(0.75, 0.95)),
    hsv(hue + random.uniform(0.35, 0.6), random.uniform(0.3, 0.8), random.uniform(0.15, 0.4)),
    hsv(hue + random.uniform(-0.1, 0.1), random.uniform(0.05, 0.3), random.uniform(0.85, 1)),
  ]
  const repeats = 2 + random.integer(3)
  return paint(size, (x, y) => {
    const spot = valueNoise(seed + 1, x, y, size / 4, size)
    const base = colors[patternIndex(pattern, (x / size) * repeats, (y / size) * repeats, spot)] ?? [0, 0, 0]
    const grain = 0.8 + 0.4 * valueNoise(seed + 2, x, y, 4, size)
    return [base[0] * grain, base[1] * grain, base[2] * grain]
  })
}

/** Bilinear sample at texel coordinates (x, y), which may lie anywhere, into `out` (R, G, B). */
export function sampleTexture({ size, data }: Texture, x: number, y: number, out: Float32Array): void {
  const i = Math.floor(x)
  const j = Math.floor(y)
  const fx = x - i
  const fy = y - j
  const left = ((i % size) + size) % size
  const top = ((j % size) + size) % size
  const right = (left + 1) % size
  const bottom = (top + 1) % size
  for (let c = 0; c < 3; c++) {
    const above = lerp(data[(top * size + left) * 3 + c] ?? 0, data[(top * size + right) * 3 + c] ?? 0, fx)
    const below = lerp(data[(bottom * size + left) * 3 + c] ?? 0, data[(bottom * size + right) * 3 + c] ?? 0, fx)
    out[c] = lerp(above, below, fy)
  }
}

function patternIndex(pattern: Pattern, u: number, v: number, spot: number): number {
  if (spot > 0.72) return 2
  if (pattern === 'checks') return (Math.floor(u * 2) + Math.floor(v * 2)) % 2
  if (pattern === 'stripes') return Math.floor((u + v) * 2) % 2
  if (pattern === 'patches') return spot > 0.45 ? 0 : 1
  const du = u - Math.floor(u) - 0.5
  const dv = v - Math.floor(v) - 0.5
  return Math.floor(Math.sqrt(du * du + dv * dv) * 6) % 2
}

function paint(size: number, color: (x: number, y: number) => Rgb): Texture {
  const data = new Float32Array(size * size * 3)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) data.set(color(x, y), (y * size + x) * 3)
  }
  return { size, data }
}

function blend(a: Rgb, b: Rgb, t: number): Rgb {
  return [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)]
}

function lerp(a: number, b: number, t: number): number {
  return a + (b - a) * t
}

function fade(t: number): number {
  return t * t * (3 - 2 * t)
}
