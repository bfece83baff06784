// The contact sheet: which frames it shows, where they stand, how truth and hidden frames are drawn.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import { contactSheet, spread } from '../../../tools/benchmarks/contact-sheet.ts'
import { drawPolygon } from '../../../tools/benchmarks/draw-polygon.ts'
import type { Sequence } from '../../../tools/benchmarks/types.ts'
import { groundTruthColor } from '../../../tools/frames/draw.ts'
import { OutputError } from '../../../tools/frames/errors.ts'
import { writeJpeg } from '../datasets/training-helpers.ts'
import { pixel, plainFrame, temporaryFolder } from '../frames/helpers.ts'

const hiddenColor = [255, 92, 80]

async function sequence(change: Partial<Sequence> = {}): Promise<Sequence> {
  const folder = await temporaryFolder()
  const images = [1, 2].map((frame) => join(folder, `${frame}.jpg`))
  for (const image of images) await writeJpeg(image, [40, 80, 200], 96)
  const box = { x: 24, y: 24, width: 48, height: 36 }
  return { name: 'one', images, boxes: [box, box], visible: [true, true], attributes: [], ...change }
}

/** Pixels of a color, and the rectangle that encloses them. */
function find(frame: RgbFrame, color: readonly number[]) {
  const xs: number[] = []
  const ys: number[] = []
  for (let y = 0; y < frame.height; y++) {
    for (let x = 0; x < frame.width; x++) {
      if (!pixel(frame, x, y).every((value, channel) => value === color[channel])) continue
      xs.push(x)
      ys.push(y)
    }
  }
  return {
    count: xs.length,
    width: Math.max(...xs) - Math.min(...xs) + 1,
    height: Math.max(...ys) - Math.min(...ys) + 1,
  }
}

test('frames are evenly spread, the first and the last among them', () => {
  expect(spread(10, 4)).toEqual([0, 3, 6, 9])
  expect(spread(3, 6)).toEqual([0, 1, 2])
  expect(spread(9, 1)).toEqual([0])
})

test('a row per sequence, a column per frame, true boxes at the scale of the sheet', async () => {
  const one = await sequence({ boxes: [{ x: 24, y: 24, width: 48, height: 36 }] })
  const progress: string[] = []
  const onFrame = (...counts: number[]) => progress.push(counts.join('/'))
  const sheet = await contactSheet([one], { title: 'x', frames: 2, cellWidth: 192, onFrame })
  const box = find(sheet, groundTruthColor)
  expect([box.width, box.height]).toEqual([96, 72]) // Drawn in the first frame alone: the second has no truth.
  expect(progress).toEqual(['1/2', '2/2'])
  const wider = await contactSheet([one], { title: 'x', frames: 3, cellWidth: 192 })
  const taller = await contactSheet([one, one], { title: 'x', frames: 2, cellWidth: 192 })
  expect(wider.width - sheet.width).toBe(198)
  expect(wider.height).toBe(sheet.height)
  expect(taller.height - sheet.height).toBeGreaterThan(192)
  expect(sheet.data).toHaveLength(sheet.width * sheet.height * 3)
})

test('a frame that hides the object is grey, with its box in another color', async () => {
  const sheet = await contactSheet([await sequence({ visible: [true, false] })], { title: 'x', cellWidth: 192 })
  expect(find(sheet, hiddenColor).count).toBeGreaterThan(100)
  const seen = await contactSheet([await sequence()], { title: 'x', cellWidth: 192 })
  expect(find(seen, hiddenColor).count).toBe(0)
  const grey = (frame: RgbFrame) => {
    let count = 0
    for (let at = 0; at < frame.data.length; at += 3) {
      const [r = 0, g = 0, b = 0] = frame.data.subarray(at, at + 3)
      if (r === g && g === b && r > 25 && r < 60) count++
    }
    return count
  }
  expect(grey(sheet)).toBeGreaterThan(20_000)
  expect(grey(seen)).toBe(0)
})

test('a small object gets a wider frame around it', async () => {
  const small = { x: 40, y: 40, width: 3, height: 3 }
  const sheet = await contactSheet([await sequence({ boxes: [small, small] })], {
    title: 'x',
    frames: 1,
    cellWidth: 192,
  })
  const found = find(sheet, groundTruthColor)
  expect([found.width, found.height]).toEqual([36, 36])
})

test('an unreadable image is marked and leaves the others in place; the signal ends the work', async () => {
  const broken = await sequence()
  const sheet = await contactSheet([{ ...broken, images: [broken.images[0]!, '/none.jpg'] }], {
    title: 'x',
    cellWidth: 192,
  })
  expect(find(sheet, hiddenColor).count).toBeGreaterThan(0)
  expect(find(sheet, groundTruthColor).count).toBeGreaterThan(0)
  const ended = contactSheet([broken], { title: 'x', signal: AbortSignal.abort() })
  await expect(ended).rejects.toThrow(/abort/i)
})

test('polygons are drawn edge by edge and clipped to the frame', () => {
  const frame = plainFrame(40, 40, [100, 100, 100])
  drawPolygon(frame, [10, 10, 30, 10, 30, 30, 10, 30], [1, 2, 3], 2)
  expect(pixel(frame, 20, 10)).toEqual([1, 2, 3])
  expect(pixel(frame, 30, 20)).toEqual([1, 2, 3])
  expect(pixel(frame, 20, 20)).toEqual([100, 100, 100])
  drawPolygon(frame, [-1e7, 20, 20, -1e7, 1e7, 20, 20, 1e7], [1, 2, 3], 2)
})

test('a sheet of more pixels than memory has room for is refused with what to change', async () => {
  const one = await sequence()
  const many = Array.from({ length: 300 }, (_, index): Sequence => ({ ...one, name: `${index}`, images: [] }))
  const sheet = contactSheet(many, { title: 'x', frames: 100, cellWidth: 4096 })
  await expect(sheet).rejects.toThrow(OutputError)
  await expect(sheet).rejects.toThrow(/the sheet would have 4\d+x\d+ pixels, expected at most 200 million: show fewer/)
})
