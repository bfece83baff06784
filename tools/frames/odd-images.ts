// Counts the images that are damaged a little and read all the same, as OpenCV reads them: of each data set the first one is told,
// further ones are only counted, so that a data set of thousands says one line and a number. A command says the numbers when it ends.

import { resolve, sep } from 'node:path'
import { cut } from 'siamrpn/gpu'

/** An image that was read though something is wrong with it. */
export interface OddImage {
  readonly path: string
  /** What a strict decoder says of it. */
  readonly reason: string
}

/** Told of an image. @param isFirst whether none of its data set was told before */
export type OddListener = (image: OddImage, isFirst: boolean) => void

/** What is counted together: a data set's folder as it was named, or undefined for images of none. */
export type OddPlace = string | undefined

export class OddImages {
  readonly #paths = new Set<string>()
  readonly #counts = new Map<OddPlace, number>()
  /** Folders of data sets as they were named, by their absolute paths, which end in a separator. */
  readonly #folders = new Map<string, string>()
  readonly #tell: OddListener

  /** @param tell told of each image, once */
  constructor(tell: OddListener) {
    this.#tell = tell
  }

  /** From now on images in this folder, at any depth, are counted on their own; of folders in each other the innermost counts. */
  countApart(folder: string): void {
    const path = resolve(folder)
    this.#folders.set(path.endsWith(sep) ? path : path + sep, folder === '' ? '.' : folder)
  }

  /** Different files, in the order in which the first of each place came. */
  get counts(): ReadonlyMap<OddPlace, number> {
    return new Map(this.#counts)
  }

  /** Different files, everywhere. */
  get count(): number {
    return this.#paths.size
  }

  add(image: OddImage): void {
    if (this.#paths.has(image.path)) return
    this.#paths.add(image.path)
    const place = this.#placeOf(image.path)
    const count = this.#counts.get(place) ?? 0
    this.#counts.set(place, count + 1)
    this.#tell(image, count === 0)
  }

  #placeOf(path: string): OddPlace {
    const absolute = resolve(path)
    const around = [...this.#folders.keys()].filter((folder) => absolute.startsWith(folder))
    const innermost = around.reduce((best, folder) => (folder.length > best.length ? folder : best), '')
    return this.#folders.get(innermost)
  }
}

/** The odd images of this process; a thread that decodes sends its own to the main thread. */
export const oddImages: OddImages = new OddImages(({ path, reason }, isFirst) => {
  if (!isFirst) return
  process.emitWarning(`${path}: ${cut(reason, 200)}; read all the same, and so are others, which are only counted`)
})
