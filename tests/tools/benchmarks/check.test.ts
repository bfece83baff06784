// What a check finds in a download beyond what reading it shows.

import { rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type CheckOptions, checkBenchmark, checkFiles } from '../../../tools/benchmarks/check.ts'
import { Findings } from '../../../tools/benchmarks/findings.ts'
import type { Benchmark, Sequence } from '../../../tools/benchmarks/types.ts'
import type { Box } from '../../../tools/frames/types.ts'
import { writeJpeg } from '../datasets/training-helpers.ts'
import { temporaryFolder } from '../frames/helpers.ts'

const box: Box = { x: 4, y: 5, width: 10, height: 12 }

/** A sequence of 32x32 images. */
async function sequence(folder: string, name: string, boxes: readonly Box[]): Promise<Sequence> {
  const images = boxes.map((_, frame) => join(folder, name, 'img', `${frame + 1}.jpg`))
  for (const image of images) await writeJpeg(image, [90, 90, 90])
  return { name, images, boxes, visible: boxes.map(({ width }) => width > 0), attributes: [] }
}

function benchmark(sequences: readonly Sequence[], type: Benchmark['type'] = 'folder'): Benchmark {
  return { type, title: 'Some', protocol: 'ope', sequences }
}

async function check(checked: Benchmark, options: Omit<CheckOptions, 'tell'> = {}) {
  const findings = new Findings(Number.POSITIVE_INFINITY)
  const summary = await checkBenchmark(checked, { ...options, tell: findings.tell })
  const told = findings.groups.flatMap((group) => group.findings)
  return { summary, told, messages: told.map(({ severity, message }) => `${severity}: ${message}`) }
}

test('a sound data set has no findings', async () => {
  const folder = await temporaryFolder()
  const { summary, told } = await check(benchmark([await sequence(folder, 'a', [box, box])]), {
    decode: 1,
    files: true,
  })
  expect(told).toEqual([])
  expect(summary).toEqual({ sequences: 1, frames: 2, decoded: 2 })
})

test('sequences and frames are held against what is published, as errors if all are wanted', async () => {
  const folder = await temporaryFolder()
  const lasot = benchmark([await sequence(folder, 'a', [box, box])], 'lasot')
  expect((await check(lasot, { split: 'test' })).messages).toEqual([
    'warning: 1 sequence, published are 280: 279 are missing; results are not comparable with published ones',
  ])
  expect((await check(lasot, { split: 'train', complete: true })).messages[0]).toMatch(/^error: 1 sequence,.*1119/)
  expect((await check(lasot, { split: 'test', limited: true })).messages).toEqual([])
  const otb = benchmark(lasot.sequences, 'otb100')
  expect((await check(otb)).messages).toEqual([]) // Its reader names the missing ones.
  expect((await check(otb, { complete: true })).messages[0]).toMatch(/99 are missing/)
})

test('TrackingNet is counted chunk by chunk', async () => {
  const folder = await temporaryFolder()
  const parts = [await sequence(join(folder, 'TRAIN_1'), 'a', [box, box])]
  const { messages, told } = await check(benchmark(parts, 'trackingnet'), { split: 'train' })
  expect(messages).toEqual([expect.stringMatching(/1 sequence in TRAIN_1, published are 2511: 2510 are missing/)])
  expect(told[0]?.place).toContain('TRAIN_1')
  const all = await check(benchmark(parts, 'trackingnet'), { split: 'train', complete: true })
  expect(all.messages).toHaveLength(12)
})

test('truth beside the frame, hidden first frames, sequences that never show the object, equal names', async () => {
  const folder = await temporaryFolder()
  const outside = { ...box, x: 32 }
  const nothing = { ...box, width: 0 }
  const sequences = [
    await sequence(folder, 'a', [
      box,
      outside,
      { ...box, x: -9 },
      { ...box, y: -12 },
      { ...outside, width: Number.NaN },
    ]),
    { ...(await sequence(folder, 'b', [box, nothing, nothing])), visible: [false, false, false] },
    await sequence(folder, 'a', [box, box]),
  ]
  const { told } = await check(benchmark(sequences))
  expect(told.map(({ severity, place, message }) => `${severity} ${place.replace(folder, '')} ${message}`)).toEqual([
    'error /a/img a second sequence is called a',
    'warning /a/img/2.jpg the box (32, 5, 10x12) lies outside the frame, 32x32 pixels',
    'warning /a/img/4.jpg the box (4, -12, 10x12) lies outside the frame, 32x32 pixels',
    'warning /b/img no frame after the first shows the object',
    expect.stringContaining('warning /b/img/1.jpg the first frame is marked as hiding'),
  ])
})

test('images that do not decode, whose size changes, or is not the one that is stated', async () => {
  const folder = await temporaryFolder()
  const a = await sequence(folder, 'a', [box, box, box, box])
  await truncate(a.images[1]!, 0)
  await truncate(a.images[2]!, 200)
  await writeJpeg(a.images[3]!, [1, 2, 3], 40)
  const stated = { ...a, size: { width: 64, height: 32 } }
  const all = await check(benchmark([stated]), { decode: 1 })
  expect(all.told.map(({ severity, place }) => [severity, place])).toEqual([
    ['error', a.images[1]],
    ['error', a.images[2]],
    ['warning', a.images[0]],
    ['warning', a.images[3]],
  ])
  expect(all.messages[0]).toContain('the file is empty')
  expect(all.messages[2]).toContain('32x32 pixels, but the data set states 64x32')
  expect(all.messages[3]).toContain('40x40 pixels, but 32x32 in 1.jpg')
  const some = await check(benchmark([a]), { decode: 3 })
  expect(some.summary.decoded).toBe(2)
  expect(some.messages).toHaveLength(1)
  expect((await check(benchmark([a]))).messages).toEqual([])
})

test('images that are named but not there; progress; an interruption', async () => {
  const folder = await temporaryFolder()
  const a = await sequence(folder, 'a', [box, box])
  await rm(a.images[1]!)
  const findings = new Findings(9)
  const stages: string[] = []
  const images = [...a.images, join(folder, 'none/1.jpg')]
  await checkFiles(images, { tell: findings.tell, onProgress: (...progress) => stages.push(progress.join(' ')) })
  expect(stages).toEqual(['files 1 2', 'files 2 2'])
  expect(findings.groups.flatMap((group) => group.findings.map(({ place }) => place))).toEqual([
    a.images[1],
    join(folder, 'none'),
  ])
  const signal = AbortSignal.abort()
  await expect(checkBenchmark(benchmark([a]), { tell: findings.tell, signal })).rejects.toThrow(/abort/i)
})

test('findings that differ in numbers and names form a group; all are counted, some are kept', () => {
  const findings = new Findings(2)
  const tell = (severity: 'error' | 'warning', message: string) => findings.tell({ severity, place: 'f', message })
  tell('warning', '12 lines, but 13 images in /a/b')
  for (const number of [1, 2.5, -3e4]) tell('error', `found "${number} x", NaN, expected ${number}`)
  tell('error', 'the file is empty')
  expect(findings.groups.map(({ severity, count, findings }) => [severity, count, findings.length])).toEqual([
    ['error', 3, 2],
    ['error', 1, 1],
    ['warning', 1, 1],
  ])
  expect([findings.count('error'), findings.count('warning')]).toEqual([4, 1])
})
