// Every benchmark from a miniature in its published layout: it is recognised, its frames are there, boxes, visibility,
// polygons and attributes are those of the generator, as far as the files' digits go.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { detectBenchmark, openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import type { Benchmark, Sequence } from '../../../tools/benchmarks/types.ts'
import { SyntheticClips } from '../../../tools/clips/clips.ts'
import { type LayoutName, layouts, writeGOT10k } from '../../../tools/clips/write.ts'
import { readImage } from '../../../tools/frames/image.ts'
import type { Box } from '../../../tools/frames/types.ts'
import { temporaryFolder } from '../frames/helpers.ts'

const size = { width: 72, height: 64 }
const frames = 5

function makeClips(count: number): SyntheticClips {
  return new SyntheticClips({ seed: 11, clips: count, framesPerClip: frames, ...size })
}

async function miniature(layout: LayoutName, clips: SyntheticClips): Promise<string> {
  const root = join(await temporaryFolder(), layout)
  await layouts[layout](clips, root)
  return root
}

interface Expected {
  readonly clip: number
  /** Frames of the clip, from 0, that the sequence shows. */
  readonly from?: number
  readonly to?: number
  /** Pixels that the clip stands from the left. */
  readonly shift?: number
}

/** Compares a sequence with a generator's clip; `digits` of the printed numbers. */
function expectBoxes(sequence: Sequence, clips: SyntheticClips, expected: Expected, digits: number): void {
  const { clip, from = 0, to = frames, shift = 0 } = expected
  expect(sequence.boxes.length).toBe(to - from)
  expect(sequence.images.length).toBe(to - from)
  const tolerance = 0.5 * 10 ** -digits + 1e-9
  for (const [index, box] of sequence.boxes.entries()) {
    if (Number.isNaN(box.x)) continue
    const truth = clips.clip(clip).box(from + index)
    expectNear(box, { ...truth, x: truth.x + shift }, tolerance)
  }
}

function expectNear(found: Box, wanted: Box, tolerance: number): void {
  for (const side of ['x', 'y', 'width', 'height'] as const) {
    expect(Math.abs(found[side] - wanted[side]), `${side} ${found[side]} ${wanted[side]}`).toBeLessThanOrEqual(
      tolerance,
    )
  }
}

async function open(type: Benchmark['type'], root: string, split?: string): Promise<Benchmark> {
  return await openBenchmark({ type, root, ...(split !== undefined && { split }) })
}

function named(benchmark: Benchmark, name: string): Sequence {
  return benchmark.sequences.find((sequence) => sequence.name === name)!
}

test('LaSOT', async () => {
  const clips = makeClips(2)
  const root = await miniature('lasot', clips)
  expect(await detectBenchmark(root)).toBe('lasot')
  const benchmark = await open('lasot', root)
  expect(benchmark).toMatchObject({ type: 'lasot', title: 'LaSOT (testing set)', protocol: 'ope' })
  expect(benchmark.sequences.map(({ name }) => name)).toEqual(['synthetic-1', 'synthetic-2'])
  for (const [clip, sequence] of benchmark.sequences.entries()) {
    expectBoxes(sequence, clips, { clip }, 2)
    expect(sequence.visible).toEqual(sequence.boxes.map((_, frame) => clips.clip(clip).visibility(frame) >= 0.02))
  }
})

test('GOT-10k: training, validation and test, of which the first box is known', async () => {
  const clips = makeClips(1)
  const root = await temporaryFolder()
  for (const split of ['train', 'val', 'test'] as const) await writeGOT10k(clips, join(root, split), { split })
  expect(await detectBenchmark(root)).toBe('got10k')
  const validation = await open('got10k', root)
  expect(validation).toMatchObject({ title: 'GOT-10k (val)', protocol: 'got10k' })
  const sequence = named(validation, 'GOT-10k_Val_000001')
  expectBoxes(sequence, clips, { clip: 0 }, 4)
  expect(sequence.size).toEqual(size)
  const cover = sequence.boxes.map((_, frame) => Math.max(1, Math.round(clips.clip(0).visibility(frame) * 8)))
  expect(sequence.cover).toEqual(cover)
  expect(sequence.visible).toEqual(sequence.boxes.map(() => true))
  expect((await open('got10k', root, 'train')).sequences.map(({ name }) => name)).toEqual(['GOT-10k_Train_000001'])
  const [hidden] = (await open('got10k', root, 'test')).sequences
  expect([hidden!.name, hidden!.images.length, hidden!.boxes.length]).toEqual(['GOT-10k_Test_000001', frames, 1])
  expect(await readdir(join(root, 'test', 'GOT-10k_Test_000001'))).not.toContain('cover.label')
})

