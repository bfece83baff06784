// Batches follow from (seed, epoch, iteration) alone: from any start, with any number of workers, with broken images between.
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { trainPipelineSchema } from '../../../src/siamrpn/config/data.ts'
import { openClipFolder } from '../../../tools/datasets/clip-folder.ts'
import { DecodePool } from '../../../tools/datasets/decode-pool.ts'
import { CorruptImagesError } from '../../../tools/datasets/errors.ts'
import type { LoadedPair, PairDataset } from '../../../tools/datasets/pair.ts'
import { PairLoader, type PairLoaderOptions, type SkippedImage } from '../../../tools/datasets/pair-loader.ts'
import { pixel, temporaryFolder } from '../frames/helpers.ts'
import { writeBrokenJpeg, writeClip } from './training-helpers.ts'

async function clips(count = 3, frames = 4): Promise<string> {
  const folder = await temporaryFolder()
  const lines = Array.from({ length: frames }, (_, k) => `${k},0,8,8`)
  for (let k = 0; k < count; k++) await writeClip(join(folder, `clip-${k}`), lines, 'img', 100 * k)
  return folder
}

function makeLoader(dataset: PairDataset, workers: number, options: Partial<PairLoaderOptions> = {}): PairLoader {
  const pool = new DecodePool(workers)
  const loader = new PairLoader({ dataset, pool, batchSize: 2, seed: 7, ...options })
  onTestFinished(() => {
    loader.close()
    return pool.close()
  })
  return loader
}

const summary = (pairs: readonly LoadedPair[]) =>
  pairs.map(({ request, template, search, random }) => ({
    request,
    colors: [pixel(template, 3, 3), pixel(search, 3, 3)],
    next: random.next(),
  }))

async function read(loader: PairLoader, epochs: number, from = 0) {
  const batches = []
  for (let number = from; number < epochs * loader.iterationsPerEpoch; number++) {
    const epoch = Math.floor(number / loader.iterationsPerEpoch)
    batches.push(summary(await loader.pairs(epoch, number % loader.iterationsPerEpoch)))
  }
  return batches
}

test('workers or none, from the start or resumed: the same batches', async () => {
  const dataset = await openClipFolder(await clips())
  const here = makeLoader(dataset, 0)
  expect(here.iterationsPerEpoch).toBe(2)
  const batches = await read(here, 3)
  expect(batches.flat()).toHaveLength(12)
  expect(await read(makeLoader(dataset, 2), 3)).toEqual(batches)
  expect(await read(makeLoader(dataset, 1, { prefetch: 0 }), 3, 3)).toEqual(batches.slice(3))
  expect(new Set(batches.flat().map(({ request }) => request.id)).size).toBeGreaterThan(6)
})

test('ranks see together what one loader sees, each its part', async () => {
  const dataset = await openClipFolder(await clips(4))
  const whole = await read(makeLoader(dataset, 0, { batchSize: 2 }), 3)
  const parts = await Promise.all(
    [0, 1].map((rank) => read(makeLoader(dataset, 0, { batchSize: 1, part: { rank, ranks: 2 } }), 3)),
  )
  expect(parts.map(({ length }) => length)).toEqual([whole.length, whole.length])
  expect(whole.map((_, k) => parts.flatMap((part) => part[k] ?? []))).toEqual(whole)
  const oneByOne = await read(makeLoader(dataset, 0, { batchSize: 1 }), 3)
  expect(oneByOne.flat()).toEqual(whole.flat())
})

test('ranks have equally many samples, some of them twice', async () => {
  const dataset = await openClipFolder(await clips(4))
  const loaders = [0, 1, 2].map((rank) => makeLoader(dataset, 0, { batchSize: 1, part: { rank, ranks: 3 } }))
  expect(loaders.map(({ iterationsPerEpoch }) => iterationsPerEpoch)).toEqual([2, 2, 2])
})

test('pixels belong to their requests', async () => {
  const loader = makeLoader(await openClipFolder(await clips(), { pos_prob: 0.5 }), 1)
  for (const { request, colors } of (await read(loader, 4)).flat()) {
    for (const [k, { source }] of [request.template, request.search].entries()) {
      const [, clip, frame] = /clip-(\d)\/img\/(\d+)/.exec(source.kind === 'file' ? source.path : '') ?? []
      expect(colors[k]?.[0]).toBeCloseTo(10 * Number(frame), -1)
      expect(colors[k]?.[2]).toBeCloseTo(100 * Number(clip), -1)
    }
  }
})

