// Counts the images that are damaged a little and read all the same, as OpenCV reads them: the first one is told, further ones are
// only counted, so that a data set of thousands says one line and a number. A command says the number when it ends.

import { cut } from 'siamrpn/gpu'

/** An image that was read though something is wrong with it. */
export interface OddImage {
  readonly path: string
  /** What a strict decoder says of it. */
  readonly reason: string
}

export class OddImages {
  readonly #paths = new Set<string>()
  readonly #tell: (image: OddImage) => void

  /** @param tell told of each image, once */
  constructor(tell: (image: OddImage) => void) {
    this.#tell = tell
  }

  /** Different files. */
  get count(): number {
    return this.#paths.size
  }

  add(image: OddImage): void {
    if (this.#paths.has(image.path)) return
    this.#paths.add(image.path)
    this.#tell(image)
  }
}

/** Of this process; a thread that decodes sends its own to the main thread. */
export const oddImages: OddImages = new OddImages(({ path, reason }) => {
  if (oddImages.count > 1) return
  process.emitWarning(`${path}: ${cut(reason, 200)}; read all the same, and so are others, which are only counted`)
})