test('TrackingNet: frames from 0.jpg, in two chunks; of TEST the first box is known', async () => {
  const clips = makeClips(3)
  const root = await miniature('trackingnet', clips)
  expect(await readdir(root)).toEqual(['TEST', 'TRAIN_0', 'TRAIN_1'])
  expect(await detectBenchmark(root)).toBe('trackingnet')
  const train = await open('trackingnet', root, 'train')
  expect(train.sequences.map(({ name }) => name)).toEqual(['synthetic00_0', 'synthetic02_2'])
  expectBoxes(train.sequences[1]!, clips, { clip: 2 }, 2)
  expect(train.sequences[1]!.images.map((image) => image.slice(root.length))).toEqual(
    Array.from({ length: frames }, (_, frame) => `/TRAIN_1/frames/synthetic02_2/${frame}.jpg`),
  )
  const [first] = (await open('trackingnet', root)).sequences
  expect([first!.name, first!.images.length, first!.boxes.length]).toEqual(['-ynthetic01_1', frames, 1])
  expectNear(first!.boxes[0]!, clips.clip(1).box(0), 0.0051)
})

test('OTB100: whole pixels between commas, tabs or spaces, frame ranges, two targets', async () => {
  const clips = makeClips(8)
  const root = await miniature('otb100', clips)
  expect(await detectBenchmark(root)).toBe('otb100')
  const benchmark = await open('otb100', root)
  expect(benchmark.sequences.map(({ name }) => name)).toEqual([
    'Basketball',
    'BlurCar1',
    'Board',
    'David',
    'Football1',
    'Human4-2',
    'Jogging-1',
    'Jogging-2',
  ])
  const expected: Readonly<Record<string, Expected>> = {
    Basketball: { clip: 0 },
    BlurCar1: { clip: 1 },
    'Jogging-1': { clip: 2 },
    'Jogging-2': { clip: 3, shift: size.width },
    David: { clip: 4, from: 2 },
    Football1: { clip: 5, to: frames - 1 },
    'Human4-2': { clip: 7 },
  }
  for (const [name, entry] of Object.entries(expected)) expectBoxes(named(benchmark, name), clips, entry, 0)
  expect(named(benchmark, 'Basketball').attributes).toEqual(['IV', 'OCC', 'DEF', 'OPR', 'BC'])
  expect(named(benchmark, 'BlurCar1').images[0]).toBe(join(root, 'BlurCar1', 'img', '0247.jpg'))
  expect(named(benchmark, 'David').images[0]).toBe(join(root, 'David', 'img', '0300.jpg'))
  const board = named(benchmark, 'Board')
  expect(board.images[0]).toBe(join(root, 'Board', 'img', '00001.jpg'))
  expect([board.boxes[frames - 1], board.visible]).toEqual([
    { x: 0, y: 0, width: 0, height: 0 },
    [true, true, true, true, false],
  ])
  expect(named(benchmark, 'Jogging-1').images).toEqual(named(benchmark, 'Jogging-2').images)
  expect(await readImage(named(benchmark, 'Jogging-1').images[0]!)).toMatchObject({ ...size, width: 2 * size.width })
  expect(await readFile(join(root, 'BlurCar1', 'groundtruth_rect.txt'), 'utf8')).toMatch(/^\d+\t.*\n\d+ .*\n\d+\t/)
  expect(await readFile(join(root, 'David', 'groundtruth_rect.txt'), 'utf8')).toMatch(/^\d+,\d+,\d+,\d+\r\n/)
})

