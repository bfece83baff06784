// What everything moves over: a repeating coloured ground, mixed from the tiles, sometimes with a horizon, and a fine
// grain on top; seen through a camera that pans, turns and zooms.

import type { Random } from '../random.ts'
import type { Canvas } from './canvas.ts'
import { groundPalette, type Palette, rampOf, shifted } from './palette.ts'
import { type Tile, type TileName, tile, tileNames, tileSize } from './tiles.ts'

export interface Ground {
  /** 256 x 256 texels R, G, B, 0..255. */
  readonly picture: Uint8Array
  /** World pixels per texel. */
  readonly zoom: number
  readonly detail: Tile
  /** Share of the brightness, 0..1. */
  readonly detailSize: number
}

/** Where the camera is: the world point in the picture's middle, the zoom, the turn. */
export interface View {
  readonly x: number
  readonly y: number
  readonly zoom: number
  readonly cos: number
  readonly sin: number
  /** Tremble of the picture in pixels; `x` and `y` contain it. */
  readonly shakeX: number
  readonly shakeY: number
}

const tileMask = tileSize - 1
const smooth: readonly [TileName, ...TileName[]] = ['clouds', 'hills', 'clouds', 'ridges', 'rough']
const details: readonly [TileName, ...TileName[]] = ['gravel', 'grain', 'rough', 'grass', 'wood', 'leaves', 'crackle']

/** Draws a ground in the given colours and paints it. */
export function makeGround(random: Random, palette: Palette): Ground {
  const picture = new Uint8Array(tileSize * tileSize * 3)
  const horizon = random.next() < 0.35 ? tileSize / 2 + random.integer(41) - 30 : 0
  const slant = random.uniform(-0.3, 0.3)
  const below = layerOf(random, palette)
  const above =
    horizon > 0 ? layerOf(random, random.next() < 0.5 ? groundPalette(random) : shifted(palette, random, 0.25)) : below
  for (let y = 0; y < tileSize; y++) {
    const edge = horizon + slant * 0.5 * Math.abs(y - tileSize / 2)
    for (let x = 0; x < tileSize; x++) {
      const layer = y < edge + slant * Math.abs(x - tileSize / 2) * 0.3 ? above : below
      const color = layer.index(x, y) * 3
      const at = (y * tileSize + x) * 3
      picture[at] = layer.ramp[color] ?? 0
      picture[at + 1] = layer.ramp[color + 1] ?? 0
      picture[at + 2] = layer.ramp[color + 2] ?? 0
    }
  }
  return {
    picture,
    zoom: random.uniform(1.4, 2.8),
    detail: tile(random.pick(details)),
    detailSize: random.next() < 0.2 ? 0 : random.uniform(0.05, 0.45),
  }
}

function layerOf(random: Random, palette: Palette) {
  const coarse = sampler(random, random.pick(smooth), 1)
  const middle = sampler(random, random.pick(tileNames), 1 + random.integer(3))
  const fine = sampler(random, random.pick(tileNames), 1 + random.integer(3))
  const share = random.uniform(0.1, 0.7)
  const fineShare = random.uniform(0, 0.5)
  const contrast = random.pick([0.25, 0.5, 0.8, 1.1, 1.4])
  const level = 128 + random.uniform(-60, 60)
  const ramp = rampOf(palette, random.next() < 0.25)
  return {
    ramp,
    index(x: number, y: number): number {
      const a = coarse(x, y)
      const b = a + (middle(x, y) - a) * share
      const value = (b + (fine(x, y) - b) * fineShare - 128) * contrast + level
      return value < 0 ? 0 : value > 255 ? 255 : Math.floor(value)
    },
  }
}

function sampler(random: Random, name: TileName, step: number): (x: number, y: number) => number {
  const picture = tile(name)
  const x0 = random.integer(tileSize)
  const y0 = random.integer(tileSize)
  return (x, y) => picture[((y * step + y0) & tileMask) * tileSize + ((x * step + x0) & tileMask)] ?? 0
}

/** Fills the canvas with the ground as the camera sees it. */
export function drawGround(canvas: Canvas, ground: Ground, view: View): void {
  const { width, height, data } = canvas
  const { picture, detail, detailSize } = ground
  const scale = 1 / (view.zoom * ground.zoom)
  const stepX = view.cos * scale
  const stepY = -view.sin * scale
  const grain = detailSize / 128
  const origin = 16.5 * tileSize
  let at = 0
  for (let row = 0; row < height; row++) {
    const dy = row + 0.5 - height / 2
    const dx = 0.5 - width / 2
    let x = origin + view.x / ground.zoom + (view.cos * dx + view.sin * dy) * scale
    let y = origin + view.y / ground.zoom + (view.cos * dy - view.sin * dx) * scale
    for (let column = 0; column < width; column++, at += 3, x += stepX, y += stepY) {
      const i = Math.floor(x)
      const j = Math.floor(y)
      const fx = x - i
      const fy = y - j
      const left = i & tileMask
      const right = (i + 1) & tileMask
      const top = (j & tileMask) * tileSize
      const bottom = ((j + 1) & tileMask) * tileSize
      const k = Math.floor(x * 1.7)
      const l = Math.floor(y * 1.7)
      const gx = x * 1.7 - k
      const gy = y * 1.7 - l
      const rowA = (l & tileMask) * tileSize
      const rowB = ((l + 1) & tileMask) * tileSize
      const colA = k & tileMask
      const colB = (k + 1) & tileMask
      const upper = (detail[rowA + colA] ?? 0) * (1 - gx) + (detail[rowA + colB] ?? 0) * gx
      const lower = (detail[rowB + colA] ?? 0) * (1 - gx) + (detail[rowB + colB] ?? 0) * gx
      const light = 1 + grain * (upper + (lower - upper) * gy - 128)
      const w00 = (1 - fx) * (1 - fy) * light
      const w10 = fx * (1 - fy) * light
      const w01 = (1 - fx) * fy * light
      const w11 = fx * fy * light
      const p00 = (top + left) * 3
      const p10 = (top + right) * 3
      const p01 = (bottom + left) * 3
      const p11 = (bottom + right) * 3
      data[at] =
        (picture[p00] ?? 0) * w00 + (picture[p10] ?? 0) * w10 + (picture[p01] ?? 0) * w01 + (picture[p11] ?? 0) * w11
      data[at + 1] =
        (picture[p00 + 1] ?? 0) * w00 +
        (picture[p10 + 1] ?? 0) * w10 +
        (picture[p01 + 1] ?? 0) * w01 +
        (picture[p11 + 1] ?? 0) * w11
      data[at + 2] =
        (picture[p00 + 2] ?? 0) * w00 +
        (picture[p10 + 2] ?? 0) * w10 +
        (picture[p01 + 2] ?? 0) * w01 +
        (picture[p11 + 2] ?? 0) * w11
    }
  }
}
