// COCO-VID and COCO annotations become training pairs as SOTTrainDataset makes them.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Random } from '../../../src/siamrpn/random.ts'
import { readCocoVid } from '../../../tools/datasets/coco-vid.ts'
import { DatasetMissingError } from '../../../tools/datasets/errors.ts'
import type { PairDataset, SourcedFrame } from '../../../tools/datasets/pair.ts'
import { SOTCocoDataset, SOTImageNetVIDDataset, SOTTrainDataset } from '../../../tools/datasets/sot-train-dataset.ts'
import type { TrackTable } from '../../../tools/datasets/tracks.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { writeJpeg, writeText } from './training-helpers.ts'

const sampler = { frame_range: 100, pos_prob: 0.8, filter_key_img: false, return_key_img: true }

interface Annotation {
  readonly [name: string]: unknown
}

/** A file with videos; image ids are 100 * video + frame. */
function cocoVid(annotations: readonly Annotation[], frames = 8) {
  const videos = [1, 2, 3].map((id) => ({ id, name: `v${id}` }))
  const images = videos.flatMap(({ id, name }) =>
    Array.from({ length: frames }, (_, frame) => ({
      id: 100 * id + frame,
      video_id: id,
      frame_id: frame,
      file_name: `${name}/${frame}.jpg`,
      width: 100,
      height: 50,
    })),
  )
  return { categories: [], videos, images, annotations: annotations.map((annotation, id) => ({ id, ...annotation })) }
}

const boxOf = (video: number, frame: number, instance: number): Annotation => ({
  image_id: 100 * video + frame,
  video_id: video,
  instance_id: instance,
  category_id: 1,
  bbox: [frame, instance, 10, 20],
})

async function write(
  json: unknown,
): Promise<{ ann_file: string; img_prefix: string; ref_img_sampler: typeof sampler }> {
  const folder = await temporaryFolder()
  const ann_file = join(folder, 'a.json')
  await writeText(ann_file, typeof json === 'string' ? json : JSON.stringify(json))
  const img_prefix = join(folder, 'images')
  for (const name of ['v1/0.jpg', 'v2/0.jpg', '7.jpg']) await writeJpeg(join(img_prefix, name), [0, 0, 0])
  return { ann_file, img_prefix, ref_img_sampler: sampler }
}

const place = ({ source, box }: SourcedFrame) => [
  source.kind === 'file' ? source.path.split('/').slice(-2).join('/') : '',
  ...box,
]

function draw(dataset: PairDataset, index: number, count = 300) {
  return Array.from({ length: count }, (_, k) => dataset.sample(index, new Random('test', k)))
}

const distinct = (values: readonly unknown[]) => [...new Set(values.map((value) => JSON.stringify(value)))].sort()

test('one sample per annotated video; instances of it; the last unbroken piece of a track of more than one frame', async () => {
  const frames = { 10: [0, 1, 2, 4, 5, 7], 11: [3] } // Instance 10: pieces 0-2, 4-5 and the lone 7.
  const annotations = Object.entries(frames).flatMap(([id, list]) => list.map((frame) => boxOf(2, frame, Number(id))))
  const config = await write(cocoVid([...annotations.reverse(), boxOf(1, 0, 5), boxOf(1, 1, 5)]))
  const dataset = await SOTTrainDataset.open(config)
  expect(dataset.length).toBe(2) // Video 3 has no annotation.
  expect(dataset.describe()).toBe(`${config.ann_file}: 2 videos, 3 tracks, 9 boxes`)
  const pairs = draw(dataset, 1)
  expect(distinct(pairs.map(({ template }) => place(template)))).toEqual(
    distinct([
      ['v2/4.jpg', 4, 10, 14, 30],
      ['v2/5.jpg', 5, 10, 15, 30],
      ['v2/3.jpg', 3, 11, 13, 31],
    ]),
  )
  for (const { template, search, positive } of pairs) {
    if (positive) expect(template.box[1]).toBe(search.box[1])
  }
  const share = pairs.filter(({ positive }) => positive).length / pairs.length
  expect(share).toBeCloseTo(0.8, 1)
  const negatives = pairs.filter(({ positive }) => !positive)
  expect(distinct(negatives.map(({ search }) => place(search)[0]))).toEqual(
    distinct(['v1/0.jpg', 'v1/1.jpg', 'v2/3.jpg', 'v2/4.jpg', 'v2/5.jpg']),
  )
})

