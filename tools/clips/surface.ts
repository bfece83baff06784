// Makes the surfaces of things: small pictures that repeat, made of a pattern, a ramp of colors and some grain.
// Patterns reach from nearly uniform to checks, lettering and patchwork, as real things do.

import { Random } from 'siamrpn'
import { type Palette, rampOf } from './palette.ts'
import { type TileName, tile, tileSize } from './tiles.ts'
import { cosTurns, sinTurns } from './turns.ts'

/** Texels per side of a surface; a power of two. */
export const surfaceSize = 64

/** 64 x 64 texels R, G, B, 0..255, rows from the top. */
export type Surface = Uint8Array

/** Value 0..1 at (u, v), each in -1..1. */
type Pattern = (u: number, v: number) => number

const tileMask = tileSize - 1
const mottles: readonly [TileName, ...TileName[]] = [
  'clouds',
  'hills',
  'rough',
  'gravel',
  'wood',
  'grass',
  'ridges',
  'spots',
  'islands',
  'cells',
  'pebbles',
  'crackle',
  'leaves',
  'bricks',
  'planks',
]

const patternMakers: readonly [(random: Random) => Pattern, ...((random: Random) => Pattern)[]] = [
  uniform,
  uniform,
  gradient,
  checks,
  stripes,
  stripes,
  rings,
  mottle,
  mottle,
  mottle,
  mottle,
  halves,
  halves,
  panels,
  panels,
  lettering,
  wedges,
]

/** A surface that is painted when it is first looked at. */
export type LazySurface = () => Surface

/** Draws a surface in the given colors. */
export function makeSurface(random: Random, palette: Palette): LazySurface {
  const seed = random.bits()
  let painted: Surface | undefined
  return () => {
    painted ??= paint(new Random('surface', seed), palette)
    return painted
  }
}

function paint(random: Random, palette: Palette): Surface {
  const first = random.pick(patternMakers)(random)
  const second = random.next() < 0.4 ? random.pick(patternMakers)(random) : undefined
  const share = second === undefined ? 0 : random.uniform(0.15, 0.5)
  const mirrored = random.next() < 0.25
  const ramp = rampOf(palette, random.next() < 0.5)
  const grit = tile(random.pick<TileName>(['grain', 'gravel', 'rough', 'clouds']))
  const grain = random.next() < 0.3 ? 0 : random.uniform(0.02, 0.35)
  const offset = random.integer(tileSize * tileSize)
  const surface = new Uint8Array(surfaceSize * surfaceSize * 3)
  const view = new Uint8ClampedArray(surface.buffer)
  const step = 2 / (surfaceSize - 8)
  for (let y = 0; y < surfaceSize; y++) {
    const v = (y - surfaceSize / 2) * step
    for (let x = 0; x < surfaceSize; x++) {
      const signed = (x - surfaceSize / 2) * step
      const u = mirrored ? Math.abs(signed) : signed
      const base = first(u, v)
      const value = second === undefined ? base : base + (second(u, v) - base) * share
      const color = Math.max(0, Math.min(255, Math.floor(value * 256))) * 3
      const rough = 1 + grain * ((grit[(offset + y * tileSize + x) & (tileSize * tileSize - 1)] ?? 0) / 128 - 1)
      const at = (y * surfaceSize + x) * 3
      for (let c = 0; c < 3; c++) view[at + c] = (ramp[color + c] ?? 0) * rough
    }
  }
  return surface
}

function uniform(random: Random): Pattern {
  const level = random.next()
  const slope = random.uniform(-0.12, 0.12)
  return (u, v) => level + slope * (u + v)
}

function gradient(random: Random): Pattern {
  const turn = turned(random)
  return (u, v) => 0.5 + 0.45 * turn(u, v)
}

function checks(random: Random): Pattern {
  const count = random.uniform(1, 4)
  const phase = random.next()
  return (u, v) => ((Math.floor(u * count + phase) + Math.floor(v * count + phase)) & 1 ? 0.95 : 0.05)
}

