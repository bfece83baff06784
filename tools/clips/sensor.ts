// From a picture of light to the bytes of a video frame: smear of a moving camera, defocus, exposure, color cast, uneven
// light, sensor noise, and the loss of fine contrast and color in blocks that compression brings.

import { hashKey, mix32, type Random, type RgbFrame } from 'siamrpn'
import type { Canvas } from './canvas.ts'

/** Exposure of one frame. */
export interface Exposure {
  /** Factors of R, G, B. */
  readonly gain: readonly [r: number, g: number, b: number]
  /** Added, in grey levels. */
  readonly offset: number
  /** Change of brightness from the middle to the right and to the lower edge. */
  readonly slope: readonly [x: number, y: number]
  /** Deviation of the noise in grey levels, of brightness and of color. */
  readonly noise: readonly [luma: number, chroma: number]
  readonly seed: number
}

const noiseCount = 1 << 14
const noiseMask = noiseCount - 1
const mostTaps = 9

let noiseTable: Float32Array | undefined

/** A table of numbers with mean 0 and deviation 1, near enough to a normal distribution. */
function noises(): Float32Array {
  if (noiseTable !== undefined) return noiseTable
  const base = hashKey(['sensor noise'])
  noiseTable = Float32Array.from({ length: noiseCount }, (_, index) => {
    let sum = 0
    for (let k = 0; k < 4; k++) sum += mix32(base + index * 4 + k) / 2 ** 32 - 0.5
    return sum * 1.7320508
  })
  return noiseTable
}

/** Smears the picture along a way of (x, y) pixels. */
export function smear(canvas: Canvas, x: number, y: number): void {
  const { width, height, data } = canvas
  const length = Math.max(Math.abs(x), Math.abs(y))
  const taps = Math.min(mostTaps, Math.floor(length / 1.5) + 1)
  if (taps < 2) return
  const copy = data.slice()
  const dx = Int32Array.from({ length: taps }, (_, tap) => Math.round((tap / (taps - 1) - 0.5) * x))
  const dy = Int32Array.from({ length: taps }, (_, tap) => Math.round((tap / (taps - 1) - 0.5) * y))
  const share = Math.floor(65536 / taps)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let redBlue = 0
      let green = 0
      for (let tap = 0; tap < taps; tap++) {
        const i = Math.max(0, Math.min(width - 1, column + (dx[tap] ?? 0)))
        const j = Math.max(0, Math.min(height - 1, row + (dy[tap] ?? 0)))
        const pixel = copy[j * width + i] ?? 0
        redBlue += pixel & 0xff00ff
        green += (pixel >> 8) & 255
      }
      const red = ((redBlue & 0xffff) * share) >> 16
      const blue = ((redBlue >> 16) * share) >> 16
      data[row * width + column] = red | (((green * share) >> 16) << 8) | (blue << 16)
    }
  }
}

/** Blurs with the kernel (side, 1 - 2 side, side) both ways, `passes` times. */
export function defocus({ width, height, data }: Canvas, side: number, passes: number): void {
  const outer = Math.round(256 * side)
  const middle = 256 - 2 * outer
  const above = new Int32Array(width)
  for (let pass = 0; pass < passes; pass++) {
    above.set(data.subarray(0, width))
    for (let row = 0; row < height; row++) {
      const start = row * width
      const below = row < height - 1 ? width : 0
      for (let column = 0; column < width; column++) {
        const at = start + column
        const here = data[at] ?? 0
        data[at] = blurred(here, above[column] ?? 0, data[at + below] ?? 0, middle, outer)
        above[column] = here
      }
      let left = data[start] ?? 0
      for (let at = start; at < start + width; at++) {
        const here = data[at] ?? 0
        const right = at < start + width - 1 ? (data[at + 1] ?? 0) : here
        data[at] = blurred(here, left, right, middle, outer)
        left = here
      }
    }
  }
}

/** A pixel's mean with its two neighbours; weights in 1/256. */
function blurred(here: number, a: number, b: number, middle: number, outer: number): number {
  const sides = (a & 0xff00ff) + (b & 0xff00ff)
  const redBlue = (Math.imul(here & 0xff00ff, middle) + Math.imul(sides, outer) + 0x800080) >>> 8
  const green = Math.imul((here >> 8) & 255, middle) + Math.imul(((a >> 8) & 255) + ((b >> 8) & 255), outer) + 128
  return (redBlue & 0xff00ff) | (green & 0xff00)
}

