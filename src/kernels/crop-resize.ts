// From a packed frame to network input: crop with padding and bilinear resize for every target in one dispatch, and the exact
// channel means of a frame that serve as padding. The frame stays as bytes on the device; one upload serves all targets.
// Source: SiamRPN.get_cropped_img and SiamRPN.init of MMTracking (siamrpn.py).

import type { Device } from '../gpu/device.ts'
import { ShapeError } from '../gpu/errors.ts'
import { capture } from '../gpu/program.ts'
import type { Recorder } from '../gpu/recorder.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import { expectInteger, expectShape, kernel, linearGrid } from './launch.ts'
import { type Normalisation, normalisationParams } from './normalisation.ts'

/** Bytes R, G, B; bytes R, G, B, A; three f32. Any order of colors, as long as the caller knows which. */
export type PixelFormat = 'rgb8' | 'rgba8' | 'rgb32f'

/** A frame in device memory. */
export interface PackedFrame {
  /** u32 words over the frame's bytes, in rows from the top. */
  readonly pixels: GpuTensor
  /** In pixels. */
  readonly width: number
  /** In pixels. */
  readonly height: number
  readonly format: PixelFormat
  /** Bytes from one row to the next. Default: no gap. */
  readonly rowStride?: number
}

/** A rectangle of whole pixels; it may reach outside of the frame. */
export interface CropRectangle {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface CropResizeArgs {
  readonly frame: PackedFrame
  /** `[T, 8]`, one `cropRecord` per target; rewrite it with `device.write` for each frame. */
  readonly crops: GpuTensor
  /** Side of the result, in pixels. */
  readonly size: number
  /** Turn R, G, B into B, G, R (or back). Default true. */
  readonly reverseChannels?: boolean
  /** Applied to crops whose channels are blue, green, red. Default: values stay from 0 to 255. */
  readonly normalise?: Normalisation | undefined
  readonly label?: string
}

/** Numbers per crop record. */
export const cropRecordSize = 8

const workgroup = 64
const pixelBytes = { rgb8: 3, rgba8: 4, rgb32f: 12 } as const

/** Rectangles and coordinates above this are not exact in f32. */
const maxCoordinate = 2 ** 24

/**
 * What the kernel needs to know of one target: the rectangle, and the value of each channel of the result outside of the
 * frame.
 * @throws ShapeError unless x and y are integers and width and height are positive ones
 */
export function cropRecord(rectangle: CropRectangle, padding: ArrayLike<number>): Float32Array {
  const { x, y, width, height } = rectangle
  const whole = [x, y, width, height].every((value) => Number.isInteger(value) && Math.abs(value) <= maxCoordinate)
  if (!whole || width < 1 || height < 1) {
    throw new ShapeError(
      `cropRecord: rectangle x ${x}, y ${y}, width ${width}, height ${height} must be whole pixels, at least one each way`,
    )
  }
  return Float32Array.of(x, y, width, height, padding[0] ?? 0, padding[1] ?? 0, padding[2] ?? 0, 0)
}

/**
 * Crops and resizes every target's rectangle: `[T, size, size, 4]`, values 0..255 or normalised, the fourth channel zero.
 * Pixels outside of the frame have the target's padding value; interpolation (half-pixel centres) stays in the rectangle.
 * @throws ShapeError if the frame's tensor is too small for it, or the crops are not `[T, 8]`
 */
export function cropResize(r: Recorder, args: CropResizeArgs): GpuTensor {
  const { frame, crops, size, reverseChannels = true, normalise, label = 'cropResize' } = args
  const rowStride = checkFrame('cropResize', frame)
  expectInteger('cropResize', 'size', size, 1)
  const targets = crops.shape[0] ?? 0
  expectShape('cropResize', crops, [targets, cropRecordSize])
  const output = r.alloc([targets, size, size, 4], 'f32', label)
  const count = targets * size * size
  r.dispatch({
    kernel: kernel('crop_resize', {
      WORKGROUP: workgroup,
      SIZE: size,
      FLOAT_CHANNELS: frame.format === 'rgb32f',
      REVERSE_CHANNELS: reverseChannels,
      REVERSE_OUTPUT: normalise?.toRgb ?? false,
    }),
    label,
    workgroups: linearGrid(r.adapter, count, workgroup),
    bindings: {
      frame: frame.pixels,
      crops,
      output,
      params: {
        count,
        ...frameParams(frame, rowStride),
        ...normalisationParams(normalise),
      },
    },
    flops: count * 33,
    // How much of the frame the rectangles cover is not known here; four neighbours per pixel bound it.
    bytes: output.bytes + crops.bytes + Math.min(frame.pixels.bytes, count * 4 * pixelBytes[frame.format]),
  })
  return output
}

/** Workgroups of the channel sums; each adds up to one partial sum per channel. */
const sumWorkgroups = 64

/** A partial sum of more bytes than this could overflow its 32 bits. */
const maxSummands = Math.floor(2 ** 32 / 255)

/**
 * Partial sums of the channels in the frame's own order: `[64, 4]` u32, exact; add them up in float64.
 * @throws ShapeError if the frame is not of bytes, or its tensor is too small for it
 */
export function channelSums(r: Recorder, frame: PackedFrame, label = 'channelSums'): GpuTensor {
  const rowStride = checkFrame('channelSums', frame)
  const pixels = frame.width * frame.height
  if (frame.format === 'rgb32f' || pixels > maxSummands * sumWorkgroups) {
    throw new ShapeError(
      `channelSums: found ${frame.width} x ${frame.height} pixels ${frame.format}, expected bytes, ` +
        `and at most ${maxSummands * sumWorkgroups} pixels`,
    )
  }
  const sums = r.alloc([sumWorkgroups, 4], 'u32', label)
  r.dispatch({
    kernel: kernel('channel_sum', { WORKGROUP: workgroup }),
    label,
    workgroups: [sumWorkgroups],
    bindings: {
      frame: frame.pixels,
      sums,
      params: frameParams(frame, rowStride),
    },
    flops: 3 * pixels,
    bytes: frame.pixels.bytes + sums.bytes,
  })
  return sums
}

/**
 * The mean of each channel over the whole frame, 0..255, rounded once, to float32; in reversed order (B, G, R of an RGB
 * frame) unless told otherwise, as `cropResize` has it. Waits for the device.
 * @throws ShapeError as `channelSums`
 */
export async function channelMean(
  device: Device,
  frame: PackedFrame,
  { reverseChannels = true }: { readonly reverseChannels?: boolean } = {},
): Promise<Float32Array> {
  const program = await capture(device, (r) => channelSums(r, frame), { label: 'channelMean' })
  try {
    program.run()
    const sums = [0, 0, 0, 0]
    for (const [i, partial] of (await device.read(program.result)).entries()) sums[i % 4] = (sums[i % 4] ?? 0) + partial
    const means = Float32Array.from(sums.slice(0, 3), (sum) => sum / (frame.width * frame.height))
    return reverseChannels ? means.reverse() : means
  } finally {
    program.destroy()
  }
}

/** What the shaders know of a frame: none of it is compiled in, so that frames of all kinds share a pipeline. */
function frameParams({ width, height, format }: PackedFrame, rowStride: number) {
  return { frame_width: width, frame_height: height, row_stride: rowStride, pixel_bytes: pixelBytes[format] }
}

/** Returns the row stride in bytes. */
function checkFrame(op: string, frame: PackedFrame): number {
  const { pixels, width, height, format } = frame
  const row = width * pixelBytes[format]
  const rowStride = frame.rowStride ?? row
  expectInteger(op, 'frame width', width, 1)
  expectInteger(op, 'frame height', height, 1)
  expectInteger(op, 'row stride', rowStride, row)
  if (format !== 'rgb8' && rowStride % 4 !== 0) {
    throw new ShapeError(`${op}: row stride is ${rowStride} bytes, expected a multiple of 4 for ${format}`)
  }
  const needed = (height - 1) * rowStride + row
  if (pixels.dtype !== 'u32' || pixels.bytes < needed) {
    throw new ShapeError(
      `${op}: frame \`${pixels.label}\` is ${pixels.dtype} of ${pixels.bytes} bytes; ` +
        `${width} x ${height} pixels ${format}, rows ${rowStride} bytes apart, need u32 of at least ${needed}`,
    )
  }
  return rowStride
}
