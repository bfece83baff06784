// Decodes training frames, in whichever thread it runs: a pixel source to pixels, or a pair to its two windows.

import { Random, type RgbFrame } from 'siamrpn'
import { PairCropper } from '../augment/pair-cropper.ts'
import { Pictures } from '../augment/pictures.ts'
import { renderSynthetic } from '../clips/pairs.ts'
import { readImage } from '../frames/image.ts'
import { type OddImages, oddImages } from '../frames/odd-images.ts'
import type { Decoded, DecodeTask, WindowOptions } from './decode-messages.ts'
import type { PixelSource } from './pair.ts'

/** Does tasks, one or several at a time; what comes out follows from the task alone. */
export class Decoder {
  readonly #pictures: Pictures
  readonly #odd: OddImages
  readonly #cropper: PairCropper | undefined

  /**
   * @param windows absent: only frames are asked for
   * @param odd as of `readImage`
   * @throws ConfigError, DatasetMissingError
   */
  constructor(windows: WindowOptions | undefined, odd: OddImages = oddImages) {
    this.#odd = odd
    this.#pictures = new Pictures(windows?.cacheBytes ?? 0, odd)
    this.#cropper = windows && new PairCropper(windows.steps, this.#pictures)
  }

  /** @throws SourceNotFoundError, UnreadableImageError */
  async run(task: DecodeTask): Promise<Decoded> {
    if (task.kind === 'frame') return { images: [await this.#frame(task.source)] }
    if (this.#cropper === undefined) throw new RangeError('a pair of windows, without the steps that make them')
    return this.#cropper.crop(task.request, new Random(...task.key))
  }

  async #frame(source: PixelSource): Promise<RgbFrame> {
    switch (source.kind) {
      case 'file':
        return readImage(source.path, this.#odd)
      case 'synthetic':
        return renderSynthetic(source)
      case 'collage': {
        const { width } = source
        const view = {
          map: [1, 0, 0, 1],
          from: [0, 0],
          to: [0, 0],
          size: width,
          fill: 'replicate',
          antialias: true,
        } as const
        return (await this.#pictures.open(source)).draw(view)
      }
    }
  }
}
