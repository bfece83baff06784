// Bytes of one picture into those of another: bilinear drawing under an affine map, and halving. Positions are those of pixel
// centres counted from 0, as cv2.warpAffine counts them.

import type { RgbFrame } from 'siamrpn'
import { inverse, type Linear, type Point } from './linear.ts'

/** What a picture is taken to show outside of itself: its edge, or one color R, G, B. */
export type Fill = 'replicate' | readonly [number, number, number]

/** Rows of pixels, `channels` bytes each, without padding. */
export interface Pixels {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
  readonly channels: 3 | 4
}

/** Weights of a neighbour are multiples of 1/64. */
const steps = 64
const shift = 6
const round = 1 << (2 * shift - 1)
/** Keeps positions above zero while they are cut to whole steps. */
const origin = 1 << 17

/** Position in the source of an output position, for the map `linear` that takes `from` to `to`. */
export interface SourceMap {
  readonly linear: Linear
  /** The source position of the output's pixel (0, 0). */
  readonly start: Point
}

export function sourceMap(linear: Linear, from: Point, to: Point): SourceMap {
  const back = inverse(linear)
  const [a, b, c, d] = back
  return { linear: back, start: [from[0] - a * to[0] - b * to[1], from[1] - c * to[0] - d * to[1]] }
}

/** The same map for a source of `level` halvings. */
export function atLevel({ linear: [a, b, c, d], start: [x, y] }: SourceMap, level: number): SourceMap {
  const f = 0.5 ** level
  return { linear: [a * f, b * f, c * f, d * f], start: [(x + 0.5) * f - 0.5, (y + 0.5) * f - 0.5] }
}

/**
 * Draws a whole RGB picture, R, G, B per pixel.
 * @param source at least 2 x 2 pixels
 */
export function drawPicture(source: Pixels, map: SourceMap, width: number, height: number, fill: Fill): RgbFrame {
  const out = new Uint8Array(3 * width * height)
  const [a, b, c, d] = map.linear
  const { data, width: sourceWidth, height: sourceHeight, channels } = source
  const [lastX, lastY, stride] = [sourceWidth - 1, sourceHeight - 1, sourceWidth * channels]
  let to = 0
  for (let y = 0; y < height; y++) {
    let [sx, sy] = [b * y + map.start[0], d * y + map.start[1]]
    for (let x = 0; x < width; x++, to += 3, sx += a, sy += c) {
      const px = stepsOf(sx)
      const py = stepsOf(sy)
      let ix = (px >> shift) - origin
      let iy = (py >> shift) - origin
      let wx = px & (steps - 1)
      let wy = py & (steps - 1)
      if (ix < 0 || iy < 0 || ix >= lastX || iy >= lastY) {
        if (fill !== 'replicate') {
          drawBorder(source, [px, py], fill, out, to)
          continue
        }
        // The nearest pixel of the edge: both neighbours inside, all weight on one.
        if (ix < 0) [ix, wx] = [0, 0]
        else if (ix >= lastX) [ix, wx] = [lastX - 1, steps]
        if (iy < 0) [iy, wy] = [0, 0]
        else if (iy >= lastY) [iy, wy] = [lastY - 1, steps]
      }
      const w11 = wx * wy
      const w01 = (wx << shift) - w11
      const w10 = (wy << shift) - w11
      const w00 = (1 << (2 * shift)) - (wx << shift) - w10
      const p = iy * stride + ix * channels
      const q = p + stride
      for (let k = 0; k < 3; k++) {
        out[to + k] =
          ((data[p + k] as number) * w00 +
            (data[p + k + channels] as number) * w01 +
            (data[q + k] as number) * w10 +
            (data[q + k + channels] as number) * w11 +
            round) >>
          (2 * shift)
      }
    }
  }
  return { data: out, width, height, channels: 3 }
}

/** A position in steps of 1/64, far ones cut off, above zero. */
function stepsOf(position: number): number {
  const near = position < -origin ? -origin : position > origin ? origin : position
  return ((near + origin) * steps + 0.5) | 0
}

