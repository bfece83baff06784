// A picture that is drawn into windows of any place, size and turn, from halved copies where it is made much smaller.

import type { RgbFrame } from 'siamrpn'
import { type Linear, magnification, type Point } from './linear.ts'
import { atLevel, drawPicture, type Fill, halve, type Pixels, sourceMap } from './resample.ts'

/** A square window: where it looks and how. */
export interface View {
  /** From positions of the picture to positions of the window. */
  readonly map: Linear
  /** A position of the picture, and the position of the window where it comes to lie. */
  readonly from: Point
  readonly to: Point
  /** Sides of the window, pixels. */
  readonly size: number
  readonly fill: Fill
  /** Much smaller windows are drawn from halved copies, so that fine structure does not alias. */
  readonly antialias: boolean
}

/** Something to draw windows of. */
export interface Picture {
  /** Pixels. */
  readonly width: number
  readonly height: number
  draw(view: View): RgbFrame
  /** R, G, B. */
  mean(): readonly [number, number, number]
}

/** Halved copies at most, and the smallest side that is halved. */
const maxHalvings = 2
const smallestHalved = 32
/** Below this size of a pixel the next smaller copy is taken. */
const smallestPixel = 0.6

/** Decoded pixels with their halved copies, the largest first. */
export type Pyramid = readonly [Pixels, ...Pixels[]]

export function pyramidOf(pixels: Pixels): Pyramid {
  const levels: [Pixels, ...Pixels[]] = [pixels]
  for (let last = pixels; levels.length <= maxHalvings && Math.min(last.width, last.height) >= smallestHalved; ) {
    last = halve(last)
    levels.push(last)
  }
  return levels
}

export function pyramidBytes(pyramid: Pyramid): number {
  return pyramid.reduce((sum, { data }) => sum + data.byteLength, 0)
}

/** The copy that a map draws from, and how often it is halved. */
export function levelFor(pyramid: Pyramid, map: Linear): { readonly pixels: Pixels; readonly level: number } {
  let level = 0
  for (let pixel = magnification(map); pixel < smallestPixel && level + 1 < pyramid.length; pixel *= 2) level++
  return { pixels: pyramid[level] ?? pyramid[0], level }
}

/** A decoded photograph or frame. */
export class Photograph implements Picture {
  readonly width: number
  readonly height: number
  readonly #pyramid: Pyramid
  #mean: readonly [number, number, number] | undefined

  /** @param pyramid at least 2 x 2 pixels */
  constructor(pyramid: Pyramid) {
    this.#pyramid = pyramid
    this.width = pyramid[0].width
    this.height = pyramid[0].height
  }

  draw({ map, from, to, size, fill, antialias }: View): RgbFrame {
    const { pixels, level } = antialias ? levelFor(this.#pyramid, map) : { pixels: this.#pyramid[0], level: 0 }
    return drawPicture(pixels, atLevel(sourceMap(map, from, to), level), size, size, fill)
  }

  mean(): readonly [number, number, number] {
    this.#mean ??= meanColor(this.#pyramid.at(-1) ?? this.#pyramid[0])
    return this.#mean
  }

  /** Standard deviation of the bytes in a part of the picture, every second pixel taken. */
  contrast(left: number, top: number, right: number, bottom: number): number {
    const { data, width, height } = this.#pyramid[0]
    let [count, sum, squares] = [0, 0, 0]
    for (let y = Math.max(0, Math.floor(top)); y < Math.min(height, bottom); y += 2) {
      for (let x = Math.max(0, Math.floor(left)); x < Math.min(width, right); x += 2) {
        for (let k = 0; k < 3; k++) {
          const value = data[3 * (y * width + x) + k] as number
          count++
          sum += value
          squares += value * value
        }
      }
    }
    return count === 0 ? 0 : Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2))
  }
}

function meanColor({ data, channels }: Pixels): readonly [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0]
  for (let i = 0; i < data.length; i += channels) {
    sums[0] += data[i] as number
    sums[1] += data[i + 1] as number
    sums[2] += data[i + 2] as number
  }
  const count = data.length / channels
  return [sums[0] / count, sums[1] / count, sums[2] / count]
}
