// What counts as a frame, without a GPU.

import { describe, expect, test } from 'vitest'
import { FrameError } from '../../src/siamrpn/errors.ts'
import { type Frame, frameShape, sameShape } from '../../src/siamrpn/frame.ts'

function bytes(count: number): Uint8Array {
  return new Uint8Array(count)
}

describe('frameShape', () => {
  test('tells RGB from RGBA by the number of bytes, or takes the stated channels', () => {
    expect(frameShape({ data: bytes(36), width: 4, height: 3 })).toEqual({
      ...{ width: 4, height: 3, format: 'rgb8', rowStride: 12 },
    })
    expect(frameShape({ data: bytes(48), width: 4, height: 3 })).toMatchObject({ format: 'rgba8', rowStride: 16 })
    expect(frameShape({ data: bytes(48), width: 4, height: 3, channels: 4 }).format).toBe('rgba8')
    expect(frameShape({ data: new Uint8ClampedArray(3), width: 1, height: 1 }).format).toBe('rgb8')
    expect(frameShape({ data: Buffer.alloc(3), width: 1, height: 1 }).format).toBe('rgb8')
  })

  test('an image source has RGBA rows at multiples of 256 bytes, and a video frame the size at which it is shown', () => {
    const canvas = { width: 65, height: 2, getContext: () => null } as unknown as OffscreenCanvas
    expect(frameShape(canvas)).toEqual({ width: 65, height: 2, format: 'rgba8', rowStride: 512 })
    const video = { displayWidth: 64, displayHeight: 36, codedWidth: 64, codedHeight: 48, copyTo: () => undefined }
    expect(frameShape(video as unknown as VideoFrame)).toEqual({
      ...{ width: 64, height: 36, format: 'rgba8', rowStride: 256 },
    })
  })

  test.each([
    ['no width', { data: bytes(0), width: 0, height: 3 }, '0x3'],
    ['no height', { data: bytes(0), width: 4, height: 0 }, '4x0'],
    ['a negative width', { data: bytes(12), width: -4, height: 1 }, '-4x1'],
    ['half a pixel', { data: bytes(12), width: 1.5, height: 2 }, '1.5x2'],
    ['a width that is no number', { data: bytes(12), width: Number.NaN, height: 2 }, 'NaNx2'],
    ['no size at all', { data: bytes(12) }, 'undefinedxundefined'],
    ['a closed image', { width: 0, height: 0, close: () => undefined }, '0x0'],
  ])('%s is no frame', (_, frame, shown) => {
    expect(() => frameShape(frame as unknown as Frame)).toThrow(FrameError)
    expect(() => frameShape(frame as unknown as Frame)).toThrow(`The frame is ${shown} pixels, expected`)
  })

  test.each([
    ['a byte too few', { data: bytes(35), width: 4, height: 3 }, '35 bytes'],
    ['a byte too many', { data: bytes(49), width: 4, height: 3 }, '49 bytes'],
    ['grey values', { data: bytes(12), width: 4, height: 3 }, '12 bytes'],
    ['RGB called RGBA', { data: bytes(36), width: 4, height: 3, channels: 4 }, '36 bytes'],
    ['RGBA called RGB', { data: bytes(48), width: 4, height: 3, channels: 3 }, '48 bytes'],
    ['five channels', { data: bytes(60), width: 4, height: 3, channels: 5 }, '60 bytes'],
  ])('%s is refused with the numbers', (_, frame, shown) => {
    expect(() => frameShape(frame as unknown as Frame)).toThrow(FrameError)
    const expected = `The frame of 4x3 pixels has ${shown}, expected 36 (RGB) or 48 (RGBA)`
    expect(() => frameShape(frame as unknown as Frame)).toThrow(expected)
  })

  test.each([
    ['floats', new Float32Array(36)],
    ['a plain array', new Array(36).fill(0)],
    ['a buffer without a view', new ArrayBuffer(36)],
    ['nothing', undefined],
  ])('%s are no bytes', (_, data) => {
    const frame = { data, width: 4, height: 3 } as unknown as Frame
    expect(() => frameShape(frame)).toThrow(FrameError)
    expect(() => frameShape(frame)).toThrow('expected a Uint8Array or Uint8ClampedArray')
  })

  test.each([[undefined], [null], ['clip.mp4'], [5]])('%s is refused as a frame', (frame) => {
    expect(() => frameShape(frame as unknown as Frame)).toThrow(FrameError)
  })
})

test('shapes differ by size, by format and by the distance of rows', () => {
  const shape = frameShape({ data: bytes(64 * 4), width: 64, height: 1 })
  expect(sameShape(shape, { ...shape })).toBe(true)
  for (const other of [{ width: 65 }, { height: 2 }, { format: 'rgb8' as const }, { rowStride: 512 }]) {
    expect(sameShape(shape, { ...shape, ...other })).toBe(false)
  }
})
