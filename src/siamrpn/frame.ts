// Frames: what a caller may pass, checks, and the upload to device memory as packed bytes that the crop kernel reads.

import type { Device } from '../gpu/device.ts'
import {
  copyExternalImage,
  type ExternalImage,
  externalRowStride,
  externalSize,
  whyNoImage,
} from '../gpu/external-image.ts'
import { show } from '../gpu/message.ts'
import type { GpuTensor } from '../gpu/tensor.ts'
import type { PackedFrame } from '../kernels/crop-resize.ts'
import { FrameError } from './errors.ts'
import { kindOf } from './source.ts'

/** Pixels in memory, rows from the top, without gaps. An ImageData is one. */
export interface PixelFrame {
  /** RGB or RGBA bytes. */
  readonly data: Uint8Array | Uint8ClampedArray
  readonly width: number
  readonly height: number
  /** Bytes per pixel. Default: what the length of `data` says. */
  readonly channels?: 3 | 4
}

/** Anything that shows a picture: pixels in memory, or a browser's image source. */
export type Frame = PixelFrame | ImageData | ExternalImage

/** What a program needs to know of a frame before it sees it. */
export interface FrameShape {
  readonly width: number
  readonly height: number
  readonly format: 'rgb8' | 'rgba8'
  /** Bytes from one row to the next. */
  readonly rowStride: number
}

/** Checks a frame. @throws FrameError without area, or with something else than 3 or 4 bytes per pixel */
export function frameShape(frame: Frame): FrameShape {
  if (typeof frame !== 'object' || frame === null) {
    throw new FrameError(`The frame is ${show(frame)}, expected pixels or an image source`)
  }
  const reason = isPixels(frame) ? undefined : whyNoImage(frame)
  if (reason) throw new FrameError(`The frame ${reason}`)
  const { width, height } = isPixels(frame) ? frame : externalSize(frame)
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
    throw new FrameError(`The frame is ${show(width)}x${show(height)} pixels, expected whole numbers of at least 1`)
  }
  if (!isPixels(frame)) return { width, height, format: 'rgba8', rowStride: externalRowStride(width) }
  if (!ArrayBuffer.isView(frame.data) || frame.data.BYTES_PER_ELEMENT !== 1) {
    throw new FrameError('The data of the frame are no bytes, expected a Uint8Array or Uint8ClampedArray')
  }
  const pixels = width * height
  const found = frame.data.length
  const channels = 'channels' in frame && frame.channels ? frame.channels : found / pixels
  if ((channels !== 3 && channels !== 4) || found !== pixels * channels) {
    throw new FrameError(
      `The frame of ${width}x${height} pixels has ${found} bytes, expected ${pixels * 3} (RGB) or ${pixels * 4} (RGBA)`,
    )
  }
  return { width, height, format: channels === 3 ? 'rgb8' : 'rgba8', rowStride: width * channels }
}

export function sameShape(a: FrameShape, b: FrameShape): boolean {
  return a.width === b.width && a.height === b.height && a.format === b.format && a.rowStride === b.rowStride
}

/** Device memory for one frame of a given shape, rewritten for each frame. */
export class FrameBuffer {
  readonly shape: FrameShape
  readonly packed: PackedFrame
  readonly #pixels: GpuTensor
  #ahead: object | undefined

  constructor(device: Device, shape: FrameShape) {
    this.shape = shape
    this.#pixels = device.empty([Math.ceil((shape.rowStride * shape.height) / 4)], 'u32', 'frame')
    this.packed = { pixels: this.#pixels, ...shape }
  }

  /** Uploads a frame of this shape. */
  async write(device: Device, frame: Frame): Promise<void> {
    this.#ahead = undefined
    if (isPixels(frame)) device.write(this.#pixels, unshared(frame.data))
    else await copyExternalImage(device, frame, this.#pixels)
  }

  /** Uploads the frame of a stream before its turn, behind the work that has been submitted. */
  async writeAhead(device: Device, shot: { readonly frame: Frame }): Promise<void> {
    await this.write(device, shot.frame)
    this.#ahead = shot
  }

  /** Whether the buffer holds the pixels of this very shot; asked once, because they may change afterwards. */
  takeAhead(shot: object): boolean {
    const holds = this.#ahead === shot
    this.#ahead = undefined
    return holds
  }

  release(device: Device): void {
    device.release(this.#pixels)
  }
}

/** A copy of what lies in shared memory, which WebGPU does not take. */
function unshared(data: Uint8Array | Uint8ClampedArray): Uint8Array | Uint8ClampedArray {
  return kindOf(data.buffer) === 'SharedArrayBuffer' ? new Uint8Array(data) : data
}

function isPixels(frame: Frame): frame is PixelFrame | ImageData {
  return 'data' in frame
}

/** One picture, rows from the top, bytes R, G, B, no padding: `data.length === width * height * 3`. */
export interface RgbFrame {
  readonly data: Uint8Array
  /** Pixels. */
  readonly width: number
  /** Pixels. */
  readonly height: number
  readonly channels: 3
}
