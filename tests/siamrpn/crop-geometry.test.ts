import { beforeAll, describe, expect, test } from 'vitest'
import type { CenterBox } from '../../src/siamrpn/boxes.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { type CropGeometry, cropGeometry, exemplarCropSize, searchCrop } from '../../src/siamrpn/crop-geometry.ts'
import { CropError } from '../../src/siamrpn/errors.ts'
import { hashStream, smoothImage } from '../golden/check/hash.ts'
import { type GoldenSection, readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'
import { bilinearResize, channelMeans, type Planes, planesOf, referenceCrop } from '../reference/crop.ts'
import { largestDifference } from './compare.ts'

interface CropCase {
  op: string
  params: { target_size: number; center_xy: [number, number]; crop_size: number }
  inputs: { img: string; avg_channel: string }
  outputs: { y: string }
}

type Box4 = [number, number, number, number]

interface TrackingCase {
  id: string
  template_frame: number
  template_bbox: Box4
  search_frame: number
  prev_bbox: Box4
  avg_channel: number[]
  z_size: number
  x_size: number
  scale_factor: number
  z_rows: string
  z_channel_sums: number[]
  x_rows: string
  x_cols: string
  x_channel_sums: number[]
}

const config = namedConfig('r50').model.test_cfg
let kernels: GoldenSection<{ cases: CropCase[] }>
let tracking: GoldenSection<{ frames: { key: string; H: number; W: number }[]; cases: TrackingCase[] }>
let frames: Planes[]

beforeAll(async () => {
  kernels = await readGoldenSection(goldenDirectory, 'B')
  tracking = await readGoldenSection(goldenDirectory, 'G')
  frames = tracking.json.frames.map(({ key, H, W }) => planesOf(smoothImage(key, H, W), H, W))
})

function centerBox([cx, cy, width, height]: Box4): CenterBox {
  return { cx, cy, width, height }
}

/** Cuts out the rectangle, with the average wherever it lies outside of the image. */
function cut(image: Planes, { x, y, width, height }: CropGeometry, average: ArrayLike<number>): Planes {
  const data: number[] = []
  for (let c = 0; c < image.channels; c++) {
    for (let row = y; row < y + height; row++) {
      for (let column = x; column < x + width; column++) {
        const inside = row >= 0 && row < image.height && column >= 0 && column < image.width
        data.push(inside ? image.data[(c * image.height + row) * image.width + column]! : average[c]!)
      }
    }
  }
  return { data, channels: image.channels, height, width }
}

/** Crop and resize by way of the geometry. */
function cropped(image: Planes, box: CenterBox, sizes: { crop: number; target: number }, average: ArrayLike<number>) {
  const geometry = cropGeometry(box, sizes.crop, image.width, image.height)
  return bilinearResize(cut(image, geometry, average), sizes.target)
}

describe('the float64 reference of get_cropped_img', () => {
  test('equals MMTracking', () => {
    const cases = kernels.json.cases.filter(({ op }) => op === 'get_cropped_img')
    expect(cases).toHaveLength(12)
    for (const { params, inputs, outputs } of cases) {
      const [, channels = 0, height = 0, width = 0] = kernels.tensor(inputs.img).shape
      const image = { data: kernels.float32(inputs.img), channels, height, width }
      const average = kernels.float32(inputs.avg_channel)
      const { center_xy: center, crop_size: cropSize, target_size: targetSize } = params
      const crop = referenceCrop(image, { center, cropSize, targetSize, average })
      expect(largestDifference(crop.data, kernels.float32(outputs.y))).toBeLessThan(5e-5)
    }
  })
})

describe('cropGeometry', () => {
  test('reproduces the golden crops', () => {
    for (const { op, params, inputs, outputs } of kernels.json.cases) {
      if (op !== 'get_cropped_img') continue
      const [, channels = 0, height = 0, width = 0] = kernels.tensor(inputs.img).shape
      const image = { data: kernels.float32(inputs.img), channels, height, width }
      const [cx, cy] = params.center_xy
      const sizes = { crop: params.crop_size, target: params.target_size }
      const crop = cropped(image, centerBox([cx, cy, 0, 0]), sizes, kernels.float32(inputs.avg_channel))
      expect(largestDifference(crop.data, kernels.float32(outputs.y))).toBeLessThan(5e-5)
    }
  })

  test('gives the rectangle of the original for any centre and size', () => {
    const image: Planes = { data: hashStream('image', 11 * 14), channels: 1, height: 11, width: 14 }
    const average = [-1]
    const draws = hashStream('crops', 3 * 400)
    for (let i = 0; i < 400; i++) {
      const cx = Math.round(draws[3 * i]! * 14 * 4) / 4
      const cy = Math.round(draws[3 * i + 1]! * 11 * 4) / 4
      const crop = 1 + Math.floor(draws[3 * i + 2]! * 30)
      const request = { center: [cx, cy] as const, cropSize: crop, targetSize: 9, average }
      const actual = cropped(image, centerBox([cx, cy, 0, 0]), { crop, target: 9 }, average)
      expect(actual.data).toEqual(referenceCrop(image, request).data)
    }
  })

  test.each([
    ['inside: one pixel more than the size', [50, 50], 20, { x: 40, y: 40, width: 21, height: 21 }],
    ['ends at the last pixel', [89.5, 50], 20, { x: 79, y: 40, width: 21, height: 21 }],
    ['ends one pixel beyond: clipped', [90, 50], 20, { x: 80, y: 40, width: 20, height: 21 }],
    ['right and bottom padding: the size itself', [99, 98], 20, { x: 89, y: 88, width: 20, height: 20 }],
    ['left padding', [4, 50], 20, { x: -6, y: 40, width: 21, height: 21 }],
    ['edges are cut toward zero', [9.5, 50], 20, { x: 0, y: 40, width: 20, height: 21 }],
    ['larger than the frame', [50, 50], 200, { x: -50, y: -50, width: 200, height: 200 }],
    ['beyond the frame', [130, 50], 20, { x: 120, y: 40, width: 20, height: 21 }],
  ])('%s', (_, [cx = 0, cy = 0], size, rectangle) => {
    expect(cropGeometry({ cx, cy }, size, 100, 100)).toMatchObject(rectangle)
  })

  test('states the padding', () => {
    expect(cropGeometry({ cx: 4, cy: 98 }, 20, 100, 100).padding).toEqual({ left: 6, top: 0, right: 0, bottom: 8 })
  })

  test('edges are decided in float32', () => {
    const cx = 16.499999999
    expect(cropGeometry({ cx, cy: 20 }, 17, 100, 100).x).toBe(Math.trunc(16.5 - 8.5))
  })

  test.each([
    [Number.NaN, 50, 20],
    [50, Number.POSITIVE_INFINITY, 20],
    [50, 50, Number.NaN],
    [50, 50, -3],
    [130, 50, 0],
  ])('refuses centre (%d, %d) and size %d', (cx, cy, size) => {
    expect(() => cropGeometry({ cx, cy }, size, 100, 100)).toThrow(CropError)
  })
})

describe('crop sizes', () => {
  test('equal MMTracking exactly', () => {
    for (const golden of tracking.json.cases) {
      expect(exemplarCropSize(centerBox(golden.template_bbox), config)).toBe(golden.z_size)
      const { size, scale } = searchCrop(centerBox(golden.prev_bbox), config)
      expect(size).toBe(golden.x_size)
      expect(scale).toBe(golden.scale_factor)
    }
  })

  test('halves are rounded to even', () => {
    const without = { context_amount: 0 }
    expect(exemplarCropSize(centerBox([0, 0, 2.5, 2.5]), without)).toBe(2)
    expect(exemplarCropSize(centerBox([0, 0, 3.5, 3.5]), without)).toBe(4)
    expect(exemplarCropSize(centerBox([0, 0, 3.25, 3.25]), without)).toBe(3)
  })
})

describe('crops of the golden frames', () => {
  test('channel means are those that pad', () => {
    for (const { template_frame, avg_channel } of tracking.json.cases) {
      expect(largestDifference(channelMeans(frames[template_frame]!), avg_channel)).toBeLessThan(1e-9)
    }
  })

  test('exemplar and search image equal MMTracking', () => {
    for (const golden of tracking.json.cases) {
      const template = frames[golden.template_frame]!
      const box = centerBox(golden.template_bbox)
      const z = cropped(template, box, { crop: golden.z_size, target: 127 }, golden.avg_channel)
      expectLines(z, 1, [0, 1, 63, 125, 126], golden.z_rows)
      expectSums(z, golden.z_channel_sums)

      const previous = centerBox(golden.prev_bbox)
      const x = cropped(
        frames[golden.search_frame]!,
        previous,
        { crop: golden.x_size, target: 255 },
        golden.avg_channel,
      )
      const lines = [0, 1, 127, 253, 254]
      expectLines(x, 2, lines, golden.x_rows)
      expectLines(x, 0, lines, golden.x_cols, true)
      expectSums(x, golden.x_channel_sums)
    }
  })

  function expectLines(crop: Planes, channel: number, lines: number[], key: string, columns = false): void {
    const { data, height, width } = crop
    const pixel = (y: number, x: number) => data[(channel * height + y) * width + x]!
    const values = lines.flatMap((line) =>
      Array.from({ length: columns ? height : width }, (_, i) => (columns ? pixel(i, line) : pixel(line, i))),
    )
    expect(largestDifference(values, tracking.float32(key))).toBeLessThan(1e-4)
  }

  function expectSums({ data, channels, height, width }: Planes, sums: number[]): void {
    const actual = Array.from({ length: channels }, (_, c) =>
      Array.prototype.slice.call(data, c * height * width, (c + 1) * height * width).reduce((a, b) => a + b, 0),
    )
    expect(largestDifference(actual, sums)).toBeLessThan(1e-2)
  }
})
