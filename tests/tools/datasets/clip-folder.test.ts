// A folder of clips becomes training pairs, in LaSOT's and GOT-10k's layout; what does not fit is named.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Random } from '../../../src/siamrpn/random.ts'
import { openClipFolder } from '../../../tools/datasets/clip-folder.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { writeClip, writeText } from './training-helpers.ts'

const random = (key: number) => new Random('test', key)
const draws = Array.from({ length: 60 }, (_, k) => k)

test('LaSOT layout: class folders, flags on one line, absent frames are never drawn', async () => {
  const folder = await temporaryFolder()
  const clip = join(folder, 'cat', 'cat-1')
  await writeClip(clip, ['1,2,10,20', 'NaN,NaN,NaN,NaN', '3,4,0,20', '5,6,10,20', '7,8,10,20', '9,10,10,20'])
  await writeText(join(clip, 'full_occlusion.txt'), '0,0,0,1,0,0')
  await writeText(join(clip, 'out_of_view.txt'), '0,0,0,0,1,0\n')
  const dataset = await openClipFolder(folder)
  expect(dataset.length).toBe(1)
  expect(dataset.describe()).toBe(`${folder}: 1 videos, 1 tracks, 2 boxes; left out: 3 absent, 1 empty`)
  const frames = draws.flatMap((k) => {
    const { template, search, positive } = dataset.sample(0, random(k))
    expect(positive).toBe(true) // There is no other clip that a negative frame could come from.
    return [template, search]
  })
  const found = new Map(frames.map(({ source, box }) => [source.kind === 'file' && source.path, box]))
  expect(found).toEqual(
    new Map([
      [`${clip}/img/00000001.jpg`, [1, 2, 11, 22]],
      [`${clip}/img/00000006.jpg`, [9, 10, 19, 30]],
    ]),
  )
})

test('GOT-10k layout: images beside the boxes, labels per line, any separator and line end', async () => {
  const folder = await temporaryFolder()
  const clip = join(folder, 'GOT-10k_Train_000001')
  await writeClip(clip, [], '.')
  await writeClip(clip, ['1 1 8 8', '1\t1\t8\t8', '1, 1, 8, 8', '1,1,8,8'], '.')
  await writeText(join(clip, 'groundtruth.txt'), '1 1 8 8\r\n1\t1\t8\t8\r\n1, 1, 8, 8\r\n1,1,8,8\r\n')
  await writeText(join(clip, 'absence.label'), '0\n1\n0\n0\n')
  await writeText(join(clip, 'cover.label'), '8\n8\n0\n3\n')
  const dataset = await openClipFolder(folder)
  expect(dataset.table.frames).toBe(2)
  expect(dataset.table.leftOut.absent).toBe(2)
})

test('a folder that is itself a clip', async () => {
  const folder = await temporaryFolder()
  await writeClip(folder, ['1,1,8,8', '1,1,8,8'])
  const dataset = await openClipFolder(folder)
  expect(dataset.length).toBe(1)
  expect(dataset.samplesPerEpoch, 'as many pairs as frames').toBe(2)
})

test('pairs: the search frame within the range, negatives from other clips, the share of positives', async () => {
  const folder = await temporaryFolder()
  const lines = Array.from({ length: 12 }, (_, k) => `${k},0,8,8`)
  for (const name of ['a', 'b', 'c']) await writeClip(join(folder, name), lines)
  const dataset = await openClipFolder(folder, { frame_range: [-1, 2], pos_prob: 0.5, filter_key_img: true })
  const distances = new Set<number>()
  let positives = 0
  for (let k = 0; k < 600; k++) {
    const pair = dataset.sample(1, random(k))
    const clips = [pair.template, pair.search].map(
      ({ source }) => source.kind === 'file' && source.path.split('/').at(-3),
    )
    expect(clips[0]).toBe('b')
    if (pair.positive) distances.add(pair.search.box[0] - pair.template.box[0])
    else expect(clips[1]).not.toBe('b')
    positives += Number(pair.positive)
  }
  expect([...distances].sort((a, b) => a - b)).toEqual([-1, 1, 2])
  expect(positives).toBeGreaterThan(250)
  expect(positives).toBeLessThan(350)
})

test('images and lines that differ in number, flags that differ in number', async () => {
  const folder = await temporaryFolder()
  await writeClip(folder, ['1,1,8,8', '1,1,8,8'])
  await writeText(join(folder, 'out_of_view.txt'), '0,0,1')
  await expect(openClipFolder(folder)).rejects.toThrow('out_of_view.txt: 3 entries, expected 2 as there are images')
  await writeText(join(folder, 'groundtruth.txt'), '1,1,8,8')
  await expect(openClipFolder(folder)).rejects.toThrow('2 images, but groundtruth.txt has 1 lines')
})

test('a folder without clips or a missing one shows the layout', async () => {
  const folder = await temporaryFolder()
  await expect(openClipFolder(folder)).rejects.toThrow(/no clip in .*\n.*LaSOT.*\n.*groundtruth\.txt/)
  await expect(openClipFolder(join(folder, 'none'))).rejects.toThrow(/no folder .*none/)
})

test('clips without any usable box', async () => {
  const folder = await temporaryFolder()
  await writeClip(folder, ['nan,nan,nan,nan', '1,1,-3,8', '-20,1,10,10'])
  await expect(openClipFolder(folder)).rejects.toThrow('no frame with a usable box; 0 videos')
  await expect(openClipFolder(folder)).rejects.toThrow('1 absent, 1 empty, 1 outside')
})
