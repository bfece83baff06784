// The pixel work of training samples: two warps composed per axis, an affine map of the colours, and motion blur, for a whole
// batch of images cut from frames of any size. What differs from image to image is in records that the host rewrites before
// each run, so that a captured program serves every batch.
// Source: crop_image, SeqCropLikeSiamFC, SeqShiftScaleAug, SeqColorAug, SeqGrayAug, SeqBlurAug of MMTracking (transforms.py).

import { ShapeError } from '../gpu/errors.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectInteger, expectShape, imageShape, kernel, linearGrid } from './launch.ts'
import { batchSlices, sliceOf } from './slices.ts'

/** 32-bit words per image record. */
export const IMAGE_RECORD = 24

/** 32-bit words per tap record. */
export const TAP_RECORD = 8

/** The sources of one axis of an output image, in pixels of the frame: see `encodeTaps`. */
export interface AxisTaps {
  /** Frame columns (or rows) that the output needs: `start` to `start + extent`. At least one. */
  readonly start: number
  readonly extent: number
  /** Per output column: the left one of the first pair of neighbouring frame columns; `start` or above. */
  readonly first: Int32Array
  /** The left one of the second pair. */
  readonly second: Int32Array
  /** Four per output column: first pair, second pair; zero for a neighbour outside of the frame. */
  readonly weights: Float32Array
  /** Per output column: the weight of what lies outside of the frame. */
  readonly outside: Float32Array
}

/** Everything of an image but its taps. */
export interface ImageRecord {
  /** Where the piece of the frame begins in the frames' buffer, in bytes. */
  readonly offset: number
  /** Bytes from one row of the piece to the next. */
  readonly rowStride: number
  /** Only active images are computed. */
  readonly active: boolean
  /** The value outside of the frame, in the frame's order of channels. */
  readonly padding: ArrayLike<number>
  /** Three rows of four: the output's channel is the product with the frame's (c0, c1, c2, 1). */
  readonly colour: ArrayLike<number>
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
  const { offset, rowStride, active, padding, colour, blur } = record
  if (!Number.isInteger(blur.size) || blur.size % 2 !== 1 || blur.size < 1) {
    throw new ShapeError(`encodeImage: blur size is ${blur.size}, expected an odd number of pixels`)
  }
  const start = index * IMAGE_RECORD
  into.u32.set([offset, rowStride, active ? 1 : 0, blur.size], start)
  for (let c = 0; c < 3; c++) into.f32[start + 4 + c] = padding[c] ?? 0
  for (let i = 0; i < 12; i++) into.f32[start + 8 + i] = colour[i] ?? 0
  into.f32.set([blur.vertical, blur.horizontal], start + 20)
}

/** Writes the taps of image `index`: columns (3 bytes a pixel), then rows (`rowStride` bytes each). */
export function encodeTaps(into: Words, index: number, axes: readonly [AxisTaps, AxisTaps], rowStride: number): void {
  let record = index * (axes[0].first.length + axes[1].first.length) * TAP_RECORD
  for (const [axis, step] of [
    [axes[0], PIXEL_BYTES],
    [axes[1], rowStride],
  ] as const) {
    const { start, first, second, weights, outside } = axis
    for (let i = 0; i < first.length; i++, record += TAP_RECORD) {
      into.u32[record] = ((first[i] ?? 0) - start) * step
      into.u32[record + 1] = ((second[i] ?? 0) - start) * step
      into.f32[record + 2] = outside[i] ?? 0
      for (let tap = 0; tap < 4; tap++) into.f32[record + 4 + tap] = weights[4 * i + tap] ?? 0
    }
  }
}

export interface WarpFramesArgs {
  /** u32 words over the bytes of pieces of frames, three bytes a pixel. */
  readonly frames: GpuTensor
  /** u32 `[N, 24]`, by `encodeImage`. */
  readonly images: GpuTensor
  /** u32 `[N, width + height, 8]`, by `encodeTaps`. */
  readonly taps: GpuTensor
  readonly height: number
  readonly width: number
  /** Where to put the result; default: a new tensor. */
  readonly output?: GpuTensor
  readonly label?: string
}

const WORKGROUP = 64
const PIXEL_BYTES = 3

/**
 * Every active image, warped and coloured: `[N, height, width, 4]`, the fourth channel zero.
 * @throws ShapeError if tensors do not fit each other
 */
export function warpFrames(r: Recorder, args: WarpFramesArgs): GpuTensor {
  const { frames, images, taps, height, width, label = 'warpFrames' } = args
  expectInteger('warpFrames', 'height', height, 1)
  expectInteger('warpFrames', 'width', width, 1)
  const batch = recordCount('warpFrames', images)
  expectWords('warpFrames', taps, [batch, width + height, TAP_RECORD])
  const output = args.output ?? r.alloc([batch, height, width, 4], 'f32', label)
  expectShape('warpFrames', output, [batch, height, width, 4])
  for (const slice of batchSlices(r.adapter, [output, images, taps])) {
    const count = slice.count * height * width
    const [part, tapPart] = [sliceOf(output, slice), sliceOf(taps, slice)]
    r.dispatch({
      kernel: kernel('warp_frames', { WORKGROUP, HEIGHT: height, WIDTH: width }),
      label,
      workgroups: linearGrid(r.adapter, count, WORKGROUP),
      bindings: { frames, images: sliceOf(images, slice), taps: tapPart, output: part, params: { count } },
      flops: count * 100,
      bytes: part.bytes + tapPart.bytes + Math.min(frames.bytes, count * 16 * PIXEL_BYTES),
    })
  }
  return output
}

export interface MotionBlurArgs {
  /** `[N, H, W, 4]` */
  readonly input: GpuTensor
  /** u32 `[N, 24]`, by `encodeImage`. */
  readonly images: GpuTensor
  /** Where to put the result; default: a new tensor. */
  readonly output?: GpuTensor
  readonly label?: string
}

/** Every active image, blurred as its record says: `[N, H, W, 4]`. @throws ShapeError if tensors do not fit each other */
export function motionBlur(r: Recorder, { input, images, label = 'motionBlur', ...rest }: MotionBlurArgs): GpuTensor {
  const { batch, height, width } = imageShape('motionBlur', input)
  expectShape('motionBlur', input, [batch, height, width, 4])
  expectWords('motionBlur', images, [batch, IMAGE_RECORD])
  const output = rest.output ?? r.alloc(input.shape, 'f32', label)
  expectShape('motionBlur', output, input.shape)
  for (const slice of batchSlices(r.adapter, [input, output, images])) {
    const count = slice.count * height * width
    const part = sliceOf(output, slice)
    r.dispatch({
      kernel: kernel('motion_blur', { WORKGROUP, HEIGHT: height, WIDTH: width }),
      label,
      workgroups: linearGrid(r.adapter, count, WORKGROUP),
      bindings: { input: sliceOf(input, slice), images: sliceOf(images, slice), output: part, params: { count } },
      bytes: 2 * part.bytes,
    })
  }
  return output
}

function recordCount(op: string, images: GpuTensor): number {
  const batch = images.shape[0] ?? 0
  expectWords(op, images, [batch, IMAGE_RECORD])
  return batch
}

function expectWords(op: string, tensor: GpuTensor, shape: readonly number[]): void {
  const equal = tensor.shape.length === shape.length && shape.every((size, axis) => size === tensor.shape[axis])
  if (equal && tensor.dtype === 'u32') return
  throw new ShapeError(
    `${op}: tensor \`${tensor.label}\` is ${tensor.dtype} [${tensor.shape}], expected u32 [${shape}]`,
  )
}
