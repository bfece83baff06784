// The image files of a sequence in the order of their numbers, gaps in the numbering, and whether there are as many of them as
// lines of ground truth.

import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'
import { naturalSort } from '../frames/folder.ts'
import { isImageName } from '../frames/image.ts'
import { hasArea } from './rows.ts'
import type { Sequence, Tell } from './types.ts'

/** Names of the images in a folder, in order; none where there is no such folder. */
async function listImageNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return orderNames(names.filter((name) => !name.startsWith('.') && isImageName(name)))
}

/** The images of a folder as paths, in order; none where there is no such folder. */
export async function listImages(folder: string): Promise<string[]> {
  return (await listImageNames(folder)).map((name) => `${folder}/${name}`)
}

/** Plain numbers, which most data sets have, are sorted as such: that is many times faster than natural order. */
function orderNames(names: readonly string[]): string[] {
  const numbers = names.map((name) => (/^\d+\.[a-z]+$/i.test(name) ? Number.parseInt(name, 10) : Number.NaN))
  if (numbers.some(Number.isNaN) || new Set(numbers).size < names.length) return naturalSort(names)
  const order = Array.from(names.keys()).sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0))
  return order.map((index) => names[index] ?? '')
}

/** The number in a file's name, such as 12 of `img/00000012.jpg`. */
export function frameNumber(file: string): number | undefined {
  const digits = /(\d+)\.[^./]+$/.exec(file)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** The first number that the files leave out, or the first one if they do not begin at `start`. */
export function findGap(images: readonly string[], start: number): number | undefined {
  for (const [index, image] of images.entries()) if (frameNumber(image) !== start + index) return start + index
  return undefined
}

export interface SequenceCheck {
  /** File with the ground truth, and the folder with the images, for messages. */
  readonly truth: string
  readonly folder: string
  /** Number of the first image. */
  readonly start: number
  /** Only the first frame's box is published. */
  readonly firstBoxOnly?: boolean
  readonly tell: Tell
}

/**
 * A sequence that can be tracked, or undefined after an error that was told: no images, fewer images than boxes, a first box that
 * no tracker can start from. As the toolkits that count lines of ground truth do, further images are left out, with a warning;
 * where numbers are missing but every box has its image, the images count in order.
 */
export function checkSequence(sequence: Sequence, check: SequenceCheck): Sequence | undefined {
  const { images, boxes, visible } = sequence
  const { truth, folder, start, firstBoxOnly = false, tell } = check
  const error = (place: string, message: string) => tell({ severity: 'error', place, message })
  if (images.length === 0) return void error(folder, 'no images, expected one per line of the ground truth')
  const first = boxes[0]
  if (first === undefined) return void error(`${truth}:1`, 'no box, expected one for the first frame')
  if (!hasArea(first)) {
    const found = `${first.x}, ${first.y}, ${first.width}, ${first.height}`
    return void error(`${truth}:1`, `the first box is ${found}, expected one with an area: a tracker starts from it`)
  }
  const gap = findGap(images, start)
  const onlyFirst = firstBoxOnly && boxes.length === 1
  if (!onlyFirst && images.length < boxes.length) {
    const missing = gap === undefined ? '' : `; the first that is missing has number ${gap}`
    return void error(
      `${truth}:${images.length + 1}`,
      `${boxes.length} lines of ground truth, but ${images.length} images in ${folder}, expected one each${missing}`,
    )
  }
  if (gap !== undefined) {
    const message = `${basename(images[gap - start] ?? '')} where number ${gap} was expected; the images count in their order`
    tell({ severity: 'warning', place: folder, message })
  }
  if (onlyFirst || images.length === boxes.length) return sequence
  const message = `${boxes.length} lines of ground truth, but ${images.length} images in ${folder}; the last ${
    images.length - boxes.length
  } images are left out`
  tell({ severity: 'warning', place: `${truth}:${boxes.length}`, message })
  return { ...sequence, images: images.slice(0, boxes.length), visible: visible.slice(0, boxes.length) }
}
