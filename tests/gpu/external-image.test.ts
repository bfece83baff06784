// Copies of image sources with stand-ins for what only a browser has: the sources, their import, and the 2D canvas.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { WebGpuError } from '../../src/gpu/errors.ts'
import {
  copyExternalImage,
  type ExternalImage,
  externalRowStride,
  externalSize,
  whyNoImage,
} from '../../src/gpu/external-image.ts'
import { GpuTensor, Storage } from '../../src/gpu/tensor.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

const [width, height] = [3, 2]
/** Every byte of the picture is its index plus one. */
const picture = Uint8Array.from({ length: width * height * 4 }, (_, i) => i + 1)
const rows = new Uint8Array(2 * 256)
rows.set(picture.subarray(0, 12))
rows.set(picture.subarray(12), 256)

function targetTensor(): GpuTensor {
  const storage = new Storage(rows.length, 'frame', { buffer: { label: 'frame' } as GPUBuffer })
  return new GpuTensor(storage, [rows.length / 4], 'u32')
}

interface Import {
  /** Thrown by the import itself. */
  readonly throws?: Error
  /** Told by the error scope. */
  readonly error?: GPUError
}

/** A device that notes what is asked of it. */
function fakeDevice({ throws, error }: Import = {}) {
  const calls: string[] = []
  const written: Uint8Array[] = []
  const copies: unknown[] = []
  const gpu = {
    pushErrorScope: () => calls.push('push'),
    popErrorScope: () => {
      calls.push('pop')
      return Promise.resolve(error ?? null)
    },
    createTexture: ({ size, format, usage }: GPUTextureDescriptor) => {
      calls.push(`texture ${size} ${format} ${usage}`)
      return { destroy: () => calls.push('destroy') }
    },
    createCommandEncoder: () => ({
      copyTextureToBuffer: (_: unknown, layout: unknown, size: unknown) => copies.push({ layout, size }),
      finish: () => 'commands',
    }),
    queue: {
      copyExternalImageToTexture: () => {
        calls.push('import')
        if (throws) throw throws
      },
      submit: () => calls.push('submit'),
    },
  }
  const device = {
    gpu,
    guard: <T>(work: Promise<T>) => work,
    write: (_: GpuTensor, data: Uint8Array) => written.push(data),
  } as unknown as Device
  return { device, calls, written, copies }
}

const bitmap = { width, height, close: () => undefined } as unknown as ImageBitmap
const refusal = { message: 'source is not importable' } as GPUError

/** A video frame shown at 3x2. @param visible what is stored; @param convert how it converts to RGBA */
function videoFrame(visible = { width, height }, convert = (into: Uint8Array) => Promise.resolve(into.set(picture))) {
  const copyTo = vi.fn((into: Uint8Array, _options: unknown) => convert(into))
  return { displayWidth: width, displayHeight: height, visibleRect: visible, copyTo } as unknown as VideoFrame & {
    copyTo: typeof copyTo
  }
}

/** A 2D canvas that holds `picture` once something has been drawn. */
function stubCanvas(onDraw: (...args: unknown[]) => void = () => undefined): void {
  class Canvas {
    getContext() {
      return { drawImage: onDraw, getImageData: () => ({ data: new Uint8ClampedArray(picture) }) }
    }
  }
  vi.stubGlobal('OffscreenCanvas', Canvas)
}

test('rows are at multiples of 256 bytes', () => {
  expect([1, 64, 65, 480].map(externalRowStride)).toEqual([256, 256, 512, 2048])
})

test('the size is that at which a source is shown', () => {
  expect(externalSize(bitmap)).toEqual({ width, height })
  expect(externalSize(videoFrame({ width: 16, height: 16 }))).toEqual({ width, height })
})

/** A stand-in of a browser's class. */
function ofKind(kind: string, properties: object): object {
  return Object.assign(Object.create({ [Symbol.toStringTag]: kind }), properties)
}

