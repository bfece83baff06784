// COCO-VID and COCO annotation files (training sets of MMTracking's configurations), entry by entry: what `readCocoVid` stops at,
// and what it silently leaves out, is told with its place in the file. The file may be of any size.

import { show as showValue } from 'siamrpn/gpu'
import { CocoIds } from '../datasets/coco-entry.ts'
import { PathColumn } from '../datasets/columns.ts'
import { AnnotationError } from '../datasets/errors.ts'
import { readJsonArrays } from '../datasets/json-arrays.ts'
import { unusable } from '../datasets/tracks.ts'
import { isRecord } from '../is-record.ts'
import { type CheckOptions, checkFiles, decodeAll } from './check.ts'
import type { FrameSize } from './frame-sizes.ts'
import type { Finding, Tell } from './types.ts'

export interface CocoFiles {
  readonly file: string
  /** Folder that the file names begin from. */
  readonly imagePrefix: string
}

export interface CocoSummary {
  readonly videos: number
  readonly images: number
  readonly annotations: number
  /** Tracks (pairs of video and instance); without videos, annotations. */
  readonly instances: number
  /** Images that no annotation belongs to. */
  readonly unannotated: number
  readonly decoded: number
}

/**
 * Checks the entries, then that the images are there, then every `decode`-th of them.
 *
 * @throws the signal's reason; what opening the file throws
 */
export async function checkCoco({ file, imagePrefix }: CocoFiles, options: CheckOptions): Promise<CocoSummary> {
  const { tell, decode = 0, files = true } = options
  const checker = new CocoChecker(file, tell)
  try {
    await checker.read()
  } catch (error) {
    if (!(error instanceof AnnotationError)) throw error
    tell({ severity: 'error', place: file, message: error.message.replace(`${file}: `, '') })
  }
  const summary = checker.finish()
  const prefix = imagePrefix === '' ? '' : `${imagePrefix.replace(/\/+$/, '')}/`
  const images = Array.from({ length: checker.names.length }, (_, image) => `${prefix}${checker.names.at(image)}`)
  if (files) await checkFiles(images, options)
  const wanted = decode > 0 ? images.filter((_, image) => image % decode === 0) : []
  await decodeAll(wanted, options, (size, index) => checker.compareSize(index * decode, wanted[index] ?? '', size))
  return { ...summary, decoded: wanted.length }
}

type Fields = Readonly<Record<string, unknown>>

interface KnownImage {
  /** As the file has them. */
  readonly video: unknown
  readonly frame: unknown
  readonly width: number
  readonly height: number
  annotated: boolean
}

class CocoChecker {
  /** File names of the images, in the order of the file. */
  readonly names = new PathColumn()
  readonly #file: string
  readonly #ids = new CocoIds()
  readonly #tell: Tell
  readonly #categories = new Set<unknown>()
  /** Frames by id of the video. */
  readonly #videos = new Map<number, Set<number>>()
  readonly #images = new Map<number, KnownImage>()
  readonly #order: KnownImage[] = []
  readonly #annotationIds = new Set<number>()
  readonly #instances = new Set<string>()
  #annotations = 0
  /** Annotations that come before their image. */
  readonly #waiting: { readonly place: string; readonly fields: Fields }[] = []

  constructor(file: string, tell: Tell) {
    this.#file = file
    this.#tell = tell
  }

  async read(): Promise<void> {
    const arrays = {
      categories: (value: unknown) => void this.#categories.add(isRecord(value) ? value.id : undefined),
      videos: (value: unknown, index: number) => this.#entry(`videos[${index}]`, value, this.#video),
      images: (value: unknown, index: number) => this.#entry(`images[${index}]`, value, this.#image),
      annotations: (value: unknown, index: number) => {
        this.#annotations++
        this.#entry(`annotations[${index}]`, value, this.#hold)
      },
    }
    const names = await readJsonArrays(this.#file, arrays)
    for (const name of ['images', 'annotations']) {
      if (!names.has(name)) this.#say('error', '', `no \`${name}\` (found: ${[...names].join(', ')})`)
    }
  }

  finish(): Omit<CocoSummary, 'decoded'> {
    for (const { place, fields } of this.#waiting) this.#annotation(place, fields)
    if (this.#videos.size > 0) this.#frames()
    const annotations = this.#annotations
    return {
      videos: this.#videos.size,
      images: this.#order.length,
      annotations,
      instances: this.#videos.size > 0 ? this.#instances.size : annotations,
      unannotated: this.#order.filter(({ annotated }) => !annotated).length,
    }
  }

  /** Compares the size of a decoded image with what the file states. */
  compareSize(index: number, place: string, size: FrameSize): void {
    const image = this.#order[index]
    if (!image || (image.width === size.width && image.height === size.height)) return
    const message = `${size.width}x${size.height} pixels, but the annotations state ${image.width}x${image.height}`
    this.#tell({ severity: 'warning', place, message })
  }

  #say(severity: Finding['severity'], place: string, message: string): void {
    this.#tell({ severity, place: place === '' ? this.#file : `${this.#file}: ${place}`, message })
  }

  #entry(place: string, value: unknown, check: (place: string, fields: Fields) => void): void {
    if (isRecord(value)) check.call(this, place, value)
    else this.#say('error', place, `found ${show(value)}, expected an object`)
  }

  /** A number, or the number that stands for a text. */
  #id(place: string, fields: Fields, name: string, severity: Finding['severity'] = 'error'): number | undefined {
    const value = fields[name]
    return typeof value === 'string' ? this.#ids.of(value) : this.#number(place, fields, name, severity)
  }

