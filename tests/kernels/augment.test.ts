import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { runOnce } from '../../src/gpu/program.ts'
import {
  type Blur,
  encodeImage,
  encodeTables,
  type ImageTables,
  imageRecordSize,
  motionBlur,
  noBlur,
  tableWords,
  warpFrames,
  words,
} from '../../src/kernels/augment.ts'
import type { RgbFrame } from '../../src/siamrpn/frame.ts'
import { copyPiece, pieceBytes } from '../../src/train/augmentation/frame-pack.ts'
import { composeColumns, composeRows, cropAxes } from '../../src/train/augmentation/warp.ts'
import { smoothImage } from '../golden/check/hash.ts'
import { evaluate, expectClose, type HostTensor, random, upload } from '../helpers/tensors.ts'
import { cropImage, crossBlur } from '../reference/warp-affine.ts'

type Region = readonly [number, number, number, number]

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const padding = [12.5, 130.25, 250.75]
const asItIs = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]
const cropSize = 41
const size = 23

/** One image: a frame, what is cropped from it, and what is cut out of the crop. */
interface Sample {
  readonly height: number
  readonly width: number
  readonly crop: Region
  readonly shift: Region
  readonly active?: boolean
  readonly color?: readonly number[]
}

const inside: Region = [3.3, 4.1, 30.2, 31.9]
const samples: Readonly<Record<string, Sample>> = {
  'enlarged, inside': { height: 37, width: 45, crop: [10.2, 9.1, 30.6, 29.7], shift: inside },
  'reduced by more than two, over all edges': {
    height: 101,
    width: 97,
    crop: [-11, -21.5, 120.25, 113],
    shift: inside,
  },
  'over the top left corner': { height: 37, width: 45, crop: [-20.4, -11.2, 13.1, 22.3], shift: [0, 0, 23.4, 22.2] },
  'over the bottom right corner': { height: 37, width: 45, crop: [30, 20, 60, 50], shift: [18.1, 17.7, 41, 41] },
  'beside the frame': { height: 37, width: 45, crop: [60, 5, 90, 35], shift: inside },
  'a frame of one pixel': { height: 1, width: 1, crop: [-3, -2, 4, 5], shift: inside },
  'cut beyond the crop': { height: 37, width: 45, crop: [5, 5, 30, 30], shift: [-9.5, 20.3, 20.1, 50.2] },
}

function frameOf({ height, width }: Sample, index: number): RgbFrame {
  return { data: smoothImage(`augment${index}`, height, width), height, width, channels: 3 }
}

function tablesOf({ height, width, crop, shift }: Sample): ImageTables {
  const [inner, outer] = [cropAxes(crop, cropSize), cropAxes(shift, size)]
  return { columns: composeColumns(inner[0], outer[0], width), rows: composeRows(inner[1], outer[1], height) }
}

/** Uploads all samples in one buffer, the first piece at an odd byte. */
function encoded(list: readonly Sample[]) {
  const tableSize = tableWords(size, size, cropSize)
  const [records, tables] = [words(list.length * imageRecordSize), words(list.length * tableSize)]
  const total = list.reduce((sum, sample) => sum + pieceBytes(tablesOf(sample)), 4)
  const bytes = new Uint8Array(total).fill(99)
  let offset = 1
  for (const [i, sample] of list.entries()) {
    const piece = tablesOf(sample)
    copyPiece(bytes, offset, frameOf(sample, i), piece)
    const { active = true, color = asItIs } = sample
    const [rowStride, narrow] = [piece.columns.extent * 3, piece.columns.narrow]
    encodeImage(records, i, { offset, rowStride, active, narrow, padding, color, blur: noBlur })
    encodeTables(tables, i * tableSize, piece)
    offset += piece.columns.extent * piece.rows.extent * 3
  }
  return {
    frames: device.tensor(new Uint32Array(bytes.buffer), [bytes.length / 4], 'frames'),
    images: device.tensor(records.u32, [list.length, imageRecordSize], 'images'),
    tables: device.tensor(tables.u32, [list.length, tableSize], 'tables'),
    height: size,
    width: size,
    cropRows: cropSize,
  }
}

function expected(sample: Sample, index: number): HostTensor {
  const { height, width, crop, shift, color = asItIs } = sample
  const image = { data: Float64Array.from(frameOf(sample, index).data), shape: [1, height, width, 3] }
  const warped = cropImage(cropImage(image, crop, cropSize, padding), shift, size, [0, 0, 0])
  const data = new Float64Array(size * size * 4)
  for (let pixel = 0; pixel < size * size; pixel++) {
    for (let c = 0; c < 3; c++) {
      const [x, y, z, offset] = color.slice(4 * c, 4 * c + 4) as [number, number, number, number]
      const [a, b, d] = warped.data.subarray(3 * pixel, 3 * pixel + 3) as unknown as [number, number, number]
      data[4 * pixel + c] = x * a + y * b + z * d + offset
    }
  }
  return { data, shape: [1, size, size, 4] }
}

function joined(parts: readonly HostTensor[]): HostTensor {
  const data = Float64Array.from(parts.flatMap((part) => [...part.data]))
  return { data, shape: [parts.length, ...parts[0]!.shape.slice(1)] }
}

