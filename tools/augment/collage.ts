// A collage: cut-outs laid over a photograph. It is described by plain data and drawn straight into each window, so that nothing
// is resampled twice.

import type { RgbFrame } from 'siamrpn'
import type { CollageObject, CollageSource } from '../datasets/pair.ts'
import type { Cutout } from './cutout.ts'
import { colorTables } from './light.ts'
import { apply, compose, type Point } from './linear.ts'
import type { Photograph, Picture, View } from './picture.ts'

/** A collage whose files are decoded. */
export class Collage implements Picture {
  readonly width: number
  readonly height: number
  readonly #source: CollageSource
  readonly #background: Photograph
  readonly #cutouts: readonly Cutout[]

  /** @param cutouts one for each object of the source */
  constructor(source: CollageSource, background: Photograph, cutouts: readonly Cutout[]) {
    this.width = source.width
    this.height = source.height
    this.#source = source
    this.#background = background
    this.#cutouts = cutouts
  }

  draw(view: View): RgbFrame {
    const { background, objects } = this.#source
    const fill = background.fill === 'mean' ? this.#background.mean() : background.fill
    const [x, y] = background.from
    const from: Point = [x * this.#background.width, y * this.#background.height]
    const placed = { map: compose(view.map, background.map), from, to: seenAt(view, background.to) }
    const image = this.#background.draw({ ...view, ...placed, fill })
    for (const [k, { map, from, to, light }] of objects.entries()) {
      const points = [from, seenAt(view, to)] as const
      this.#cutouts[k]?.paste(image, compose(view.map, map), points, light && colorTables(light))
    }
    return image
  }

  mean(): readonly [number, number, number] {
    return this.#background.mean()
  }
}

/** Files of an object, in the order in which `Pictures` reads them. */
export function cutoutFiles({ path, mask }: CollageObject): { readonly image: string; readonly mask: string } {
  return { image: path, mask }
}

/** Where a place of the collage comes to lie in the window. */
function seenAt({ map, from, to }: View, [x, y]: Point): Point {
  const [dx, dy] = apply(map, [x - from[0], y - from[1]])
  return [to[0] + dx, to[1] + dy]
}
