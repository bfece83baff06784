// The pixel work of host pipelines against slow references in plain floating point: drawing, pasting, halving, light, blur, noise.

import { describe, expect, test } from 'vitest'
import { Random } from '../../../src/siamrpn/random.ts'
import { applyLight, colorTables, makeGrey, randomLight } from '../../../tools/augment/light.ts'
import {
  apply,
  compose,
  contextSide,
  inverse,
  type Linear,
  type Point,
  randomMotion,
  scaled,
  turnedSize,
} from '../../../tools/augment/linear.ts'
import { levelFor, Photograph, pyramidOf } from '../../../tools/augment/picture.ts'
import {
  atLevel,
  drawPicture,
  type Fill,
  halve,
  type Pixels,
  pastePicture,
  sourceMap,
} from '../../../tools/augment/resample.ts'
import { addNoise, blurred, focusTaps, motionTaps, randomBlur } from '../../../tools/augment/sensor.ts'
import { patternFrame, plainFrame } from '../frames/helpers.ts'

/** Smooth colors, so that the small steps of a weight matter little. */
function smooth(width: number, height: number, channels: 3 | 4 = 3): Pixels {
  const data = new Uint8Array(width * height * channels)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let k = 0; k < channels; k++) {
        data[(y * width + x) * channels + k] = 127 + 120 * Math.sin(0.31 * x + 0.23 * y + k)
      }
    }
  }
  return { data, width, height, channels }
}

/** A pixel as floating point has it. */
function reference({ data, width, height, channels }: Pixels, [x, y]: Point, k: number, fill: Fill): number {
  const [x0, y0] = [Math.floor(x), Math.floor(y)]
  let sum = 0
  for (const [dx, dy] of [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ] as const) {
    const weight = (dx ? x - x0 : 1 - (x - x0)) * (dy ? y - y0 : 1 - (y - y0))
    const [u, v] = [x0 + dx, y0 + dy]
    const inside = u >= 0 && v >= 0 && u < width && v < height
    const [cu, cv] = [Math.min(Math.max(u, 0), width - 1), Math.min(Math.max(v, 0), height - 1)]
    sum += weight * (inside || fill === 'replicate' ? data[(cv * width + cu) * channels + k]! : fill[k]!)
  }
  return sum
}

const maps: Readonly<Record<string, Linear>> = {
  'as it is': [1, 0, 0, 1],
  'enlarged and turned': scaled(randomMotion(new Random('a'), 60, 0.3), 2.3),
  'reduced and mirrored': [-0.45, 0.1, 0.05, 0.4],
}

