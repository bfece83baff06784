import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FailureChoice } from '../../../tools/report/failures.ts'
import {
  filmStrip,
  filmStripIfThere,
  tileHeight,
  tileWidth,
  viewOf,
  viewSize,
} from '../../../tools/report/film-strip.ts'
import { trace } from '../../../tools/report/traces.ts'
import { frameSize, frames, result, sequence, truth, writeFrames } from './made-up.ts'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'siamrpn-strip-'))
  await writeFrames(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

const choice = (images = folder): FailureChoice => ({
  trace: trace('ope', sequence('a', images), result('a', 10)),
  lostAt: 10,
  frames: [9, 10, 20],
})

describe('a film strip', () => {
  test('has a picture of the page’s size for each frame, with both boxes in its pixels', async () => {
    const { tiles } = await filmStrip(choice(), 100_000)
    expect(tiles.map(({ frame }) => frame)).toEqual([9, 10, 20])
    expect(tiles.map(({ overlap }) => overlap)).toEqual([expect.closeTo(1), 0, 0])
    for (const { picture, truth: box, answer } of tiles) {
      const bytes = Buffer.from(picture.replace('data:image/webp;base64,', ''), 'base64')
      expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', width: tileWidth, height: tileHeight })
      expect(box && answer && box.width / box.height).toBeCloseTo(20 / 16)
      expect(box?.width).toBeGreaterThan(tileWidth / 8)
    }
    const [before, after] = tiles
    expect(before?.truth).toEqual(before?.answer)
    expect((after?.answer?.x ?? 0) - (after?.truth?.x ?? 0)).toBeGreaterThan(after?.truth?.width ?? 0)
  })

  test('shows the frames it says', async () => {
    const { tiles } = await filmStrip(choice(), 100_000)
    for (const { frame, picture } of tiles) {
      const bytes = Buffer.from(picture.replace('data:image/webp;base64,', ''), 'base64')
      const { channels } = await sharp(bytes).stats()
      expect(Math.abs((channels[0]?.mean ?? 0) - 10 * frame)).toBeLessThan(6)
    }
  })

  test('reads frames from elsewhere where there are no files', async () => {
    const data = new Uint8Array(3 * frameSize.width * frameSize.height).fill(40)
    const read = async () => ({ data, ...frameSize, channels: 3 as const })
    expect((await filmStrip(choice('/nowhere'), 100_000, read)).tiles).toHaveLength(3)
  })

  test('is left out where the images are gone', async () => {
    expect(await filmStripIfThere(choice('/nowhere'), 100_000)).toBeUndefined()
  })
})

describe('the view of a strip', () => {
  test('lies in the frame, holds the object, and has one size', () => {
    const all = { ...choice(), frames: Array.from({ length: frames }, (_, frame) => frame) }
    const size = viewSize(all)
    const views = all.frames.map((frame) => viewOf(all, frame, size, frameSize))
    expect(new Set(views.map(({ width, height }) => `${width} ${height}`)).size).toBe(1)
    for (const [frame, { x, y, width, height }] of views.entries()) {
      const box = truth(frame)
      expect(x >= 0 && y >= 0 && x + width <= frameSize.width && y + height <= frameSize.height).toBe(true)
      expect(box.x >= x && box.y >= y && box.x + box.width <= x + width && box.y + box.height <= y + height).toBe(true)
    }
  })

  test('stays near the object when the tracker is far away', () => {
    const far = { width: 4000, height: 3000 }
    const { sequence: video, result: answers } = choice().trace
    const regions = answers.regions.map((region) =>
      typeof region === 'object' ? { ...region, x: region.x + 3000 } : region,
    )
    const lost = { trace: trace('ope', video, { ...answers, regions }), lostAt: 1, frames: [1, 2] }
    const size = viewSize(lost)
    expect(size.width).toBeLessThan(8 * 20)
    const view = viewOf(lost, 2, size, far)
    expect(view.x).toBeLessThan(truth(2).x)
    expect(view.x + view.width).toBeLessThan(300)
  })
})
