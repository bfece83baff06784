// The kernels against the numbers of the real MMTracking: section B (kernels), F (get_bbox), G (crops and boxes of a track).

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { capture, type Program } from '../../src/gpu/program.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { depthwiseCorrelation } from '../../src/kernels/correlation.ts'
import { channelMean, cropRecord, cropResize } from '../../src/kernels/crop-resize.ts'
import { bestBoxes, type CenterBox, decodeBest, stateRecord } from '../../src/kernels/decode-best.ts'
import { add, relu, weightedSum } from '../../src/kernels/elementwise.ts'
import { foldBatchNorm, frozenBatchNorm } from '../../src/kernels/norm.ts'
import { bilinearResize } from '../../src/kernels/resize.ts'
import { maxPool } from '../../src/kernels/spatial.ts'
import { hashTensor, smoothImage } from '../golden/check/hash.ts'
import { type GoldenSection, readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'
import { evaluate, expectClose, type HostTensor, relativeError, toNHWC, upload } from '../helpers/tensors.ts'
import { croppedRectangle } from '../reference/crop-resize.ts'

interface KernelCase {
  readonly op: string
  readonly id: string
  readonly params: Readonly<Record<string, number>> & { readonly center_xy: [number, number] }
  readonly inputs: Readonly<Record<string, string>>
  readonly outputs: { readonly y: string }
}

interface BoxCase {
  readonly cls_rule: HashRule
  readonly bbox_rule: HashRule
  readonly prev_bbox: Four
  readonly scale_factor: number
  readonly best_idx: number
  readonly best_score: number
  readonly best_bbox: Four
  readonly gap_to_second: number
  readonly penalty_score_at_best: number
}

interface TrackCase {
  readonly id: string
  readonly template_frame: number
  readonly template_bbox: Four
  readonly search_frame: number
  readonly prev_bbox: Four
  readonly avg_channel: readonly number[]
  readonly z_size: number
  readonly x_size: number
  readonly scale_factor: number
  readonly z_channel_sums: readonly number[]
  readonly x_channel_sums: readonly number[]
  readonly best_idx: number
  readonly best_score: number
  readonly best_bbox: Four
  readonly best_bbox_before_clip: Four
  readonly gap_to_second: number
}

interface HashRule {
  readonly key: string
  readonly shape: readonly number[]
  readonly a: number
  readonly b: number
}

type Four = readonly [number, number, number, number]

const kernels = await readGoldenSection<{ cases: KernelCase[] }>(goldenDirectory, 'B')
const head = await readGoldenSection<{ get_bbox: { cases: BoxCase[] } }>(goldenDirectory, 'F')
const tracking = await readGoldenSection<{ cases: TrackCase[]; frames: { key: string; H: number; W: number }[] }>(
  goldenDirectory,
  'G',
)

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

function host(section: GoldenSection<unknown>, key: string): HostTensor {
  return { data: section.float32(key), shape: section.tensor(key).shape }
}

function image(section: GoldenSection<unknown>, key: string): HostTensor {
  return toNHWC(host(section, key))
}

describe.each(['relu', 'add', 'add_relu', 'softmax_weighted_sum'])('section B, %s', (op) => {
  test.each(kernels.json.cases.filter((one) => one.op === op))('$id', async ({ inputs, outputs }) => {
    const tensor = (role: string) => upload(device, image(kernels, inputs[role]!))
    const found = await evaluate(device, (r) => {
      if (op === 'relu') return relu(r, tensor('x'))
      if (op !== 'softmax_weighted_sum')
        return add(r, { a: tensor('a'), b: tensor('b'), activation: op === 'add_relu' ? 'relu' : 'none' })
      const weights = upload(device, host(kernels, inputs.weight!))
      return weightedSum(r, { inputs: [tensor('x0'), tensor('x1'), tensor('x2')], weights })
    })
    expectClose(found, image(kernels, outputs.y))
  })
})

describe('section B, batchnorm_eval', () => {
  test.each(kernels.json.cases.filter((one) => one.op === 'batchnorm_eval'))(
    '$id',
    async ({ inputs, outputs, params }) => {
      const vector = (role: string) => kernels.float32(inputs[role]!)
      const folded = foldBatchNorm(
        {
          gamma: vector('gamma'),
          beta: vector('beta'),
          mean: vector('running_mean'),
          variance: vector('running_var'),
        },
        params.eps!,
      )
      const input = upload(device, image(kernels, inputs.x!))
      const scale = device.tensor(folded.scale, [folded.scale.length])
      const bias = device.tensor(folded.bias, [folded.bias.length])
      const found = await evaluate(device, (r) => frozenBatchNorm(r, { input, scale, bias }))
      expectClose(found, image(kernels, outputs.y))
    },
  )
})

describe.each(['maxpool3x3s2p1', 'bilinear_resize', 'depthwise_correlation'])('section B, %s', (op) => {
  test.each(kernels.json.cases.filter((one) => one.op === op))('$id', async ({ inputs, outputs, params }) => {
    const input = upload(device, image(kernels, inputs.x!))
    const found = await evaluate(device, (r) => {
      if (op === 'maxpool3x3s2p1') return maxPool(r, { input, kernel: 3, stride: 2, padding: 1 })
      if (op === 'bilinear_resize') return bilinearResize(r, { input, size: params.out! })
      return depthwiseCorrelation(r, { input, kernel: upload(device, image(kernels, inputs.kernel!)) })
    })
    expectClose(found, image(kernels, outputs.y))
  })
})

describe('section B, get_cropped_img', () => {
  test.each(kernels.json.cases.filter((one) => one.op === 'get_cropped_img'))(
    '$id',
    async ({ inputs, outputs, params }) => {
      const source = image(kernels, inputs.img!)
      const [, height = 0, width = 0] = source.shape
      const words = new Uint32Array(Float32Array.from(source.data).buffer)
      const frame = { pixels: device.tensor(words, [words.length]), width, height, format: 'rgb32f' } as const
      const rectangle = croppedRectangle(params.center_xy, params.crop_size!, frame)
      const crops = device.tensor(cropRecord(rectangle, kernels.float32(inputs.avg_channel!)), [1, 8])
      const size = params.target_size!
      const found = await evaluate(device, (r) => cropResize(r, { frame, crops, size, reverseChannels: false }))
      const expected = image(kernels, outputs.y)
      const data = Float64Array.from({ length: size * size * 4 }, (_, i) =>
        i % 4 === 3 ? 0 : expected.data[Math.floor(i / 4) * 3 + (i % 4)]!,
      )
      expectClose(found, { data, shape: [1, size, size, 4] })
    },
  )
})

const positionCount = 25
const anchorCount = 5

interface Decoder {
  readonly program: Program<GpuTensor>
  readonly cls: GpuTensor
  readonly bbox: GpuTensor
  readonly state: GpuTensor
}

async function makeDecoder(): Promise<Decoder> {
  const count = positionCount * positionCount * anchorCount
  const cls = device.empty([1, positionCount, positionCount, 2 * anchorCount])
  const bbox = device.empty([1, positionCount, positionCount, 4 * anchorCount])
  const state = device.empty([1, 8])
  const anchors = device.tensor(head.float32('head_anchors'), [count, 4])
  const window = device.tensor(head.float32('window'), [count])
  const args = { cls, bbox, anchors, window, state, penaltyK: 0.05, windowInfluence: 0.42, lr: 0.38 }
  return { program: await capture(device, (r) => decodeBest(r, args)), cls, bbox, state }
}

interface Step {
  readonly cls: HostTensor
  readonly bbox: HostTensor
  readonly previous: Four
  readonly scale: number
  readonly frame: { readonly width: number; readonly height: number }
}

async function step(decoder: Decoder, { cls, bbox, previous, scale, frame }: Step) {
  device.write(decoder.cls, Float32Array.from(toNHWC(cls).data))
  device.write(decoder.bbox, Float32Array.from(toNHWC(bbox).data))
  device.write(decoder.state, stateRecord(box(previous), scale, frame))
  decoder.program.run()
  return bestBoxes(await device.readF32(decoder.program.result))[0]!
}

function box([cx, cy, width, height]: Four): CenterBox {
  return { cx, cy, width, height }
}

function expectBox(found: CenterBox, expected: Four): void {
  const difference = Object.values(found).map((value, k) => Math.abs(value - expected[k]!))
  expect(Math.max(...difference)).toBeLessThan(1e-3)
}

describe('section F, get_bbox', () => {
  let decoder: Decoder
  beforeAll(async () => {
    decoder = await makeDecoder()
  })

  test.each(head.json.get_bbox.cases)('anchor $best_idx, gap $gap_to_second', async (one) => {
    const map = ({ key, shape, a, b }: HashRule) => ({ data: hashTensor(key, shape[1]! * 625, a, b), shape })
    const found = await step(decoder, {
      cls: map(one.cls_rule),
      bbox: map(one.bbox_rule),
      previous: one.prev_bbox,
      scale: one.scale_factor,
      frame: { width: 1e6, height: 1e6 },
    })
    expect(found.index).toBe(one.best_idx)
    expect(Math.abs(found.score - one.best_score)).toBeLessThan(1e-6)
    expect(Math.abs(found.penalisedScore - one.penalty_score_at_best)).toBeLessThan(1e-6)
    expectBox(found.unclipped, one.best_bbox)
  })
})

describe('section G', () => {
  const frames = tracking.json.frames.map(({ key, H, W }) => ({ bytes: smoothImage(key, H, W), height: H, width: W }))

  function frameTensor(index: number) {
    const { bytes, width, height } = frames[index]!
    return {
      pixels: device.tensor(new Uint32Array(bytes.buffer), [bytes.length / 4]),
      width,
      height,
      format: 'rgb8',
    } as const
  }

  test.each(tracking.json.cases)('$id: crops', async (one) => {
    const template = frameTensor(one.template_frame)
    const search = frameTensor(one.search_frame)
    const mean = await channelMean(device, template, { reverseChannels: false })
    expect(relativeError(mean, one.avg_channel)).toBeLessThan(1e-7)
    const cut = (frame: ReturnType<typeof frameTensor>, [cx, cy]: Four, crop: number, size: number) => {
      const crops = device.tensor(cropRecord(croppedRectangle([cx, cy], crop, frame), mean), [1, 8])
      return evaluate(device, (r) => cropResize(r, { frame, crops, size, reverseChannels: false }))
    }
    const z = await cut(template, one.template_bbox, one.z_size, 127)
    const x = await cut(search, one.prev_bbox, one.x_size, 255)
    const rows = (list: readonly number[], crop: HostTensor, c: number) => {
      const size = crop.shape[1]!
      return Float64Array.from(
        list.flatMap((y) => Array.from({ length: size }, (_, i) => crop.data[(y * size + i) * 4 + c]!)),
      )
    }
    const columns = (list: readonly number[], crop: HostTensor, c: number) => {
      const size = crop.shape[1]!
      return Float64Array.from(
        list.flatMap((i) => Array.from({ length: size }, (_, y) => crop.data[(y * size + i) * 4 + c]!)),
      )
    }
    const edges = [0, 1, 127, 253, 254]
    expect(relativeError(rows([0, 1, 63, 125, 126], z, 1), tracking.float32(`${one.id}.z_rows`))).toBeLessThan(5e-7)
    expect(relativeError(rows(edges, x, 2), tracking.float32(`${one.id}.x_rows`))).toBeLessThan(5e-7)
    expect(relativeError(columns(edges, x, 0), tracking.float32(`${one.id}.x_cols`))).toBeLessThan(5e-7)
    for (const [crop, sums] of [
      [z, one.z_channel_sums],
      [x, one.x_channel_sums],
    ] as const) {
      const found = sums.map((_, c) =>
        Float64Array.from(crop.data).reduce((sum, v, i) => sum + (i % 4 === c ? v : 0), 0),
      )
      expect(relativeError(found, sums)).toBeLessThan(1e-7)
    }
    device.release(template.pixels)
    device.release(search.pixels)
  })

  test('dumped maps give the same box', async () => {
    const decoder = await makeDecoder()
    const dumped = tracking.json.cases.filter(({ id }) => tracking.has(`${id}.cls_score`))
    expect(dumped.length).toBeGreaterThan(0)
    for (const one of dumped) {
      const found = await step(decoder, {
        cls: host(tracking, `${one.id}.cls_score`),
        bbox: host(tracking, `${one.id}.bbox_pred`),
        previous: one.prev_bbox,
        scale: one.scale_factor,
        frame: frames[one.search_frame]!,
      })
      expect(found.index).toBe(one.best_idx)
      expect(Math.abs(found.score - one.best_score)).toBeLessThan(1e-6)
      expectBox(found.unclipped, one.best_bbox_before_clip)
      expectBox(found.box, one.best_bbox)
    }
  })
})
