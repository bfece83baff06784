// The picture under construction, and how one thing gets into it: coverage from the rasteriser, color from its surface,
// light from one side, a rim, alpha, motion blur along its way.

import type { Contour } from './outline.ts'
import { type Bounds, boundsOf, rasterise } from './raster.ts'
import { type Surface, surfaceSize } from './surface.ts'

/** Rows from the top, one number per pixel: red + 256 green + 65536 blue. Two channels at a time fit one multiplication. */
export interface Canvas {
  /** Where the canvas lies in the whole picture, whose coordinates all drawing uses. */
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly data: Int32Array
}

/** A thing at one moment. */
export interface Sprite {
  /** In pixels of the canvas. */
  readonly contours: readonly Contour[]
  readonly surface: Surface
  /** Pixel (x, y) shows the surface at u = a x + b y + c, v = d x + e y + f; -1..1 is the thing. */
  readonly toSurface: readonly [a: number, b: number, c: number, d: number, e: number, f: number]
  readonly look: Look
  /** Pixels it moves while the shutter is open. */
  readonly blur: readonly [x: number, y: number]
}

/** What of a thing's appearance never changes. */
export interface Look {
  /** 0..1 */
  readonly alpha: number
  /** Change of brightness from the middle to the edge in +u and +v. */
  readonly slope: readonly [u: number, v: number]
  /** Loss of brightness at distance 1 from the middle. */
  readonly rim: number
  /** Brightness of a highlight at `spot`, and the square of its size. */
  readonly shine: number
  readonly spot: readonly [u: number, v: number]
  /** Where the surface's middle is found on it. */
  readonly offset: readonly [u: number, v: number]
}

const surfaceMask = surfaceSize - 1
const surfaceScale = (surfaceSize - 8) / 2
const surfaceMiddle = surfaceSize / 2 + 64 * surfaceSize
const mostTaps = 8

/** Draws a thing over what is there. */
export function drawSprite(canvas: Canvas, sprite: Sprite): void {
  const [blurX, blurY] = sprite.blur
  const length = Math.max(Math.abs(blurX), Math.abs(blurY))
  const taps = Math.min(mostTaps, Math.floor(length / 1.2) + 1)
  const window = clipped(canvas, boundsOf(sprite.contours), taps > 1 ? length / 2 + 1 : 0)
  if (window === undefined) return
  const mask = rasterise(sprite.contours, window)
  const layer = new Float32Array(mask.width * mask.height * 4)
  paint(sprite, mask, layer)
  const offsets = Int32Array.from({ length: taps * 2 }, (_, index) => {
    const share = taps > 1 ? (index >> 1) / (taps - 1) - 0.5 : 0
    return Math.round(share * (index & 1 ? blurY : blurX))
  })
  if (taps === 1) lay(canvas, mask, layer)
  else laySmeared(canvas, mask, layer, offsets)
}

/** Multiplies what is there by `factor` inside the contours. */
export function drawShade(canvas: Canvas, contours: readonly Contour[], factor: number): void {
  const window = clipped(canvas, boundsOf(contours), 0)
  if (window === undefined) return
  const { x, y, width, height, data } = rasterise(contours, window)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const share = data[row * width + column] ?? 0
      if (share === 0) continue
      const scale = Math.round(256 * (1 - share * (1 - factor)))
      const at = (y - canvas.y + row) * canvas.width + x - canvas.x + column
      const pixel = canvas.data[at] ?? 0
      const redBlue = (Math.imul(pixel & 0xff00ff, scale) >>> 8) & 0xff00ff
      canvas.data[at] = redBlue | (((((pixel >> 8) & 255) * scale) >> 8) << 8)
    }
  }
}

interface Window {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly data: Float32Array
}

