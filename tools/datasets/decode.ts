// A pixel source to pixels, in whichever thread this runs: an image file through image.ts, a frame of a synthetic clip through
// the renderer.

import type { RgbFrame } from '../../src/siamrpn/frame.ts'
import type { PixelSource } from '../../src/train/augmentation/pair.ts'
import { renderSynthetic } from '../clips/pairs.ts'
import { readImage } from '../frames/image.ts'

/**
 * The pixels of a source.
 *
 * @throws SourceNotFoundError, UnreadableImageError
 */
export async function decodeSource(source: PixelSource): Promise<RgbFrame> {
  switch (source.kind) {
    case 'file':
      return readImage(source.path)
    case 'synthetic':
      return renderSynthetic(source)
  }
}
