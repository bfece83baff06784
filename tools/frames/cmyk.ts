// Images in CMYK as OpenCV reads them, profiles ignored: the four printing inks of a JPEG, or of a TIFF, to red, green and blue.
// Every ink takes away light of one color, black of all three. OpenCV's arithmetic of JPEGs is `icvCvt_CMYK2BGR_8u_C4C3R` in
// utils.cpp, that of TIFFs is libtiff's `putRGBcontig8bitCMYKtile`; they differ in rounding.

import sharp, { type Sharp } from 'sharp'
import type { RgbFrame } from 'siamrpn'
import { type ImageKind, jpegComponents } from './image-kind.ts'

/** Whether an image's pixels are CMYK; only JPEG and TIFF have that. */
export async function isCmyk(bytes: Uint8Array, kind: ImageKind): Promise<boolean> {
  if (kind === 'jpeg') return jpegComponents(bytes) === 4
  if (kind !== 'tiff') return false
  const { space } = await sharp(bytes, { limitInputPixels: false }).metadata()
  return space === 'cmyk'
}

/** Runs a sharp pipeline over a CMYK image down to 8-bit RGB. */
export async function cmykToRgb(image: Sharp, kind: ImageKind): Promise<RgbFrame> {
  const { data, info } = await image
    .pipelineColorspace('cmyk')
    .toColorspace('cmyk')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  if (channels < 4) throw new Error(`decoded to ${channels} channels, expected 4`)
  const light = kind === 'jpeg' ? jpegLight : tiffLight
  const pixels = new Uint8Array(width * height * 3)
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = pixel * channels
    const black = 255 - (data[at + 3] ?? 0)
    for (let color = 0; color < 3; color++) pixels[3 * pixel + color] = light(255 - (data[at + color] ?? 0), black)
  }
  return { data: pixels, width, height, channels: 3 }
}

/** What an ink and black leave of a color; both 0 (all ink) to 255 (no ink). */
const jpegLight = (ink: number, black: number) => black - (((255 - ink) * black) >> 8)
const tiffLight = (ink: number, black: number) => Math.trunc((ink * black) / 255)
