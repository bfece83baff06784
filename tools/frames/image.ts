// One image file to an RGB frame, decoded by sharp bit for bit as OpenCV's `imread` does (EXIF rotation applied, ICC
// profiles ignored, alpha dropped); BMP, which sharp's prebuilt libvips lacks, is read by `bmp.ts`.
// Files are read into memory first: libvips caches by file name and would show a rewritten file's old pixels.

import { extname } from 'node:path'
import sharp, { type Sharp, type SharpOptions } from 'sharp'
import type { RgbFrame } from 'siamrpn'
import { cut, SiamRpnError } from 'siamrpn/gpu'
import { mostImageBytes, readBounded } from '../read-bounded.ts'
import { decodeBmp } from './bmp.ts'
import { cmykToRgb, isCmyk } from './cmyk.ts'
import { SourceNotFoundError, UnreadableImageError } from './errors.ts'
import { hasTooManySegments, type ImageKind, imageKind } from './image-kind.ts'
import { maxPixels, maxPixelsVariable } from './max-pixels.ts'
import { type OddImages, oddImages } from './odd-images.ts'

/** Extensions that are taken for images, lower case. */
export const imageExtensions: ReadonlySet<string> = new Set(
  '.jpg .jpeg .jpe .jfif .png .webp .bmp .gif .tif .tiff .avif'.split(' '),
)

/** Whether a file name looks like an image's. */
export function isImageName(name: string): boolean {
  return imageExtensions.has(extname(name).toLowerCase())
}

/** Options under which sharp's pixels equal OpenCV's. */
const decodeOptions = { autoOrient: true, ignoreIcc: true } as const

/**
 * Decodes one image file (of an animation, the first picture).
 *
 * @param odd counts what is damaged a little and read all the same
 * @throws SourceNotFoundError, UnreadableImageError (not an image, damaged or truncated)
 */
export async function readImage(file: string, odd: OddImages = oddImages): Promise<RgbFrame> {
  const bytes = await readImageBytes(file)
  const kind = checkImage(file, bytes)
  try {
    if (kind === 'bmp') return decodeBmp(bytes, maxPixels())
    const cmyk = await isCmyk(bytes, kind)
    const decode = (data: Uint8Array, options: SharpOptions = {}) => {
      const image = sharp(data, { ...decodeOptions, limitInputPixels: maxPixels(), ...options })
      return cmyk ? cmykToRgb(image, kind) : toRgb(image)
    }
    if (kind !== 'jpeg') return await decode(bytes)
    return await decode(bytes).catch(async (error) => {
      const frame = await decodeOddJpeg(bytes, decode).catch(() => Promise.reject(error))
      odd.add({ path: file, reason: firstLine(error) })
      return frame
    })
  } catch (error) {
    throw unreadable(file, error)
  }
}

/**
 * The kind of an image by its first bytes.
 * @throws UnreadableImageError for kinds that are not read
 */
export function checkImage(file: string, bytes: Uint8Array): ImageKind {
  const kind = imageKind(bytes)
  if (kind === undefined) {
    throw new UnreadableImageError(
      file,
      'it is no JPEG, PNG, GIF, WebP, TIFF, AVIF or BMP file, whatever its name says',
    )
  }
  if (kind === 'jpeg' && hasTooManySegments(bytes)) {
    throw new UnreadableImageError(file, 'it has thousands of segments before its picture, which no JPEG needs')
  }
  return kind
}

/** A JPEG without its end marker, or with a header that decoders only warn of, as OpenCV reads it. A cut one stays an error. */
async function decodeOddJpeg(
  bytes: Uint8Array,
  decode: (data: Uint8Array, options?: SharpOptions) => Promise<RgbFrame>,
): Promise<RgbFrame> {
  if (!(bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9)) {
    const ended = new Uint8Array(bytes.length + 2)
    ended.set(bytes)
    ended.set([0xff, 0xd9], bytes.length)
    const frame = await decode(ended).catch(() => undefined)
    if (frame) return frame
  }
  return await decode(bytes, { failOn: 'error' })
}

function firstLine(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
}

/** The file's bytes, with this floor's errors. */
export async function readImageBytes(file: string): Promise<Uint8Array> {
  let bytes: Uint8Array
  try {
    bytes = await readBounded(file, mostImageBytes)
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (missing) throw new SourceNotFoundError(file, { cause: error })
    throw unreadable(file, error)
  }
  if (bytes.length === 0) throw new UnreadableImageError(file, 'the file is empty')
  return bytes
}

/** Runs a sharp pipeline down to 8-bit RGB without alpha. */
export async function toRgb(image: Sharp): Promise<RgbFrame> {
  const { data, info } = await image
    .removeAlpha()
    .toColorspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels, expected 3`)
  const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return { data: pixels, width: info.width, height: info.height, channels: 3 }
}

/** What to throw in the place of a decoder's error; errors of ours stay as they are. */
export function unreadable(file: string, error: unknown): SiamRpnError {
  if (error instanceof SiamRpnError) return error
  const given = error instanceof Error ? error.message.trim().split('\n').join('; ') : String(error)
  const hint = `; more than ${maxPixels()} pixels are read with --max-pixels or ${maxPixelsVariable}`
  const reason = cut(given, 500) + (/pixel limit/i.test(given) ? hint : '')
  return new UnreadableImageError(file, reason, { cause: error })
}
