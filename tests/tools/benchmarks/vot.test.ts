// VOT2018: older and newer downloads, boxes instead of polygons, tags that end early, and what is broken.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import { cornersOf, quad2bbox } from '../../../tools/benchmarks/polygon.ts'
import { DatasetMissingError } from '../../../tools/datasets/errors.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { boxLines, keepFindings, place, placeImages } from './helpers.ts'

const polygon = '10,0,20,10,10,20,0,10\n'

test('images in color or beside the ground truth, in the root, in data or in sequences', async () => {
  for (const [folder, inner] of [
    ['', 'color'],
    ['data', ''],
    ['sequences', 'color'],
  ] as const) {
    const root = await temporaryFolder()
    await place(join(root, folder), { 'list.txt': 'ants1\r\n', 'ants1/groundtruth.txt': polygon.repeat(2) })
    await placeImages(join(root, folder, 'ants1', inner), [1, 2], 8)
    const { sequences } = await openBenchmark({ type: 'vot2018', root })
    expect(sequences[0]!.images).toEqual(
      ['00000001.jpg', '00000002.jpg'].map((name) => `${join(root, folder, 'ants1', inner)}/${name}`),
    )
    expect(sequences[0]!.corners![1]).toEqual([10, 0, 20, 10, 10, 20, 0, 10])
    expect(sequences[0]!.boxes[1]).toEqual({ x: 0, y: 0, width: 20, height: 20 })
    expect(sequences[0]!.size).toBeUndefined()
  }
})

test('a box stands for its corners; tags that end early or are missing count as 0', async () => {
  const root = await temporaryFolder()
  await place(root, {
    'list.txt': 'ball1\n',
    'ball1/groundtruth.txt': boxLines(3),
    'ball1/occlusion.tag': '0\n1\n',
    'ball1/camera_motion.tag': '1\n1\nx\n',
    'ball1/size_change.tag': '0\n0\n0\n1\n',
    'ball1/sequence': 'channels.color=color/%08d.jpg\r\nheight=480\r\nwidth=640\r\n',
  })
  await placeImages(join(root, 'ball1', 'color'), [1, 3], 8)
  const { found, tell } = keepFindings(root)
  const [sequence] = (await openBenchmark({ type: 'vot2018', root, tell })).sequences
  expect(sequence!.corners![0]).toEqual([1, 2, 31, 2, 31, 42, 1, 42])
  expect(sequence).toMatchObject({ size: { width: 640, height: 480 }, attributes: ['camera_motion', 'occlusion'] })
  expect(sequence!.frameTags).toEqual({
    camera_motion: [true, true, false],
    occlusion: [false, true, false],
    size_change: [false, false, false],
  })
  expect(found).toEqual([
    'warning ball1/camera_motion.tag:3 found "x", expected 0 or 1; counts as 0',
    'warning ball1/size_change.tag 4 lines, expected 3 as in groundtruth.txt; the others are ignored',
  ])
})

test('what is broken is named with file and line', async () => {
  const root = await temporaryFolder()
  await place(root, {
    'list.txt': 'ants1\nbag\nfish1\n',
    'ants1/groundtruth.txt': `${polygon}m10,20,5,5,1,2,3\n`,
    'bag/groundtruth.txt': polygon.repeat(3),
  })
  await placeImages(join(root, 'ants1', 'color'), [1, 2], 8)
  await placeImages(join(root, 'bag', 'color'), [1, 2], 8)
  const { found, tell } = keepFindings(root)
  expect((await openBenchmark({ type: 'vot2018', root, tell })).sequences).toEqual([])
  expect(found).toEqual([
    'error ants1/groundtruth.txt:2 "m10" is not a number; found "m10,20,5,5,1,2,3"',
    'error bag/groundtruth.txt:3 3 lines of ground truth, but 2 images in bag/color, expected one each',
    'error fish1 sequence fish1 is in list.txt, but there is no such folder',
  ])
  await expect(openBenchmark({ type: 'vot2018', root: join(root, 'bag') })).rejects.toThrow(DatasetMissingError)
})

test("MMTracking's upright box has the polygon's area, the hull's proportions and the corners' middle", () => {
  const side = quad2bbox([10, 0, 20, 10, 10, 20, 0, 10])
  expect(side.width).toBeCloseTo(Math.sqrt(200), 12)
  expect(side.x + side.width / 2).toBeCloseTo(10, 12)
  const upright = { x: 3, y: 4, width: 20, height: 10 }
  expect(quad2bbox(cornersOf(upright))).toEqual(upright)
  expect(quad2bbox([3, 4, 23, 14])).toEqual(upright)
  expect(quad2bbox([5, 5, 5, 5, 5, 5, 5, 5])).toEqual({ x: 5, y: 5, width: 0, height: 0 })
  expect(() => quad2bbox([1, 2, 3])).toThrow(/3 numbers, expected the four or eight/)
})

test('a list of more sequences than any data set has, frames and corners out of all proportion', async () => {
  const root = await temporaryFolder()
  await place(root, { 'list.txt': 'ants1\nbag\nants1\n' })
  await expect(openBenchmark({ type: 'vot2018', root })).rejects.toThrow(
    /list\.txt names ants1 twice, the second time in place 3/,
  )
  await place(root, { 'list.txt': Array.from({ length: 100_001 }, (_, index) => `a${index}\n`).join('') })
  await expect(openBenchmark({ type: 'vot2018', root })).rejects.toThrow(
    'names 100001 sequences, expected at most 100000',
  )
  await placeImages(join(root, 'a/color'), [1, 2], 8)
  const files = { 'list.txt': 'a\n', 'a/groundtruth.txt': boxLines(2), 'a/sequence': 'width=9999999\nheight=480\n' }
  await place(root, files)
  const { found, tell } = keepFindings(root)
  const { sequences } = await openBenchmark({ type: 'vot2018', root, tell })
  expect(sequences[0]).not.toHaveProperty('size')
  expect(found.join()).toContain('frames of 9999999x480 pixels, expected sides of 1 to 65535; not heeded')
  await place(root, { 'a/groundtruth.txt': '0,0,9,0,9,1e9,0,1e9\n'.repeat(2) })
  await expect(openBenchmark({ type: 'vot2018', root })).rejects.toThrow(
    'expected at most 100000 pixels from the origin',
  )
})
