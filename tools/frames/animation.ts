// A single image file as a frame source: an animated WebP or GIF gives its pictures, anything else one frame.
// Pictures decode in blocks: each call to libvips replays the animation from its start, a block keeps memory bounded.

import sharp from 'sharp'
import type { RgbFrame } from 'siamrpn'
import { EmptySourceError } from './errors.ts'
import { checkImage, readImage, readImageBytes, toRgb, unreadable } from './image.ts'
import { maxPixels } from './max-pixels.ts'
import { framesAhead, readAhead } from './read-ahead.ts'
import type { FrameSource } from './types.ts'

const blockPixels = 2 ** 25

/** Opens an image file, from the picture with index `start` on. */
export async function openImageFile(file: string, start: number): Promise<FrameSource> {
  const bytes = await readImageBytes(file)
  checkImage(file, bytes)
  const facts = await sharp(bytes, { ignoreIcc: true, limitInputPixels: maxPixels() })
    .metadata()
    .catch(() => undefined) // Not known to sharp: a bitmap, or damaged, which `readImage` tells apart.
  const animated = facts !== undefined && (facts.format === 'webp' || facts.format === 'gif') && (facts.pages ?? 1) > 1
  const pages = animated ? (facts.pages ?? 1) : 1
  if (animated && (facts.width ?? 0) * (facts.pageHeight ?? 0) > maxPixels()) {
    throw unreadable(file, new Error(`pictures of ${facts.width}x${facts.pageHeight} exceed the pixel limit`))
  }
  if (start >= pages) throw new EmptySourceError(`frame ${start} asked for, but ${file} holds ${pages}`)

  const first = animated ? undefined : await readImage(file)
  const size = first ?? { width: facts?.width ?? 0, height: facts?.pageHeight ?? facts?.height ?? 0 }
  const duration = (facts?.delay ?? []).reduce((sum, ms) => sum + ms, 0)
  const blockLength = Math.max(1, Math.floor(blockPixels / (size.width * size.height)))
  let closed = false
  const pictures = async function* (): AsyncGenerator<RgbFrame> {
    if (first) {
      if (!closed) yield first
      return
    }
    for (let page = start; page < pages && !closed; page += blockLength) {
      const block = await decodeBlock(bytes, page, Math.min(blockLength, pages - page), size).catch((error) => {
        throw unreadable(file, error)
      })
      for (const frame of block) if (!closed) yield frame
    }
  }
  return {
    width: size.width,
    height: size.height,
    ...(animated && duration > 0 ? { fps: (1000 * pages) / duration } : {}),
    count: pages - start,
    [Symbol.asyncIterator]: () => readAhead(pictures(), framesAhead),
    close() {
      closed = true
      return Promise.resolve()
    },
  }
}

async function decodeBlock(bytes: Uint8Array, page: number, pages: number, size: { width: number; height: number }) {
  const roll = await toRgb(
    sharp(bytes, { ignoreIcc: true, limitInputPixels: Math.max(maxPixels(), blockPixels), page, pages }),
  )
  const frameBytes = size.width * size.height * 3
  if (roll.data.length !== frameBytes * pages) {
    throw new Error(
      `pictures ${page}..${page + pages - 1} hold ${roll.data.length} bytes, expected ${frameBytes * pages}`,
    )
  }
  return Array.from({ length: pages }, (_, index): RgbFrame => {
    const data = roll.data.slice(index * frameBytes, (index + 1) * frameBytes)
    return { data, width: size.width, height: size.height, channels: 3 }
  })
}
