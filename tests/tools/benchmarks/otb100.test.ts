// OTB100: what its authors publish about the sequences, and downloads with something wrong.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import { otbAttributes, otbSequences } from '../../../tools/benchmarks/otb100-names.ts'
import { DatasetError, DatasetMissingError } from '../../../tools/datasets/errors.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { boxLines, keepFindings, place, placeImages } from './helpers.ts'

async function sequence(root: string, name: string, files: Readonly<Record<string, string>>, last: number, first = 1) {
  await place(join(root, name), files)
  await placeImages(join(root, name, 'img'), [first, last])
}

test('100 sequences, 50 and 51 in the smaller benchmarks, as many per attribute as in published plots', () => {
  expect(otbSequences.length).toBe(100)
  expect(otbSequences.filter((entry) => entry.in.has('otb50')).length).toBe(50)
  expect(otbSequences.filter((entry) => entry.in.has('otb2013')).length).toBe(51)
  const counts = otbAttributes.map((name) => otbSequences.filter(({ attributes }) => attributes.includes(name)).length)
  expect(counts).toEqual([38, 64, 49, 44, 29, 39, 51, 63, 14, 31, 9])
  const targets = otbSequences.filter(({ truth }) => truth !== 'groundtruth_rect.txt')
  expect(targets.map(({ folder, truth }) => `${folder}/${truth}`)).toEqual([
    'Human4/groundtruth_rect.2.txt',
    'Jogging/groundtruth_rect.1.txt',
    'Jogging/groundtruth_rect.2.txt',
    'Skating2/groundtruth_rect.1.txt',
    'Skating2/groundtruth_rect.2.txt',
  ])
})

test('Tiger1 begins at frame 6; Diving has images beyond its boxes; neither is worth a word', async () => {
  const root = await temporaryFolder()
  await sequence(root, 'Tiger1', { 'groundtruth_rect.txt': boxLines(5) + '7,8,9,10\n'.repeat(4) }, 9)
  await sequence(root, 'Diving', { 'groundtruth_rect.txt': boxLines(3, '\t') }, 6)
  const { found, tell } = keepFindings(root)
  const { sequences } = await openBenchmark({ type: 'otb100', root, tell })
  expect(sequences.map(({ name }) => name)).toEqual(['Diving', 'Tiger1'])
  expect(sequences[0]!.images.length).toBe(3)
  expect(sequences[1]!.boxes).toEqual(Array.from({ length: 4 }, () => ({ x: 7, y: 8, width: 9, height: 10 })))
  expect(sequences[1]!.images[0]).toBe(join(root, 'Tiger1', 'img', '0006.jpg'))
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(/^warning ROOT 98 of 100 sequences are missing: Basketball, Biker/)
})

test('the smaller benchmarks are parts of the same folder', async () => {
  const root = await temporaryFolder()
  for (const name of ['Biker', 'Boy', 'Vase']) await sequence(root, name, { 'groundtruth_rect.txt': boxLines(2) }, 2)
  const names = async (split: string) =>
    (await openBenchmark({ type: 'otb100', root, split })).sequences.map(({ name }) => name)
  expect([await names('otb100'), await names('otb50'), await names('otb2013')]).toEqual([
    ['Biker', 'Boy', 'Vase'],
    ['Biker'],
    ['Boy'],
  ])
})

test("folders of MMTracking's and pysot's users", async () => {
  const root = await temporaryFolder()
  await sequence(join(root, 'data'), 'Girl', { 'groundtruth_rect.txt': boxLines(2) }, 2)
  await sequence(root, 'Skating2-2', { 'groundtruth_rect.2.txt': boxLines(2) }, 2)
  const { sequences } = await openBenchmark({ type: 'otb100', root })
  expect(sequences.map(({ name }) => name)).toEqual(['Girl', 'Skating2-2'])
})

test('what is broken is named with file and line, and left out', async () => {
  const root = await temporaryFolder()
  await sequence(root, 'Bolt', { 'groundtruth_rect.txt': `${boxLines(2)}1,2,3\n` }, 3)
  await sequence(root, 'Boy', { 'groundtruth_rect.txt': boxLines(4) }, 2)
  await placeImages(join(root, 'Boy', 'img'), [4, 4])
  await sequence(root, 'Coke', { 'groundtruth_rect.txt': '' }, 2)
  await sequence(root, 'Deer', { 'groundtruth_rect.txt': `${boxLines(1)}1\t2 30,40\r\n` }, 3)
  await sequence(root, 'Dog', { 'groundtruth_rect.txt': boxLines(2) }, 3, 2)
  await sequence(root, 'Jogging', { 'groundtruth_rect.1.txt': boxLines(2) }, 2)
  const { found, tell } = keepFindings(root)
  const { sequences } = await openBenchmark({ type: 'otb100', root, tell })
  expect(sequences.map(({ name }) => name)).toEqual(['Deer', 'Dog', 'Jogging-1'])
  const errors = found.filter((finding) => finding.startsWith('error'))
  expect(errors).toEqual([
    'error Bolt/groundtruth_rect.txt:3 3 values, expected 4; found "1,2,3"',
    'error Boy/groundtruth_rect.txt:4 4 lines of ground truth, but 3 images in Boy/img, expected one each; ' +
      'the first that is missing has number 3',
    'error Coke/groundtruth_rect.txt:1 the file is empty, expected a box per line',
    'error Jogging/groundtruth_rect.2.txt not found, expected the ground truth: a box per line',
  ])
  const warnings = found.filter((finding) => /^warning D/.test(finding)).join('\n')
  expect(warnings).toMatch(/Deer\/groundtruth_rect.txt:2 .*CR/)
  expect(warnings).toMatch(/Deer\/groundtruth_rect.txt:2 2 lines of ground truth, but 3 images/)
  expect(warnings).toMatch(/Dog\/img .*number 1 was expected/)
  await expect(openBenchmark({ type: 'otb100', root })).rejects.toThrow(DatasetError)
})

test('a folder without any of its sequences is refused with the layout and where to get it', async () => {
  const root = await temporaryFolder()
  await place(root, { 'Cat/groundtruth_rect.txt': boxLines(1) })
  const opening = openBenchmark({ type: 'otb100', root })
  await expect(opening).rejects.toThrow(DatasetMissingError)
  await expect(opening).rejects.toThrow(/tracker_benchmark.*ROOT\/Basketball\/groundtruth_rect\.txt/s)
})
