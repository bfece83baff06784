// Any data set as the COCO-VID annotations that MMTracking's converters write (tools/convert_datasets/*2coco.py): videos, images,
// one annotation per frame, ids from 1. Written piece by piece: TrackingNet's training set makes a file of gigabytes.

import { dirname, join, relative, sep } from 'node:path'
import { DatasetError } from '../datasets/errors.ts'
import { pendingFile } from '../frames/atomic.ts'
import type { Box } from '../frames/types.ts'
import { type FrameSize, type FrameSizesOptions, readFrameSizes } from './frame-sizes.ts'
import { hasArea, readFlags } from './rows.ts'
import type { Benchmark, Sequence } from './types.ts'

export interface ConvertOptions {
  /** File names begin below this folder, which becomes `img_prefix`. */
  readonly imageRoot: string
  /** Whose headers are read for width and height (`first`, as MMTracking does). */
  readonly sizesOf?: FrameSizesOptions['of']
  /** Leaves out annotations of frames that do not show the object: SOTTrainDataset would learn from them. */
  readonly skipHidden?: boolean
  /** Writes polygons as `bbox` with eight numbers, as VOTDataset of MMTracking wants them; otherwise what encloses them. */
  readonly polygons?: boolean
  readonly signal?: AbortSignal
  /** Told after each image header and, from 0 again, after each sequence that is written. */
  readonly onProgress?: (stage: 'headers' | 'sequences', done: number, total: number) => void
}

export interface Converted {
  readonly videos: number
  readonly images: number
  readonly annotations: number
}

const bytesAtOnce = 1 << 20

/**
 * Writes the annotation file, complete or not at all. What every annotation has: `id`, `video_id`, `image_id`, `instance_id`,
 * `category_id` 0, `bbox` [left, top, width, height] ([0, 0, 0, 0] where the truth is NaN or kept secret), `area`, `iscrowd`,
 * `full_occlusion`, `out_of_view`; of GOT-10k also `absence`, `cover`, `cut_by_image`, of VOT its tags and `segmentation`.
 *
 * @throws OutputError; DatasetError for an image that does not lie in `imageRoot`; UnreadableImageError; the signal's reason
 */
export async function convertBenchmark(
  { sequences }: Pick<Benchmark, 'sequences'>,
  file: string,
  options: ConvertOptions,
): Promise<Converted> {
  const { signal, onProgress, sizesOf = 'first' } = options
  const sizes = await readFrameSizes(sequences, {
    of: sizesOf,
    ...(signal && { signal }),
    onFile: (done, total) => onProgress?.('headers', done, total),
  })
  const writer = new ArrayWriter(file)
  try {
    await writer.open()
    await writer.value('categories', [{ id: 0, name: 0 }])
    await writer.array('videos', sequences, ({ name }, index) => [{ id: index + 1, name }])
    let image = 0
    await writer.array('images', sequences, (sequence, index) => {
      const names = fileNames(sequence, options.imageRoot)
      const entries = imagesOf(names, sizes[index] ?? [], { video: index + 1, before: image })
      image += entries.length
      return entries
    })
    const annotations = await writeAnnotations(writer, sequences, options)
    await writer.close()
    return { videos: sequences.length, images: image, annotations }
  } finally {
    await writer.discard()
  }
}

async function writeAnnotations(
  writer: ArrayWriter,
  sequences: readonly Sequence[],
  options: ConvertOptions,
): Promise<number> {
  let images = 0
  let annotations = 0
  await writer.array('annotations', sequences, async (sequence, index) => {
    options.signal?.throwIfAborted()
    const numbers = { video: index + 1, image: images, annotation: annotations }
    const entries = annotationsOf(sequence, await readHidden(sequence), numbers, options)
    images += sequence.images.length
    annotations += entries.length
    options.onProgress?.('sequences', index + 1, sequences.length)
    return entries
  })
  return annotations
}

function fileNames({ images }: Sequence, root: string): string[] {
  return images.map((image) => {
    const name = relative(root, image)
    if (name.startsWith('..') || name === '') {
      throw new DatasetError(`${image} does not lie in ${root}; expected a folder that holds all images`)
    }
    return sep === '/' ? name : name.split(sep).join('/')
  })
}

function imagesOf(
  names: readonly string[],
  sizes: readonly (FrameSize | undefined)[],
  { video, before }: { readonly video: number; readonly before: number },
): object[] {
  return names.map((name, frame) => {
    const size = sizes.length > 1 ? sizes[frame] : sizes[0]
    return {
      file_name: name,
      height: size?.height ?? 0,
      width: size?.width ?? 0,
      id: before + frame + 1,
      frame_id: frame,
      video_id: video,
    }
  })
}

/** Why a frame does not show its object, as far as the data set says. */
interface Hidden {
  readonly occluded: (frame: number) => boolean
  readonly outOfView: (frame: number) => boolean
  /** GOT-10k's own labels. */
  readonly cut?: readonly number[]
}

