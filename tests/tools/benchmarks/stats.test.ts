// The numbers of a data set that is small enough to count by hand.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readFrameSize, readFrameSizes } from '../../../tools/benchmarks/frame-sizes.ts'
import { benchmarkStats, distribution, histogramBins } from '../../../tools/benchmarks/stats.ts'
import type { Sequence } from '../../../tools/benchmarks/types.ts'
import { writeJpeg, writeText } from '../datasets/training-helpers.ts'
import { encode, plainFrame, temporaryFolder } from '../frames/helpers.ts'

const at = (x: number, y: number, width: number, height: number) => ({ x, y, width, height })
const empty = at(Number.NaN, Number.NaN, Number.NaN, Number.NaN)

const a: Sequence = {
  name: 'a',
  images: ['a/1.jpg', 'a/2.jpg', 'a/3.jpg', 'a/4.jpg'],
  boxes: [at(0, 0, 10, 40), at(3, 4, 10, 40), empty, at(50, 50, 20, 80)],
  visible: [true, true, true, true],
  attributes: ['OCC', 'SV'],
  frameTags: { occlusion: [true, true, false, false], motion: [false, false, false, false] },
}
const b: Sequence = {
  name: 'b',
  images: ['b/1.jpg', 'b/2.jpg'],
  boxes: [at(0, 0, 20, 20)],
  visible: [true, false],
  attributes: ['OCC'],
}
const full = { width: 200, height: 100 }

test('counts and quantities; what is not to be seen takes no part, nor does motion across it', () => {
  const stats = benchmarkStats({ title: 'Two', sequences: [a, b] }, [[full], [undefined]])
  expect(stats).toMatchObject({ title: 'Two', sequences: 2, frames: 6, boxes: 5, visible: 4 })
  expect(stats.sizes).toEqual([
    { name: '200x100', count: 1 },
    { name: 'unknown', count: 1 },
  ])
  expect(stats.attributes).toEqual([
    { name: 'OCC', count: 2 },
    { name: 'SV', count: 1 },
  ])
  expect(stats.frameTags).toEqual([
    { name: 'occlusion', count: 2 },
    { name: 'motion', count: 0 },
  ])
  const { length, side, area, aspect, motion, growth, range, shown } = stats.distributions
  expect([length.min, length.max, length.count]).toEqual([2, 4, 2])
  expect([side.min, side.max, side.mean]).toEqual([20, 40, 25])
  expect([area.count, area.min, area.max]).toEqual([3, 2, 8]) // Only the first sequence's frames are known.
  expect([aspect.min, aspect.max]).toEqual([0.25, 1])
  expect([motion.count, motion.mean, growth.mean]).toEqual([1, 25, 0])
  expect([range.count, range.max]).toEqual([1, 2])
  expect([shown.count, shown.mean]).toEqual([1, 75])
})

test('sizes may be given frame by frame', () => {
  const sizes = [full, full, full, { width: 400, height: 100 }]
  const { area } = benchmarkStats({ title: 'One', sequences: [a] }, [sizes]).distributions
  expect([area.min, area.max]).toEqual([2, 4])
})

test('a distribution: percentiles, and bins between the least and the greatest', () => {
  const linear = distribution(
    Float32Array.from({ length: 101 }, (_, k) => 100 - k),
    false,
  )
  expect(linear).toMatchObject({ count: 101, min: 0, low: 5, median: 50, mean: 50, high: 95, max: 100 })
  expect(linear.histogram.counts).toHaveLength(histogramBins)
  expect(linear.histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(101)
  const log = distribution(Float32Array.of(0, 1, 10, 100), true).histogram
  expect([log.from, log.to]).toEqual([1, 100])
  expect(log.counts[0]).toBe(2) // Zero is in the first bin.
  expect(log.counts[histogramBins / 2]).toBe(1)
  expect(log.counts.at(-1)).toBe(1)
  expect(distribution(Float32Array.of(7, 7), true).histogram.counts[0]).toBe(2)
  const none = distribution(new Float32Array(0), true)
  expect(none.count).toBe(0)
  expect(none.median).toBeNaN()
})

test('frame sizes: first or every image, stated ones, turned ones, unreadable ones', async () => {
  const folder = await temporaryFolder()
  const images = [1, 2, 3].map((frame) => join(folder, `${frame}.jpg`))
  await writeJpeg(images[0]!, [1, 1, 1], 32)
  await writeJpeg(images[1]!, [1, 1, 1], 48)
  await writeText(images[2]!, 'no image')
  const sequence = { ...a, images }
  expect(await readFrameSizes([sequence])).toEqual([[{ width: 32, height: 32 }]])
  const errors: string[] = []
  const sizes = await readFrameSizes([sequence], { of: 'every', onError: (file) => errors.push(file) })
  expect(sizes).toEqual([[{ width: 32, height: 32 }, { width: 48, height: 48 }, undefined]])
  expect(errors).toEqual([images[2]])
  await expect(readFrameSizes([sequence], { of: 'every' })).rejects.toThrow(/3.jpg/)
  const stated = { ...sequence, size: { width: 5, height: 6 } }
  expect(await readFrameSizes([stated], { trustStated: true })).toEqual([[{ width: 5, height: 6 }]])
  expect(await readFrameSizes([stated])).toEqual([[{ width: 32, height: 32 }]])
  const turned = join(folder, 'turned.jpg')
  await encode(plainFrame(20, 10, [1, 2, 3]))
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toFile(turned)
  expect(await readFrameSize(turned)).toEqual({ width: 10, height: 20 })
})
