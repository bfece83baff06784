// Miniature data sets on disk: clips in both layouts, images that tell where they come from, broken ones.

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { encode, plainFrame } from '../frames/helpers.ts'

/** Writes a JPEG of one color. */
export async function writeJpeg(file: string, color: readonly [number, number, number], size = 32): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(
    file,
    await encode(plainFrame(size, size, color))
      .jpeg({ quality: 95 })
      .toBuffer(),
  )
}

/** Writes text, folders included. */
export async function writeText(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
}

/** A file that starts like a JPEG and ends too early. */
export async function writeBrokenJpeg(file: string): Promise<void> {
  const bytes = await encode(plainFrame(32, 32, [9, 9, 9]))
    .jpeg()
    .toBuffer()
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, bytes.subarray(0, bytes.length / 2))
}

/** A clip of `lines.length` images, images in `images` below the clip's folder; the red channel counts the frames. */
export async function writeClip(folder: string, lines: readonly string[], images = 'img', blue = 0): Promise<void> {
  await writeText(join(folder, 'groundtruth.txt'), lines.join('\n'))
  for (const k of lines.keys()) {
    await writeJpeg(join(folder, images, `${String(k + 1).padStart(8, '0')}.jpg`), [(k + 1) * 10, 0, blue])
  }
}
