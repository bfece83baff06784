// Wrappers around data sets, the order of an epoch, and the way from a configuration to a data set.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Config } from '../../../src/siamrpn/config.ts'
import { Random } from '../../../src/siamrpn/random.ts'
import { buildTrainDataset } from '../../../tools/datasets/build-dataset.ts'
import { type ClipSelection, openClipFolder } from '../../../tools/datasets/clip-folder.ts'
import { ConcatDataset, RandomSampleConcatDataset, RepeatDataset } from '../../../tools/datasets/datasets.ts'
import { EpochOrder } from '../../../tools/datasets/epoch-order.ts'
import { DatasetError } from '../../../tools/datasets/errors.ts'
import type { PairDataset, SourcedFrame } from '../../../tools/datasets/pair.ts'
import { SOTTrainDataset } from '../../../tools/datasets/sot-train-dataset.ts'
import type { BoxFilter } from '../../../tools/datasets/tracks.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { writeClip, writeJpeg, writeText } from './training-helpers.ts'

const frame: SourcedFrame = { source: { kind: 'file', path: '' }, box: [0, 0, 1, 1] }

/** A data set whose samples name it and their index. */
function named(name: string, length: number, epochs: number[] = []): PairDataset {
  return {
    length,
    startEpoch: (epoch) => epochs.push(epoch),
    sample: (index) => ({ id: `${name}${index}`, template: frame, search: frame, positive: true }),
  }
}

const ids = (dataset: PairDataset) =>
  Array.from({ length: dataset.length }, (_, k) => dataset.sample(k, new Random('test', k)).id)

describe('wrappers', () => {
  test('RepeatDataset and ConcatDataset', () => {
    const epochs: number[] = []
    const dataset = new ConcatDataset([new RepeatDataset(named('a', 2, epochs), 3), named('b', 0), named('c', 2)])
    expect(ids(dataset)).toEqual(['a0', 'a1', 'a0', 'a1', 'a0', 'a1', 'c0', 'c1'])
    dataset.startEpoch(4, 1)
    expect(epochs).toEqual([4])
    expect(() => dataset.sample(8, new Random(1))).toThrow(RangeError)
    expect(() => new RepeatDataset(named('a', 2), 0)).toThrow(DatasetError)
    expect(() => new ConcatDataset([named('a', 0)])).toThrow('no sample')
  })

  test('RandomSampleConcatDataset draws data sets by weight and samples evenly', () => {
    const dataset = new RandomSampleConcatDataset([named('a', 1), named('b', 50), named('c', 2)], [3, 0, 1])
    expect(dataset.length).toBe(53)
    const found = Array.from({ length: 2000 }, (_, k) => dataset.sample(0, new Random('test', k)).id)
    const share = (id: string) => found.filter((one) => one === id).length / found.length
    expect(share('a0')).toBeCloseTo(0.75, 1)
    expect(share('c0')).toBeCloseTo(0.125, 1)
    expect(share('c1')).toBeCloseTo(0.125, 1)
    expect(() => new RandomSampleConcatDataset([named('a', 1)], [0])).toThrow('sampling weights [0]')
    expect(() => new RandomSampleConcatDataset([named('a', 1)], [1, 2])).toThrow('expected 1 numbers')
  })
})

