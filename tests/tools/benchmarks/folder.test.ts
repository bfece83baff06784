// One's own clips: where files may lie, how clips are called, where they begin; and which layout a folder is taken for.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { benchmarkLayouts, detectBenchmark, openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import { benchmarkNames } from '../../../tools/benchmarks/types.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { boxLines, keepFindings, place, placeImages } from './helpers.ts'

test('images in img or beside the boxes, folders between, flags and polygons', async () => {
  const root = await temporaryFolder()
  await place(root, {
    'day/clip-10/groundtruth.txt': boxLines(2, '\t'),
    'day/clip-2/groundtruth_rect.txt': '0,0,4,1,3,5,-1,4\n1,2,30,40\n1,2,30,40\n',
    'day/clip-2/out_of_view.txt': '0,1,0',
    'day/clip-2/cover.label': '8\n8\n0\n',
  })
  await placeImages(join(root, 'day/clip-10/img'), [0, 1])
  await placeImages(join(root, 'day/clip-2'), [5, 7])
  const { title, protocol, sequences } = await openBenchmark({ type: 'folder', root })
  expect({ title, protocol }).toEqual({ title: 'Own clips', protocol: 'ope' })
  expect(sequences.map(({ name, images, visible }) => [name, images.length, visible])).toEqual([
    ['clip-2', 3, [true, false, false]],
    ['clip-10', 2, [true, true]],
  ])
  expect(sequences[0]?.boxes[0]).toEqual({ x: -1, y: 0, width: 5, height: 5 })
})

test('clips of one name are called by their folders, a root that is a clip by its own', async () => {
  const root = await temporaryFolder()
  for (const day of ['mon', 'tue']) {
    await place(root, { [`${day}/cat/groundtruth.txt`]: boxLines(1) })
    await placeImages(join(root, day, 'cat'), [1, 1])
  }
  const names = async (folder: string) =>
    (await openBenchmark({ type: 'folder', root: folder })).sequences.map(({ name }) => name)
  expect(await names(root)).toEqual(['mon_cat', 'tue_cat'])
  expect(await names(join(root, 'tue', 'cat'))).toEqual(['cat'])
})

test('a clip begins where the object is first seen; one that never shows it is an error', async () => {
  const root = await temporaryFolder()
  await place(root, {
    'late/groundtruth.txt': `NaN,NaN,NaN,NaN\n1,2,0,0\n${boxLines(2)}`,
    'late/absence.label': '0\n0\n1\n0\n',
    'never/groundtruth.txt': 'NaN NaN NaN NaN\n0 0 0 0\n',
  })
  await placeImages(join(root, 'late'), [1, 4])
  await placeImages(join(root, 'never'), [1, 2])
  const { found, tell } = keepFindings(root)
  const { sequences } = await openBenchmark({ type: 'folder', root, tell })
  expect(sequences).toEqual([
    {
      name: 'late',
      images: [join(root, 'late/0004.jpg')],
      boxes: [{ x: 1, y: 2, width: 30, height: 40 }],
      visible: [true],
      attributes: [],
    },
  ])
  expect(found).toEqual([
    'warning late/groundtruth.txt:1 NaN: a frame without the object',
    'warning late/groundtruth.txt:4 the object is first seen on this line; the 3 frames before are left out',
    'warning never/groundtruth.txt:1 NaN: a frame without the object',
    'error never/groundtruth.txt none of the 2 lines holds a box of a visible object, expected one or more',
  ])
})

test('numbers that are left out shift nothing while every box has its image', async () => {
  const root = await temporaryFolder()
  await place(root, { 'gap/groundtruth.txt': boxLines(3), 'bare/groundtruth.txt': boxLines(2) })
  await placeImages(join(root, 'gap/img'), [1, 2])
  await placeImages(join(root, 'gap/img'), [5, 5])
  const { found, tell } = keepFindings(root)
  const { sequences } = await openBenchmark({ type: 'folder', root, tell })
  expect(sequences.map(({ name, images }) => [name, images.length])).toEqual([['gap', 3]])
  expect(found).toEqual([
    'error bare no images, expected one per line of the ground truth',
    'warning gap/img 0005.jpg where number 3 was expected; the images count in their order',
  ])
  await expect(openBenchmark({ type: 'folder', root: join(root, 'gap/img') })).rejects.toThrow(
    /no clip in .*; expected a folder of clips/,
  )
  await expect(openBenchmark({ type: 'folder', root, limit: 0 })).rejects.toThrow('limit: found 0, expected 1 or more')
})

test('a folder is taken for the data set whose files it has', async () => {
  const root = await temporaryFolder()
  await place(root, {
    'lasot/cat/cat-1/out_of_view.txt': '0',
    'lasot-flat/cat-1/out_of_view.txt': '0',
    'got/val/list.txt': 'GOT-10k_Val_000001\n',
    'got-train/list.txt': 'GOT-10k_Train_000001\n',
    'clips/one/groundtruth.txt': '1,2,3,4\n',
    'nothing/readme.md': 'no data',
  })
  for (const folder of ['net/TRAIN_5/anno', 'net/TRAIN_5/frames']) await place(root, { [`${folder}/x.txt`]: '' })
  const found = async (name: string) => await detectBenchmark(join(root, name))
  expect(await found('lasot')).toBe('lasot')
  expect(await found('lasot-flat')).toBe('lasot')
  expect(await found('got')).toBe('got10k')
  expect(await found('got-train')).toBe('got10k')
  expect(await found('net')).toBe('trackingnet')
  expect(await found('clips')).toBe('folder')
  expect(await found('nothing')).toBeUndefined()
  expect(await found('nowhere')).toBeUndefined()
  expect(Object.keys(benchmarkLayouts).sort()).toEqual([...benchmarkNames].sort())
})
