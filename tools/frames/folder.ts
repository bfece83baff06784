// A folder of images as a frame source: natural order of the names (2.png before 10.png), every frame of the first
// one's size. Images decode concurrently in sharp's thread pool.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { RgbFrame } from 'siamrpn'
import { EmptySourceError, FrameSizeError } from './errors.ts'
import { imageExtensions, isImageName, readImage } from './image.ts'
import { framesAhead, readAhead } from './read-ahead.ts'
import { type FrameSource, formatSize } from './types.ts'

const naturalOrder = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })

/** Names in the order in which people number them; equal ones (a.png, A.png) by code unit, so that the order is total. */
export function naturalSort(names: readonly string[]): string[] {
  return [...names].sort((a, b) => naturalOrder.compare(a, b) || (a < b ? -1 : Number(a > b)))
}

/** Opens a folder of images, from the image with index `start` on. */
export async function openFolder(folder: string, start: number): Promise<FrameSource> {
  const entries = await readdir(folder)
  const names = naturalSort(entries.filter((name) => !name.startsWith('.') && isImageName(name)))
  if (names.length === 0) {
    const hint = entries.includes('img') ? `; did you mean ${join(folder, 'img')}?` : ''
    throw new EmptySourceError(
      `no image in ${folder}, expected files ending in ${[...imageExtensions].join(' ')}${hint}`,
    )
  }
  const files = names.slice(start).map((name) => join(folder, name))
  const [firstFile] = files
  if (firstFile === undefined) {
    throw new EmptySourceError(`frame ${start} asked for, but ${folder} holds ${names.length} images`)
  }
  const { width, height } = await readImage(firstFile)
  const size = { width, height }
  let closed = false

  const read = async (file: string): Promise<RgbFrame> => {
    const frame = await readImage(file)
    if (frame.width !== width || frame.height !== height) {
      throw new FrameSizeError(file, formatSize(frame), `${formatSize(size)} (${firstFile})`)
    }
    return frame
  }
  return {
    ...size,
    count: files.length,
    [Symbol.asyncIterator]() {
      let index = 0
      const next = async (): Promise<IteratorResult<RgbFrame>> => {
        const file = closed ? undefined : files[index++]
        return file === undefined ? { done: true, value: undefined } : { done: false, value: await read(file) }
      }
      return readAhead({ next }, framesAhead)
    },
    close() {
      closed = true
      return Promise.resolve()
    },
  }
}