describe('order of an epoch', () => {
  const epoch = (order: EpochOrder, number: number) =>
    Array.from({ length: order.iterations }, (_, k) => [...order.batch(number, k)])

  test('a permutation, filled up to whole batches, another one in every epoch, the same on every call', () => {
    const order = new EpochOrder({ length: 10, batchSize: 4, seed: 1 })
    expect(order.iterations).toBe(3)
    const first = epoch(order, 0)
    expect(first.map(({ length }) => length)).toEqual([4, 4, 4])
    expect(
      first
        .flat()
        .slice(0, 10)
        .sort((a, b) => a - b),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(epoch(order, 1)).not.toEqual(first)
    expect(epoch(order, 0)).toEqual(first)
    expect(epoch(new EpochOrder({ length: 10, batchSize: 4, seed: 2 }), 0)).not.toEqual(first)
  })

  test('samples_per_epoch: a random part, or every sample about equally often', () => {
    const part = epoch(new EpochOrder({ length: 100, batchSize: 5, seed: 1, samplesPerEpoch: 20 }), 0).flat()
    expect(part).toHaveLength(20)
    expect(new Set(part).size).toBe(20)
    const more = epoch(new EpochOrder({ length: 3, batchSize: 2, seed: 1, samplesPerEpoch: 8 }), 0).flat()
    const counts = [0, 1, 2].map((sample) => more.filter((one) => one === sample).length)
    expect(counts.sort()).toEqual([2, 3, 3])
    expect(() => new EpochOrder({ length: 0, batchSize: 2, seed: 1 })).toThrow('length is 0')
  })
})

describe('from a configuration', () => {
  const pipeline: NonNullable<Config['train_pipeline']> = [
    { type: 'PairSampling', frame_range: 1, pos_prob: 1, filter_template_img: true },
  ]

  test('every class by its name', async () => {
    const folder = await temporaryFolder()
    const [ann_file, img_prefix] = [join(folder, 'a.json'), join(folder, 'images')]
    await writeJpeg(join(img_prefix, '1.jpg'), [0, 0, 0])
    const images = [{ id: 1, file_name: '1.jpg', width: 32, height: 32 }]
    await writeText(ann_file, JSON.stringify({ images, annotations: [{ image_id: 1, bbox: [1, 2, 3, 4] }] }))
    for (const name of ['a', 'b']) await writeClip(join(folder, 'clips', name), ['1,1,8,8', '2,1,8,8'])
    const files = { ann_file, img_prefix, pipeline, test_mode: false, split: 'train' } as const
    const clips = { type: 'ClipFolder', path: join(folder, 'clips'), frame_range: 1, pos_prob: 1, filter_key_img: true }
    const lines: string[] = []
    const dataset = await buildTrainDataset(
      [
        { type: 'RepeatDataset', times: 3, dataset: { ...clips, type: 'ClipFolder', frame_range: 1 } },
        {
          type: 'RandomSampleConcatDataset',
          dataset_cfgs: [{ type: 'SOTCocoDataset', ...files }],
          dataset_sampling_weights: null,
        },
        {
          type: 'SOTTrainDataset',
          ...files,
          ref_img_sampler: { frame_range: 0, pos_prob: 1, filter_key_img: false, return_key_img: true },
        },
        {
          type: 'SyntheticClips',
          seed: 1,
          clips: 5,
          frames_per_clip: 10,
          width: 64,
          height: 64,
          frame_range: 3,
          pos_prob: 1,
        },
      ],
      (line) => lines.push(line),
    )
    expect(dataset.length).toBe(6 + 1 + 1 + 5)
    expect(lines).toHaveLength(4)
    expect(lines[1]).toBe(`${ann_file}: 1 videos, 1 tracks, 1 boxes`)
    const first = dataset.sample(5, new Random(1))
    expect(Math.abs(first.search.box[0] - first.template.box[0])).toBe(1)
    expect(dataset.sample(6, new Random(1)).template.box).toEqual([1, 2, 4, 6])
    expect(dataset.sample(8, new Random(1)).template.source).toMatchObject({ kind: 'synthetic', width: 64, frames: 10 })
    const unsampled = { ...files, type: 'SOTCocoDataset', pipeline: [{ type: 'ConcatVideoReferences' }] } as const
    const wrong = buildTrainDataset({ ...unsampled, pipeline: [...unsampled.pipeline] })
    await expect(wrong).rejects.toThrow('its pipeline is ConcatVideoReferences; expected PairSampling')
  })
})

describe('which boxes and clips count', () => {
  const annotated = async (annotations: readonly object[], box_filter?: BoxFilter) => {
    const folder = await temporaryFolder()
    const [ann_file, img_prefix] = [join(folder, 'a.json'), join(folder, 'images')]
    const images = [1, 2, 3].map((id) => ({ id, file_name: `${id}.jpg`, width: 100, height: 100 }))
    for (const { file_name } of images) await writeJpeg(join(img_prefix, file_name), [0, 0, 0])
    await writeText(ann_file, JSON.stringify({ images, annotations }))
    const sampling = { frame_range: 0, pos_prob: 0, filter_key_img: false, return_key_img: true, hard_neg_prob: 1 }
    return SOTTrainDataset.open({ ann_file, img_prefix, box_filter, ref_img_sampler: sampling })
  }

  test('box_filter leaves out small, long and large boxes', async () => {
    const boxes = [
      [0, 0, 20, 20],
      [0, 0, 9, 20],
      [0, 0, 90, 14],
      [0, 0, 95, 95],
    ]
    const annotations = boxes.map((bbox) => ({ image_id: 1, bbox }))
    const dataset = await annotated(annotations, { min_size: 10, max_ratio: 6, max_area: 0.85 })
    expect(dataset.describe()).toContain('1 videos, 1 tracks, 1 boxes; left out: 3 filtered')
    expect((await annotated(annotations)).table.frames).toBe(4)
  })

  test('hard negatives show another object of the same category in another image', async () => {
    const object = (image_id: number, category_id: number, x: number) => ({ image_id, category_id, bbox: [x, 0, 9, 9] })
    const dataset = await annotated([object(1, 5, 1), object(1, 5, 2), object(2, 6, 3), object(3, 5, 4)])
    const drawn = (image: number) =>
      Array.from({ length: 200 }, (_, key) => dataset.sample(image, new Random('hard', key)))
    for (const image of [0, 1, 2]) {
      for (const { template, search, positive } of drawn(image)) {
        expect(positive).toBe(false)
        expect(search.source).not.toEqual(template.source)
      }
    }
    const share = (image: number, xs: readonly number[]) => {
      return drawn(image).filter(({ search }) => xs.includes(search.box[0])).length / 200
    }
    // Of the three objects of category 5, two are in image 1; one in its own image is replaced by any of another image.
    expect(share(2, [1, 2])).toBeGreaterThan(0.75)
    expect(share(0, [4])).toBeGreaterThan(0.55)
  })

  test('include and exclude choose clips by the beginning of their path', async () => {
    const folder = await temporaryFolder()
    for (const name of ['car-1', 'car-2', 'dog-1']) await writeClip(join(folder, name), ['1,1,8,8', '2,1,4,8'])
    const names = async (selection: ClipSelection) => {
      const { table } = await openClipFolder(folder, selection)
      return Array.from({ length: table.tracks }, (_, track) => table.videoName(track))
    }
    expect(await names({ include: ['car-'] })).toEqual(['car-1', 'car-2'])
    expect(await names({ exclude: ['car-1', 'dog'] })).toEqual(['car-2'])
    await expect(names({ include: ['cat'] })).rejects.toThrow('none of the 3 clips')
    const filtered = await openClipFolder(folder, { box_filter: { min_size: 5, max_ratio: 9, max_area: 1 } })
    expect(filtered.table.frames).toBe(3)
  })
})
