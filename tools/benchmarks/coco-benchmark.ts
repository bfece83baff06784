// MMTracking's COCO-VID files of tracking benchmarks, such as lasot_test.json: videos, their images by frame_id, a box per image
// (VOT: a polygon), with LaSOT's full_occlusion and out_of_view, GOT-10k's absence and cover, VOT's tags. File names begin below
// `img_prefix`. Source: tools/convert_datasets/*/*2coco.py; any size is read piece by piece.

import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CocoEntry, CocoIds } from '../datasets/coco-entry.ts'
import { Column, PathColumn } from '../datasets/columns.ts'
import { AnnotationError, DatasetMissingError } from '../datasets/errors.ts'
import { readJsonArrays } from '../datasets/json-arrays.ts'
import { attributesOf } from './attributes.ts'
import type { AnnotationFile } from './infos.ts'
import { cornersOf } from './polygon.ts'
import { isFile, type ReadOptions, readEach } from './reader.ts'
import { boxOfRow, enclosingBox, hasArea } from './rows.ts'
import type { Sequence, Tell } from './types.ts'
import { votTags } from './vot.ts'

/**
 * The videos of an annotation file in its order.
 *
 * @throws DatasetMissingError without the file; AnnotationError with the file and the entry (`annotations[17].bbox`)
 */
export async function readCocoBenchmark(
  source: AnnotationFile,
  { limit, tell }: Omit<ReadOptions, 'split'>,
): Promise<Sequence[]> {
  const { file } = source
  const annotations = new Annotations(source, limit)
  if (!(await isFile(file))) throw new DatasetMissingError(`no annotation file ${file}`)
  const names = await readJsonArrays(file, {
    videos: (value, index) => annotations.addVideo(new CocoEntry(file, 'videos', index, value)),
    images: (value, index) => annotations.addImage(new CocoEntry(file, 'images', index, value)),
    annotations: (value, index) => annotations.addAnnotation(new CocoEntry(file, 'annotations', index, value)),
  })
  for (const name of ['videos', 'images', 'annotations']) {
    if (names.has(name)) continue
    throw new AnnotationError(
      `${file}: no \`${name}\` (found: ${[...names].join(', ')}), expected COCO-VID annotations`,
    )
  }
  const videos = annotations.finish()
  const nameOf = naming(videos, source)
  return await readEach(videos, { limit, tell }, async (video, tell) => {
    const sequence = toSequence(annotations, video, { source, name: nameOf(video), tell })
    if (!sequence) return undefined
    const [first = ''] = sequence.images
    if (await stat(first).catch(() => undefined)) {
      return {
        ...sequence,
        attributes: await attributesOf(source.type, sequence.name, [source.root]),
        ...tagsOf(sequence),
      }
    }
    const message = `no image ${first}, which ${video.name} begins with; expected the images below ${source.root}`
    return void tell({ severity: 'error', place: `${file}: videos[${video.index}]`, message })
  })
}

interface Video {
  readonly index: number
  readonly name: string
  /** Numbers of its images, by frame. */
  readonly images: number[]
}

/** Bits of an annotation. */
const bits = { hidden: 1, covered: 2, polygon: 4 } as const
const tagBit = (index: number) => 8 << index
/** MMTracking's converter spells the first one differently. */
const tagNames: readonly (readonly string[])[] = votTags.map((tag) =>
  tag === 'illum_change' ? [tag, 'illu_change'] : [tag],
)

/** The three arrays as columns: objects would take gigabytes for a large data set. */
class Annotations {
  readonly file: string
  readonly imageNames = new PathColumn()
  readonly #ids = new CocoIds()
  readonly #limit: number
  readonly #tagged: boolean
  readonly #region = new Float64Array(8)
  readonly #videos = new Map<number, Video>()
  readonly #imageIds = new Map<number, number>()
  readonly #imageVideos = new Column(new Float64Array(0))
  readonly #frames = new Column(new Float64Array(0))
  readonly #sizes = new Column(new Float64Array(0))
  /** Annotation of each image, from 1; 0: none. */
  #annotationOf = new Uint32Array(0)
  readonly #annotationImages = new Column(new Float64Array(0))
  readonly #regions = new Column(new Float64Array(0))
  readonly #flags = new Column(new Uint32Array(0))
  readonly #covers = new Column(new Uint8Array(0))

