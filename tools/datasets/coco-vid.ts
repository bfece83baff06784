// COCO-VID annotations (videos, images, annotations with instance ids) as a table of tracks; in a file without videos, as
// COCO's own, every image is a video of one frame and every annotation an instance.
// Source: mmtrack/datasets/parsers/coco_video_parser.py.

import { CocoEntry, CocoIds } from './coco-entry.ts'
import { Column, PathColumn } from './columns.ts'
import { AnnotationError } from './errors.ts'
import { readJsonArrays } from './json-arrays.ts'
import { type BoxFilter, type TrackTable, TrackTableBuilder, unusable } from './tracks.ts'

export interface CocoVidOptions {
  /** Put before every file name, with a slash. */
  readonly imagePrefix: string
  /** Leaves out annotations of crowds. */
  readonly skipCrowds?: boolean
  readonly boxFilter?: BoxFilter | undefined
}

/**
 * Reads an annotation file of any size.
 *
 * @throws AnnotationError with the file and the entry (`annotations[17].bbox`); what opening the file throws
 */
export async function readCocoVid(file: string, options: CocoVidOptions): Promise<TrackTable> {
  const raw = new RawAnnotations(file)
  const names = await readJsonArrays(file, {
    videos: (value, index) => raw.addVideo(new CocoEntry(file, 'videos', index, value)),
    images: (value, index) => raw.addImage(new CocoEntry(file, 'images', index, value)),
    annotations: (value, index) => raw.addAnnotation(new CocoEntry(file, 'annotations', index, value)),
  })
  for (const name of ['images', 'annotations']) {
    if (!names.has(name)) {
      throw new AnnotationError(`${file}: no \`${name}\` (found: ${[...names].join(', ')}), expected COCO annotations`)
    }
  }
  return raw.toTable(options)
}

interface FrameOptions {
  readonly prefix: string
  readonly skipCrowds: boolean
  readonly boxFilter: BoxFilter | undefined
}

/** Is left out, and counted as empty. */
const noBox = [Number.NaN, Number.NaN, Number.NaN, Number.NaN] as const

const numbers = () => new Column(new Float64Array(0))

