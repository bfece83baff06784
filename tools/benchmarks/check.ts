// Everything that reading alone does not show of a download: sequences that are not there, images that do not decode, truth that
// lies beside its frame. Whatever is found is told; nothing ends the check but its signal.

import { readdir } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { readImage } from '../frames/image.ts'
import { type Box, formatSize } from '../frames/types.ts'
import { type FrameSize, filesAtOnce, mapConcurrently, readFrameSizes } from './frame-sizes.ts'
import { type Published, publishedOf } from './published.ts'
import { hasArea } from './rows.ts'
import type { Benchmark, Sequence, Tell } from './types.ts'

export type CheckStage = 'files' | 'headers' | 'decoding'

export interface CheckOptions {
  readonly tell: Tell
  /** Which part of the data set it is; what is published is known by part. */
  readonly split?: string
  /** Decodes every n-th image; 0 (the default): none. */
  readonly decode?: number
  /** Fewer sequences than published are an error, otherwise a warning. */
  readonly complete?: boolean
  /** Only some sequences were read, so that their number says nothing. */
  readonly limited?: boolean
  /** Looks for every image; readers that list folders have done so. */
  readonly files?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (stage: CheckStage, done: number, total: number) => void
}

export interface CheckSummary {
  readonly sequences: number
  readonly frames: number
  /** Images decoded. */
  readonly decoded: number
  readonly published?: Published
}

/** Checks what a reader has made of a download. @throws the signal's reason */
export async function checkBenchmark(benchmark: Benchmark, options: CheckOptions): Promise<CheckSummary> {
  const { tell, files = false, decode = 0 } = options
  const { sequences } = benchmark
  const published = publishedOf(benchmark.type, options.split)
  checkNames(sequences, tell)
  if (published && !options.limited) checkCounts(sequences, published, options)
  if (files) await checkFiles(imagesOf(sequences), options)
  await checkTruth(sequences, options)
  const decoded = decode > 0 ? await checkPixels(sequences, decode, options) : 0
  return { sequences: sequences.length, frames: countFrames(sequences), decoded, ...(published && { published }) }
}

function countFrames(sequences: readonly Sequence[]): number {
  return sequences.reduce((sum, { images }) => sum + images.length, 0)
}

function* imagesOf(sequences: readonly Sequence[]): Generator<string> {
  for (const { images } of sequences) yield* images
}

function checkNames(sequences: readonly Sequence[], tell: Tell): void {
  const seen = new Set<string>()
  for (const { name, images } of sequences) {
    const place = dirname(images[0] ?? name)
    if (seen.has(name)) tell({ severity: 'error', place, message: `a second sequence is called ${name}` })
    seen.add(name)
  }
}

function checkCounts(sequences: readonly Sequence[], published: Published, { tell, complete }: CheckOptions): void {
  if (published.named && !complete) return
  const severity = complete ? 'error' : 'warning'
  for (const part of published.parts ?? [published]) {
    const { folder } = part
    const found = folder === undefined ? sequences : sequences.filter(({ images }) => liesIn(images[0], folder))
    const isAbsent = folder !== undefined && found.length === 0 // The reader has told so.
    if (found.length === part.sequences || (isAbsent && !complete)) continue
    const where = folder === undefined ? '' : ` in ${folder}`
    const message = `${found.length} ${found.length === 1 ? 'sequence' : 'sequences'}${where}, published are ${part.sequences}: ${difference(found.length, part)}`
    tell({ severity, place: placeOf(found) ?? placeOf(sequences) ?? '', message })
  }
  const frames = countFrames(sequences)
  if (published.frames === undefined || sequences.length !== published.sequences || frames === published.frames) return
  const message = `${frames} frames, published are ${published.frames}`
  tell({ severity, place: placeOf(sequences) ?? '', message })
}

/** The folder that the first sequence's folder of images lies in. */
function placeOf([first]: readonly Sequence[]): string | undefined {
  const [image] = first?.images ?? []
  return image === undefined ? undefined : dirname(dirname(image))
}

function difference(found: number, { sequences }: { readonly sequences: number }): string {
  return found < sequences
    ? `${sequences - found} are missing; results are not comparable with published ones`
    : `${found - sequences} too many; results are not comparable with published ones`
}

function liesIn(image: string | undefined, folder: string): boolean {
  return image?.split(/[\\/]/).includes(folder) === true
}