  constructor({ file, type }: AnnotationFile, limit: number) {
    this.file = file
    this.#limit = limit
    this.#tagged = type === 'vot2018'
  }

  addVideo(entry: CocoEntry): void {
    if (entry.index >= this.#limit) return
    this.#videos.set(entry.id('id', this.#ids), { index: entry.index, name: entry.text('name'), images: [] })
  }

  addImage(entry: CocoEntry): void {
    const video = entry.id('video_id', this.#ids)
    // Videos come first in MMTracking's files; what does not belong to a wanted one is not kept.
    if (this.#videos.size > 0 && this.#limit !== Number.POSITIVE_INFINITY && !this.#videos.has(video)) return
    this.#imageIds.set(entry.id('id', this.#ids), this.#imageVideos.length)
    this.#imageVideos.push(video)
    this.#frames.push(entry.number('frame_id'))
    this.#sizes.pushAll([entry.optionalNumber('width'), entry.optionalNumber('height')])
    this.imageNames.push(entry.text('file_name'))
  }

  addAnnotation(entry: CocoEntry): void {
    const region = entry.region() ?? []
    for (let index = 0; index < 8; index++) this.#region[index] = region[index] ?? Number.NaN
    this.#annotationImages.push(entry.id('image_id', this.#ids))
    this.#regions.pushAll(this.#region)
    const hidden = entry.flag('full_occlusion') || entry.flag('out_of_view') || entry.flag('absence')
    const covered = entry.has('cover')
    this.#covers.push(covered ? entry.number('cover') : 0)
    let flags =
      Number(hidden) * bits.hidden + Number(covered) * bits.covered + Number(region.length === 8) * bits.polygon
    if (this.#tagged) {
      for (const [index, names] of tagNames.entries())
        if (names.some((name) => entry.flag(name))) flags |= tagBit(index)
    }
    this.#flags.push(flags)
  }

  /** Puts images to videos, by their frame_id, and annotations to images. */
  finish(): Video[] {
    for (let image = 0; image < this.#imageVideos.length; image++) {
      const video = this.#videos.get(this.#imageVideos.at(image))
      if (video) video.images.push(image)
      else if (this.#limit === Number.POSITIVE_INFINITY)
        this.#fail(
          `images[${image}].video_id: found ${this.#ids.show(this.#imageVideos.at(image))}, expected a video's id`,
        )
    }
    this.#annotationOf = new Uint32Array(this.#imageVideos.length)
    for (let annotation = 0; annotation < this.#annotationImages.length; annotation++) {
      const image = this.#imageIds.get(this.#annotationImages.at(annotation))
      // As MMTracking, which takes the first annotation of an image.
      if (image !== undefined) this.#annotationOf[image] ||= annotation + 1
      else if (this.#limit === Number.POSITIVE_INFINITY)
        this.#fail(
          `annotations[${annotation}].image_id: found ${this.#ids.show(this.#annotationImages.at(annotation))}, expected an image's id`,
        )
    }
    const videos = [...this.#videos.values()].sort((a, b) => a.index - b.index)
    for (const video of videos) video.images.sort((a, b) => this.frame(a) - this.frame(b))
    return videos
  }

  frame(image: number): number {
    return this.#frames.at(image)
  }

  size(image: number): Sequence['size'] {
    const [width, height] = [this.#sizes.at(2 * image), this.#sizes.at(2 * image + 1)]
    return width > 0 && height > 0 ? { width, height } : undefined
  }

  /** What is said of an image; undefined: nothing. */
  annotation(image: number): Annotation | undefined {
    const annotation = (this.#annotationOf[image] ?? 0) - 1
    if (annotation < 0) return undefined
    const flags = this.#flags.at(annotation)
    const numbers = [...this.#regions.view(8 * annotation, 8 * annotation + 8)]
    return {
      region: (flags & bits.polygon) !== 0 ? numbers : numbers.slice(0, 4),
      hidden: (flags & bits.hidden) !== 0,
      cover: (flags & bits.covered) === 0 ? undefined : this.#covers.at(annotation),
      tags: votTags.filter((_, index) => (flags & tagBit(index)) !== 0),
    }
  }

  #fail(reason: string): never {
    throw new AnnotationError(`${this.file}: ${reason}`)
  }
}

interface Annotation {
  /** Left, top, width, height, or eight numbers. */
  readonly region: readonly number[]
  readonly hidden: boolean
  readonly cover: number | undefined
  readonly tags: readonly (typeof votTags)[number][]
}

/** Two targets of one video have its name: `Jogging-1`, `Jogging-2`; UAV123's segments `bird1_1`, `bird1_2`. */
function naming(videos: readonly Video[], { type }: AnnotationFile): (video: Video) => string {
  const counts = new Map<string, number>()
  for (const { name } of videos) counts.set(name, (counts.get(name) ?? 0) + 1)
  const seen = new Map<string, number>()
  const names = new Map<Video, string>()
  for (const video of videos) {
    const number = (seen.get(video.name) ?? 0) + 1
    seen.set(video.name, number)
    const plain = video.name.replaceAll(/[\\/]/g, '_')
    names.set(video, counts.get(video.name) === 1 ? plain : `${plain}${type === 'uav123' ? '_' : '-'}${number}`)
  }
  return (video) => names.get(video) ?? video.name
}

interface VideoContext {
  readonly source: AnnotationFile
  readonly name: string
  readonly tell: Tell
}

const nothing: Annotation = { region: [], hidden: true, cover: undefined, tags: [] }

function toSequence(
  annotations: Annotations,
  video: Video,
  { source, name, tell }: VideoContext,
): Sequence | undefined {
  const error = (message: string) =>
    void tell({ severity: 'error', place: `${source.file}: videos[${video.index}] (${name})`, message })
  const { images } = video
  if (images.length === 0) return error('no images, expected one or more')
  const gap = images.findIndex((image, index) => annotations.frame(image) !== index)
  if (gap >= 0) return error(`frame_id ${annotations.frame(images[gap] ?? 0)} where ${gap} was expected: 0, 1, 2 ...`)
  const found = images.map((image) => annotations.annotation(image))
  const without = found.findIndex((annotation) => !annotation?.region.length)
  if (without >= 0) {
    const message = `frame ${without} has no annotation: a frame without the object`
    tell({ severity: 'warning', place: `${source.file}: videos[${video.index}] (${name})`, message })
  }
  const all = found.map((annotation) => annotation ?? nothing)
  const boxes = all.map(({ region }) => (region.length === 8 ? enclosingBox(region) : boxOfRow(region)))
  const [first] = boxes
  if (first === undefined || !hasArea(first)) {
    return error(
      `the first box is ${JSON.stringify(all[0]?.region)}, expected one with an area: a tracker starts from it`,
    )
  }
  const frames = firstOnly(source, boxes) ? 1 : boxes.length
  const isVot = source.type === 'vot2018'
  const size = annotations.size(images[0] ?? 0)
  const cover = all.flatMap((annotation) => annotation.cover ?? [])
  return {
    name,
    images: images.map((image) => join(source.root, annotations.imageNames.at(image))),
    boxes: boxes.slice(0, frames),
    visible: boxes
      .slice(0, frames)
      .map((box, frame) =>
        isVot ? !Number.isNaN(box.x) : hasArea(box) && !all[frame]?.hidden && all[frame]?.cover !== 0,
      ),
    attributes: [],
    ...(isVot && { corners: all.map(({ region }) => (region.length === 8 ? region : cornersOf(boxOfRow(region)))) }),
    ...(isVot && {
      frameTags: Object.fromEntries(votTags.map((tag) => [tag, all.map(({ tags }) => tags.includes(tag))])),
    }),
    ...(cover.length === boxes.length && { cover }),
    ...(size && { size }),
  }
}

/** The converters write boxes of zeros where a test split keeps its truth to itself. */
function firstOnly({ type }: AnnotationFile, boxes: Sequence['boxes']): boolean {
  if (type !== 'got10k' && type !== 'trackingnet') return false
  return boxes.slice(1).every(({ x, y, width, height }) => x === 0 && y === 0 && width === 0 && height === 0)
}

/** The attributes of a sequence of VOT are the tags that any of its frames has. */
function tagsOf({ frameTags }: Sequence): Pick<Sequence, 'attributes'> | undefined {
  return frameTags && { attributes: votTags.filter((tag) => frameTags[tag]?.includes(true)) }
}
