// Computes the part of a frame that the network sees: the square around a box, its side from the box and the context,
// its edges cut to whole pixels. Float32 arithmetic throughout and the original's roundings: half to even for sides,
// toward zero for edges, and an end that is one pixel further as long as that pixel exists in the padded frame.
// Source: SiamRPN.init, SiamRPN.track and SiamRPN.get_cropped_img of mmtrack/models/sot/siamrpn.py.

import type { CropRectangle } from '../kernels/crop-resize.ts'
import type { CenterBox } from './boxes.ts'
import type { TestConfig } from './config.ts'
import { CropError } from './errors.ts'

const { fround } = Math

/** The part of a frame to resize to the network's input size (bilinear, half-pixel centres). */
export interface CropGeometry extends CropRectangle {
  /** Pixels by which the original pads the frame; the padded frame is not built here, the values outside are constant. */
  readonly padding: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number }
}

/** A search image of a frame. */
export interface SearchCrop {
  /** Side of the square in frame pixels. */
  readonly size: number
  /** Search-image pixels per frame pixel, from the side before rounding. */
  readonly scale: number
}

type SizeConfig = Pick<TestConfig, 'exemplar_size' | 'search_size' | 'context_amount'>

/** Side of the exemplar's square around a box, in frame pixels, rounded half to even. */
export function exemplarCropSize(box: CenterBox, config: Pick<SizeConfig, 'context_amount'>): number {
  return roundHalfToEven(contextSize(box, config.context_amount))
}

/** Side of the search square around a box, and its scale. */
export function searchCrop(box: CenterBox, config: SizeConfig): SearchCrop {
  const size = contextSize(box, config.context_amount)
  const ratio = fround(config.search_size / config.exemplar_size)
  // A number divided by a tensor is torch's reciprocal times that number: two roundings.
  return { size: roundHalfToEven(fround(size * ratio)), scale: fround(fround(1 / size) * config.exemplar_size) }
}

/** sqrt((w + p) (h + p)) with p = context_amount (w + h). */
function contextSize({ width, height }: CenterBox, contextAmount: number): number {
  const context = fround(fround(contextAmount) * fround(fround(width) + fround(height)))
  const area = fround(fround(fround(width) + context) * fround(fround(height) + context))
  return fround(Math.sqrt(area))
}

/**
 * The rectangle of whole pixels that is cut out for a square of `size` around a centre, in frame coordinates: it may reach
 * outside of the frame, where every pixel has the padding value. It is `size` or `size` + 1 pixels wide and high, not always
 * square.
 * @throws CropError if nothing is left: a side below one pixel, or a number that is not finite.
 */
export function cropGeometry(
  center: Pick<CenterBox, 'cx' | 'cy'>,
  size: number,
  frameWidth: number,
  frameHeight: number,
): CropGeometry {
  const columns = cutAxis(center.cx, size, frameWidth)
  const rows = cutAxis(center.cy, size, frameHeight)
  // Written so that NaN fails too.
  if (!(columns.length > 0 && rows.length > 0)) {
    throw new CropError(
      `a square of ${size} pixels around (${center.cx}, ${center.cy}) has no pixels, expected a finite square of at least one`,
    )
  }
  return {
    x: columns.start,
    y: rows.start,
    width: columns.length,
    height: rows.length,
    padding: { left: columns.before, top: rows.before, right: columns.after, bottom: rows.after },
  }
}

function cutAxis(center: number, size: number, extent: number) {
  const half = fround(size) / 2
  const start = Math.trunc(fround(fround(center) - half))
  const last = Math.trunc(fround(fround(center) + half))
  const before = Math.max(0, -start)
  const after = Math.max(0, last - extent)
  const end = Math.min(last + 1, extent + after)
  // Adding zero turns the -0 of a truncation into 0.
  return { start: start + 0, length: end - start, before, after }
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