/** Turns light into bytes. */
export function expose(
  canvas: Canvas,
  stage: { readonly width: number; readonly height: number },
  exposure: Exposure,
): RgbFrame {
  const { width, height, data } = canvas
  const bytes = new Uint8Array(width * height * 3)
  const out = new Uint8ClampedArray(bytes.buffer)
  const table = noises()
  const [gainR, gainG, gainB] = exposure.gain
  const [slopeX, slopeY] = exposure.slope
  const [luma, chroma] = exposure.noise
  const { offset, seed } = exposure
  const step = (2 * slopeX) / stage.width
  for (let row = 0; row < height; row++) {
    const first = mix32(seed + (canvas.y + row) * 2) + canvas.x
    const second = mix32(seed + (canvas.y + row) * 2 + 1) + canvas.x * 3
    const start = 1 + slopeY * ((2 * (canvas.y + row)) / stage.height - 1) - slopeX
    for (let column = 0, at = row * width * 3; column < width; column++, at += 3) {
      const light = start + step * (canvas.x + column)
      const grey = offset + luma * (table[(first + column) & noiseMask] ?? 0)
      const tint = second + column * 3
      const pixel = data[row * width + column] ?? 0
      out[at] = (pixel & 255) * gainR * light + grey + chroma * (table[tint & noiseMask] ?? 0)
      out[at + 1] = ((pixel >> 8) & 255) * gainG * light + grey + chroma * (table[(tint + 1) & noiseMask] ?? 0)
      out[at + 2] = ((pixel >> 16) & 255) * gainB * light + grey + chroma * (table[(tint + 2) & noiseMask] ?? 0)
    }
  }
  return { data: bytes, width, height, channels: 3 }
}

/**
 * Loses what compression loses: color finer than 4 x 4 pixels, and within 8 x 8 pixels brightness that differs from the
 * block's mean by less than `threshold` grey levels.
 */
export function compress({ data, width, height }: RgbFrame, threshold: number): void {
  const view = new Uint8ClampedArray(data.buffer, data.byteOffset, data.length)
  for (let y = 0; y < height; y += 8) {
    for (let x = 0; x < width; x += 8) {
      const block = meanOf(view, width, { x, y, right: Math.min(width, x + 8), bottom: Math.min(height, y + 8) })
      const mean = (block[0] + 2 * block[1] + block[2]) / 4
      for (let part = 0; part < 4; part++) {
        const left = x + (part & 1) * 4
        const top = y + (part >> 1) * 4
        const cell = { x: left, y: top, right: Math.min(width, left + 4), bottom: Math.min(height, top + 4) }
        if (cell.right > left && cell.bottom > top) flatten(view, width, cell, { mean, threshold })
      }
    }
  }
}

interface Cell {
  readonly x: number
  readonly y: number
  readonly right: number
  readonly bottom: number
}

function meanOf(data: Uint8ClampedArray, width: number, { x, y, right, bottom }: Cell): [number, number, number] {
  let r = 0
  let g = 0
  let b = 0
  for (let row = y; row < bottom; row++) {
    for (let at = (row * width + x) * 3; at < (row * width + right) * 3; at += 3) {
      r += data[at] ?? 0
      g += data[at + 1] ?? 0
      b += data[at + 2] ?? 0
    }
  }
  const count = (right - x) * (bottom - y)
  return [r / count, g / count, b / count]
}

function flatten(
  data: Uint8ClampedArray,
  width: number,
  cell: Cell,
  { mean, threshold }: { readonly mean: number; readonly threshold: number },
): void {
  const [r, g, b] = meanOf(data, width, cell)
  const grey = (r + 2 * g + b) / 4
  for (let row = cell.y; row < cell.bottom; row++) {
    for (let at = (row * width + cell.x) * 3; at < (row * width + cell.right) * 3; at += 3) {
      const luma = ((data[at] ?? 0) + 2 * (data[at + 1] ?? 0) + (data[at + 2] ?? 0)) / 4
      const difference = luma - mean
      const kept =
        Math.abs(difference) < threshold ? difference * 0.3 : difference - Math.sign(difference) * 0.3 * threshold
      const change = mean + kept - grey
      data[at] = r + change
      data[at + 1] = g + change
      data[at + 2] = b + change
    }
  }
}

/** What the camera is like throughout a clip. */
export interface Sensor {
  readonly noise: readonly [luma: number, chroma: number]
  readonly blurSide: number
  readonly blurPasses: number
  /** 0: none. */
  readonly compression: number
  /** Share of a frame's time that the shutter is open. */
  readonly shutter: number
}

/** Draws a camera. */
export function makeSensor(random: Random): Sensor {
  const luma =
    random.next() < 0.4 ? random.uniform(0, 2) : random.next() < 0.75 ? random.uniform(1, 5) : random.uniform(4, 13)
  return {
    noise: [luma, luma * random.uniform(0, 0.8)],
    blurSide: random.uniform(0, 0.3),
    blurPasses: random.pick([0, 1, 1, 1, 1, 2, 2, 4]),
    compression: random.next() < 0.35 ? random.uniform(2, 12) : 0,
    shutter: random.next() < 0.3 ? 0 : random.uniform(0.2, 1),
  }
}