test('frame_range: a number or a pair; filter_key_img', async () => {
  const config = await write(cocoVid(Array.from({ length: 8 }, (_, frame) => boxOf(1, frame, 1))))
  const distances = async (options: object) => {
    const ref_img_sampler = { ...sampler, pos_prob: 1, ...options }
    const dataset = await SOTTrainDataset.open({ ...config, ref_img_sampler })
    const found = draw(dataset, 0).map(({ template, search }) => search.box[0] - template.box[0])
    return [...new Set(found)].sort((a, b) => a - b)
  }
  expect(await distances({ frame_range: 0 })).toEqual([0])
  expect(await distances({ frame_range: 2 })).toEqual([-2, -1, 0, 1, 2])
  expect(await distances({ frame_range: [-1, 3] as const, filter_key_img: true })).toEqual([-1, 1, 2, 3])
  await expect(distances({ return_key_img: false })).rejects.toThrow('return_key_img is false')
})

const coco = {
  images: [
    { id: 7, file_name: '7.jpg', width: 100, height: 50 },
    { id: 8, file_name: '8.jpg', width: 100, height: 50 },
    { id: 9, file_name: '9.jpg', width: 100, height: 50 },
  ],
  annotations: [
    { id: 1, image_id: 9, bbox: [1, 1, 5, 5], iscrowd: 0, segmentation: [[1, 2, 3]] },
    { id: 2, image_id: 7, bbox: [0.1, 2.5, 10, 20], iscrowd: 0 },
    { id: 3, image_id: 7, bbox: [2, 3, 10, 20], iscrowd: 1, segmentation: { counts: [1], size: [2, 2] } },
    { id: 4, image_id: 7, bbox: [2, 3, 0, 20], iscrowd: 0 },
    { id: 5, image_id: 7, bbox: [100, 3, 4, 20], iscrowd: 0 },
    { id: 6, image_id: 7, bbox: [-4, 3, 4, 20], iscrowd: 0 },
    { id: 7, image_id: 7, bbox: [95, -3, 40, 20], iscrowd: 0 },
  ],
}

test('without videos every image is a video of one frame; boxes without area or outside are left out and counted', async () => {
  const config = await write(coco)
  const dataset = await SOTTrainDataset.open(config)
  expect(dataset.length).toBe(2)
  expect(dataset.describe()).toContain('2 videos, 4 tracks, 4 boxes; left out: 1 empty, 2 outside')
  const positives = draw(dataset, 0).filter(({ positive }) => positive)
  for (const { template, search } of positives) expect(place(template)).toEqual(place(search))
  expect(distinct(positives.map(({ template }) => template.box))).toEqual(
    distinct([
      [Math.fround(0.1), 2.5, Math.fround(10.1), 22.5],
      [2, 3, 12, 23],
      [95, -3, 135, 17],
    ]),
  )
})

test('SOTCocoDataset leaves crowds out; SOTImageNetVIDDataset draws any instance, whatever the index', async () => {
  const still = await SOTCocoDataset.open(await write(coco), sampler)
  expect(still.length).toBe(3)
  expect(still.describe()).toContain('1 crowd')
  const config = await write(cocoVid([boxOf(1, 0, 1), boxOf(1, 2, 1), boxOf(1, 1, 2), boxOf(2, 0, 3), boxOf(2, 1, 3)]))
  const videos = await SOTImageNetVIDDataset.open(config, { ...sampler, pos_prob: 0.5 })
  expect(videos.length).toBe(3)
  const pairs = draw(videos, 0, 400)
  expect(new Set(pairs.map(({ template }) => template.box[1]))).toEqual(new Set([1, 2, 3]))
  expect(new Set(pairs.map(({ template }) => place(template)[0]))).toContain('v1/2.jpg')
})

test('a missing data set explains itself', async () => {
  const config = await write(cocoVid([boxOf(3, 0, 1)]))
  const opening = SOTTrainDataset.open({ ...config, ann_file: '/none/vid.json' })
  await expect(opening).rejects.toThrow(DatasetMissingError)
  await expect(opening).rejects.toThrow(
    /no annotation file \/none\/vid.json; expected\n.*vid.json .*\n.*images[\s\S]*image-net.org[\s\S]*cocodataset/,
  )
  await expect(SOTTrainDataset.open(config)).rejects.toThrow(/names .*v3\/0.jpg, which is not there/)
})