/** R, G, B, each times the share, and the share, for every pixel of the window. */
function paint({ surface, toSurface, look }: Sprite, mask: Window, out: Float32Array): void {
  const [a, b, c, d, e, f] = toSurface
  const { alpha, rim, shine, offset } = look
  const [slopeU, slopeV] = look.slope
  const [spotU, spotV] = look.spot
  const shiftX = surfaceMiddle + offset[0] * surfaceScale
  const shiftY = surfaceMiddle + offset[1] * surfaceScale
  let at = 0
  for (let row = 0; row < mask.height; row++) {
    const py = mask.y + row + 0.5
    for (let column = 0; column < mask.width; column++, at += 4) {
      const share = (mask.data[at >> 2] ?? 0) * alpha
      if (share === 0) {
        out[at] = 0
        out[at + 1] = 0
        out[at + 2] = 0
        out[at + 3] = 0
        continue
      }
      const px = mask.x + column + 0.5
      const u = a * px + b * py + c
      const v = d * px + e * py + f
      const sx = u * surfaceScale + shiftX
      const sy = v * surfaceScale + shiftY
      const i = Math.floor(sx)
      const j = Math.floor(sy)
      const fx = sx - i
      const fy = sy - j
      const left = (i & surfaceMask) * 3
      const right = ((i + 1) & surfaceMask) * 3
      const top = (j & surfaceMask) * surfaceSize * 3
      const bottom = ((j + 1) & surfaceMask) * surfaceSize * 3
      const dx = u - spotU
      const dy = v - spotV
      const glow = shine > 0 ? Math.max(0, 1 - (dx * dx + dy * dy) * 4) * shine * 255 * share : 0
      const light = share * Math.max(0.15, 1 + slopeU * u + slopeV * v - rim * (u * u + v * v))
      const w00 = (1 - fx) * (1 - fy) * light
      const w10 = fx * (1 - fy) * light
      const w01 = (1 - fx) * fy * light
      const w11 = fx * fy * light
      const p00 = top + left
      const p10 = top + right
      const p01 = bottom + left
      const p11 = bottom + right
      out[at] =
        (surface[p00] ?? 0) * w00 +
        (surface[p10] ?? 0) * w10 +
        (surface[p01] ?? 0) * w01 +
        (surface[p11] ?? 0) * w11 +
        glow
      out[at + 1] =
        (surface[p00 + 1] ?? 0) * w00 +
        (surface[p10 + 1] ?? 0) * w10 +
        (surface[p01 + 1] ?? 0) * w01 +
        (surface[p11 + 1] ?? 0) * w11 +
        glow
      out[at + 2] =
        (surface[p00 + 2] ?? 0) * w00 +
        (surface[p10 + 2] ?? 0) * w10 +
        (surface[p01 + 2] ?? 0) * w01 +
        (surface[p11 + 2] ?? 0) * w11 +
        glow
      out[at + 3] = share
    }
  }
}

function lay(canvas: Canvas, { x, y, width, height }: Window, source: Float32Array): void {
  let from = 0
  for (let row = 0; row < height; row++) {
    let at = (y - canvas.y + row) * canvas.width + x - canvas.x
    for (let column = 0; column < width; column++, at++, from += 4) {
      const share = source[from + 3] ?? 0
      if (share === 0) continue
      blend(canvas.data, at, 1 - share, [source[from] ?? 0, source[from + 1] ?? 0, source[from + 2] ?? 0])
    }
  }
}

/** Keeps the share `rest` of a pixel and adds a color. */
function blend(data: Int32Array, at: number, rest: number, [r, g, b]: readonly [number, number, number]): void {
  const pixel = data[at] ?? 0
  const red = Math.min(255, Math.floor((pixel & 255) * rest + r + 0.5))
  const green = Math.min(255, Math.floor(((pixel >> 8) & 255) * rest + g + 0.5))
  const blue = Math.min(255, Math.floor(((pixel >> 16) & 255) * rest + b + 0.5))
  data[at] = red | (green << 8) | (blue << 16)
}

/** Lays the mean of copies of the layer, displaced by `offsets` (x, y in turn). */
function laySmeared(canvas: Canvas, window: Window, source: Float32Array, offsets: Int32Array): void {
  const { x, y, width, height } = window
  const { data } = canvas
  const taps = offsets.length / 2
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let r = 0
      let g = 0
      let b = 0
      let share = 0
      for (let tap = 0; tap < taps; tap++) {
        const i = column - (offsets[tap * 2] ?? 0)
        const j = row - (offsets[tap * 2 + 1] ?? 0)
        if (i < 0 || j < 0 || i >= width || j >= height) continue
        const from = (j * width + i) * 4
        r += source[from] ?? 0
        g += source[from + 1] ?? 0
        b += source[from + 2] ?? 0
        share += source[from + 3] ?? 0
      }
      if (share === 0) continue
      blend(data, (y - canvas.y + row) * canvas.width + x - canvas.x + column, 1 - share / taps, [
        r / taps,
        g / taps,
        b / taps,
      ])
    }
  }
}

function clipped(canvas: Canvas, bounds: Bounds, margin: number): Bounds | undefined {
  const left = Math.max(canvas.x, bounds.left - margin)
  const top = Math.max(canvas.y, bounds.top - margin)
  const right = Math.min(canvas.x + canvas.width, bounds.right + margin)
  const bottom = Math.min(canvas.y + canvas.height, bounds.bottom + margin)
  return left < right && top < bottom ? { left, top, right, bottom } : undefined
}
