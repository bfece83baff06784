// The training pipeline against the numbers of the real MMTracking (section H, chain), batches of frames of different sizes,
// and frames that exceed the binding limit.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../../src/gpu/device.ts'
import { parseConfig } from '../../../src/siamrpn/config.ts'
import { r50 } from '../../../src/siamrpn/configs/r50.ts'
import { ConfigError } from '../../../src/siamrpn/errors.ts'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import { mix32, Random } from '../../../src/siamrpn/random.ts'
import type { DecodedPair, Xyxy } from '../../../src/train/augmentation/pair.ts'
import { TrainPipeline } from '../../../src/train/augmentation/train-pipeline.ts'
import type { TrainStep } from '../../../src/train/augmentation/train-transforms.ts'
import { TrainSampleError } from '../../../src/train/errors.ts'
import { smoothImage } from '../../golden/check/hash.ts'
import { type GoldenSection, readGoldenSection } from '../../golden/check/reader.ts'
import { type RecordedDraws, ReplayedDraws } from '../../golden/check/replayed-draws.ts'
import { goldenDirectory } from '../../golden-directory.ts'
import { expectClose } from '../../helpers/tensors.ts'

const steps = parseConfig(r50).train_pipeline!

let device: Device
let section: GoldenSection<{ chain: { cases: readonly ChainCase[] } }>
beforeAll(async () => {
  device = await openDevice()
  section = await readGoldenSection(goldenDirectory, 'H')
})
afterAll(() => device.close())

interface ChainCase {
  readonly frames: readonly {
    smooth_image_key: string
    H: number
    W: number
    gt_bbox: [number, number, number, number]
  }[]
  readonly draws: RecordedDraws
  readonly out: readonly { shape: number[]; rows: number[]; row_values: string; channel_means: number[] }[]
  readonly out_bbox: readonly number[][]
}

function rgbFrame(bgr: Uint8Array, width: number, height: number): RgbFrame {
  const data = bgr.map((_, i) => bgr[i - (i % 3) + 2 - (i % 3)]!)
  return { data, width, height, channels: 3 }
}

function goldenPair(one: ChainCase, id: string) {
  const [template, search] = one.frames.map(({ smooth_image_key, H, W, gt_bbox }) => ({
    frame: rgbFrame(smoothImage(smooth_image_key, H, W), W, H),
    box: gt_bbox,
  }))
  const source = { kind: 'file', path: id } as const
  return {
    request: { id, template: { source, box: template!.box }, search: { source, box: search!.box }, positive: true },
    template: template!.frame,
    search: search!.frame,
    random: new ReplayedDraws(one.draws),
  }
}

/** A pair of frames of noise with an object that fills a good part of them. */
function noisePair(
  index: number,
  width: number,
  height: number,
  box: Xyxy = [9, 7, width - 30, height - 12],
): DecodedPair {
  const frame = (phase: number): RgbFrame => {
    const data = new Uint8Array(width * height * 3)
    for (let i = 0; i < data.length; i++) data[i] = mix32(i + phase)
    return { data, width, height, channels: 3 }
  }
  return {
    request: { id: `noise/${index}`, template: { box }, search: { box }, positive: index % 2 === 0 },
    template: frame(2 * index),
    search: frame(2 * index + 1),
    random: new Random('test', index),
  }
}

/** As bytes, which compare quickly. */
async function imageBytes(pipeline: TrainPipeline, on = device): Promise<readonly Buffer[]> {
  return (await images(pipeline, on)).map(({ buffer }) => Buffer.from(buffer))
}

async function images(pipeline: TrainPipeline, on = device): Promise<readonly Float32Array[]> {
  return [await on.readF32(pipeline.template), await on.readF32(pipeline.search)]
}

function same(found: readonly Buffer[], expected: readonly Buffer[]): boolean {
  return found.every((bytes, i) => bytes.equals(expected[i]!))
}

