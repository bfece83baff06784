// LaSOT in a folder: which sequences count, what is visible, what is told of a broken download.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lasotExtensionClasses, lasotTestingSet } from '../../../tools/benchmarks/lasot-names.ts'
import { openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { boxLines, keepFindings, place, placeImages } from './helpers.ts'

async function placeSequence(folder: string, frames = 3): Promise<void> {
  await place(folder, {
    'groundtruth.txt': boxLines(frames),
    'full_occlusion.txt': `${Array(frames).fill(0).join(',')}\n`,
    'out_of_view.txt': `${Array(frames).fill(0).join(',')}\n`,
  })
  await placeImages(join(folder, 'img'), [1, frames], 8)
}

test('the testing set has four sequences of each of 70 classes, the extension 15 other classes', () => {
  expect(new Set(lasotTestingSet).size).toBe(280)
  const classes = new Set(lasotTestingSet.map((name) => name.replace(/-\d+$/, '')))
  expect(classes.size).toBe(70)
  expect(lasotExtensionClasses.size).toBe(15)
  expect([...lasotExtensionClasses].filter((name) => classes.has(name))).toEqual([])
})

test('splits: the published testing set or testing_set.txt, the rest, all, the extension', async () => {
  const root = await temporaryFolder()
  const names = ['airplane-1', 'airplane-2', 'airplane-10', 'zebra-10', 'atv-1', 'atv-10']
  for (const name of names) await placeSequence(join(root, name.replace(/-\d+$/, ''), name))
  const { found, tell } = keepFindings(root)
  const open = async (split: string) =>
    (await openBenchmark({ type: 'lasot', root, split, tell })).sequences.map(({ name }) => name)
  expect(await open('test')).toEqual(['airplane-1', 'zebra-10'])
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(
    /^error ROOT 278 of 280 sequences of the testing set are missing: airplane-9, .* and 258 more; .*testing_set\.txt/,
  )
  expect(await open('train')).toEqual(['airplane-2', 'airplane-10'])
  expect(await open('extension')).toEqual(['atv-1', 'atv-10'])
  expect(await open('all')).toEqual(['airplane-1', 'airplane-2', 'airplane-10', 'atv-1', 'atv-10', 'zebra-10'])
  await place(root, { 'testing_set.txt': 'zebra-10\r\nairplane-10\r\n' })
  expect(await open('test')).toEqual(['zebra-10', 'airplane-10'])
  expect(await open('train')).toEqual(['airplane-1', 'airplane-2'])
  await expect(openBenchmark({ type: 'lasot', root, split: 'val' })).rejects.toThrow(
    'split: found "val", expected for lasot one of test, train, all, extension',
  )
})

test('hidden frames and frames without area are not visible; attributes come from the toolkit', async () => {
  const root = await temporaryFolder()
  const folder = join(root, 'LaSOTTesting', 'car-2')
  await placeSequence(folder, 5)
  await place(folder, {
    'groundtruth.txt': '1,2,30,40\n1,2,30,40\n1,2,30,40\n0,0,0,0\n1,2,30,40\n',
    'full_occlusion.txt': '0,1,0,0,0\n',
    'out_of_view.txt': '0,0,1,0,0',
  })
  await place(root, { 'annos/att/car-2.txt': '0,1,0,0,0,1,0,0,0,0,0,0,0,1\n', 'testing_set.txt': 'car-2\n' })
  const { title, protocol, sequences } = await openBenchmark({ type: 'lasot', root })
  expect({ title, protocol }).toEqual({ title: 'LaSOT (testing set)', protocol: 'ope' })
  expect(sequences).toHaveLength(1)
  expect(sequences[0]).toMatchObject({
    name: 'car-2',
    visible: [true, false, false, false, true],
    attributes: ['POC', 'ROT', 'ARC'],
  })
  expect(sequences[0]?.images[4]).toBe(join(folder, 'img', '00000005.jpg'))
})

test('what is broken is named with file and line, and left out', async () => {
  const root = await temporaryFolder()
  const names = ['good-1', 'short-1', 'long-1', 'empty-1', 'begin-1', 'flags-1', 'bare-1']
  for (const name of names) await placeSequence(join(root, name))
  await place(root, {
    'testing_set.txt': names.join('\n'),
    'empty-1/groundtruth.txt': '\n',
    'begin-1/groundtruth.txt': `NaN,NaN,NaN,NaN\n${boxLines(2)}`,
    'flags-1/out_of_view.txt': '0,0\n',
  })
  await rm(join(root, 'short-1/img/00000002.jpg'))
  await placeImages(join(root, 'long-1/img'), [4, 5], 8)
  await rm(join(root, 'bare-1/full_occlusion.txt'))
  const { found, tell } = keepFindings(root)
  const { sequences } = await openBenchmark({ type: 'lasot', root, tell })
  expect(sequences.map(({ name, images }) => [name, images.length])).toEqual([
    ['good-1', 3],
    ['long-1', 3],
  ])
  expect(found).toEqual([
    'error short-1/groundtruth.txt:3 3 lines of ground truth, but 2 images in short-1/img, expected one each; ' +
      'the first that is missing has number 2',
    'warning long-1/groundtruth.txt:3 3 lines of ground truth, but 5 images in long-1/img; the last 2 images are left out',
    'error empty-1/groundtruth.txt:1 the file is empty, expected a box per line',
    'warning begin-1/groundtruth.txt:1 NaN: a frame without the object',
    'error begin-1/groundtruth.txt:1 the first box is NaN, NaN, NaN, NaN, expected one with an area: a tracker starts from it',
    'error flags-1/out_of_view.txt 2 entries, expected 3, one per line of the ground truth',
    'error bare-1/full_occlusion.txt not found, expected 3 flags, one per frame',
  ])
  await expect(openBenchmark({ type: 'lasot', root })).rejects.toThrow(/short-1\/groundtruth\.txt:3: 3 lines/)
})

test('missing data is refused with the layout and where to get it', async () => {
  const root = await temporaryFolder()
  await expect(openBenchmark({ type: 'lasot', root: join(root, 'nowhere') })).rejects.toThrow(
    /no folder .*nowhere; expected LaSOT as it is downloaded \(http:\/\/vision.cs.stonybrook.edu.*\n.*\n {2}ROOT\/airplane/,
  )
  await expect(openBenchmark({ type: 'lasot', root })).rejects.toThrow(/no sequence of LaSOT in .*; expected LaSOT/)
  await placeSequence(join(root, 'atv', 'atv-1'))
  await expect(openBenchmark({ type: 'lasot', root })).rejects.toThrow(
    /holds atv-1, but no sequence of the testing set: choose another split \(test, train, all, extension\)/,
  )
})
