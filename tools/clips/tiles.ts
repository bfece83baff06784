// Grey tiles that repeat in both directions: clouds, grain, streaks, cells, bricks. Painted once per process; the grounds
// and surfaces of all clips are mixed from them by table look-up, which is what makes a clip cheap.

import { mix32 } from 'siamrpn'

/** Pixels per side of every tile; a power of two. */
export const tileSize = 256

/** 256 x 256 grey levels, 0..255, rows from the top. */
export type Tile = Uint8Array

const mask = tileSize - 1

type Octave = readonly [cellX: number, cellY: number, weight: number]

const painters = {
  clouds: () => noise(11, octaves(1, 1, [128, 64, 32, 16, 8], 0.55)),
  hills: () => noise(12, octaves(1, 1, [64, 32], 0.5)),
  rough: () => noise(13, octaves(1, 1, [32, 16, 8, 4, 2], 0.75)),
  gravel: () => noise(14, octaves(1, 1, [8, 4, 2], 0.9)),
  grain: () => noise(15, octaves(1, 1, [4, 2], 0.9)),
  wood: () => noise(16, octaves(8, 1, [16, 8, 4, 2], 0.8)),
  grass: () => noise(17, octaves(1, 8, [16, 8, 4, 2], 0.9)),
  ridges: () => noise(18, octaves(1, 1, [64, 32, 16, 8], 0.6)).map((value) => Math.min(255, Math.abs(value - 128) * 3)),
  spots: () => noise(19, octaves(1, 1, [16, 8], 0.4)).map((value) => Math.max(0, Math.min(255, (value - 150) * 6))),
  islands: () => noise(20, octaves(1, 1, [64, 32, 16, 8], 0.5)).map((value) => (value > 135 ? 210 : 70)),
  cells: () => voronoi(21, 8, (_near, _next, id) => id),
  pebbles: () => voronoi(22, 16, (near, next, id) => Math.min(1, (next - near) * 3) * (0.4 + 0.6 * id)),
  crackle: () => voronoi(23, 12, (near, next) => Math.min(1, (next - near) * 5)),
  leaves: () => voronoi(24, 32, (near, _next, id) => id * (1.2 - near)),
  bricks: () => bricks(25, 8, 16),
  planks: () => bricks(26, 2, 8),
  panes: () => bricks(27, 4, 4),
} satisfies Record<string, () => Tile>

export type TileName = keyof typeof painters

export const tileNames: readonly [TileName, ...TileName[]] = [
  'clouds',
  ...(Object.keys(painters).slice(1) as TileName[]),
]

const painted = new Map<TileName, Tile>()

/** The tile of a name; the same object every time. */
export function tile(name: TileName): Tile {
  const known = painted.get(name)
  if (known !== undefined) return known
  const made = painters[name]()
  painted.set(name, made)
  return made
}

function octaves(stretchX: number, stretchY: number, cells: readonly number[], fall: number): readonly Octave[] {
  let weight = 1
  return cells.map((cell) => {
    weight *= fall
    return [Math.min(tileSize, cell * stretchX), Math.min(tileSize, cell * stretchY), weight]
  })
}

/** A sum of value noises, stretched to the whole range. */
function noise(seed: number, layers: readonly Octave[]): Tile {
  const sum = new Float32Array(tileSize * tileSize)
  for (const [layer, [cellX, cellY, weight]] of layers.entries()) {
    const columns = tileSize / cellX
    const rows = tileSize / cellY
    const lattice = Float32Array.from(
      { length: columns * rows },
      (_, index) => mix32(seed * 7919 + layer * 104729 + index * 31) / 2 ** 32,
    )
    for (let y = 0; y < tileSize; y++) {
      const j = Math.floor(y / cellY)
      const fy = fade(y / cellY - j)
      const top = j * columns
      const bottom = ((j + 1) % rows) * columns
      for (let x = 0; x < tileSize; x++) {
        const i = Math.floor(x / cellX)
        const fx = fade(x / cellX - i)
        const right = (i + 1) % columns
        const above = mix(lattice[top + i] ?? 0, lattice[top + right] ?? 0, fx)
        const below = mix(lattice[bottom + i] ?? 0, lattice[bottom + right] ?? 0, fx)
        const at = y * tileSize + x
        sum[at] = (sum[at] ?? 0) + weight * mix(above, below, fy)
      }
    }
  }
  return stretch(sum)
}

/** Cells around `grid` x `grid` scattered points; distances are in units of the grid. */
function voronoi(seed: number, grid: number, value: (near: number, next: number, id: number) => number): Tile {
  const spacing = tileSize / grid
  const px = Float32Array.from({ length: grid * grid }, (_, index) => mix32(seed * 131 + index * 3) / 2 ** 32)
  const py = Float32Array.from({ length: grid * grid }, (_, index) => mix32(seed * 137 + index * 3 + 1) / 2 ** 32)
  const out = new Float32Array(tileSize * tileSize)
  for (let y = 0; y < tileSize; y++) {
    for (let x = 0; x < tileSize; x++) {
      const gx = x / spacing
      const gy = y / spacing
      let near = 9
      let next = 9
      let owner = 0
      for (let k = 0; k < 9; k++) {
        const i = Math.floor(gx) + (k % 3) - 1
        const j = Math.floor(gy) + Math.floor(k / 3) - 1
        const index = ((j + grid) % grid) * grid + ((i + grid) % grid)
        const dx = i + (px[index] ?? 0) - gx
        const dy = j + (py[index] ?? 0) - gy
        const distance = Math.sqrt(dx * dx + dy * dy)
        if (distance < near) {
          next = near
          near = distance
          owner = index
        } else if (distance < next) next = distance
      }
      out[y * tileSize + x] = value(near, next, mix32(seed * 139 + owner * 7) / 2 ** 32)
    }
  }
  return stretch(out)
}

function bricks(seed: number, columns: number, rows: number): Tile {
  const width = tileSize / columns
  const height = tileSize / rows
  const grit = tile('rough')
  const out = new Float32Array(tileSize * tileSize)
  for (let y = 0; y < tileSize; y++) {
    const row = Math.floor(y / height)
    for (let x = 0; x < tileSize; x++) {
      const shifted = (x + (row % 2) * (width / 2)) & mask
      const column = Math.floor(shifted / width)
      const joint = y % height < 2 || shifted % width < 2
      const shade = mix32(seed * 149 + row * 64 + column) / 2 ** 32
      const at = y * tileSize + x
      out[at] = (joint ? 0 : 0.35 + 0.5 * shade) + ((grit[at] ?? 0) / 255) * 0.3
    }
  }
  return stretch(out)
}

function stretch(values: Float32Array): Tile {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const value of values) {
    if (value < low) low = value
    if (value > high) high = value
  }
  const scale = 255 / (high - low)
  const out = new Uint8Array(values.length)
  for (let index = 0; index < out.length; index++) out[index] = ((values[index] ?? 0) - low) * scale
  return out
}

function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t
}

function fade(t: number): number {
  return t * t * (3 - 2 * t)
}