/** The file's three arrays as columns; NaN stands for an entry that is not there. */
class RawAnnotations {
  readonly #file: string
  readonly #ids = new CocoIds()
  readonly #videos = { id: numbers(), name: new PathColumn() }
  readonly #images = {
    id: numbers(),
    video: numbers(),
    frame: numbers(),
    width: numbers(),
    height: numbers(),
    name: new PathColumn(),
  }
  readonly #annotations = {
    image: numbers(),
    instance: numbers(),
    category: numbers(),
    box: numbers(),
    crowd: new Column(new Uint8Array(0)),
  }

  constructor(file: string) {
    this.#file = file
  }

  addVideo(entry: CocoEntry): void {
    this.#videos.id.push(entry.id('id', this.#ids))
    this.#videos.name.push(entry.text('name'))
  }

  addImage(entry: CocoEntry): void {
    const { id, video, frame, width, height, name } = this.#images
    id.push(entry.id('id', this.#ids))
    video.push(entry.optionalId('video_id', this.#ids))
    frame.push(entry.optionalNumber('frame_id'))
    width.push(entry.optionalNumber('width'))
    height.push(entry.optionalNumber('height'))
    name.push(entry.text('file_name'))
  }

  addAnnotation(entry: CocoEntry): void {
    const { image, instance, category, box, crowd } = this.#annotations
    image.push(entry.id('image_id', this.#ids))
    instance.push(entry.optionalId('instance_id', this.#ids))
    category.push(entry.optionalId('category_id', this.#ids))
    box.pushAll(entry.box() ?? noBox)
    crowd.push(Number(entry.flag('iscrowd')))
  }

  toTable({ imagePrefix, skipCrowds = false, boxFilter }: CocoVidOptions): TrackTable {
    const builder = new TrackTableBuilder()
    const prefix = imagePrefix === '' ? '' : `${imagePrefix.replace(/\/+$/, '')}/`
    const images = this.#imageOfAnnotation()
    const videos = this.#videoOfImage()
    const order = groupBy(images.length, (annotation) => videos.of[images[annotation] ?? 0] ?? 0, videos.count)
    for (let video = 0; video < videos.count; video++) {
      builder.video(videos.name(video))
      for (const track of this.#tracks(order(video), images)) {
        builder.track(this.#categoryOf(track[0] ?? 0))
        for (const annotation of track) {
          this.#addFrame(builder, annotation, images[annotation] ?? 0, { prefix, skipCrowds, boxFilter })
        }
      }
    }
    return builder.finish()
  }

  get #withVideos(): boolean {
    return this.#videos.id.length > 0
  }

  /** For every annotation the number of its image. */
  #imageOfAnnotation(): Uint32Array {
    const { image } = this.#annotations
    const { id } = this.#images
    const byId = new Map<number, number>()
    for (let k = 0; k < id.length; k++) byId.set(id.at(k), k)
    return Uint32Array.from({ length: image.length }, (_, k) => {
      return (
        byId.get(image.at(k)) ??
        this.#fail(`annotations[${k}].image_id: found ${this.#ids.show(image.at(k))}, expected an image's id`)
      )
    })
  }

  #videoOfImage(): { readonly of: Uint32Array; readonly count: number; name(video: number): string } {
    const { video, name } = this.#images
    if (!this.#withVideos) {
      return {
        of: Uint32Array.from({ length: video.length }, (_, k) => k),
        count: video.length,
        name: (k) => name.at(k),
      }
    }
    const { id, name: videoName } = this.#videos
    const byId = new Map<number, number>()
    for (let k = 0; k < id.length; k++) byId.set(id.at(k), k)
    const of = Uint32Array.from({ length: video.length }, (_, k) => {
      return (
        byId.get(video.at(k)) ??
        this.#fail(`images[${k}].video_id: found ${this.#ids.show(video.at(k))}, expected a video's id`)
      )
    })
    return { of, count: id.length, name: (k) => videoName.at(k) }
  }

  /** A video's annotations by instance, each in the order of the frames. */
  #tracks(annotations: Uint32Array, images: Uint32Array): Iterable<number[]> {
    if (!this.#withVideos) return Array.from(annotations, (annotation) => [annotation])
    const tracks = new Map<number, number[]>()
    for (const annotation of annotations) {
      const instance = this.#annotations.instance.at(annotation)
      if (Number.isNaN(instance)) this.#fail(`annotations[${annotation}].instance_id: found nothing, expected a number`)
      const track = tracks.get(instance)
      if (track) track.push(annotation)
      else tracks.set(instance, [annotation])
    }
    const frame = (annotation: number) => this.#frameId(images[annotation] ?? 0)
    for (const track of tracks.values()) track.sort((a, b) => frame(a) - frame(b))
    return tracks.values()
  }

  #categoryOf(annotation: number): number | undefined {
    const category = this.#annotations.category.at(annotation)
    return Number.isSafeInteger(category) && category >= 0 ? category : undefined
  }

  #frameId(image: number): number {
    if (!this.#withVideos) return 0
    const frame = this.#images.frame.at(image)
    return Number.isNaN(frame) ? this.#fail(`images[${image}].frame_id: found nothing, expected a number`) : frame
  }

  #addFrame(
    builder: TrackTableBuilder,
    annotation: number,
    image: number,
    { prefix, skipCrowds, boxFilter }: FrameOptions,
  ): void {
    const { box, crowd } = this.#annotations
    const [x = 0, y = 0, width = 0, height = 0] = box.view(4 * annotation, 4 * annotation + 4)
    const size = { width: this.#images.width.at(image), height: this.#images.height.at(image) }
    const isCrowd = skipCrowds && crowd.at(annotation) === 1
    const reason = isCrowd ? 'crowd' : unusable({ x, y, width, height }, size, boxFilter)
    if (reason) builder.leftOut[reason]++
    else builder.frame(this.#frameId(image), `${prefix}${this.#images.name.at(image)}`, [x, y, x + width, y + height])
  }

  #fail(reason: string): never {
    throw new AnnotationError(`${this.#file}: ${reason}`)
  }
}

/** Numbers 0 to `count` by their group, ascending within each. */
function groupBy(count: number, groupOf: (item: number) => number, groups: number): (group: number) => Uint32Array {
  const starts = new Uint32Array(groups + 1)
  for (let item = 0; item < count; item++) {
    const group = groupOf(item)
    starts[group + 1] = (starts[group + 1] ?? 0) + 1
  }
  for (let group = 0; group < groups; group++) starts[group + 1] = (starts[group + 1] ?? 0) + (starts[group] ?? 0)
  const next = starts.slice()
  const order = new Uint32Array(count)
  for (let item = 0; item < count; item++) {
    const group = groupOf(item)
    const place = next[group] ?? 0
    order[place] = item
    next[group] = place + 1
  }
  return (group) => order.subarray(starts[group], starts[group + 1])
}