  #number(place: string, fields: Fields, name: string, severity: Finding['severity'] = 'error'): number | undefined {
    const value = fields[name]
    if (typeof value === 'number' && Number.isFinite(value)) return value
    this.#say(severity, `${place}.${name}`, `found ${show(value)}, expected a number`)
    return undefined
  }

  #video(place: string, fields: Fields): void {
    const id = this.#id(place, fields, 'id')
    if (typeof fields.name !== 'string') {
      this.#say('error', `${place}.name`, `found ${show(fields.name)}, expected a text`)
    }
    if (id === undefined) return
    if (this.#videos.has(id)) this.#say('error', `${place}.id`, `${this.#ids.show(id)} is the id of another video, too`)
    else this.#videos.set(id, new Set())
  }

  #image(place: string, fields: Fields): void {
    const id = this.#id(place, fields, 'id')
    const name = fields.file_name
    if (typeof name !== 'string') this.#say('error', `${place}.file_name`, `found ${show(name)}, expected a text`)
    this.names.push(typeof name === 'string' ? name : '')
    const width = this.#number(place, fields, 'width', 'warning') ?? Number.NaN
    const height = this.#number(place, fields, 'height', 'warning') ?? Number.NaN
    const image = { video: fields.video_id, frame: fields.frame_id, width, height, annotated: false }
    this.#order.push(image)
    if (id === undefined) return
    if (this.#images.has(id)) this.#say('error', `${place}.id`, `${this.#ids.show(id)} is the id of another image, too`)
    this.#images.set(id, image)
  }

  /** The images' places in their videos. */
  #frames(): void {
    for (const [index, image] of this.#order.entries()) {
      const place = `images[${index}]`
      const video = this.#id(place, { video_id: image.video }, 'video_id')
      const frame = this.#number(place, { frame_id: image.frame }, 'frame_id')
      const frames = this.#videos.get(video ?? Number.NaN)
      if (frames === undefined && video !== undefined) {
        this.#say('error', `${place}.video_id`, `found ${this.#ids.show(video)}, expected a video's id`)
      }
      if (frames === undefined || frame === undefined) continue
      if (frames.has(frame))
        this.#say(
          'warning',
          `${place}.frame_id`,
          `video ${this.#ids.show(video ?? Number.NaN)} has two images of frame ${frame}`,
        )
      frames.add(frame)
    }
    for (const [id, frames] of this.#videos) {
      if (frames.size === 0) this.#say('warning', 'videos', `video ${this.#ids.show(id)} has no image`)
    }
  }

  #hold(place: string, fields: Fields): void {
    const { id, image_id, instance_id, category_id, bbox } = fields
    if (this.#images.has(typeof image_id === 'string' ? this.#ids.of(image_id) : Number(image_id)))
      this.#annotation(place, fields)
    else this.#waiting.push({ place, fields: { id, image_id, instance_id, category_id, bbox } })
  }

  #annotation(place: string, fields: Fields): void {
    const id = this.#id(place, fields, 'id', 'warning')
    if (id !== undefined && this.#annotationIds.has(id)) {
      this.#say('warning', `${place}.id`, `${this.#ids.show(id)} is the id of another annotation, too`)
    }
    if (id !== undefined) this.#annotationIds.add(id)
    const imageId = this.#id(place, fields, 'image_id')
    const image = imageId === undefined ? undefined : this.#images.get(imageId)
    if (imageId !== undefined && image === undefined) {
      this.#say('error', `${place}.image_id`, `found ${this.#ids.show(imageId)}, expected an image's id`)
    }
    if (image) image.annotated = true
    if (image?.video !== undefined) {
      const instance = this.#id(place, fields, 'instance_id')
      if (instance !== undefined) this.#instances.add(`${image.video}/${instance}`)
    }
    if (this.#categories.size > 0 && !this.#categories.has(fields.category_id)) {
      this.#say('warning', `${place}.category_id`, `found ${show(fields.category_id)}, expected a category's id`)
    }
    this.#box(place, fields.bbox, image)
  }

  #box(place: string, bbox: unknown, image: KnownImage | undefined): void {
    const sides: readonly unknown[] = Array.isArray(bbox) ? bbox : []
    const [x, y, width, height] = sides.filter((side) => typeof side === 'number')
    if (sides.length !== 4 || x === undefined || y === undefined || width === undefined || height === undefined) {
      const message = `found ${show(bbox)}, expected [left, top, width, height]; left out of training`
      this.#say('warning', `${place}.bbox`, message)
      return
    }
    const known = image && Number.isFinite(image.width + image.height) ? image : undefined
    const reason = unusable({ x, y, width, height }, known)
    if (reason === 'empty') this.#say('warning', `${place}.bbox`, `${show(bbox)} has no area; left out of training`)
    if (reason !== 'outside') return
    const size = known ? `, ${known.width}x${known.height} pixels` : ''
    this.#say('warning', `${place}.bbox`, `${show(bbox)} lies outside the image${size}; left out of training`)
  }
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : showValue(value)
}
