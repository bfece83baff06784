// Generated clips on disk: each layout reads back through the readers that training and evaluation use, complete or
// absent.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import { SyntheticClips } from '../../../tools/clips/clips.ts'
import { layouts, writeCocoVid, writeGOT10k, writeLaSOT } from '../../../tools/clips/write.ts'
import { readClips } from '../../../tools/datasets/clip-folder.ts'
import { readCocoVid } from '../../../tools/datasets/coco-vid.ts'
import { OutputError } from '../../../tools/frames/errors.ts'
import { openFolder } from '../../../tools/frames/folder.ts'
import { readGroundTruth } from '../../../tools/frames/ground-truth.ts'
import { readImage } from '../../../tools/frames/image.ts'
import { collect, temporaryFolder } from '../frames/helpers.ts'

const clips = new SyntheticClips({ seed: 3, clips: 2, framesPerClip: 5, width: 96, height: 80 })
const frames = [0, 1, 2, 3, 4]

/** Mean difference of two pictures in grey levels. */
function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - b[index]!), 0) / a.length
}

test('LaSOT: frames and boxes come back', async () => {
  const root = join(await temporaryFolder(), 'set')
  const seen: number[] = []
  await writeLaSOT(clips, root, { quality: 100, onFrame: (done, total) => seen.push(done / total) })
  expect(seen.at(-1)).toBe(1)
  expect(await readdir(root)).toEqual(['synthetic', 'testing_set.txt'])
  expect(await readFile(join(root, 'testing_set.txt'), 'utf8')).toBe('synthetic-1\nsynthetic-2\n')
  const place = join(root, 'synthetic', 'synthetic-2')
  const clip = clips.clip(1)
  const truth = await readGroundTruth(join(place, 'groundtruth.txt'))
  expect(truth.length).toBe(5)
  for (const frame of frames) {
    const { x, y, width, height } = clip.box(frame)
    const box = truth[frame]!
    for (const [found, wanted] of [
      [box.x, x],
      [box.y, y],
      [box.width, width],
      [box.height, height],
    ] as const) {
      expect(Math.abs(found - wanted)).toBeLessThan(0.006)
    }
  }
  const source = await openFolder(join(place, 'img'), 0)
  expect(source).toMatchObject({ width: 96, height: 80, count: 5 })
  const pictures = await collect(source)
  expect(difference(pictures[4]!.data, clip.picture(4).data)).toBeLessThan(12)
  expect((await readFile(join(place, 'full_occlusion.txt'), 'utf8')).trim().split(',').length).toBe(5)
  const table = await readClips(root)
  const { sequences } = await openBenchmark({ type: 'folder', root })
  expect(sequences.map(({ name }) => name)).toEqual(['synthetic-1', 'synthetic-2'])
  expect([table.videos, table.tracks, table.frames]).toEqual([2, 2, 10])
})

test('GOT-10k: frames, boxes and labels come back', async () => {
  const root = join(await temporaryFolder(), 'train')
  await writeGOT10k(clips, root)
  expect(await readFile(join(root, 'list.txt'), 'utf8')).toBe('GOT-10k_Train_000001\nGOT-10k_Train_000002\n')
  const { sequences } = await openBenchmark({ type: 'folder', root })
  expect(sequences.map(({ images, boxes }) => [images.length, boxes.length])).toEqual([
    [5, 5],
    [5, 5],
  ])
  const [first] = sequences
  expect(await readImage(first!.images[0]!)).toMatchObject({ width: 96, height: 80 })
  expect(first!.boxes[2]!.x).toBeCloseTo(clips.clip(0).box(2).x, 3)
  const cover = (await readFile(join(root, 'GOT-10k_Train_000001', 'cover.label'), 'utf8')).trim().split('\n')
  expect(cover).toEqual(frames.map((frame) => String(Math.round(clips.clip(0).visibility(frame) * 8))))
})

test('COCO-VID: the training reader finds every frame of one instance per video', async () => {
  const root = join(await temporaryFolder(), 'vid')
  await writeCocoVid(clips, root)
  const table = await readCocoVid(join(root, 'annotations.json'), { imagePrefix: join(root, 'images') })
  expect([table.videos, table.tracks, table.frames]).toEqual([2, 2, 10])
  expect(table.image(7)).toBe(join(root, 'images', 'synthetic-2', '00000002.jpg'))
  const coco = JSON.parse(await readFile(join(root, 'annotations.json'), 'utf8'))
  expect(coco.videos.map(({ name }: { name: string }) => name)).toEqual(['synthetic-1', 'synthetic-2'])
  expect(coco.images.length).toBe(10)
  expect(new Set(coco.annotations.map((entry: { id: number }) => entry.id)).size).toBe(10)
  const image = coco.images[7]
  expect(image).toMatchObject({ video_id: 2, frame_id: 2, file_name: 'synthetic-2/00000002.jpg' })
  const entry = coco.annotations.find((annotation: { image_id: number }) => annotation.image_id === image.id)
  expect(entry.instance_id).toBe(2)
  expect(entry.bbox[0]).toBeCloseTo(clips.clip(1).box(2).x, 1)
  expect((await readImage(join(root, 'images', image.file_name))).width).toBe(96)
})

test('an interrupted or failing run leaves nothing, and foreign folders alone', async () => {
  const folder = await temporaryFolder()
  const controller = new AbortController()
  const root = join(folder, 'set')
  const onFrame = () => controller.abort()
  await expect(writeLaSOT(clips, root, { signal: controller.signal, onFrame })).rejects.toThrow(/abort/i)
  expect(await readdir(folder)).toEqual([])
  await mkdir(root)
  await writeFile(join(root, 'thesis.txt'), 'mine')
  await expect(writeGOT10k(clips, root)).rejects.toThrow(OutputError)
  expect(await readdir(root)).toEqual(['thesis.txt'])
})

test('more clips than a benchmark has names for are refused before any is rendered', async () => {
  const folder = await temporaryFolder()
  const many = new SyntheticClips({ clips: 101, framesPerClip: 1 })
  for (const [layout, message] of [
    ['otb100', /101 clips asked for, but the layout otb100 has names for 9\d/],
    ['uav123', /101 clips asked for, but the layout uav123 has names for 51/],
  ] as const) {
    const writing = layouts[layout](many, join(folder, layout))
    await expect(writing).rejects.toThrow(OutputError)
    await expect(writing).rejects.toThrow(message)
  }
  expect(await readdir(folder)).toEqual([])
})

test('a data set of an earlier run is replaced', async () => {
  const root = join(await temporaryFolder(), 'set')
  const one = new SyntheticClips({ seed: 1, clips: 1, framesPerClip: 1, width: 64, height: 64 })
  await writeLaSOT(clips, root)
  await writeLaSOT(one, root)
  expect(await readdir(join(root, 'synthetic'))).toEqual(['synthetic-1'])
})