describe('warped frames', () => {
  test.each(Object.entries(samples))('are two warps of OpenCV in a row: %s', async (_, sample) => {
    const found = await evaluate(device, (r) => warpFrames(r, encoded([sample])))
    expectClose(found, expected(sample, 0), 1e-6)
  })

  test('of different sizes come as one batch', async () => {
    const list = Object.values(samples)
    const found = await evaluate(device, (r) => warpFrames(r, encoded(list)))
    expectClose(found, joined(list.map(expected)), 1e-6)
  })

  test('covers columns that are neighbours and columns that are not', () => {
    const narrow = Object.values(samples).map((sample) => tablesOf(sample).columns.narrow)
    expect(new Set(narrow)).toEqual(new Set([true, false]))
  })

  test('have their colors mapped', async () => {
    const color = [0, 0.5, 1, -20.5, 0.25, 0.25, -0.5, 3, 1, 0, 0, 300]
    const sample = { ...samples['over the top left corner']!, color }
    const found = await evaluate(device, (r) => warpFrames(r, encoded([sample])))
    expectClose(found, expected(sample, 0), 1e-6)
  })

  test('are left alone unless they are active', async () => {
    const list = Object.values(samples).slice(0, 3)
    const before = random('before', [3, size, size, 4])
    const output = upload(device, before)
    const idle = list.map((sample, i) => ({ ...sample, active: i === 1 }))
    const program = await runOnce(device, (r) => warpFrames(r, { ...encoded(idle), output }))
    const found = { data: await device.readF32(output), shape: output.shape }
    program.destroy()
    const untouched = (i: number) => ({
      data: before.data.slice(i * size * size * 4, (i + 1) * size * size * 4),
      shape: [1, size, size, 4],
    })
    expectClose(found, joined([untouched(0), expected(list[1]!, 1), untouched(2)]), 1e-6)
  })

  test('above the binding limit are made in slices', async () => {
    const list = Array.from({ length: 40 }, (_, i) => Object.values(samples)[i % 7]!)
    const limited = await openDevice({ bindingLimit: 300_000 })
    const unlimited = device
    device = limited
    try {
      const found = await evaluate(limited, (r) => warpFrames(r, encoded(list)))
      expect(found.dispatches).toBeGreaterThan(1)
      expectClose(found, joined(list.map(expected)), 1e-6)
    } finally {
      device = unlimited
      await limited.close()
    }
  })
})

describe('motion blur', () => {
  const records = (blurs: readonly Blur[], active = true) => {
    const into = words(blurs.length * imageRecordSize)
    for (const [i, blur] of blurs.entries()) {
      encodeImage(into, i, { offset: 0, rowStride: 3, active, narrow: true, padding, color: asItIs, blur })
    }
    return device.tensor(into.u32, [blurs.length, imageRecordSize], 'images')
  }

  test.each([
    {
      height: 49,
      width: 70,
      blurs: [
        [5, 0.3],
        [1, 0],
        [45, 0.9],
      ],
    },
    { height: 131, width: 30, blurs: [[23, 0]] }, // three strips
    { height: 7, width: 3, blurs: [[45, 0.5]] }, // mirrored several times over
    { height: 1, width: 9, blurs: [[9, 0.25]] },
  ] as const)('is the filter of OpenCV on $height x $width', async ({ height, width, blurs }) => {
    const list = blurs.map(([size, share]) => ({
      size,
      vertical: Math.fround(share / size),
      horizontal: Math.fround((1 - share) / size),
    }))
    const image = random('blur', [blurs.length, height, width, 4], 255)
    image.data.forEach((_, i) => {
      if (i % 4 === 3) image.data[i] = 0
    })
    const input = upload(device, image)
    const program = await runOnce(device, (r) => motionBlur(r, { input, images: records(list) }))
    const found = { data: await device.readF32(input), shape: input.shape }
    program.destroy()
    const one = height * width * 4
    const parts = list.map(({ size, vertical, horizontal }, i) => {
      const part = { data: image.data.slice(i * one, (i + 1) * one), shape: [1, height, width, 4] }
      return size === 1 ? part : crossBlur(part, size, vertical, horizontal)
    })
    expectClose(found, joined(parts), 2e-6)
  })

  test('leaves idle images alone', async () => {
    const image = random('idle', [1, 9, 9, 4])
    const input = upload(device, image)
    const blur = { size: 5, vertical: 0.1, horizontal: 0.1 }
    const program = await runOnce(device, (r) => motionBlur(r, { input, images: records([blur], false) }))
    expect(await device.readF32(input)).toEqual(image.data)
    program.destroy()
  })

  test('refuses a cross without a centre', () => {
    expect(() => records([{ size: 4, vertical: 0.1, horizontal: 0.1 }])).toThrow(ShapeError)
  })
})

describe('tensors that do not fit each other', () => {
  test('are refused by name', async () => {
    const args = encoded([samples['a frame of one pixel']!])
    const attempt = (changes: object) => runOnce(device, (r) => warpFrames(r, { ...args, ...changes }))
    await expect(attempt({ width: 24 })).rejects.toThrow(/`tables` is u32 \[1,248\], expected u32 \[1,256\]/)
    await expect(attempt({ images: device.empty([1, 24]) })).rejects.toThrow(ShapeError)
    await expect(attempt({ cropRows: 1 })).rejects.toThrow(ShapeError)
    await expect(attempt({ output: device.empty([1, 9, 9, 4]) })).rejects.toThrow(ShapeError)
  })
})