test('UAV123: segments of one video, NaN where nothing is to be seen, attribute flags', async () => {
  const clips = makeClips(3)
  const root = await miniature('uav123', clips)
  expect(await detectBenchmark(root)).toBe('uav123')
  const benchmark = await open('uav123', root)
  expect(benchmark.sequences.map(({ name }) => name)).toEqual(['bike1', 'bird1_1', 'bird1_2', 'car1_1', 'car1_2'])
  expectBoxes(named(benchmark, 'bike1'), clips, { clip: 0 }, 2)
  expectBoxes(named(benchmark, 'bird1_1'), clips, { clip: 1, to: 2 }, 2)
  expectBoxes(named(benchmark, 'bird1_2'), clips, { clip: 1, from: 3 }, 2)
  expectBoxes(named(benchmark, 'car1_2'), clips, { clip: 2, from: 1 }, 2)
  expect(named(benchmark, 'bird1_2').images[0]).toBe(join(root, 'data_seq', 'UAV123', 'bird1', '000004.jpg'))
  const { boxes, visible, attributes } = named(benchmark, 'bike1')
  expect(visible).toEqual([true, true, false, true, true])
  expect(boxes[2]).toEqual({ x: Number.NaN, y: Number.NaN, width: Number.NaN, height: Number.NaN })
  expect(attributes).toContain('FOC')
  expect(named(benchmark, 'bird1_1').attributes).not.toContain('FOC')
  const covered = await readImage(named(benchmark, 'bike1').images[2]!)
  expect(new Set(covered.data).size).toBe(1)
})

test('VOT2018: polygons, tags by frame, the size of the frames', async () => {
  const clips = makeClips(2)
  const root = await miniature('vot2018', clips)
  expect(await detectBenchmark(root)).toBe('vot2018')
  const benchmark = await open('vot2018', root)
  expect(benchmark).toMatchObject({ title: 'VOT2018', protocol: 'vot' })
  for (const [clip, sequence] of benchmark.sequences.entries()) {
    expect(sequence).toMatchObject({ name: `synthetic${clip + 1}`, size })
    expect(sequence.images.length).toBe(frames)
    expect(sequence.visible).toEqual(Array.from({ length: frames }, () => true))
    for (const [frame, corners] of sequence.corners!.entries()) {
      const wanted = clips.clip(clip).corners(frame)
      expect(corners.length).toBe(8)
      expect(Math.max(...corners.map((value, index) => Math.abs(value - wanted[index]!)))).toBeLessThan(0.000501)
      const box = sequence.boxes[frame]!
      const target = clips.clip(clip).box(frame)
      expect(box.x).toBeLessThan(target.x + 0.001)
      expect(box.y + box.height).toBeGreaterThan(target.y + target.height - 0.001)
    }
    expect(Object.keys(sequence.frameTags!)).toEqual([
      'camera_motion',
      'illum_change',
      'motion_change',
      'occlusion',
      'size_change',
    ])
    const occluded = sequence.boxes.map((_, frame) => clips.clip(clip).visibility(frame) < 0.9)
    expect(sequence.frameTags!.occlusion).toEqual(occluded)
  }
})

test('a folder of clips', async () => {
  const clips = makeClips(2)
  const root = await miniature('folder', clips)
  expect(await detectBenchmark(root)).toBe('folder')
  const { sequences } = await open('folder', root)
  expect(sequences.map(({ name }) => name)).toEqual(['synthetic-1', 'synthetic-2'])
  expectBoxes(sequences[1]!, clips, { clip: 1 }, 2)
})

test('a limit leaves out the sequences after it, in every layout', async () => {
  const clips = new SyntheticClips({ seed: 11, clips: 3, framesPerClip: 2, width: 64, height: 64 })
  for (const layout of ['folder', 'vot2018', 'uav123'] as const) {
    const root = await miniature(layout, clips)
    expect((await openBenchmark({ type: layout, root, limit: 2 })).sequences).toHaveLength(2)
  }
})
