// A temporary folder per test, tiny pictures, and ways to take ffmpeg away.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { onTestFinished } from 'vitest'
import type { RgbFrame } from '../../../src/siamrpn/frame.ts'
import type { FrameSource } from '../../../tools/frames/types.ts'

/** A folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A frame of one color. */
export function plainFrame(width: number, height: number, color: readonly [number, number, number]): RgbFrame {
  const data = new Uint8Array(width * height * 3)
  for (let pixel = 0; pixel < width * height; pixel++) data.set(color, pixel * 3)
  return { data, width, height, channels: 3 }
}

/** A frame whose pixels all differ from their neighbours. */
export function patternFrame(width: number, height: number, phase = 0): RgbFrame {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => (index * 37 + phase * 91) % 256)
  return { data, width, height, channels: 3 }
}

/** sharp's pipeline over a frame, ready to be encoded. */
export function encode({ data, width, height, channels }: RgbFrame) {
  return sharp(data, { raw: { width, height, channels } })
}

/** The color of one pixel. */
export function pixel(frame: RgbFrame, x: number, y: number): number[] {
  const at = (y * frame.width + x) * 3
  return [...frame.data.subarray(at, at + 3)]
}

/** All frames of a source. */
export async function collect(source: FrameSource): Promise<RgbFrame[]> {
  const frames: RgbFrame[] = []
  for await (const frame of source) frames.push(frame)
  return frames
}

/** Largest difference of two frames' bytes. */
export function largestDifference(a: RgbFrame, b: RgbFrame): number {
  return a.data.reduce((most, value, index) => Math.max(most, Math.abs(value - (b.data[index] ?? 0))), 0)
}

/** Makes programs on the PATH (ffmpeg) unfindable until the test ends. */
export function emptyPath(folder: string): void {
  const before = process.env.PATH
  process.env.PATH = folder
  onTestFinished(() => {
    process.env.PATH = before
  })
}