describe('whyNoImage', () => {
  test.each<[string, object]>([
    ['ImageBitmap', { width, height }],
    ['OffscreenCanvas', { width, height }],
    ['HTMLCanvasElement', { width, height }],
    ['HTMLImageElement', { width: 7, height: 7, naturalWidth: width, naturalHeight: height }],
    ['HTMLVideoElement', { width: 7, height: 7, videoWidth: width, videoHeight: height, readyState: 2 }],
    ['VideoFrame', { displayWidth: width, displayHeight: height }],
  ])("finds nothing wrong with %s, whose size is the picture's", (kind, properties) => {
    const image = ofKind(kind, properties)
    expect(whyNoImage(image)).toBeUndefined()
    expect(externalSize(image as ExternalImage)).toEqual({ width, height })
  })

  test.each<[string, object, RegExp]>([
    ['HTMLDivElement', {}, /^is a value of type HTMLDivElement, expected pixels .* or HTMLVideoElement$/],
    ['Blob', { size: 4 }, /type Blob/],
    ['CanvasRenderingContext2D', { canvas: {} }, /type CanvasRenderingContext2D/],
    ['SVGImageElement', { width: {}, height: {} }, /type SVGImageElement/],
    ['Object', {}, /type Object/],
    ['HTMLImageElement', { naturalWidth: 0, naturalHeight: 0 }, /not loaded/],
    ['HTMLVideoElement', { videoWidth: width, videoHeight: height, readyState: 1 }, /without a picture yet/],
    ['VideoFrame', { displayWidth: 0, displayHeight: 0 }, /has been closed/],
    ['ImageBitmap', { width: 0, height: 0 }, /has been closed/],
  ])('names what is wrong with %s %o', (kind, properties, reason) => {
    expect(whyNoImage(ofKind(kind, properties))).toMatch(reason)
  })
})

describe('copyExternalImage', () => {
  test('goes through a texture where the browser allows it, and leaves nothing behind', async () => {
    const { device, calls, copies, written } = fakeDevice()
    const target = targetTensor()
    await copyExternalImage(device, bitmap, target)
    // COPY_SRC, COPY_DST and RENDER_ATTACHMENT, which copyExternalImageToTexture requires.
    expect(calls).toEqual(['push', `texture 3,2 rgba8unorm ${1 | 2 | 16}`, 'import', 'submit', 'pop', 'destroy'])
    const layout = { buffer: target.storage.buffer, offset: 0, bytesPerRow: 256 }
    expect(copies).toEqual([{ layout, size: [3, 2] }])
    expect(written).toEqual([])
  })

  test.each<[string, Import]>([
    ['throws', { throws: new Error('SecurityError') }],
    ['is reported as invalid', { error: refusal }],
  ])('goes through a canvas where the import %s', async (_, failure) => {
    const draw = vi.fn()
    stubCanvas(draw)
    const { device, calls, written } = fakeDevice(failure)
    await copyExternalImage(device, bitmap, targetTensor())
    expect(draw).toHaveBeenCalledWith(bitmap, 0, 0, width, height)
    expect(written).toEqual([rows])
    expect(calls.filter((call) => call === 'push' || call === 'pop' || call === 'destroy')).toHaveLength(3)
  })

  test('converts a video frame that cannot be imported', async () => {
    const { device, written } = fakeDevice({ error: refusal })
    const frame = videoFrame()
    await copyExternalImage(device, frame, targetTensor())
    expect(frame.copyTo.mock.calls[0]?.[1]).toEqual({ format: 'RGBA' })
    expect(written).toEqual([rows])
  })

  test.each([
    ['is turned to be shown', () => Object.assign(videoFrame(), { rotation: 180 })],
    ['is shown at another size than it is stored', () => videoFrame({ width: 6, height: 2 })],
    ['does not convert to RGBA', () => videoFrame(undefined, () => Promise.reject(new Error('NotSupportedError')))],
  ])('draws a video frame that %s', async (_, make) => {
    const draw = vi.fn()
    stubCanvas(draw)
    const { device, written } = fakeDevice({ error: refusal })
    const frame = make()
    await copyExternalImage(device, frame, targetTensor())
    expect(draw).toHaveBeenCalledWith(frame, 0, 0, width, height)
    expect(written).toEqual([rows])
  })

  test('says so when neither way works', async () => {
    const { device } = fakeDevice({ error: refusal })
    const copy = () => copyExternalImage(device, bitmap as ExternalImage, targetTensor())
    await expect(copy()).rejects.toThrow(WebGpuError)
    await expect(copy()).rejects.toThrow('A 3x2 image can neither be imported nor drawn on a 2D canvas')
    stubCanvas(() => {
      throw new Error('the canvas is tainted')
    })
    await expect(copy()).rejects.toThrow('nor read from a 2D canvas: the canvas is tainted')
  })

  test('puts the rows where they belong on a real device', async () => {
    await using device = await openDevice()
    vi.spyOn(device.gpu.queue, 'copyExternalImageToTexture').mockImplementation(() => {
      throw new Error('no import here')
    })
    const tensor = device.empty([rows.length / 4], 'u32', 'frame')
    await copyExternalImage(device, videoFrame(), tensor)
    expect(new Uint8Array((await device.read(tensor)).buffer)).toEqual(rows)
  })
})
