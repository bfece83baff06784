// Pixels of a browser's image sources as bytes in device memory: through a texture where the browser allows it, through a 2D
// canvas or VideoFrame.copyTo where it does not (some drivers refuse to import video frames).

import type { Device } from './device.ts'
import { WebGpuError } from './errors.ts'
import { bindingAlignment, type GpuTensor } from './tensor.ts'

/** What a browser can hand over without the page decoding anything. */
export type ExternalImage =
  | ImageBitmap
  | VideoFrame
  | HTMLCanvasElement
  | OffscreenCanvas
  | HTMLImageElement
  | HTMLVideoElement

const copySrc = 1
const copyDst = 2
const renderAttachment = 16

/** Bytes from one row to the next of a copied image `width` pixels wide: RGBA, rows at multiples of 256 bytes. */
export function externalRowStride(width: number): number {
  return Math.ceil((width * 4) / bindingAlignment) * bindingAlignment
}

/**
 * Size in pixels; a video frame's is the size at which it is to be shown. Elements of a page have their picture's own size,
 * whatever the page makes of it; 0 before it is there.
 */
export function externalSize(image: ExternalImage): { readonly width: number; readonly height: number } {
  if ('naturalWidth' in image) return { width: image.naturalWidth, height: image.naturalHeight }
  if ('videoWidth' in image) return { width: image.videoWidth, height: image.videoHeight }
  if ('displayWidth' in image) return { width: image.displayWidth, height: image.displayHeight }
  return { width: image.width, height: image.height }
}

const kinds = [
  'ImageBitmap',
  'VideoFrame',
  'HTMLCanvasElement',
  'OffscreenCanvas',
  'HTMLImageElement',
  'HTMLVideoElement',
] as const

/** Why this object is no image source, or shows no picture now; undefined if it is fine. */
export function whyNoImage(image: object): string | undefined {
  const kind = Object.prototype.toString.call(image).slice('[object '.length, -1)
  const isKnown = kind === 'Object' ? 'width' in image || 'displayWidth' in image : kinds.some((name) => name === kind)
  if (!isKnown) return `is a value of type ${kind}, expected pixels (data, width, height), an ImageData or ${list()}`
  if ('naturalWidth' in image && image.naturalWidth === 0) return 'is an image that is not loaded, or cannot be'
  // HAVE_CURRENT_DATA: with less, the browser would draw nothing.
  if ('readyState' in image && 'videoWidth' in image && Number(image.readyState) < 2) {
    return 'is a video without a picture yet, expected one after its event `loadeddata`'
  }
  if ('displayWidth' in image && image.displayWidth === 0) return 'is a video frame that has been closed'
  if (kind === 'ImageBitmap' && 'width' in image && image.width === 0) return 'is an image bitmap that has been closed'
  return undefined
}

function list(): string {
  return `${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1)}`
}

/**
 * Copies the image as RGBA8 into `target`, rows `externalRowStride` bytes apart.
 * @throws WebGpuError if neither way works
 */
export async function copyExternalImage(device: Device, image: ExternalImage, target: GpuTensor): Promise<void> {
  if (await copyThroughTexture(device, image, target)) return
  const { width, height } = externalSize(image)
  const pixels = await readPixels(image, width, height)
  const rowStride = externalRowStride(width)
  const rows = new Uint8Array(rowStride * height)
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width * 4, (y + 1) * width * 4), y * rowStride)
  device.write(target, rows)
}

async function copyThroughTexture(device: Device, image: ExternalImage, target: GpuTensor): Promise<boolean> {
  const { gpu } = device
  const { width, height } = externalSize(image)
  const usage = copySrc | copyDst | renderAttachment
  gpu.pushErrorScope('validation')
  const texture = gpu.createTexture({ size: [width, height], format: 'rgba8unorm', usage, label: 'frame' })
  let refused = false
  try {
    gpu.queue.copyExternalImageToTexture({ source: image }, { texture }, [width, height])
    const encoder = gpu.createCommandEncoder({ label: 'frame' })
    const layout = { buffer: target.storage.buffer, offset: target.byteOffset, bytesPerRow: externalRowStride(width) }
    encoder.copyTextureToBuffer({ texture }, layout, [width, height])
    gpu.queue.submit([encoder.finish()])
  } catch {
    refused = true // a DOMException: this source cannot be imported here
  }
  const error = await device.guard(gpu.popErrorScope())
  texture.destroy()
  return !refused && error === null
}

/** RGBA bytes without gaps. */
async function readPixels(image: ExternalImage, width: number, height: number): Promise<Uint8Array> {
  if ('copyTo' in image && isShownAsStored(image)) {
    const pixels = new Uint8Array(width * height * 4)
    const converted = await image.copyTo(pixels, { format: 'RGBA' }).then(
      () => true,
      () => false, // a browser without conversion to RGBA
    )
    if (converted) return pixels
  }
  return drawPixels(image, width, height)
}

/** Whether the frame's bytes are its picture: neither scaled nor turned nor mirrored to be shown. */
function isShownAsStored(frame: VideoFrame & { readonly rotation?: number; readonly flip?: boolean }): boolean {
  const { visibleRect, displayWidth, displayHeight, rotation = 0, flip = false } = frame
  return visibleRect?.width === displayWidth && visibleRect.height === displayHeight && rotation === 0 && !flip
}

function drawPixels(image: ExternalImage, width: number, height: number): Uint8Array {
  const name = `A ${width}x${height} image`
  const context =
    'OffscreenCanvas' in globalThis
      ? new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
      : null
  if (!context) throw new WebGpuError(`${name} can neither be imported nor drawn on a 2D canvas`)
  try {
    context.drawImage(image, 0, 0, width, height)
    return new Uint8Array(context.getImageData(0, 0, width, height).data.buffer)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new WebGpuError(`${name} can neither be imported nor read from a 2D canvas: ${reason}`, { cause })
  }
}
