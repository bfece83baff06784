// The data path of training: pairs drawn, read, decoded and handed over, as fast as they come. A sample is one batch; two more
// are always under way, as in training. Pictures are written as JPEGs of ImageNet's usual size first.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { Random } from '../../src/siamrpn/random.ts'
import { smoothImage } from '../../tests/golden/check/hash.ts'
import { syntheticPairs } from '../../tools/clips/pairs.ts'
import { openClipFolder } from '../../tools/datasets/clip-folder.ts'
import type { WindowOptions } from '../../tools/datasets/decode-messages.ts'
import { DecodePool } from '../../tools/datasets/decode-pool.ts'
import type { PairDataset } from '../../tools/datasets/pair.ts'
import { PairLoader } from '../../tools/datasets/pair-loader.ts'
import type { BenchCase, Facts, Running } from '../case.ts'
import { timed } from '../stopwatch.ts'

const batchSize = 28
const size = { width: 500, height: 375 } as const
const clipCount = 8
const framesPerClip = 12
const quality = 90
/** Grey levels of noise, for files as large as a camera's. */
const grain = 10

export function dataCases(): BenchCase[] {
  return [
    ...[0, 2].map((workers) => ({
      name: `data: pair of JPEGs ${size.width}x${size.height}, ${workers} threads`,
      expected: { seconds: 4 },
      start: () => startFiles(workers),
    })),
    ...[0, 500].map((megabytes) => ({
      name: `data: windows of 97 and 193 pixels of these JPEGs, ${megabytes} MB of them kept, 1 thread`,
      expected: { seconds: 4 },
      start: () => startFiles(1, { steps: windowSteps(), cacheBytes: 1e6 * megabytes }),
    })),
    {
      name: 'data: pair of generated frames 320x240, 2 threads',
      expected: { seconds: 3 },
      start: async () => startLoading(syntheticPairs(), 2, {}),
    },
  ]
}

/** The steps of the mobile configuration, without a folder beside the data. */
function windowSteps(): WindowOptions['steps'] {
  const { train_pipeline = [] } = namedConfig('mobile')
  return train_pipeline.map((step) => (step.type === 'SeqOcclude' ? { type: step.type, prob: step.prob } : step))
}

async function startFiles(workers: number, windows?: WindowOptions): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-bench-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const bytes = await writeClips(folder)
    const running = startLoading(await openClipFolder(folder), workers, { 'bytes of a JPEG': bytes }, windows)
    return { ...running, dispose: () => running.dispose().finally(remove) }
  } catch (error) {
    await remove()
    throw error
  }
}

function startLoading(dataset: PairDataset, workers: number, facts: Facts, windows?: WindowOptions): Running {
  const pool = new DecodePool(workers, windows)
  const loader = new PairLoader({ dataset, pool, batchSize, seed: 1, samplesPerEpoch: 1 << 20 })
  let iteration = 0
  let best = Number.POSITIVE_INFINITY
  const batch = () => loader.pairs(0, iteration++)
  return {
    variant: `batches of ${batchSize}`,
    async sample() {
      if (iteration === 0) for (let k = 0; k < 2; k++) await batch() // Threads have to start.
      const { ms, cpuMs } = await timed(batch)
      best = Math.min(best, ms / batchSize)
      return { ms: ms / batchSize, cpuMs: cpuMs / batchSize }
    },
    facts: () => ({ 'pairs/s': 1000 / best, ...facts }),
    dispose() {
      loader.close()
      return pool.close()
    },
  }
}

/** Writes clips of noisy pictures, all clips of the same ones. @returns the mean size of a file */
async function writeClips(folder: string): Promise<number> {
  const pictures: Buffer[] = []
  for (let frame = 0; frame < framesPerClip; frame++) {
    const raw = { ...size, channels: 3 } as const
    pictures.push(
      await sharp(noisyImage(`${frame}`), { raw })
        .jpeg({ quality })
        .toBuffer(),
    )
  }
  for (let clip = 0; clip < clipCount; clip++) {
    const images = join(folder, `clip-${clip}`, 'img')
    await mkdir(images, { recursive: true })
    for (const [frame, picture] of pictures.entries()) {
      await writeFile(join(images, `${String(frame + 1).padStart(8, '0')}.jpg`), picture)
    }
    const boxes = Array.from({ length: framesPerClip }, (_, k) => `${100 + k},80,120,90`)
    await writeFile(join(folder, `clip-${clip}`, 'groundtruth.txt'), boxes.join('\n'))
  }
  return Math.round(pictures.reduce((sum, { length }) => sum + length, 0) / framesPerClip)
}

function noisyImage(key: string): Uint8Array {
  const random = new Random('bench', key)
  return smoothImage(`bench/data/${key}`, size.height, size.width).map((value) => {
    return Math.max(0, Math.min(255, value + random.uniform(-grain, grain)))
  })
}