function stripes(random: Random): Pattern {
  const turn = turned(random)
  const count = random.uniform(0.8, 6)
  const share = random.uniform(0.2, 0.8)
  const soft = random.next() < 0.3
  return (u, v) => {
    const position = turn(u, v) * count + 20
    const within = position - Math.floor(position)
    return soft ? 0.5 + 0.5 * cosTurns(position) : within < share ? 0.05 : 0.6 + 0.35 * ((Math.floor(position) % 3) / 2)
  }
}

function rings(random: Random): Pattern {
  const count = random.uniform(1, 4)
  const cx = random.uniform(-0.4, 0.4)
  const cy = random.uniform(-0.4, 0.4)
  return (u, v) => {
    const distance = Math.sqrt((u - cx) * (u - cx) + (v - cy) * (v - cy)) * count
    return Math.floor(distance * 2) & 1 ? 0.9 : 0.1
  }
}

function mottle(random: Random): Pattern {
  const picture = tile(random.pick(mottles))
  const scale = random.uniform(12, 70)
  const x = random.integer(tileSize)
  const y = random.integer(tileSize)
  const contrast = random.uniform(0.5, 1.6)
  return (u, v) => {
    const column = Math.floor(u * scale + x + 4 * tileSize) & tileMask
    const row = Math.floor(v * scale + y + 4 * tileSize) & tileMask
    return 0.5 + ((picture[row * tileSize + column] ?? 0) / 255 - 0.5) * contrast
  }
}

/** Two or three bands of different color, as clothes, cars and animals have. */
function halves(random: Random): Pattern {
  const turn = random.next() < 0.6 ? (_u: number, v: number) => v : turned(random)
  const first = random.uniform(-0.6, 0.3)
  const second = random.uniform(first, 0.9)
  return (u, v) => {
    const position = turn(u, v)
    return position < first ? 0.08 : position < second ? 0.5 : 0.92
  }
}

/** Rectangles and discs on a ground. */
function panels(random: Random): Pattern {
  const parts = Array.from({ length: 2 + random.integer(6) }, () => ({
    x: random.uniform(-0.9, 0.9),
    y: random.uniform(-0.9, 0.9),
    width: random.uniform(0.08, 0.5),
    height: random.uniform(0.08, 0.5),
    round: random.next() < 0.4,
    value: random.next(),
  }))
  const ground = random.next()
  return (u, v) => {
    let value = ground
    for (const part of parts) {
      const dx = Math.abs(u - part.x) / part.width
      const dy = Math.abs(v - part.y) / part.height
      if (part.round ? dx * dx + dy * dy < 1 : dx < 1 && dy < 1) value = part.value
    }
    return value
  }
}

/** Rows of strokes that look like lettering. */
function lettering(random: Random): Pattern {
  const rows = 1 + random.integer(4)
  const columns = rows * (1 + random.integer(3))
  const dark = random.next() < 0.5
  const glyphs = Array.from({ length: rows * columns }, () => random.bits())
  return (u, v) => {
    const x = (u * 0.5 + 0.5) * columns
    const y = (v * 0.5 + 0.5) * rows
    const bits = glyphs[Math.floor(y) * columns + Math.floor(x)] ?? 0
    const column = Math.floor((x - Math.floor(x)) * 4)
    const row = Math.floor((y - Math.floor(y)) * 6)
    const ink = column < 3 && row > 0 && row < 5 && (bits >>> (row * 3 + column)) & 1
    return ink ? (dark ? 0.05 : 0.95) : dark ? 0.75 : 0.25
  }
}

/** Sectors around the middle, as balls and umbrellas have. */
function wedges(random: Random): Pattern {
  const lines = Array.from({ length: 1 + random.integer(3) }, () => turned(random))
  return (u, v) => {
    let side = 0
    for (const line of lines) side ^= line(u, v) > 0 ? 1 : 0
    return side === 1 ? 0.9 : 0.1
  }
}

/** The coordinate along a random direction. */
function turned(random: Random): Pattern {
  const angle = random.next()
  const cos = cosTurns(angle)
  const sin = sinTurns(angle)
  return (u, v) => cos * u + sin * v
}