describe('drawing', () => {
  for (const [name, map] of Object.entries(maps)) {
    for (const fill of ['replicate', [10, 200, 90]] as const) {
      test(`${name}, outside ${fill}`, () => {
        const source = smooth(31, 23)
        const [from, to] = [
          [13.3, 9.7],
          [20.25, 14.5],
        ] as const
        const drawn = drawPicture(source, sourceMap(map, from, to), 41, 29, fill)
        const back = inverse(map)
        for (let y = 0; y < 29; y++) {
          for (let x = 0; x < 41; x++) {
            const [dx, dy] = apply(back, [x - to[0], y - to[1]])
            for (let k = 0; k < 3; k++) {
              const expected = reference(source, [from[0] + dx, from[1] + dy], k, fill)
              // A position is off by up to 1/128 pixel, and neighbours differ by up to 250 at the border.
              expect(Math.abs(drawn.data[3 * (41 * y + x) + k]! - expected), `${x} ${y} ${k}`).toBeLessThan(4.5)
            }
          }
        }
      })
    }
  }

  test('far outside, at the smallest size, and with absurd maps nothing but the fill', () => {
    const drawn = drawPicture(smooth(2, 2), { linear: [1e6, 0, 0, 1e6], start: [1e9, -1e9] }, 3, 3, [1, 2, 3])
    expect([...drawn.data]).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3])
  })

  test('a halved copy shows the same places', () => {
    const ramp = Uint8Array.from({ length: 3 * 64 * 48 }, (_, i) => 2 * (Math.floor(i / 3) % 64) + Math.floor(i / 192))
    const source: Pixels = { data: ramp, width: 64, height: 48, channels: 3 }
    expect([
      ...halve({ data: Uint8Array.of(0, 4, 8, 2, 6, 10, 1, 5, 9, 9, 9, 11), width: 2, height: 2, channels: 3 }).data,
    ]).toEqual([3, 6, 10])
    const map = sourceMap([0.5, 0, 0, 0.5], [30, 20], [12, 10])
    const whole = drawPicture(source, map, 24, 20, 'replicate')
    const half = drawPicture(halve(source), atLevel(map, 1), 24, 20, 'replicate')
    const errors = whole.data.map((value, i) => Math.abs(value - half.data[i]!))
    expect(Math.max(...errors)).toBeLessThanOrEqual(1)
  })

  test('strong reductions draw from halved copies, by the size of a pixel', () => {
    const pyramid = pyramidOf(smooth(200, 160))
    expect(pyramid.map(({ width, height }) => `${width}x${height}`)).toEqual(['200x160', '100x80', '50x40'])
    expect([1, 0.61, 0.59, 0.29, 0.01].map((size) => levelFor(pyramid, [size, 0, 0, size]).level)).toEqual([
      0, 0, 1, 2, 2,
    ])
    const checks = new Photograph(pyramidOf(checkerboard(128)))
    const view = { map: [0.47, 0, 0, 0.47], from: [64, 64], to: [16, 16], size: 33, fill: 'replicate' } as const
    const contrast = (antialias: boolean) => {
      const { data } = checks.draw({ ...view, antialias })
      return Math.max(...data) - Math.min(...data)
    }
    expect(contrast(true)).toBeLessThanOrEqual(1)
    expect(contrast(false)).toBeGreaterThan(200)
  })

  test('mean and contrast', () => {
    const source = smooth(40, 30)
    const photograph = new Photograph([source])
    const values = [...source.data].filter((_, i) => i % 3 === 1)
    expect(photograph.mean()[1]).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 9)
    expect(new Photograph([plainFrame(9, 9, [7, 7, 7])]).contrast(0, 0, 9, 9)).toBe(0)
    expect(new Photograph([checkerboard(16)]).contrast(-5, 3, 40, 4)).toBeCloseTo(0, 9) // Every second pixel is alike.
    expect(photograph.contrast(50, 50, 60, 60)).toBe(0)
  })
})

/** Black and white by turns. */
function checkerboard(size: number): Pixels {
  const data = new Uint8Array(3 * size * size)
  for (let i = 0; i < size * size; i++) data.fill(255 * ((i + Math.floor(i / size)) % 2), 3 * i, 3 * i + 3)
  return { data, width: size, height: size, channels: 3 }
}

describe('pasting', () => {
  test('mixes by the mask, whatever lies under it', () => {
    const source = smooth(20, 14, 4)
    for (let i = 0; i < 20 * 14; i++) source.data[4 * i + 3] = i % 20 < 10 ? 255 : 0
    const map = sourceMap(randomMotion(new Random('b'), 70, 0.2), [9, 6], [15.2, 12.1])
    const onto = patternFrame(30, 26)
    const before = onto.data.slice()
    pastePicture(onto, source, map)
    const [a, b, c, d] = map.linear
    let changed = 0
    for (let y = 0; y < 26; y++) {
      for (let x = 0; x < 30; x++) {
        const place: Point = [a * x + b * y + map.start[0], c * x + d * y + map.start[1]]
        const alpha = reference(source, place, 3, [0, 0, 0]) || 0
        const masked: Pixels = {
          ...source,
          data: source.data.map((value, i) => (i % 4 === 3 ? value : (value * source.data[i | 3]!) / 255)),
        }
        for (let k = 0; k < 3; k++) {
          const at = 3 * (30 * y + x) + k
          const share = reference({ ...source, channels: 4 }, place, 3, [0, 0, 0, 0] as never) / 255
          const expected = reference(masked, place, k, [0, 0, 0]) + before[at]! * (1 - share)
          expect(Math.abs(onto.data[at]! - expected), `${x} ${y} ${k} ${alpha}`).toBeLessThan(6)
          if (onto.data[at] !== before[at]) changed++
        }
      }
    }
    expect(changed).toBeGreaterThan(150)
  })

  test('colors go through the tables', () => {
    const onto = plainFrame(6, 6, [0, 0, 0])
    const data = new Uint8Array(4 * 16).fill(255)
    for (let i = 0; i < 16; i++) data.set([10, 20, 30], 4 * i)
    const tables = new Uint8Array(768).map((_, i) => 255 - (i % 256))
    pastePicture(onto, { data, width: 4, height: 4, channels: 4 }, sourceMap([1, 0, 0, 1], [0, 0], [1, 1]), tables)
    expect([...onto.data.subarray(3 * 14, 3 * 14 + 3)]).toEqual([245, 235, 225])
    expect([...onto.data.subarray(0, 3)]).toEqual([0, 0, 0])
  })
})

