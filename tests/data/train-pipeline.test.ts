// The training pipeline against the numbers of the real MMTracking (section H, chain), batches of frames of different sizes,
// and frames that exceed the binding limit.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { r50 } from '../../configs/r50.ts'
import { smoothImage } from '../../src/cli/golden/hash.ts'
import { type GoldenSection, readGoldenSection } from '../../src/cli/golden/reader.ts'
import { type RecordedDraws, ReplayedDraws } from '../../src/cli/golden/replayed-draws.ts'
import { TrainPipeline } from '../../src/data/train-pipeline.ts'
import type { RgbFrame } from '../../src/data/types.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { parseConfig } from '../../src/siamrpn/config.ts'
import { goldenDirectory } from '../golden-directory.ts'

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
    request: {
      id,
      template: { source, box: template!.box },
      search: { source, box: search!.box },
      positive: true,
    },
    template: template!.frame,
    search: search!.frame,
    random: new ReplayedDraws(one.draws),
  }
}

describe('the pipeline of r50', () => {
  it('makes the images and boxes of MMTracking, a batch at once', async () => {
    const { cases } = section.json.chain
    const pipeline = await TrainPipeline.create(device, steps, cases.length)
    const batch = await pipeline.prepare(cases.map((one, i) => goldenPair(one, `chain${i}`)))
    const found = [await device.readF32(pipeline.template), await device.readF32(pipeline.search)]
    for (const [i, one] of cases.entries()) {
      expect(batch.templateBoxes[i]).toEqual(one.out_bbox[0])
      expect(batch.searchBoxes[i]).toEqual(one.out_bbox[1])
      for (const [side, { shape, rows, row_values }] of one.out.entries()) {
        const [height = 0, width = 0] = shape
        const golden = section.float64(row_values)
        let worst = 0
        for (const [r, y] of rows.entries()) {
          for (let j = 0; j < width * 3; j++) {
            const at = ((i * height + y) * width + Math.floor(j / 3)) * 4 + (j % 3)
            worst = Math.max(worst, Math.abs(found[side]![at]! - golden[r * width * 3 + j]!))
          }
        }
        expect(worst).toBeLessThan(1e-3)
      }
    }
    pipeline.release()
  })
})
