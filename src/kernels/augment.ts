// The pixel work of training samples: two warps composed per axis, an affine map of the colors, and motion blur, for a whole
// batch of images cut from frames of any size. What differs from image to image is in records that the host rewrites before
// each run, so that a captured program serves every batch.
// Source: crop_image, SeqCropLikeSiamFC, SeqShiftScaleAug, SeqColorAug, SeqGrayAug, SeqBlurAug of MMTracking (transforms.py).

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectInteger, expectShape, imageShape, kernel } from './launch.ts'
import { batchSlices, sliceOf } from './slices.ts'

/** 32-bit words per image record. */
export const imageRecordSize = 24

const pixelBytes = 3
const columnWords = 8
const passes = { idle: 0, wide: 1, narrow: 2 } as const
const rowShift = 12
const weightBits = 6
const maxRows = 2 ** (32 - rowShift)

/** Weights of a warp are multiples of 1/32. */
export const weightSteps = 32

/** Which part of the frame an axis needs, in pixels. */
export interface FrameRange {
  readonly start: number
  /** At least one. */
  readonly extent: number
}

/** The sources of an output image's columns. */
export interface ColumnTable extends FrameRange {
  /** Two per output column: the left ones of two pairs of neighbouring frame columns. */
  readonly pairs: Int32Array
  /** Four per output column: first pair, second pair; zero for a neighbour outside of the frame. */
  readonly weights: Float32Array
  /** Per output column: the weight of what lies outside of the frame. */
  readonly outside: Float32Array
  /** Whether the pairs of every column lie within four neighbours. */
  readonly narrow: boolean
}

/** Rows as pairs of neighbouring rows: the upper one, and the weights of both in 1/32. */
export interface RowPairs {
  readonly first: Int32Array
  readonly low: Uint8Array
  readonly high: Uint8Array
}

/** The sources of an output image's rows. */
export interface RowTable extends FrameRange {
  /** Pairs of crop rows, from the top down. */
  readonly output: RowPairs
  /** Pairs of frame rows; what their weights lack to 32 lies outside of the frame. Those in use go from the top down. */
  readonly crop: RowPairs
  /** Whether any row lies outside of the frame, at least in part. */
  readonly outside: boolean
}

export interface ImageTables {
  readonly columns: ColumnTable
  readonly rows: RowTable
}

/** Everything of an image but its taps. */
export interface ImageRecord {
  /** Where the piece of the frame begins in the frames' buffer, in bytes. */
  readonly offset: number
  /** Bytes from one row of the piece to the next. */
  readonly rowStride: number
  /** Only active images are computed. */
  readonly active: boolean
  /** `columns.narrow` of its tables. */
  readonly narrow: boolean
  /** The value outside of the frame, in the frame's order of channels. */
  readonly padding: ArrayLike<number>
  /** Three rows of four: the output's channel is the product with the frame's (c0, c1, c2, 1). */
  readonly color: ArrayLike<number>
  readonly blur: Blur
}

/** A cross of equal weights. */
export interface Blur {
  /** Odd, in pixels; 1 leaves the image as it is. */
  readonly size: number
  /** Weight of each pixel of the column. */
  readonly vertical: number
  /** Weight of each pixel of the row. */
  readonly horizontal: number
}

export const noBlur: Blur = { size: 1, vertical: 0, horizontal: 0 }

/** A view of the same memory as words and as floats; records mix both. */
export interface Words {
  readonly u32: Uint32Array<ArrayBuffer>
  readonly f32: Float32Array<ArrayBuffer>
}

export function words(count: number): Words {
  const u32 = new Uint32Array(count)
  return { u32, f32: new Float32Array(u32.buffer) }
}

/** Writes the record of image `index`. @throws ShapeError for a blur whose size is not odd */
export function encodeImage(into: Words, index: number, record: ImageRecord): void {
  const { offset, rowStride, active, narrow, padding, color, blur } = record
  if (!Number.isInteger(blur.size) || blur.size % 2 !== 1 || blur.size < 1) {
    throw new ShapeError(`encodeImage: blur size is ${blur.size}, expected an odd number of pixels`)
  }
  const start = index * imageRecordSize
  into.u32.set([offset, rowStride, active ? (narrow ? passes.narrow : passes.wide) : passes.idle, blur.size], start)
  for (let c = 0; c < 3; c++) into.f32[start + 4 + c] = padding[c] ?? 0
  for (let i = 0; i < 12; i++) into.f32[start + 8 + i] = color[i] ?? 0
  into.f32.set([blur.vertical, blur.horizontal], start + 20)
}

/** Words of the tables of an image of `width` x `height` whose rows come from `cropRows` rows. */
export function tableWords(width: number, height: number, cropRows: number): number {
  return width * columnWords + height + cropRows
}

/** Writes the tables of an image from word `start` on. @throws ShapeError if a frame has more rows than can be numbered */
export function encodeTables(into: Words, start: number, { columns, rows }: ImageTables): void {
  const { pairs, weights, outside, narrow } = columns
  if (rows.extent > maxRows) {
    throw new ShapeError(`encodeTables: the image needs ${rows.extent} rows of its frame, expected at most ${maxRows}`)
  }
  let word = start
  for (let x = 0; x < outside.length; x++, word += columnWords) {
    const [left, right] = [pairs[2 * x] ?? 0, pairs[2 * x + 1] ?? 0]
    const first = narrow ? Math.min(left, right) : left
    into.u32[word] = Math.max(0, first - columns.start) * pixelBytes
    into.u32[word + 1] = Math.max(0, right - columns.start) * pixelBytes
    into.f32[word + 2] = outside[x] ?? 0
    into.f32.fill(0, word + 4, word + 8)
    for (let tap = 0; tap < 4; tap++) {
      const place = narrow ? (tap < 2 ? left : right) - first + (tap & 1) : tap
      into.f32[word + 4 + place] = (into.f32[word + 4 + place] ?? 0) + (weights[4 * x + tap] ?? 0)
    }
  }
  word = encodeRows(into, word, rows.output, 0)
  encodeRows(into, word, rows.crop, rows.start)
}

