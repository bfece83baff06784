// The golden video frames: smooth random images of a key, in BGR as MMTracking reads them, in host and device memory.

import type { Device } from '../../../src/gpu/device.ts'
import type { GpuTensor } from '../../../src/gpu/tensor.ts'
import type { PackedFrame } from '../../../src/kernels/crop-resize.ts'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import { smoothImage } from './hash.ts'

/** `[height, width, 3]` bytes. */
export interface HostFrame {
  readonly bytes: Uint8Array
  readonly height: number
  readonly width: number
}

export function goldenFrame(key: string, height: number, width: number): HostFrame {
  return { bytes: smoothImage(key, height, width), height, width }
}

/** The bytes of one pixel. */
export function pixelOf({ bytes, width }: HostFrame, y: number, x: number): number[] {
  return [...bytes.subarray((y * width + x) * 3, (y * width + x + 1) * 3)]
}

/** The part of a frame from (x, y) on. */
export function cutFrame(frame: HostFrame, { x, y, height, width }: CutOut): HostFrame {
  const bytes = new Uint8Array(height * width * 3)
  for (let row = 0; row < height; row++) {
    const from = ((y + row) * frame.width + x) * 3
    bytes.set(frame.bytes.subarray(from, from + width * 3), row * width * 3)
  }
  return { bytes, height, width }
}

export interface CutOut {
  readonly x: number
  readonly y: number
  readonly height: number
  readonly width: number
}

/** The same pixels with red first, as the public API takes them. */
export function toRgb({ bytes, height, width }: HostFrame): RgbFrame {
  const data = new Uint8Array(bytes.length)
  for (let i = 0; i < bytes.length; i += 3) {
    data[i] = bytes[i + 2] ?? 0
    data[i + 1] = bytes[i + 1] ?? 0
    data[i + 2] = bytes[i] ?? 0
  }
  return { data, width, height, channels: 3 }
}

/** Uploads a frame, blue first: crops of it need no reversal. */
export function packFrame(
  device: Device,
  { bytes, height, width }: HostFrame,
): PackedFrame & { readonly pixels: GpuTensor } {
  const pixels = device.empty([Math.ceil(bytes.length / 4)], 'u32', 'frame')
  device.write(pixels, bytes)
  return { pixels, width, height, format: 'rgb8' }
}