/** One pixel some or all of whose neighbours lie outside of the source, where everything has one color. */
function drawBorder(
  { data, width, height, channels }: Pixels,
  [px, py]: Point,
  fill: readonly [number, number, number],
  out: Uint8Array,
  to: number,
): void {
  const [x0, y0] = [(px >> shift) - origin, (py >> shift) - origin]
  if (x0 < -1 || y0 < -1 || x0 >= width || y0 >= height) {
    out[to] = fill[0] + 0.5
    out[to + 1] = fill[1] + 0.5
    out[to + 2] = fill[2] + 0.5
    return
  }
  const [wx, wy] = [px & (steps - 1), py & (steps - 1)]
  for (let k = 0; k < 3; k++) {
    let sum = round
    for (let tap = 0; tap < 4; tap++) {
      const [x, y] = [x0 + (tap & 1), y0 + (tap >> 1)]
      const weight = (tap & 1 ? wx : steps - wx) * (tap >> 1 ? wy : steps - wy)
      const outside = x < 0 || y < 0 || x >= width || y >= height
      sum += weight * (outside ? (fill[k] ?? 0) : (data[(y * width + x) * channels + k] ?? 0))
    }
    out[to + k] = sum >> (2 * shift)
  }
}

/** Half the size, each pixel the mean of four; a last odd row or column is left out. */
export function halve({ data, width, height, channels }: Pixels): Pixels {
  const [w, h, stride] = [width >> 1, height >> 1, width * channels]
  const half = new Uint8Array(w * h * channels)
  let to = 0
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const p = 2 * y * stride + 2 * x * channels
      for (let k = 0; k < channels; k++, to++) {
        const [q, r] = [p + k, p + k + stride]
        half[to] =
          ((data[q] as number) +
            (data[q + channels] as number) +
            (data[r] as number) +
            (data[r + channels] as number) +
            2) >>
          2
      }
    }
  }
  return { data: half, width: w, height: h, channels }
}

/** Tables that change colors before something is pasted: 256 entries for each of R, G, B. */
export type ColorTables = Uint8Array

/**
 * Pastes a picture with a mask (its fourth channel: 0 not at all, 255 wholly) over `onto`, bilinear in color and mask.
 * @param map from positions of `onto` to those of the source
 * @param tables colors of the source are looked up in them
 */
export function pastePicture(onto: RgbFrame, source: Pixels, map: SourceMap, tables?: ColorTables): void {
  const { data, width: sourceWidth, height: sourceHeight } = source
  const [a, b, c, d] = map.linear
  const [x0, y0, x1, y1] = reach(onto, source, map)
  const stride = 4 * sourceWidth
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) {
      const px = stepsOf(a * x + b * y + map.start[0])
      const py = stepsOf(c * x + d * y + map.start[1])
      const ix = (px >> shift) - origin
      const iy = (py >> shift) - origin
      if (ix < -1 || iy < -1 || ix >= sourceWidth || iy >= sourceHeight) continue
      const wx = px & (steps - 1)
      const wy = py & (steps - 1)
      let [alpha, red, green, blue] = [0, 0, 0, 0]
      for (let tap = 0; tap < 4; tap++) {
        const [tx, ty] = [ix + (tap & 1), iy + (tap >> 1)]
        if (tx < 0 || ty < 0 || tx >= sourceWidth || ty >= sourceHeight) continue
        const p = ty * stride + 4 * tx
        const weight = (tap & 1 ? wx : steps - wx) * (tap >> 1 ? wy : steps - wy) * (data[p + 3] as number)
        alpha += weight
        red += weight * (data[p] as number)
        green += weight * (data[p + 1] as number)
        blue += weight * (data[p + 2] as number)
      }
      if (alpha === 0) continue
      const to = 3 * (y * onto.width + x)
      const share = alpha / (255 * steps * steps)
      const color = [red / alpha, green / alpha, blue / alpha]
      for (let k = 0; k < 3; k++) {
        const value = (color[k] as number) + 0.5
        const lit = tables === undefined ? value : (tables[256 * k + (value | 0)] as number)
        const below = onto.data[to + k] as number
        onto.data[to + k] = below + (lit - below) * share
      }
    }
  }
}

/** The rectangle of `onto` that the source can reach. */
function reach(onto: RgbFrame, source: Pixels, map: SourceMap): readonly [number, number, number, number] {
  const [a, b, c, d] = inverse(map.linear)
  const xs: number[] = []
  const ys: number[] = []
  for (const u of [-1, source.width]) {
    for (const v of [-1, source.height]) {
      const [du, dv] = [u - map.start[0], v - map.start[1]]
      xs.push(a * du + b * dv)
      ys.push(c * du + d * dv)
    }
  }
  const clip = (value: number, size: number) => Math.min(Math.max(value, 0), size)
  return [
    clip(Math.floor(Math.min(...xs)), onto.width),
    clip(Math.floor(Math.min(...ys)), onto.height),
    clip(Math.ceil(Math.max(...xs)) + 1, onto.width),
    clip(Math.ceil(Math.max(...ys)) + 1, onto.height),
  ]
}
