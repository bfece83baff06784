// Makes a sharp picture look as a camera takes it: out of focus, moved, or noisy.

import { Random, type RgbFrame } from 'siamrpn'

/** A place of a blur kernel relative to its middle, and its weight; weights sum to 1. */
export interface BlurTap {
  readonly x: number
  readonly y: number
  readonly weight: number
}

/** Out of focus (binomial kernel of 3 or 5 pixels) or moved along a line of 3, 5 or 7 pixels, as likely. */
export function randomBlur(random: Random): BlurTap[] {
  if (random.next() < 0.5) return focusTaps(random.pick([3, 5]))
  return motionTaps(random.pick([3, 5, 7]), random.uniform(0, Math.PI))
}

/** @param size 3 or 5 */
export function focusTaps(size: 3 | 5): BlurTap[] {
  const row = size === 3 ? [1, 2, 1] : [1, 4, 6, 4, 1]
  const [middle, total] = [(size - 1) / 2, row.reduce((sum, weight) => sum + weight, 0) ** 2]
  return row.flatMap((across, x) =>
    row.map((down, y) => ({ x: x - middle, y: y - middle, weight: (across * down) / total })),
  )
}

/** @param size odd, in pixels @param angle radians */
export function motionTaps(size: number, angle: number): BlurTap[] {
  const half = (size - 1) / 2
  const places = new Map<string, readonly [number, number]>()
  for (let k = 0; k < 2 * size; k++) {
    const along = -half + (2 * half * k) / (2 * size - 1)
    const place = [Math.round(along * Math.cos(angle)), Math.round(along * Math.sin(angle))] as const
    places.set(place.join(), place)
  }
  return [...places.values()].map(([x, y]) => ({ x, y, weight: 1 / places.size }))
}

/** The picture blurred; its edge counts for what lies outside. */
export function blurred({ data, width, height }: RgbFrame, taps: readonly BlurTap[]): RgbFrame {
  const sums = new Float32Array(data.length).fill(0.5)
  const columns = new Int32Array(width)
  const inside = (value: number, size: number) => Math.min(Math.max(value, 0), size - 1)
  for (const { x: dx, y: dy, weight } of taps) {
    for (let x = 0; x < width; x++) columns[x] = 3 * inside(x + dx, width)
    for (let y = 0, to = 0; y < height; y++) {
      const row = 3 * width * inside(y + dy, height)
      for (let x = 0; x < width; x++, to += 3) {
        const from = row + (columns[x] as number)
        for (let k = 0; k < 3; k++) sums[to + k] = (sums[to + k] as number) + weight * (data[from + k] as number)
      }
    }
  }
  return { data: Uint8Array.from(sums), width, height, channels: 3 }
}

/** Normal numbers, made once: every picture takes them from a random place on. */
const noiseLength = 1 << 16
let noise: Float32Array | undefined

/** Adds normal noise of standard deviation `sigma` to every byte, in place. */
export function addNoise({ data }: RgbFrame, sigma: number, random: Random): void {
  noise ??= normalNumbers()
  let place = random.integer(noiseLength)
  for (let i = 0; i < data.length; i++, place++) {
    // The step changes once per round, so that rows do not repeat each other.
    const value = (data[i] as number) + sigma * (noise[(place + 7919 * (i >> 16)) & (noiseLength - 1)] as number)
    data[i] = value < 0 ? 0 : value > 255 ? 255 : value + 0.5
  }
}

function normalNumbers(): Float32Array {
  const random = new Random('noise')
  return Float32Array.from({ length: noiseLength }, () => random.normal())
}
