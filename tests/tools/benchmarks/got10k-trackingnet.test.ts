// GOT-10k and TrackingNet in a folder: splits and chunks, labels, the test splits' single boxes, broken downloads.

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { boxLines, keepFindings, place, placeImages } from './helpers.ts'

describe('GOT-10k', () => {
  async function placeVal(folder: string): Promise<void> {
    await place(folder, {
      'groundtruth.txt': '1.5,2,30,40\n1,2,30,40\n1,2,30,40\n1,2,0,40\n',
      'absence.label': '0\n1\n0\n0\n',
      'cover.label': '8\n8\n0\n3\n',
      'meta_info.ini': '[METAINFO]\nurl: https://example.org\nresolution: (1920, 1080)\nvideo_fps: 30.0\n',
    })
    await placeImages(folder, [1, 4], 8)
  }

  test('labels say what is visible; cover and resolution are kept', async () => {
    const root = await temporaryFolder()
    await place(root, { 'val/list.txt': 'GOT-10k_Val_000001\n' })
    const folder = join(root, 'val', 'GOT-10k_Val_000001')
    await placeVal(folder)
    const { title, protocol, sequences } = await openBenchmark({ type: 'got10k', root })
    expect({ title, protocol }).toEqual({ title: 'GOT-10k (val)', protocol: 'got10k' })
    expect(sequences).toEqual([
      {
        name: 'GOT-10k_Val_000001',
        images: [1, 2, 3, 4].map((number) => join(folder, `0000000${number}.jpg`)),
        boxes: [
          { x: 1.5, y: 2, width: 30, height: 40 },
          { x: 1, y: 2, width: 30, height: 40 },
          { x: 1, y: 2, width: 30, height: 40 },
          { x: 1, y: 2, width: 0, height: 40 },
        ],
        visible: [true, false, false, false],
        attributes: [],
        cover: [8, 8, 0, 3],
        size: { width: 1920, height: 1080 },
      },
    ])
    const inside = await openBenchmark({ type: 'got10k', root: join(root, 'val') })
    expect(inside.sequences.map(({ name }) => name)).toEqual(['GOT-10k_Val_000001'])
  })

  test('of the test split the first box is enough', async () => {
    const root = await temporaryFolder()
    await place(root, {
      'test/list.txt': 'GOT-10k_Test_000001\n',
      'test/GOT-10k_Test_000001/groundtruth.txt': '1,2,30,40\n',
    })
    await placeImages(join(root, 'test', 'GOT-10k_Test_000001'), [1, 3], 8)
    const { sequences } = await openBenchmark({ type: 'got10k', root, split: 'test' })
    expect(sequences.map(({ images, boxes, visible }) => [images.length, boxes.length, visible])).toEqual([
      [3, 1, [true]],
    ])
    await expect(openBenchmark({ type: 'got10k', root })).rejects.toThrow(
      /no .*val\/list\.txt \(found: test\); expected GOT-10k as it is downloaded \(http:\/\/got-10k\.aitestunion\.com/,
    )
    await expect(openBenchmark({ type: 'got10k', root: join(root, 'test') })).rejects.toThrow(/no .*val\/list\.txt/)
  })

  test('a sequence that is not there, and labels that are not, are errors', async () => {
    const root = await temporaryFolder()
    await place(root, { 'val/list.txt': 'a\nb\nc\n' })
    await placeVal(join(root, 'val', 'b'))
    await placeVal(join(root, 'val', 'c'))
    await rm(join(root, 'val', 'b', 'cover.label'))
    const { found, tell } = keepFindings(root)
    const { sequences } = await openBenchmark({ type: 'got10k', root, tell })
    expect(sequences.map(({ name }) => name)).toEqual(['c'])
    expect(found).toEqual([
      'error val/a sequence a is in list.txt, but there is no such folder',
      'error val/b/cover.label not found, expected 4 flags, one per frame',
    ])
  })
})

describe('TrackingNet', () => {
  test('the test chunk has a box each, the training chunks one per image, from 0.jpg on', async () => {
    const root = await temporaryFolder()
    await place(root, {
      'TEST/anno/b_0.txt': '1,2,30,40\n',
      'TEST/anno/a_0.txt': '1,2,30,40\n',
      'TRAIN_3/anno/c_1.txt': boxLines(11),
    })
    for (const name of ['a_0', 'b_0']) await placeImages(join(root, 'TEST/frames', name), [0, 2], 1)
    await placeImages(join(root, 'TRAIN_3/frames/c_1'), [0, 10], 1)
    const { found, tell } = keepFindings(root)
    const opened = await openBenchmark({ type: 'trackingnet', root, tell })
    expect(opened.title).toBe('TrackingNet (test)')
    expect(opened.sequences.map(({ name, images, boxes }) => [name, images.length, boxes.length])).toEqual([
      ['a_0', 3, 1],
      ['b_0', 3, 1],
    ])
    expect(found).toEqual([])
    const train = await openBenchmark({ type: 'trackingnet', root, split: 'train', tell })
    expect(train.sequences[0]?.images.slice(1, 11).map((image) => image.replace(/.*\//, ''))).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((number) => `${number}.jpg`),
    )
    expect(train.sequences[0]?.visible).toHaveLength(11)
    expect(found).toEqual([
      expect.stringMatching(/^warning ROOT without the chunks TRAIN_0, TRAIN_1, TRAIN_2, TRAIN_4, .*11;/),
    ])
    const chunk = await openBenchmark({ type: 'trackingnet', root: join(root, 'TEST'), limit: 1 })
    expect(chunk.sequences.map(({ name }) => name)).toEqual(['a_0'])
    await expect(openBenchmark({ type: 'trackingnet', root: join(root, 'TRAIN_3') })).rejects.toThrow(/none of TEST/)
  })

  test('archives that are not unzipped, frames without boxes and missing frames are named', async () => {
    const root = await temporaryFolder()
    await place(root, {
      'TRAIN_0/anno/zipped.txt': boxLines(2),
      'TRAIN_0/zips/zipped.zip': '',
      'TRAIN_0/anno/gap.txt': boxLines(3),
    })
    await placeImages(join(root, 'TRAIN_0/frames/gap'), [0, 2], 1)
    await rm(join(root, 'TRAIN_0/frames/gap/1.jpg'))
    await placeImages(join(root, 'TRAIN_0/frames/unknown'), [0, 1], 1)
    const { found, tell } = keepFindings(root)
    const { sequences } = await openBenchmark({ type: 'trackingnet', root, split: 'train', tell })
    expect(sequences).toEqual([])
    expect(found.filter((finding) => finding.startsWith('error'))).toEqual([
      'error TRAIN_0/anno/gap.txt:3 3 lines of ground truth, but 2 images in TRAIN_0/frames/gap, expected one each; ' +
        'the first that is missing has number 1',
      'error TRAIN_0/anno/unknown.txt not found, expected the ground truth: a box per line',
      'error TRAIN_0/frames/zipped no images, but TRAIN_0/zips/zipped.zip: unzip it to TRAIN_0/frames/zipped',
    ])
    await mkdir(join(root, 'other'))
    await expect(openBenchmark({ type: 'trackingnet', root: join(root, 'other') })).rejects.toThrow(
      /none of TEST with anno and frames in .*other; expected TrackingNet as https:\/\/github\.com/,
    )
  })
})
