// UAV123 and its relatives: where segments begin, with configSeqs.m and without it, and broken annotations.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import { DatasetMissingError } from '../../../tools/datasets/errors.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { boxLines, keepFindings, place, placeImages } from './helpers.ts'

const noFlags = `${Array.from({ length: 12 }, () => 0).join(',')}\n`

test('without configSeqs.m segments begin where the authors say', async () => {
  const root = await temporaryFolder()
  const images = join(root, 'data_seq', 'UAV123')
  await placeImages(join(images, 'uav1'), [1, 3], 6)
  await placeImages(join(images, 'uav1'), [2470, 2480], 6)
  await placeImages(join(images, 'car1_s'), [1, 2], 6)
  await place(join(root, 'anno', 'UAV123'), {
    'uav1_1.txt': boxLines(3),
    'uav1_3.txt': boxLines(4),
    'car1_s.txt': boxLines(2),
    'att/uav1_1.txt': '1,0,1,0,0,1,0,0,0,0,1,1\n',
    'att/uav1_3.txt': noFlags,
    'att/car1_s.txt': noFlags,
  })
  const { sequences } = await openBenchmark({ type: 'uav123', root })
  expect(sequences.map(({ name, images }) => [name, images.length, images[0]?.slice(-17)])).toEqual([
    ['car1_s', 2, 'car1_s/000001.jpg'],
    ['uav1_1', 3, '3/uav1/000001.jpg'],
    ['uav1_3', 4, '3/uav1/002473.jpg'],
  ])
  expect(sequences[1]!.attributes).toEqual(['SV', 'LR', 'POC', 'CM', 'SOB'])
})

test('at ten frames per second every third frame is there, and configSeqs.m overrules what is known', async () => {
  const root = await temporaryFolder()
  await placeImages(join(root, 'data_seq', 'UAV123_10fps', 'bird1'), [1, 270], 6)
  await place(root, {
    'anno/UAV123_10fps/bird1_2.txt': boxLines(5),
    'anno/UAV123_10fps/bird1_3.txt': boxLines(4),
    'anno/UAV123_10fps/att/bird1_2.txt': noFlags,
    'anno/UAV123_10fps/att/bird1_3.txt': noFlags,
    'configSeqs.m': [
      "seqUAV123={struct('name','bird1_2','path',[dataSet '\\bird1\\'],'startFrame',775,'endFrame',1477,'nz',6)};",
      "seqUAV123_10fps = {struct('name','bird1_3','path','..\\data_seq\\bird1\\','startFrame',101,'endFrame',104)};",
    ].join('\n'),
  })
  const { title, sequences } = await openBenchmark({ type: 'uav123', root, split: '10fps' })
  expect(title).toBe('UAV123@10fps')
  expect(sequences.map(({ images }) => images[0]?.slice(-16))).toEqual(['bird1/000259.jpg', 'bird1/000101.jpg'])
})

test('UAV20L: whole videos of the same images', async () => {
  const root = await temporaryFolder()
  await placeImages(join(root, 'data_seq', 'UAV123', 'bird1'), [1, 4], 6)
  await place(root, {
    'anno/UAV20L/bird1.txt': `${boxLines(3)}NaN,NaN,NaN,NaN\n`,
    'anno/UAV20L/att/bird1.txt': noFlags,
  })
  const { sequences } = await openBenchmark({ type: 'uav123', root, split: 'uav20l' })
  expect(sequences[0]).toMatchObject({ name: 'bird1', visible: [true, true, true, false] })
})

test('what is broken is named: a first box of NaN, missing images, too few flags', async () => {
  const root = await temporaryFolder()
  await placeImages(join(root, 'data_seq', 'UAV123', 'boat1'), [1, 2], 6)
  await placeImages(join(root, 'data_seq', 'UAV123', 'boat2'), [1, 2], 6)
  await place(join(root, 'anno', 'UAV123'), {
    'boat1.txt': `NaN,NaN,NaN,NaN\n${boxLines(1)}`,
    'boat2.txt': boxLines(2),
    'boat3.txt': boxLines(2),
    'att/boat1.txt': noFlags,
    'att/boat2.txt': '1,0\n',
    'att/boat3.txt': noFlags,
  })
  const { found, tell } = keepFindings(root)
  const { sequences } = await openBenchmark({ type: 'uav123', root, tell })
  expect(sequences.map(({ name, attributes }) => [name, attributes])).toEqual([['boat2', []]])
  expect(found.filter((finding) => finding.startsWith('error'))).toEqual([
    'error anno/UAV123/boat1.txt:1 the first box is NaN, NaN, NaN, NaN, expected one with an area: ' +
      'a tracker starts from it',
    'error data_seq/UAV123/boat3 no images, expected one per line of the ground truth',
  ])
  expect(found.join('\n')).toMatch(/warning anno\/UAV123\/att\/boat2.txt not there or not 12 flags/)
  expect(found.join('\n')).toMatch(/3 sequences, UAV123 has 123/)
})

test('a folder without annotations is refused with the layout', async () => {
  const root = await temporaryFolder()
  await expect(openBenchmark({ type: 'uav123', root })).rejects.toThrow(DatasetMissingError)
  await expect(openBenchmark({ type: 'uav123', root })).rejects.toThrow(/cemse\.kaust\.edu\.sa/)
})