/** Names of images that their folders do not hold; each folder is listed once. @throws the signal's reason */
export async function checkFiles(
  images: Iterable<string>,
  { tell, signal, onProgress }: Pick<CheckOptions, 'tell' | 'signal' | 'onProgress'>,
): Promise<void> {
  const folders = new Map<string, Set<string>>()
  for (const image of images) {
    const folder = dirname(image)
    const names = folders.get(folder) ?? new Set()
    folders.set(folder, names.add(basename(image)))
  }
  let done = 0
  const missing = await mapConcurrently([...folders], async ([folder, names]) => {
    signal?.throwIfAborted()
    const present = await readdir(folder).catch(() => undefined)
    onProgress?.('files', ++done, folders.size)
    if (present === undefined)
      return [{ place: folder, message: `no such folder; ${names.size} images are named in it` }]
    const there = new Set(present)
    return [...names]
      .filter((name) => !there.has(name))
      .map((name) => ({ place: `${folder}/${name}`, message: 'no such image, but it is named' }))
  })
  for (const finding of missing.flat()) tell({ severity: 'error', ...finding })
}

/** The first image of every sequence, and whether the boxes lie in it. */
async function checkTruth(sequences: readonly Sequence[], options: CheckOptions): Promise<void> {
  const { tell, signal, onProgress } = options
  const sizes = await readFrameSizes(sequences, {
    ...(signal && { signal }),
    onFile: (done, total) => onProgress?.('headers', done, total),
    onError: (file, error) => tell({ severity: 'error', place: file, message: withoutPath(error, file) }),
  })
  for (const [index, sequence] of sequences.entries()) {
    const { images, boxes, visible } = sequence
    const folder = dirname(images[0] ?? '')
    if (boxes.length > 1 && !visible.some((shown, frame) => frame > 0 && shown)) {
      tell({ severity: 'warning', place: folder, message: 'no frame after the first shows the object' })
    }
    if (visible[0] === false) {
      const message = 'the first frame is marked as hiding the object; trackers start from its box all the same'
      tell({ severity: 'warning', place: images[0] ?? folder, message })
    }
    const size = sizes[index]?.[0]
    if (!size) continue
    const stated = sequence.size
    if (stated && formatSize(stated) !== formatSize(size)) {
      const message = `${formatSize(size)} pixels, but the data set states ${formatSize(stated)} for the sequence`
      tell({ severity: 'warning', place: images[0] ?? folder, message })
    }
    tellOutside(sequence, size, tell)
  }
}

function tellOutside({ images, boxes, visible }: Sequence, size: FrameSize, tell: Tell): void {
  for (const [frame, box] of boxes.entries()) {
    if (visible[frame] !== true || !hasArea(box) || touches(box, size)) continue
    const place = images[frame] ?? ''
    const corner = `${box.x}, ${box.y}`
    const message = `the box (${corner}, ${formatSize(box)}) lies outside the frame, ${formatSize(size)} pixels`
    tell({ severity: 'warning', place, message })
  }
}

function touches({ x, y, width, height }: Box, size: FrameSize): boolean {
  return x < size.width && y < size.height && x + width > 0 && y + height > 0
}

/** Every `step`-th image, and whether a sequence's images are of one size. Returns how many were opened. */
async function checkPixels(sequences: readonly Sequence[], step: number, options: CheckOptions): Promise<number> {
  const files: { readonly file: string; readonly sequence: number }[] = []
  let before = 0
  for (const [sequence, { images }] of sequences.entries()) {
    for (const [frame, file] of images.entries()) if ((before + frame) % step === 0) files.push({ file, sequence })
    before += images.length
  }
  const sizes = new Map<number, { readonly file: string; readonly size: FrameSize }>()
  await decodeAll(
    files.map(({ file }) => file),
    options,
    ({ width, height }, index) => {
      const { file, sequence } = files[index] ?? { file: '', sequence: 0 }
      const first = sizes.get(sequence) ?? { file, size: { width, height } }
      sizes.set(sequence, first)
      if (first.size.width === width && first.size.height === height) return
      const message = `${formatSize({ width, height })} pixels, but ${formatSize(first.size)} in ${basename(first.file)}`
      options.tell({ severity: 'warning', place: file, message })
    },
  )
  return files.length
}

/** Decodes files; what does not decode is told as an error, in the order of the files. @throws the signal's reason */
export async function decodeAll(
  files: readonly string[],
  { tell, signal, onProgress }: Pick<CheckOptions, 'tell' | 'signal' | 'onProgress'>,
  onImage: (size: FrameSize, index: number) => void = () => undefined,
): Promise<void> {
  let done = 0
  const results = await mapConcurrently(
    files,
    async (file): Promise<FrameSize | Error> => {
      signal?.throwIfAborted()
      const result = await readImage(file).then(
        ({ width, height }) => ({ width, height }),
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      )
      onProgress?.('decoding', ++done, files.length)
      return result
    },
    filesAtOnce / 2,
  )
  for (const [index, result] of results.entries()) {
    const place = files[index] ?? ''
    if (result instanceof Error) tell({ severity: 'error', place, message: withoutPath(result, place) })
    else onImage(result, index)
  }
}

/** The place of a finding names the file already. Of libvips only the first reason: it adds those of other images. */
function withoutPath(error: unknown, file: string): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(` ${file}`, '').replace(/; .*/s, '')
}