describe('light and sensor', () => {
  test('tables are the formula; light is drawn within its amount', () => {
    const light = { gain: 1.2, offset: -0.1, gamma: 1.3, tint: [1, 0.9, 1.1] } as const
    const frame = patternFrame(7, 5)
    const before = frame.data.slice()
    applyLight(frame, colorTables(light))
    for (const [i, value] of frame.data.entries()) {
      const lit = Math.min(Math.max((before[i]! / 255) * 1.2 - 0.1, 0), 1) ** 1.3 * light.tint[i % 3]!
      expect(value).toBe(Math.floor(Math.min(lit, 1) * 255))
    }
    const random = new Random('light')
    for (let k = 0; k < 100; k++) {
      const { gain, offset, gamma, tint } = randomLight(random, 0.3)
      for (const value of [Math.log(gain), Math.log(gamma), offset * 2, ...tint.map((t) => Math.log(t) / 0.3)]) {
        expect(Math.abs(value)).toBeLessThanOrEqual(0.3)
      }
    }
  })

  test('grey is grey', () => {
    const frame = patternFrame(5, 5)
    const [r, g, b] = frame.data.subarray(3, 6)
    makeGrey(frame)
    expect([...frame.data.subarray(3, 6)]).toEqual(
      Array(3).fill(Math.floor(0.299 * r! + 0.587 * g! + 0.114 * b! + 0.5)),
    )
  })

  test('a blur is the sum of its taps, its edge repeated', () => {
    const frame = patternFrame(9, 8)
    for (const taps of [focusTaps(3), focusTaps(5), motionTaps(7, 0.6), [{ x: 2, y: -1, weight: 1 }]]) {
      expect(taps.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12)
      const result = blurred(frame, taps)
      for (let y = 0; y < 8; y++) {
        for (let x = 0; x < 9; x++) {
          for (let k = 0; k < 3; k++) {
            const sum = taps.reduce((total, { x: dx, y: dy, weight }) => {
              const [u, v] = [Math.min(Math.max(x + dx, 0), 8), Math.min(Math.max(y + dy, 0), 7)]
              return total + weight * frame.data[3 * (9 * v + u) + k]!
            }, 0)
            expect(Math.abs(result.data[3 * (9 * y + x) + k]! - sum)).toBeLessThan(0.51)
          }
        }
      }
    }
  })

  test('a motion has the angle that was asked for, and every blur keeps brightness', () => {
    expect(motionTaps(5, 0).map(({ x, y }) => `${x} ${y}`)).toEqual(['-2 0', '-1 0', '0 0', '1 0', '2 0'])
    expect(motionTaps(5, Math.PI / 2).every(({ x }) => x === 0)).toBe(true)
    const random = new Random('blur')
    for (let k = 0; k < 30; k++)
      expect([...blurred(plainFrame(9, 9, [100, 50, 7]), randomBlur(random)).data.subarray(30, 33)]).toEqual([
        100, 50, 7,
      ])
  })

  test('noise has the standard deviation that was asked for', () => {
    const frame = plainFrame(200, 200, [128, 128, 128])
    addNoise(frame, 9, new Random('n'))
    const mean = frame.data.reduce((sum, value) => sum + value, 0) / frame.data.length
    const deviation = Math.sqrt(frame.data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / frame.data.length)
    expect(mean).toBeCloseTo(128, 0)
    expect(deviation).toBeCloseTo(9, 0)
    const white = plainFrame(20, 20, [255, 0, 255])
    addNoise(white, 12, new Random('w'))
    expect(white.data[0]).toBeGreaterThan(150)
    expect(white.data[1]).toBeLessThan(80)
  })
})

test('boxes under a map', () => {
  expect(turnedSize([0, -1, 1, 0], 30, 10)).toEqual([10, 30])
  expect(turnedSize(scaled([1, 0, 0, 1], 2), 30, 10)).toEqual([60, 20])
  expect(contextSide(40, 40, 0.5)).toBe(80)
  const map = compose([2, 0, 0, 3], [0, -1, 1, 0])
  expect(apply(map, [1, 0])).toEqual(apply([2, 0, 0, 3], apply([0, -1, 1, 0], [1, 0])))
  expect(apply(compose(inverse(map), map), [5, 7]).map((value) => Math.round(1e9 * value) / 1e9)).toEqual([5, 7])
})
