// A sample clip that ships with the page, as the tests need it: its truth, its pictures, and a camera that shows it.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { strFromU8, unzipSync } from 'fflate'
import type { RgbFrame } from '../../src/index.ts'
import { readImage } from '../../tools/frames/image.ts'

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Sample {
  readonly truth: readonly Box[]
  /** JPEG files in order. */
  readonly pictures: readonly Uint8Array[]
}

/** @param zip web/public/sample.zip, or one that the page exported */
export async function readSample(zip: URL | string): Promise<Sample> {
  const files = Object.entries(unzipSync(await readFile(zip))).sort(([a], [b]) => (a < b ? -1 : 1))
  const text = files.find(([name]) => name.endsWith('groundtruth.txt'))?.[1]
  if (!text) throw new Error('The sample clip has no ground truth')
  const truth = strFromU8(text)
    .trim()
    .split('\n')
    .map((line) => {
      const [x = 0, y = 0, width = 0, height = 0] = line.split(',').map(Number)
      return { x, y, width, height }
    })
  return { truth, pictures: files.filter(([name]) => name.endsWith('.jpg')).map(([, bytes]) => bytes) }
}

/** JPEG files as frames. */
export async function decode(pictures: readonly Uint8Array[]): Promise<RgbFrame[]> {
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-decode-'))
  try {
    const frames: RgbFrame[] = []
    for (const jpeg of pictures) {
      const file = join(folder, 'frame.jpg')
      await writeFile(file, jpeg)
      frames.push(await readImage(file))
    }
    return frames
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Writes what Chromium's fake camera plays: the pictures one behind the other. */
export async function writeCamera(path: string, { pictures }: Sample): Promise<void> {
  await writeFile(path, Buffer.concat(pictures))
}

/** Intersection over union. */
export function overlap(a: Box, b: Box | undefined): number {
  if (!b) return 0
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  const shared = Math.max(0, width) * Math.max(0, height)
  return shared / (a.width * a.height + b.width * b.height - shared)
}