const bad: readonly (readonly [message: string, json: unknown])[] = [
  ['left out: 2 empty', { ...coco, annotations: [{ image_id: 7, bbox: [1, 2, 3] }, { image_id: 7 }] }],
  [
    'annotations[0].image_id: found 1, expected an image',
    { ...coco, annotations: [{ image_id: 1, bbox: [0, 0, 1, 1] }] },
  ],
  [
    'annotations[0].image_id: found "x", expected an image',
    { ...coco, annotations: [{ image_id: 'x', bbox: [0, 0, 1, 1] }] },
  ],
  ['annotations[1].instance_id: found nothing', cocoVid([boxOf(1, 0, 1), { image_id: 101, bbox: [0, 0, 1, 1] }])],
  ['images[0].file_name: found nothing, expected a text', { images: [{ id: 1 }], annotations: [] }],
  [
    'images[0].video_id: found 4, expected a video',
    { ...coco, videos: [{ id: 1, name: 'a' }], images: [{ id: 1, video_id: 4, file_name: 'x' }], annotations: [] },
  ],
  ['annotations[0]: found 3, expected an object', { ...coco, annotations: [3] }],
  ['no `annotations` (found: images)', { images: [] }],
  ['no frame with a usable box', { images: [], annotations: [] }],
  ['a.json: byte 12: the file ends', '{"images": [ '.trimEnd()],
]

/** Writes a text as it is and reads it as annotations. */
async function readText(text: string) {
  const file = join(await temporaryFolder(), 'a.json')
  await writeFile(file, text)
  return await readCocoVid(file, { imagePrefix: '' })
}

const image = (id: string) => `{"id": ${id}, "file_name": "${id.replaceAll('"', '')}.jpg", "width": 64, "height": 48}`
const annotation = (id: string, more = '"bbox": [5, 6, 20, 10]') => `{"id": 1, "image_id": ${id}, ${more}}`
const cocoText = (images: readonly string[], annotations: readonly string[]) =>
  `{"images": [${images.join(', ')}], "annotations": [${annotations.join(', ')}]}`
const imagesOf = (table: TrackTable) => Array.from({ length: table.frames }, (_, frame) => table.image(frame))

test.each([
  ['hashes of 64 bits', ['1000000000000000000', '1000000000000000001', '-9223372036854775807']],
  ['texts', ['"b"', '"a"', '"12x"']],
  ['texts and numbers', ['"7"', '8', '9007199254740993']],
])('ids that are %s belong to one image each', async (_, ids) => {
  const table = await readText(
    cocoText(
      ids.map(image),
      ids.toReversed().map((id) => annotation(id)),
    ),
  )
  const names = ids.map((id) => `${id.replaceAll('"', '')}.jpg`)
  expect(imagesOf(table).toSorted()).toEqual(names.toSorted())
  await expect(readText(cocoText([image('1000000000000000000')], [annotation('1000000000000000001')]))).rejects.toThrow(
    'found "1000000000000000001", expected an image',
  )
})

test("NaN and Infinity are read as Python's json writes them; a box of them is left out and counted", async () => {
  const table = await readText(
    cocoText(
      [image('1'), image('2'), image('3')],
      [
        annotation('1', '"area": NaN, "score": -Infinity, "note": "NaN, \\"Infinity", "bbox": [5, 6, 20, 10]'),
        annotation('2', '"bbox": [NaN, 6, 20, 10]'),
        annotation('2', '"bbox": [5, 6, Infinity, 10]'),
        annotation('3', '"area": 5'),
      ],
    ),
  )
  expect(imagesOf(table)).toEqual(['1.jpg'])
  expect(table.leftOut).toMatchObject({ empty: 3 })
})

test('entries that nest deep are refused with their place', async () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000)
  await expect(readText(`{"images": [{"id": ${deep}, "file_name": "a"}], "annotations": []}`)).rejects.toThrow(
    /images\[0\].id: found \[\[.*expected a number or a text/,
  )
})

test.each(bad)('%s', async (message, json) => {
  await expect(SOTTrainDataset.open(await write(json))).rejects.toThrow(message)
})