test('an epoch visits every clip once, then fills the last batch; epochs and seeds differ', async () => {
  const dataset = await openClipFolder(await clips(5, 2))
  const loader = makeLoader(dataset, 0)
  const names = (batches: Awaited<ReturnType<typeof read>>) =>
    batches.flat().map(({ request }) => /clip-\d/.exec(JSON.stringify(request.template))?.[0])
  const epochs = names(await read(loader, 2))
  expect(epochs).toHaveLength(12)
  for (const start of [0, 6]) expect(new Set(epochs.slice(start, start + 5)).size).toBe(5)
  expect(epochs.slice(0, 6)).not.toEqual(epochs.slice(6))
  expect(names(await read(makeLoader(dataset, 0, { seed: 8 }), 2))).not.toEqual(epochs)
})

test('a broken or missing image is skipped, counted and replaced, the same way every time', async () => {
  const folder = await clips(4, 30)
  const broken = join(folder, 'clip-1/img/00000003.jpg')
  await writeBrokenJpeg(broken)
  const dataset = await openClipFolder(folder)
  const run = async (workers: number) => {
    const loader = makeLoader(dataset, workers)
    const batches = await read(loader, 20)
    return { batches, report: loader.report }
  }
  const { batches, report } = await run(0)
  expect(batches.flat()).toHaveLength(80)
  expect(JSON.stringify(batches)).not.toContain(broken)
  expect(report.skipped).toBeGreaterThan(0)
  expect(report.images).toBeGreaterThanOrEqual(160 + report.skipped)
  expect(report.examples[0]?.path).toBe(broken)
  expect(report.examples[0]?.reason).toContain(`cannot read the image ${broken}`)
  const parallel = await run(2)
  expect(parallel.batches).toEqual(batches)
  expect({ ...parallel.report, examples: 0 }).toEqual({ ...report, examples: 0 }) // libvips mixes reasons of threads.
})

test('more than one unreadable image in a hundred is an error, and so is a sample that finds none', async () => {
  const folder = await clips(2, 10)
  for (const clip of [0, 1]) await writeBrokenJpeg(join(folder, `clip-${clip}/img/00000002.jpg`))
  const some = makeLoader(await openClipFolder(folder), 0)
  await expect(read(some, 1000)).rejects.toThrow(/too many unreadable images among \d+: \d+ of them/)
  for (let k = 1; k <= 10; k++) {
    for (const clip of [0, 1]) await writeBrokenJpeg(join(folder, `clip-${clip}/img/${String(k).padStart(8, '0')}.jpg`))
  }
  const none = makeLoader(await openClipFolder(folder), 0)
  await expect(none.pairs(0, 0)).rejects.toThrow(CorruptImagesError)
})

const steps = trainPipelineSchema.parse([
  { type: 'SeqAffineCrop', exemplar_size: 17, target_size: [17, 33] },
  { type: 'SeqLightAug' },
  { type: 'SeqNoiseAug', prob: [1, 1] },
])

/** Batches of finished windows: their bytes and boxes. */
async function readWindows(dataset: PairDataset, workers: number, options: Partial<PairLoaderOptions> = {}) {
  const pool = new DecodePool(workers, { steps, cacheBytes: 20_000 })
  const loader = new PairLoader({ dataset, pool, batchSize: 2, seed: 7, ...options })
  const batches = []
  for (let k = 0; k < 2 * loader.iterationsPerEpoch; k++) {
    const pairs = await loader.pairs(Math.floor(k / loader.iterationsPerEpoch), k % loader.iterationsPerEpoch)
    batches.push(...pairs.map(({ request, template, search, boxes }) => ({ id: request.id, template, search, boxes })))
  }
  const { report } = loader
  loader.close()
  await pool.close()
  return { batches, report }
}

test('finished windows are the same bytes with any number of workers', async () => {
  const dataset = await openClipFolder(await clips(4, 6))
  const { batches } = await readWindows(dataset, 0)
  expect(batches).toHaveLength(8)
  expect(batches.every(({ template, search }) => template.width === 17 && search.width === 33)).toBe(true)
  expect((await readWindows(dataset, 2)).batches).toEqual(batches)
})

test('a broken image is replaced in batches of windows too, and the first one is told', async () => {
  const folder = await clips(4, 30)
  const broken = join(folder, 'clip-1/img/00000007.jpg')
  await writeBrokenJpeg(broken)
  const told: SkippedImage[] = []
  const options = { samplesPerEpoch: 400, batchSize: 8, onFirstSkip: (image: SkippedImage) => told.push(image) }
  const { batches, report } = await readWindows(await openClipFolder(folder), 1, options)
  expect(batches).toHaveLength(800)
  expect(report.skipped).toBeGreaterThan(1)
  expect(told).toEqual([{ path: broken, reason: expect.stringContaining('cannot read the image') }])
})
