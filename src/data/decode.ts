// A pixel source to pixels, in whichever thread this runs: an image file through image.ts, a frame of a synthetic clip through
// the renderer.

import { renderSynthetic } from './clips/pairs.ts'
import { readImage } from './image.ts'
import type { PixelSource } from './pair.ts'
import type { RgbFrame } from './types.ts'

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
