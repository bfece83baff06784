import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { runOnce } from '../../src/gpu/program.ts'
import { unpackWindows, windowWords } from '../../src/kernels/unpack-windows.ts'
import { WindowUpload } from '../../src/train/augmentation/window-upload.ts'
import { patternFrame } from '../tools/frames/helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

/** B, G, R and a zero of each pixel. */
function reference(bytes: Uint8Array): number[] {
  const values: number[] = []
  for (let i = 0; i < bytes.length; i += 3) values.push(bytes[i + 2]!, bytes[i + 1]!, bytes[i]!, 0)
  return values
}

test.each([
  [1, 1, 1],
  [1, 3, 1],
  [2, 5, 7],
  [3, 4, 4],
  [1, 33, 31],
])('bytes of %i images of %i x %i', async (batch, height, width) => {
  const pixels = batch * height * width
  const bytes = Uint8Array.from({ length: 3 * pixels }, (_, i) => (i * 89) % 256)
  const padded = new Uint8Array(4 * windowWords(pixels)).fill(0xff)
  padded.set(bytes)
  const packed = device.empty([windowWords(pixels)], 'u32', 'bytes')
  device.write(packed, padded)
  const program = await runOnce(device, (r) => {
    return unpackWindows(r, { bytes: packed, output: r.alloc([batch, height, width, 4], 'f32', 'images') })
  })
  expect([...(await device.readF32(program.result))]).toEqual(reference(bytes))
  program.destroy()
  device.release(packed)
})

test('refuses what does not fit', async () => {
  const bytes = device.empty([6], 'u32', 'bytes')
  const record = (shape: readonly number[]) => {
    return runOnce(device, (r) => unpackWindows(r, { bytes, output: r.alloc(shape, 'f32', 'images') }))
  }
  await expect(record([1, 3, 3, 4])).rejects.toThrow('expected u32 [9]')
  await expect(record([1, 2, 3, 3])).rejects.toThrow(ShapeError)
  device.release(bytes)
})

test('a batch of windows: bytes, boxes, and what is wrong with a sample', async () => {
  const before = device.memory.bytes
  const upload = await WindowUpload.create(device, [5, 9], 2)
  const frame = { source: { kind: 'file', path: '' }, box: [0, 0, 1, 1] } as const
  const pair = (k: number) => ({
    request: { id: `pair ${k}`, template: frame, search: frame, positive: k === 1 },
    template: patternFrame(5, 5, k),
    search: patternFrame(9, 9, k),
    boxes: [
      [0.1, 1, 2, 3],
      [k, 1, 5, 6],
    ] as const,
  })
  const prepared = await upload.prepare([pair(0), pair(1)])
  expect(prepared).toMatchObject({ ids: ['pair 0', 'pair 1'], positive: [false, true] })
  expect(prepared.templateBoxes[0]?.[0]).toBe(Math.fround(0.1))
  expect(prepared.searchBoxes).toEqual([
    [0, 1, 5, 6],
    [1, 1, 5, 6],
  ])
  const images = [...(await device.readF32(upload.search))]
  expect(images).toEqual([0, 1].flatMap((k) => reference(patternFrame(9, 9, k).data)))
  expect(await device.readF32(upload.template)).toHaveLength(2 * 25 * 4)
  await expect(upload.prepare([pair(0)])).rejects.toThrow('found 1 pairs, expected 2')
  const small = { ...pair(1), search: patternFrame(8, 9) }
  await expect(upload.prepare([pair(0), small])).rejects.toThrow('sample pair 1: a window of 8x9 pixels, expected 9x9')
  const { boxes, ...without } = pair(1)
  await expect(upload.prepare([pair(0), without])).rejects.toThrow('sample pair 1: no boxes')
  upload.release()
  expect(device.memory.bytes).toBe(before)
})
