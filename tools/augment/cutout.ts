// A cut-out: an object of a photograph with a mask of the same size, in two files. Its outline says what its box becomes under
// any turn.

import sharp from 'sharp'
import type { RgbFrame } from 'siamrpn'
import { isCmyk } from '../frames/cmyk.ts'
import { UnreadableImageError } from '../frames/errors.ts'
import { checkImage, readImage, readImageBytes, unreadable } from '../frames/image.ts'
import { maxPixels } from '../frames/max-pixels.ts'
import { apply, type Linear, type Point } from './linear.ts'
import { levelFor, type Pyramid, pyramidOf } from './picture.ts'
import { atLevel, type ColorTables, type Pixels, pastePicture, sourceMap } from './resample.ts'

/** The two files of a cut-out. */
export interface CutoutFiles {
  readonly image: string
  /** The object is where it is above half. */
  readonly mask: string
}

/** Convex hull of a mask, in pixels of its image: x, y one after the other. Empty for an empty mask. */
export type Outline = Float32Array

/** Left, top, right, bottom of an outline under a map. */
export function boundsUnder(outline: Outline, map: Linear): readonly [number, number, number, number] {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity]
  for (let i = 0; i < outline.length; i += 2) {
    const [x, y] = apply(map, [outline[i] as number, outline[i + 1] as number])
    left = Math.min(left, x)
    right = Math.max(right, x)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y)
  }
  return [left, top, right, bottom]
}

/** A decoded mask: 0 or 255 per pixel. */
export interface Mask {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

/** @throws SourceNotFoundError, UnreadableImageError */
export async function readMask(file: string): Promise<Mask> {
  const bytes = await readImageBytes(file)
  const kind = checkImage(file, bytes)
  try {
    if (await isCmyk(bytes, kind)) throw new Error('its colors are CMYK, expected the gray of a mask')
    const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels() })
      .removeAlpha()
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true })
    const mask = new Uint8Array(info.width * info.height)
    for (let i = 0; i < mask.length; i++) mask[i] = (data[i * info.channels] ?? 0) > 127 ? 255 : 0
    return { data: mask, width: info.width, height: info.height }
  } catch (error) {
    throw unreadable(file, error)
  }
}

/** The convex hull of the mask's pixels, corners of pixels included. */
export function outlineOf({ data, width, height }: Mask): Outline {
  const points: Point[] = []
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width, (y + 1) * width)
    const left = row.indexOf(255)
    if (left < 0) continue
    const right = row.lastIndexOf(255) + 1
    points.push([left, y], [left, y + 1], [right, y], [right, y + 1])
  }
  return Float32Array.from(convexHull(points).flat())
}

/** Andrew's monotone chain. */
function convexHull(points: readonly Point[]): Point[] {
  const sorted = points.toSorted(([ax, ay], [bx, by]) => ax - bx || ay - by)
  const chain = (ordered: readonly Point[]) => {
    const hull: Point[] = []
    for (const [x, y] of ordered) {
      for (;;) {
        const [second, last] = [hull.at(-2), hull.at(-1)]
        if (!second || !last) break
        const cross = (last[0] - second[0]) * (y - second[1]) - (last[1] - second[1]) * (x - second[0])
        if (cross > 0) break
        hull.pop()
      }
      hull.push([x, y])
    }
    return hull.slice(0, -1)
  }
  return [...chain(sorted), ...chain(sorted.toReversed())]
}

/** A decoded cut-out, cut to its mask's bounds. */
export class Cutout {
  readonly pyramid: Pyramid
  readonly #origin: Point

  constructor(pixels: Pixels, origin: Point) {
    this.pyramid = pyramidOf(pixels)
    this.#origin = origin
  }

  /** @throws SourceNotFoundError, UnreadableImageError (also if mask and image differ in size, or the mask is empty) */
  static async read({ image, mask: maskFile }: CutoutFiles): Promise<Cutout> {
    const [frame, mask] = await Promise.all([readImage(image), readMask(maskFile)])
    if (frame.width !== mask.width || frame.height !== mask.height) {
      const found = `${mask.width}x${mask.height} pixels, expected ${frame.width}x${frame.height} as ${image} has`
      throw new UnreadableImageError(maskFile, `the mask is ${found}`)
    }
    const [left, top, right, bottom] = boundsUnder(outlineOf(mask), [1, 0, 0, 1])
    if (!(right - left >= 2 && bottom - top >= 2)) throw new UnreadableImageError(maskFile, 'the mask is empty')
    return new Cutout(joined(frame, mask, [left, top, right, bottom]), [left, top])
  }

  /**
   * Pastes it over a picture.
   * @param map from pixels of its image to those of `onto` @param from, to a position of its image, and where it comes to lie
   */
  paste(onto: RgbFrame, map: Linear, [from, to]: readonly [Point, Point], tables?: ColorTables): void {
    const { pixels, level } = levelFor(this.pyramid, map)
    const own: Point = [from[0] - this.#origin[0], from[1] - this.#origin[1]]
    pastePicture(onto, pixels, atLevel(sourceMap(map, own, to), level), tables)
  }
}

function joined(frame: RgbFrame, mask: Mask, [left, top, right, bottom]: readonly number[] & { length: 4 }): Pixels {
  const [x0, y0] = [left ?? 0, top ?? 0]
  const [width, height] = [(right ?? 0) - x0, (bottom ?? 0) - y0]
  const data = new Uint8Array(4 * width * height)
  let to = 0
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 4) {
      const at = (y0 + y) * frame.width + x0 + x
      data[to] = frame.data[3 * at] as number
      data[to + 1] = frame.data[3 * at + 1] as number
      data[to + 2] = frame.data[3 * at + 2] as number
      data[to + 3] = mask.data[at] as number
    }
  }
  return { data, width, height, channels: 4 }
}
