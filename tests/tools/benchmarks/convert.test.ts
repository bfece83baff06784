// Data sets as COCO-VID annotations: what MMTracking's converters write, read back by both of our readers of such files.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Random } from '../../../src/siamrpn/random.ts'
import { checkCoco } from '../../../tools/benchmarks/check-coco.ts'
import { type ConvertOptions, convertBenchmark } from '../../../tools/benchmarks/convert.ts'
import { Findings } from '../../../tools/benchmarks/findings.ts'
import { openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import type { Sequence } from '../../../tools/benchmarks/types.ts'
import { SOTTrainDataset } from '../../../tools/datasets/sot-train-dataset.ts'
import { writeClip, writeJpeg, writeText } from '../datasets/training-helpers.ts'
import { temporaryFolder } from '../frames/helpers.ts'

const lines = ['1,2,10,12', '2.5,2,10,12', '0,0,0,0', '4,2,10,12']

/** LaSOT with two sequences; in the first one, frame 3 is out of view and frame 4 occluded. */
async function writeLasot(): Promise<string> {
  const root = await temporaryFolder()
  for (const name of ['cat-1', 'cat-2']) {
    const place = join(root, 'cat', name)
    await writeClip(place, lines)
    await writeText(join(place, 'full_occlusion.txt'), name === 'cat-1' ? '0,0,0,1\n' : '0,0,0,0\n')
    await writeText(join(place, 'out_of_view.txt'), '0,0,1,0\n')
  }
  await writeText(join(root, 'testing_set.txt'), 'cat-1\ncat-2\n')
  return root
}

async function convert(sequences: readonly Sequence[], options: ConvertOptions) {
  const file = join(await temporaryFolder(), 'out', 'a.json')
  const counts = await convertBenchmark({ sequences }, file, options)
  return { file, counts, json: JSON.parse(await readFile(file, 'utf8')) }
}

test("the entries and ids of MMTracking's converters, with LaSOT's own flags", async () => {
  const root = await writeLasot()
  const { sequences } = await openBenchmark({ type: 'lasot', root })
  const stages: string[] = []
  const onProgress = (...progress: unknown[]) => stages.push(progress.join(' '))
  const { json, counts } = await convert(sequences, { imageRoot: root, onProgress })
  expect(Object.keys(json)).toEqual(['categories', 'videos', 'images', 'annotations'])
  expect(json.categories).toEqual([{ id: 0, name: 0 }])
  expect(json.videos).toEqual([
    { id: 1, name: 'cat-1' },
    { id: 2, name: 'cat-2' },
  ])
  expect(counts).toEqual({ videos: 2, images: 8, annotations: 8 })
  expect(json.images[5]).toEqual({
    file_name: 'cat/cat-2/img/00000002.jpg',
    height: 32,
    width: 32,
    id: 6,
    frame_id: 1,
    video_id: 2,
  })
  expect(json.annotations[5]).toEqual({
    id: 6,
    video_id: 2,
    image_id: 6,
    instance_id: 2,
    category_id: 0,
    bbox: [2.5, 2, 10, 12],
    area: 120,
    iscrowd: 0,
    full_occlusion: false,
    out_of_view: false,
  })
  const flags = json.annotations
    .slice(0, 4)
    .map((entry: Record<string, unknown>) => [entry.full_occlusion, entry.out_of_view])
  expect(flags).toEqual([
    [false, false],
    [false, false],
    [false, true],
    [true, false],
  ])
  expect(stages).toEqual(['headers 1 2', 'headers 2 2', 'sequences 1 2', 'sequences 2 2'])
})

test('the file serves LaSOTDataset: the same truth, and visibility, as the folder', async () => {
  const root = await writeLasot()
  const { sequences } = await openBenchmark({ type: 'lasot', root })
  const { file } = await convert(sequences, { imageRoot: root })
  const read = await openBenchmark({ type: 'lasot', root, annFile: file })
  expect(read.sequences.map(({ name, images, boxes, visible }) => ({ name, images, boxes, visible }))).toEqual(
    sequences.map(({ name, images, boxes, visible }) => ({ name, images, boxes, visible })),
  )
})

test('the file serves SOTTrainDataset, hidden frames left out if asked', async () => {
  const root = await writeLasot()
  const { sequences } = await openBenchmark({ type: 'lasot', root })
  const ref_img_sampler = { frame_range: 9, pos_prob: 1, filter_key_img: false, return_key_img: true }
  const open = async (skipHidden: boolean) => {
    const { file: ann_file } = await convert(sequences, { imageRoot: root, skipHidden })
    return await SOTTrainDataset.open({ ann_file, img_prefix: root, ref_img_sampler })
  }
  const all = await open(false)
  expect(all.describe()).toContain('2 videos, 2 tracks, 6 boxes; left out: 2 empty')
  const seen = await open(true)
  expect(seen.describe()).toContain('2 videos, 2 tracks, 5 boxes')
  const { template } = seen.sample(0, new Random('test', 0))
  expect(template.source).toMatchObject({ kind: 'file' })
  const { path } = template.source as { path: string }
  expect(sequences[0]!.images).toContain(path)
})

test('a file of the converter has no findings of its own', async () => {
  const root = await writeLasot()
  const { sequences } = await openBenchmark({ type: 'lasot', root })
  const { file } = await convert(sequences, { imageRoot: root, skipHidden: true })
  const findings = new Findings(9)
  await checkCoco({ file, imagePrefix: root }, { tell: findings.tell, decode: 1 })
  expect(findings.groups).toEqual([])
})

async function handMade(change: Partial<Sequence>): Promise<{ root: string; sequence: Sequence }> {
  const root = await temporaryFolder()
  const images = [1, 2].map((frame) => join(root, 'v', `${frame}.jpg`))
  await writeJpeg(images[0]!, [9, 9, 9], 32)
  await writeJpeg(images[1]!, [9, 9, 9], 48)
  const box = { x: 1, y: 2, width: 3, height: 4 }
  return { root, sequence: { name: 'v', images, boxes: [box, box], visible: [true, true], attributes: [], ...change } }
}

test('truth that is kept secret or NaN is an empty box; GOT-10k keeps its labels', async () => {
  const nan = { x: Number.NaN, y: 1, width: 2, height: 3 }
  const { root, sequence } = await handMade({ boxes: [nan], visible: [false, false], cover: [0] })
  await writeText(join(root, 'v', 'cut_by_image.label'), '1\n0\n')
  const { json } = await convert([sequence], { imageRoot: root })
  const [first, second] = json.annotations
  expect(first).toMatchObject({ bbox: [0, 0, 0, 0], area: 0, full_occlusion: true, absence: true, cover: 0 })
  expect(first).toMatchObject({ cut_by_image: true, out_of_view: false })
  expect(second).toMatchObject({ bbox: [0, 0, 0, 0], cut_by_image: false })
  expect(second).not.toHaveProperty('cover')
})

test('polygons: what encloses them with the corners beside it, or the corners themselves; tags', async () => {
  const corners = [0, 1, 4, 0, 5, 3, 1, 4]
  const tags = { occlusion: [false, true] }
  const { root, sequence } = await handMade({ corners: [corners, corners], frameTags: tags })
  const boxes = await convert([sequence], { imageRoot: root })
  expect(boxes.json.annotations[1]).toMatchObject({ bbox: [1, 2, 3, 4], area: 13, segmentation: [corners] })
  expect(boxes.json.annotations.map((entry: { occlusion: boolean }) => entry.occlusion)).toEqual([false, true])
  const polygons = await convert([sequence], { imageRoot: root, polygons: true })
  expect(polygons.json.annotations[1].bbox).toEqual(corners)
  const read = await openBenchmark({ type: 'vot2018', root, annFile: polygons.file })
  expect(read.sequences[0]?.corners).toEqual([corners, corners])
})

test('sizes of the first image or of every one', async () => {
  const { root, sequence } = await handMade({})
  const widths = async (sizesOf: 'first' | 'every') =>
    (await convert([sequence], { imageRoot: root, sizesOf })).json.images.map((image: { width: number }) => image.width)
  expect(await widths('first')).toEqual([32, 32])
  expect(await widths('every')).toEqual([32, 48])
})

test('images must lie in the image root, and an interruption leaves no file', async () => {
  const { root, sequence } = await handMade({})
  const inner = join(root, 'other')
  await expect(convert([sequence], { imageRoot: inner })).rejects.toThrow(/v\/1.jpg does not lie in .*other/)
  const out = await temporaryFolder()
  const controller = new AbortController()
  const options = { imageRoot: root, signal: controller.signal, onProgress: () => controller.abort() }
  await expect(convertBenchmark({ sequences: [sequence] }, join(out, 'a.json'), options)).rejects.toThrow(/abort/i)
  expect(await readdir(out)).toEqual([])
})