describe('the pipeline of r50', () => {
  test('makes the images and boxes of MMTracking, a batch at once', async () => {
    const { cases } = section.json.chain
    const pipeline = await TrainPipeline.create(device, steps, cases.length)
    const pairs = cases.map((one, i) => goldenPair(one, `chain${i}`))
    const batch = await pipeline.prepare(pairs)
    const found = await images(pipeline)
    pipeline.release()
    expect(pairs.map(({ random }) => random.left)).toEqual([0, 0, 0])
    expect(batch.ids).toEqual(['chain0', 'chain1', 'chain2'])
    for (const [i, one] of cases.entries()) {
      expect([batch.templateBoxes[i], batch.searchBoxes[i]]).toEqual(one.out_bbox)
      for (const [side, { shape, rows, row_values }] of one.out.entries()) {
        const [height = 0, width = 0] = shape
        const pixels = found[side]!.subarray(i * height * width * 4, (i + 1) * height * width * 4)
        const rowOf = (y: number) => pixels.subarray(y * width * 4, (y + 1) * width * 4).filter((_, j) => j % 4 !== 3)
        const data = Float32Array.from(rows.flatMap((y) => [...rowOf(y)]))
        const golden = section.float32(row_values)
        expectClose({ data, shape: [data.length] }, { data: golden, shape: [golden.length] }, 2e-6)
        expect(pixels.every((value, j) => j % 4 !== 3 || value === 0)).toBe(true)
      }
    }
  })

  test('gives equal batches equal bits, whatever was made in between', async () => {
    const pipeline = await TrainPipeline.create(device, steps, 2)
    const batch = () => [noisePair(0, 61, 47), noisePair(1, 90, 33)]
    const first = await pipeline.prepare(batch())
    const before = await imageBytes(pipeline)
    const other = await pipeline.prepare([noisePair(2, 900, 700), noisePair(3, 801, 650)]) // more room for frames
    expect(same(await imageBytes(pipeline), before)).toBe(false)
    expect(other.positive).toEqual([true, false])
    expect(await pipeline.prepare(batch())).toEqual(first)
    expect(same(await imageBytes(pipeline), before)).toBe(true)
    pipeline.release()
  })

  test('makes a batch in several runs where its frames exceed the binding limit', async () => {
    const batch = () => [noisePair(0, 800, 700), noisePair(1, 750, 660)]
    const whole = await TrainPipeline.create(device, steps, 2)
    await whole.prepare(batch())
    const expected = await imageBytes(whole)
    whole.release()
    const limited = await openDevice({ bindingLimit: 2_100_000 })
    try {
      const pipeline = await TrainPipeline.create(limited, steps, 2)
      await pipeline.prepare(batch())
      expect(same(await imageBytes(pipeline, limited), expected)).toBe(true)
      const huge = noisePair(5, 1200, 900)
      await expect(pipeline.prepare([noisePair(4, 40, 40), huge])).rejects.toThrow(/sample noise\/5:.*above.*2100000/)
    } finally {
      await limited.close()
    }
  })

  test('frees everything it took', async () => {
    const { bytes } = device.memory
    const pipeline = await TrainPipeline.create(device, steps, 2)
    await pipeline.prepare([noisePair(0, 61, 47), noisePair(1, 900, 700)])
    await imageBytes(pipeline)
    pipeline.release()
    expect(device.memory.bytes - bytes).toBeLessThan(2 ** 20) // at most a staging buffer, which the device keeps
  })
})

describe('bad input', () => {
  test("a box without area is refused with the sample's name", async () => {
    const pipeline = await TrainPipeline.create(device, steps, 1)
    for (const box of [
      [5, 5, 5, 9],
      [9, 5, 3, 9],
      [1, 1, Number.NaN, 9],
    ] as const) {
      await expect(pipeline.prepare([noisePair(7, 61, 47, box)])).rejects.toThrow(/sample noise\/7:.*no area/)
    }
    pipeline.release()
  })

  test('another number of pairs than the batch size is refused', async () => {
    const pipeline = await TrainPipeline.create(device, steps, 2)
    await expect(pipeline.prepare([noisePair(0, 61, 47)])).rejects.toThrow(TrainSampleError)
    pipeline.release()
  })

  test('steps that do not begin with crop and shift, or blur twice, are refused', async () => {
    const [crop, shift, color, blur] = steps.slice(2, 6) as [TrainStep, TrainStep, TrainStep, TrainStep]
    for (const list of [[crop], [shift, crop], [crop, color, shift], [crop, shift, crop], [crop, shift, blur, blur]]) {
      await expect(TrainPipeline.create(device, list, 1)).rejects.toThrow(ConfigError)
    }
    const bytes = { type: 'LoadMultiImagesFromFile', to_float32: false } as const
    await expect(TrainPipeline.create(device, [bytes, crop, shift], 1)).rejects.toThrow(/to_float32.*false/)
    const gray = { type: 'SeqGrayAug', prob: 1 } as const
    const pipeline = await TrainPipeline.create(device, [crop, shift, blur, gray, color], 1)
    await pipeline.prepare([noisePair(0, 61, 47)])
    pipeline.release()
  })
})
