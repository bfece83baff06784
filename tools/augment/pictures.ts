// Decoded pictures by their files, the last used ones kept in memory within a bound: training comes back to the same few
// thousand files for hours.

import { renderSynthetic } from '../clips/pairs.ts'
import type { CollageSource, PixelSource } from '../datasets/pair.ts'
import { UnreadableImageError } from '../frames/errors.ts'
import { readImage } from '../frames/image.ts'
import { type OddImages, oddImages } from '../frames/odd-images.ts'
import { Collage, cutoutFiles } from './collage.ts'
import { Cutout } from './cutout.ts'
import { Photograph, type Picture, pyramidBytes, pyramidOf } from './picture.ts'
import type { Pixels } from './resample.ts'

/** Something decoded, and what it takes in memory. */
interface Kept<T> {
  readonly value: T
  readonly bytes: number
}

/** The last used values by name, until their bytes exceed a bound; several who ask for one that is under way share it. */
export class ByteCache<T> {
  readonly #limit: number
  /** The last used one comes last. */
  readonly #kept = new Map<string, Kept<T>>()
  readonly #pending = new Map<string, Promise<T>>()
  #bytes = 0

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The value of a name, made if it is not there; what fails is not kept. */
  get(name: string, make: () => Promise<Kept<T>>): Promise<T> {
    const kept = this.#kept.get(name)
    if (kept !== undefined) {
      this.#kept.delete(name)
      this.#kept.set(name, kept)
      return Promise.resolve(kept.value)
    }
    const pending = this.#pending.get(name) ?? this.#make(name, make)
    this.#pending.set(name, pending)
    return pending
  }

  async #make(name: string, make: () => Promise<Kept<T>>): Promise<T> {
    try {
      const made = await make()
      this.#kept.set(name, made)
      this.#bytes += made.bytes
      for (const [oldest, { bytes }] of this.#kept) {
        if (this.#bytes <= this.#limit) break
        this.#kept.delete(oldest)
        this.#bytes -= bytes
      }
      return made.value
    } finally {
      this.#pending.delete(name)
    }
  }
}

/** Opens the sources of pairs as pictures. */
export class Pictures {
  readonly #cache: ByteCache<Photograph | Cutout>
  readonly #odd: OddImages

  /** @param cacheBytes decoded pixels that are kept at most @param odd as of `readImage` */
  constructor(cacheBytes: number, odd: OddImages = oddImages) {
    this.#cache = new ByteCache(cacheBytes)
    this.#odd = odd
  }

  /** @throws SourceNotFoundError, UnreadableImageError that name the file */
  async open(source: PixelSource): Promise<Picture> {
    switch (source.kind) {
      case 'file':
        return this.photograph(source.path)
      case 'collage':
        return this.#collage(source)
      case 'synthetic':
        return new Photograph(pyramidOf(await renderSynthetic(source)))
    }
  }

  /** @throws SourceNotFoundError, UnreadableImageError */
  async photograph(path: string): Promise<Photograph> {
    const opened = await this.#cache.get(path, async () => {
      const pyramid = pyramidOf(largeEnough(await readImage(path, this.#odd), path))
      return { value: new Photograph(pyramid), bytes: pyramidBytes(pyramid) }
    })
    return opened as Photograph
  }

  async #collage(source: CollageSource): Promise<Collage> {
    const [background, ...cutouts] = await Promise.all([
      this.photograph(source.background.path),
      ...source.objects.map((object) => this.#cutout(cutoutFiles(object))),
    ])
    return new Collage(source, background, cutouts)
  }

  async #cutout(files: { readonly image: string; readonly mask: string }): Promise<Cutout> {
    // A mask is the key: the same file cannot be a photograph's.
    const opened = await this.#cache.get(`mask ${files.mask}`, async () => {
      const cutout = await Cutout.read(files)
      return { value: cutout, bytes: pyramidBytes(cutout.pyramid) }
    })
    return opened as Cutout
  }
}

function largeEnough(pixels: Pixels, path: string): Pixels {
  if (pixels.width >= 2 && pixels.height >= 2) return pixels
  throw new UnreadableImageError(path, `it has ${pixels.width}x${pixels.height} pixels, expected at least 2x2`)
}