function encodeRows(into: Words, start: number, { first, low, high }: RowPairs, origin: number): number {
  for (let i = 0; i < first.length; i++) {
    const row = Math.max(0, (first[i] ?? 0) - origin)
    into.u32[start + i] = ((row << rowShift) | ((low[i] ?? 0) << weightBits) | (high[i] ?? 0)) >>> 0
  }
  return start + first.length
}

export interface WarpFramesArgs {
  /** u32 words over the bytes of pieces of frames, three bytes a pixel. */
  readonly frames: GpuTensor
  /** u32 `[N, 24]`, by `encodeImage`. */
  readonly images: GpuTensor
  /** u32 `[N, tableWords]`, by `encodeTables`. */
  readonly tables: GpuTensor
  readonly height: number
  readonly width: number
  /** Rows between the two warps. */
  readonly cropRows: number
  /** Where to put the result; default: a new tensor. */
  readonly output?: GpuTensor
  readonly label?: string
}

const workgroup = 64
/** Output rows that one invocation makes: the more, the less is computed twice; the fewer, the more invocations. */
const strip = 32
/** Pixels that one invocation blurs with a running sum, whose rounding errors add up. */
const blurStrip = 64

/**
 * Every active image, warped and colored: `[N, height, width, 4]`, the fourth channel zero.
 * @throws ShapeError if tensors do not fit each other
 */
export function warpFrames(r: Recorder, args: WarpFramesArgs): GpuTensor {
  const { frames, images, tables, height, width, cropRows, label = 'warpFrames' } = args
  expectInteger('warpFrames', 'height', height, 1)
  expectInteger('warpFrames', 'width', width, 1)
  expectInteger('warpFrames', 'cropRows', cropRows, 2)
  const batch = recordCount('warpFrames', images)
  expectWords('warpFrames', tables, [batch, tableWords(width, height, cropRows)])
  const output = args.output ?? r.alloc([batch, height, width, 4], 'f32', label)
  expectShape('warpFrames', output, [batch, height, width, 4])
  const params = { width, height, crop_rows: cropRows }
  for (const slice of batchSlices(r.adapter, [output, images, tables])) {
    const count = slice.count * height * width
    const [part, table] = [sliceOf(output, slice), sliceOf(tables, slice)]
    r.dispatch({
      kernel: kernel('warp_frames', { WORKGROUP: workgroup, STRIP: strip }),
      label,
      workgroups: [Math.ceil(width / workgroup), Math.ceil(height / strip), slice.count],
      bindings: { frames, images: sliceOf(images, slice), tables: table, output: part, params },
      flops: count * 100,
      bytes: part.bytes + table.bytes + Math.min(frames.bytes, count * 8 * pixelBytes),
    })
  }
  return output
}

export interface MotionBlurArgs {
  /** `[N, H, W, 4]`; blurred in place, the fourth channel taken for zero. */
  readonly input: GpuTensor
  /** u32 `[N, 24]`, by `encodeImage`. */
  readonly images: GpuTensor
  readonly label?: string
}

/**
 * Blurs every active image as its record says, in place; images of blur size 1 cost nothing. Returns `input`.
 * @throws ShapeError if tensors do not fit each other
 */
export function motionBlur(r: Recorder, { input, images, label = 'motionBlur' }: MotionBlurArgs): GpuTensor {
  const { batch, height, width } = imageShape('motionBlur', input)
  expectShape('motionBlur', input, [batch, height, width, 4])
  expectWords('motionBlur', images, [batch, imageRecordSize])
  const scratch = r.alloc(input.shape, 'f32', `${label} sums`)
  for (const slice of batchSlices(r.adapter, [input, images])) {
    const [part, sums] = [sliceOf(input, slice), sliceOf(scratch, slice)]
    const records = { images: sliceOf(images, slice) }
    for (const horizontal of [false, true]) {
      const [lines, length] = horizontal ? [height, width] : [width, height]
      r.dispatch({
        kernel: kernel('motion_blur', { WORKGROUP: workgroup, STRIP: blurStrip, HORIZONTAL: horizontal }),
        label: `${label} ${horizontal ? 'rows' : 'columns'}`,
        workgroups: [Math.ceil(lines / workgroup), Math.ceil(length / blurStrip), slice.count],
        bindings: { ...records, input: part, sums, params: { width, height } },
      })
    }
    r.dispatch({
      kernel: kernel('copy_blurred', { WORKGROUP: workgroup }),
      label: `${label} copy`,
      workgroups: [Math.ceil((height * width) / workgroup), 1, slice.count],
      bindings: { ...records, input: sums, output: part, params: { pixels: height * width } },
    })
  }
  return input
}

function recordCount(op: string, images: GpuTensor): number {
  const batch = images.shape[0] ?? 0
  expectWords(op, images, [batch, imageRecordSize])
  return batch
}

function expectWords(op: string, tensor: GpuTensor, shape: readonly number[]): void {
  const equal = tensor.shape.length === shape.length && shape.every((size, axis) => size === tensor.shape[axis])
  if (equal && tensor.dtype === 'u32') return
  throw new ShapeError(
    `${op}: tensor \`${tensor.label}\` is ${tensor.dtype} [${tensor.shape}], expected u32 [${shape}]`,
  )
}
