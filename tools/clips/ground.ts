// Paints the ground that everything moves over: repeating and colored, mixed from the tiles, sometimes with a horizon,
// and a fine grain on top; seen through a camera that pans, turns and zooms.

import type { Random } from 'siamrpn'
import type { Canvas } from './canvas.ts'
import { groundPalette, type Palette, rampOf, shifted } from './palette.ts'
import { type Tile, type TileName, tile, tileNames, tileSize } from './tiles.ts'

export interface Ground {
  /** 256 x 256 texels as in `Canvas`. */
  readonly picture: Int32Array
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
const rowMask = tileMask * tileSize
const fixedOne = 65536
const origin = 16.5 * tileSize * fixedOne
const detailZoom = 1.7
const smooth: readonly [TileName, ...TileName[]] = ['clouds', 'hills', 'clouds', 'ridges', 'rough']
const mixtures: readonly [TileName, ...TileName[]] = [
  'rough',
  'rough',
  'rough',
  'clouds',
  'clouds',
  'gravel',
  'gravel',
  'grass',
  'leaves',
  'leaves',
  'ridges',
  'spots',
  'wood',
  ...tileNames,
]
const details: readonly [TileName, ...TileName[]] = ['gravel', 'grain', 'rough', 'grass', 'wood', 'leaves', 'crackle']

/** Draws a ground in the given colors and paints it. */
export function makeGround(random: Random, palette: Palette): Ground {
  const horizon = random.next() < 0.35 ? tileSize / 2 + random.integer(41) - 30 : -tileSize
  const slant = random.uniform(-0.15, 0.15)
  const picture = paintLayer(random, palette, tileSize)
  if (horizon > 0) {
    const sky = random.next() < 0.5 ? groundPalette(random) : shifted(palette, random, 0.25)
    const rows = Math.ceil(horizon + Math.abs(slant) * tileSize * 0.5)
    const above = paintLayer(random, sky, rows)
    for (let x = 0; x < tileSize; x++) {
      const edge = horizon + slant * Math.abs(x - tileSize / 2)
      for (let y = 0; y < edge; y++) picture[y * tileSize + x] = above[y * tileSize + x] ?? 0
    }
  }
  return {
    picture,
    zoom: random.uniform(1.4, 2.8),
    detail: tile(random.pick(details)),
    detailSize: random.next() < 0.2 ? 0 : random.uniform(0.05, 0.45),
  }
}

/** The first rows of a mixture of three tiles in the colors of a ramp. */
function paintLayer(random: Random, palette: Palette, rows: number): Int32Array {
  const coarse = placed(random, random.pick(smooth), 1)
  const middle = placed(random, random.pick(mixtures), 1 + random.integer(3))
  const fine = placed(random, random.pick(mixtures), 1 + random.integer(3))
  const share = random.uniform(0.1, 0.7)
  const fineShare = random.uniform(0, 0.5)
  const contrast = random.pick([0.25, 0.5, 0.8, 1.1, 1.4])
  const level = 128 + random.uniform(-60, 60)
  const ramp = rampOf(palette, random.next() < 0.25)
  const colors = Int32Array.from(
    { length: 256 },
    (_, index) => (ramp[index * 3] ?? 0) | ((ramp[index * 3 + 1] ?? 0) << 8) | ((ramp[index * 3 + 2] ?? 0) << 16),
  )
  const picture = new Int32Array(tileSize * rows)
  for (let y = 0; y < rows; y++) {
    const row1 = ((y + coarse.y) & tileMask) * tileSize
    const row2 = ((y * middle.step + middle.y) & tileMask) * tileSize
    const row3 = ((y * fine.step + fine.y) & tileMask) * tileSize
    for (let x = 0; x < tileSize; x++) {
      const a = coarse.picture[row1 + ((x + coarse.x) & tileMask)] ?? 0
      const b = middle.picture[row2 + ((x * middle.step + middle.x) & tileMask)] ?? 0
      const c = fine.picture[row3 + ((x * fine.step + fine.x) & tileMask)] ?? 0
      const mixed = a + (b - a) * share
      const value = Math.floor((mixed + (c - mixed) * fineShare - 128) * contrast + level)
      picture[y * tileSize + x] = colors[value < 0 ? 0 : value > 255 ? 255 : value] ?? 0
    }
  }
  return picture
}

function placed(random: Random, name: TileName, step: number) {
  return { picture: tile(name), x: random.integer(tileSize), y: random.integer(tileSize), step }
}

/** Fills the canvas with the ground as the camera sees it. Coordinates are fixed-point numbers with 16 fractional bits. */
export function drawGround(
  canvas: Canvas,
  ground: Ground,
  view: View,
  stage: { readonly width: number; readonly height: number },
): void {
  const { width, height, data } = canvas
  const { picture, detail } = ground
  const grain = Math.round(ground.detailSize * 256)
  const scale = fixedOne / (view.zoom * ground.zoom)
  const stepX = Math.round(view.cos * scale)
  const stepY = Math.round(-view.sin * scale)
  const detailX = Math.round(view.cos * scale * detailZoom)
  const detailY = Math.round(-view.sin * scale * detailZoom)
  const dx = 0.5 - stage.width / 2
  let at = 0
  for (let row = 0; row < height; row++) {
    const dy = canvas.y + row + 0.5 - stage.height / 2
    const startX = origin + (view.x / ground.zoom) * fixedOne + (view.cos * dx + view.sin * dy) * scale
    const startY = origin + (view.y / ground.zoom) * fixedOne + (view.cos * dy - view.sin * dx) * scale
    let x = Math.floor(startX) + canvas.x * stepX
    let y = Math.floor(startY) + canvas.x * stepY
    let p = Math.floor(startX * detailZoom) + canvas.x * detailX
    let q = Math.floor(startY * detailZoom) + canvas.x * detailY
    for (let column = 0; column < width; column++) {
      const fx = (x >> 8) & 255
      const fy = (y >> 8) & 255
      const left = (x >> 16) & tileMask
      const right = (left + 1) & tileMask
      const top = (y >> 8) & rowMask
      const bottom = (top + tileSize) & rowMask
      const w11 = (fx * fy) >> 8
      const w10 = fx - w11
      const w01 = fy - w11
      const w00 = 256 - fx - w01
      const p00 = picture[top + left] ?? 0
      const p10 = picture[top + right] ?? 0
      const p01 = picture[bottom + left] ?? 0
      const p11 = picture[bottom + right] ?? 0
      const redBlue =
        Math.imul(p00 & 0xff00ff, w00) +
        Math.imul(p10 & 0xff00ff, w10) +
        Math.imul(p01 & 0xff00ff, w01) +
        Math.imul(p11 & 0xff00ff, w11)
      const green =
        Math.imul((p00 >> 8) & 255, w00) +
        Math.imul((p10 >> 8) & 255, w10) +
        Math.imul((p01 >> 8) & 255, w01) +
        Math.imul((p11 >> 8) & 255, w11)
      const light = lightAt(detail, p, q, grain)
      const litRedBlue = (Math.imul((redBlue >>> 8) & 0xff00ff, light) >>> 7) & 0x1ff01ff
      const litGreen = Math.imul(green >> 8, light) >> 7
      const full = Math.imul((litRedBlue >> 8) & 0x10001, 255)
      data[at++] = ((litRedBlue | full) & 0xff00ff) | ((litGreen > 255 ? 255 : litGreen) << 8)
      x = (x + stepX) | 0
      y = (y + stepY) | 0
      p = (p + detailX) | 0
      q = (q + detailY) | 0
    }
  }
}

/** Brightness of the fine grain, 128 on average, at a place in fixed-point numbers. */
function lightAt(detail: Tile, x: number, y: number, grain: number): number {
  const fx = (x >> 8) & 255
  const fy = (y >> 8) & 255
  const left = (x >> 16) & tileMask
  const right = (left + 1) & tileMask
  const top = (y >> 8) & rowMask
  const bottom = (top + tileSize) & rowMask
  const upper = (detail[top + left] ?? 0) * (256 - fx) + (detail[top + right] ?? 0) * fx
  const lower = (detail[bottom + left] ?? 0) * (256 - fx) + (detail[bottom + right] ?? 0) * fx
  const value = ((upper >> 8) * (256 - fy) + (lower >> 8) * fy) >> 8
  return 128 + (((value - 128) * grain) >> 8)
}