/** LaSOT tells occlusion and leaving the view apart in files of its own; everywhere else a hidden object counts as occluded. */
async function readHidden({ images, visible }: Sequence): Promise<Hidden> {
  const folder = dirname(images[0] ?? '')
  const flags = (place: string) => readFlags(place, images.length, () => undefined)
  const occlusion = await flags(join(folder, '..', 'full_occlusion.txt'))
  const outOfView = await flags(join(folder, '..', 'out_of_view.txt'))
  const cut = await flags(join(folder, 'cut_by_image.label'))
  if (occlusion && outOfView) {
    return { occluded: (frame) => occlusion[frame] === 1, outOfView: (frame) => outOfView[frame] === 1 }
  }
  return { occluded: (frame) => visible[frame] === false, outOfView: () => false, ...(cut && { cut }) }
}

interface Numbers {
  readonly video: number
  /** Images and annotations written before. */
  readonly image: number
  readonly annotation: number
}

function annotationsOf(sequence: Sequence, hidden: Hidden, numbers: Numbers, options: ConvertOptions): object[] {
  const { images, boxes, visible, cover } = sequence
  const { skipHidden = false, polygons = false } = options
  const entries: object[] = []
  for (const frame of images.keys()) {
    const box = boxes[frame] ?? nothing
    if (skipHidden && !(visible[frame] === true && hasArea(box))) continue
    const corners = sequence.corners?.[frame]
    const level = cover?.[frame]
    entries.push({
      id: numbers.annotation + entries.length + 1,
      video_id: numbers.video,
      image_id: numbers.image + frame + 1,
      instance_id: numbers.video,
      category_id: 0,
      ...shapeOf(box, corners, polygons),
      iscrowd: 0,
      full_occlusion: hidden.occluded(frame),
      out_of_view: hidden.outOfView(frame),
      ...(level !== undefined && { absence: visible[frame] === false, cover: level }),
      ...(hidden.cut && { cut_by_image: hidden.cut[frame] === 1 }),
      ...tagsOf(sequence, frame),
    })
  }
  return entries
}

const nothing: Box = { x: 0, y: 0, width: 0, height: 0 }

function shapeOf(box: Box, corners: readonly number[] | undefined, polygons: boolean): object {
  const finite = [box.x, box.y, box.width, box.height].every(Number.isFinite)
  const { x, y, width, height } = finite ? box : nothing
  if (corners === undefined || !corners.every(Number.isFinite)) {
    return { bbox: [x, y, width, height], area: width * height }
  }
  return { bbox: polygons ? corners : [x, y, width, height], area: polygonArea(corners), segmentation: [corners] }
}

/** By the shoelace formula. */
function polygonArea(corners: readonly number[]): number {
  let twice = 0
  for (let at = 0; at + 1 < corners.length; at += 2) {
    const [x = 0, y = 0] = [corners[at], corners[at + 1]]
    const [nextX = 0, nextY = 0] = [corners[(at + 2) % corners.length], corners[(at + 3) % corners.length]]
    twice += x * nextY - nextX * y
  }
  return Math.abs(twice) / 2
}

function tagsOf({ frameTags = {} }: Sequence, frame: number): Record<string, boolean> {
  return Object.fromEntries(Object.entries(frameTags).map(([name, flags]) => [name, flags[frame] === true]))
}

/** One JSON object of arrays, under a temporary name until it is whole. */
class ArrayWriter {
  readonly #path: string
  #file: Awaited<ReturnType<typeof pendingFile>> | undefined
  #buffer: string[] = ['{']
  #waiting = 1
  #names = 0

  constructor(path: string) {
    this.#path = path
  }

  async open(): Promise<void> {
    this.#file = await pendingFile(this.#path)
  }

  async value(name: string, value: unknown): Promise<void> {
    await this.#put(`${this.#name(name)}${JSON.stringify(value)}`)
  }

  /** An array of what `entriesOf` makes of each item, in order. */
  async array<T>(
    name: string,
    items: readonly T[],
    entriesOf: (item: T, index: number) => readonly object[] | Promise<readonly object[]>,
  ): Promise<void> {
    await this.#put(`${this.#name(name)}[`)
    let first = true
    for (const [index, item] of items.entries()) {
      for (const entry of await entriesOf(item, index)) {
        await this.#put(`${first ? '' : ','}${JSON.stringify(entry)}`)
        first = false
      }
    }
    await this.#put(']')
  }

  async close(): Promise<void> {
    await this.#put('}\n')
    await this.#flush()
    await this.#file?.commit()
  }

  async discard(): Promise<void> {
    await this.#file?.discard()
  }

  #name(name: string): string {
    return `${this.#names++ > 0 ? ',' : ''}${JSON.stringify(name)}:`
  }

  async #put(text: string): Promise<void> {
    this.#buffer.push(text)
    this.#waiting += text.length
    if (this.#waiting >= bytesAtOnce) await this.#flush()
  }

  async #flush(): Promise<void> {
    const text = this.#buffer.join('')
    this.#buffer = []
    this.#waiting = 0
    await this.#file?.write(text)
  }
}
