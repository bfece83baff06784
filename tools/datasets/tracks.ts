// The annotations of a data set for single object tracking: videos that hold tracks (one object each), tracks that hold
// frames with boxes. Kept in columns (see columns.ts); whatever has no usable box never gets in, and is counted.

import type { Xyxy } from 'siamrpn/train'
import type { Box } from '../frames/types.ts'
import { Column, PathColumn } from './columns.ts'
import type { SourcedFrame } from './pair.ts'

/** Boxes that were left out, by reason. */
export interface LeftOut {
  /** Frames that the data set itself calls absent (NaN, occluded, out of view). */
  absent: number
  /** Width or height not above zero, or not a number. */
  empty: number
  /** Wholly outside of the image. */
  outside: number
  /** Annotated as a crowd. */
  crowd: number
  /** Too small, too long or too large by the configuration's `box_filter`. */
  filtered: number
}

/** Boxes that nothing is to be learned from. */
export interface BoxFilter {
  /** The least shorter side of an object, in pixels. */
  readonly min_size: number
  /** Longer side / shorter side. */
  readonly max_ratio: number
  /** Share of the image. */
  readonly max_area: number
}

/** `reason` that a box cannot be learned from, undefined if it can; `image` is its size where that is known. */
export function unusable(
  { x, y, width, height }: Box,
  image?: { readonly width: number; readonly height: number },
  filter?: BoxFilter,
): keyof LeftOut | undefined {
  if (!(width > 0 && height > 0 && Number.isFinite(x + y + width + height))) return 'empty'
  if (x + width <= 0 || y + height <= 0) return 'outside'
  if (image && (x >= image.width || y >= image.height)) return 'outside'
  if (filter === undefined) return undefined
  const [short, long] = [Math.min(width, height), Math.max(width, height)]
  const large = image !== undefined && width * height > filter.max_area * image.width * image.height
  return short < filter.min_size || long > filter.max_ratio * short || large ? 'filtered' : undefined
}

/** Videos, tracks and frames by number. Frames of a track are in the order of their frame ids. */
export class TrackTable {
  readonly leftOut: Readonly<LeftOut>
  readonly #videoNames: PathColumn
  readonly #images: PathColumn
  readonly #videoStarts: Uint32Array
  readonly #trackStarts: Uint32Array
  readonly #trackVideos: Uint32Array
  readonly #categories: Int32Array
  /** Tracks by category, made when they are first asked for. */
  #alike: ReadonlyMap<number, readonly number[]> | undefined
  readonly #frameIds: Int32Array
  readonly #boxes: Float32Array

  constructor(columns: TrackColumns, leftOut: LeftOut) {
    this.leftOut = { ...leftOut }
    this.#videoNames = columns.videoNames
    this.#images = columns.images
    this.#videoStarts = columns.videoStarts.finish()
    this.#trackStarts = columns.trackStarts.finish()
    this.#trackVideos = columns.trackVideos.finish()
    this.#categories = columns.categories.finish()
    this.#frameIds = columns.frameIds.finish()
    this.#boxes = columns.boxes.finish()
  }

  /** Videos with at least one usable box. */
  get videos(): number {
    return this.#videoStarts.length
  }

  get tracks(): number {
    return this.#trackStarts.length
  }

  /** Boxes of all tracks. */
  get frames(): number {
    return this.#frameIds.length
  }

  /** The first track of a video and their number. */
  tracksOf(video: number): { readonly start: number; readonly count: number } {
    return range(this.#videoStarts, video, this.tracks)
  }

  /** The first frame of a track and their number. */
  framesOf(track: number): { readonly start: number; readonly count: number } {
    return range(this.#trackStarts, track, this.frames)
  }

  frameId(frame: number): number {
    return this.#frameIds[frame] ?? 0
  }

  videoName(track: number): string {
    return this.#videoNames.at(this.#trackVideos[track] ?? 0)
  }

  videoOf(track: number): number {
    return this.#trackVideos[track] ?? 0
  }

  /** Tracks of the same category, itself among them; itself alone where the annotations state no category. */
  tracksLike(track: number): readonly number[] {
    const category = this.#categories[track] ?? noCategory
    if (category === noCategory) return [track]
    this.#alike ??= positionsByValue(this.#categories)
    return this.#alike.get(category) ?? [track]
  }

  /** File of a frame. */
  image(frame: number): string {
    return this.#images.at(frame)
  }

  pairFrame(frame: number): SourcedFrame {
    const [left = 0, top = 0, right = 0, bottom = 0] = this.#boxes.subarray(4 * frame, 4 * frame + 4)
    return { source: { kind: 'file', path: this.image(frame) }, box: [left, top, right, bottom] }
  }
}

const noCategory = -1

interface TrackColumns {
  readonly videoNames: PathColumn
  readonly images: PathColumn
  readonly videoStarts: Column<Uint32Array>
  readonly trackStarts: Column<Uint32Array>
  readonly trackVideos: Column<Uint32Array>
  readonly categories: Column<Int32Array>
  readonly frameIds: Column<Int32Array>
  readonly boxes: Column<Float32Array>
}

/** Takes videos, tracks and frames in order; videos and tracks without a frame leave no trace. */
export class TrackTableBuilder {
  readonly leftOut: LeftOut = { absent: 0, empty: 0, outside: 0, crowd: 0, filtered: 0 }
  readonly #columns: TrackColumns = {
    videoNames: new PathColumn(),
    images: new PathColumn(),
    videoStarts: new Column(new Uint32Array(0)),
    trackStarts: new Column(new Uint32Array(0)),
    trackVideos: new Column(new Uint32Array(0)),
    categories: new Column(new Int32Array(0)),
    frameIds: new Column(new Int32Array(0)),
    boxes: new Column(new Float32Array(0)),
  }
  #video: string | undefined
  #newTrack = true
  #category = noCategory

  /** Begins a video, and its first track. */
  video(name: string): void {
    this.#video = name
    this.track()
  }

  /** Begins a further track of the video. @param category of its object, 0 or more, where the annotations state it */
  track(category?: number): void {
    this.#newTrack = true
    this.#category = category ?? noCategory
  }

  /** A frame of the current track; a box is stored in float32, as MMTracking does. */
  frame(frameId: number, image: string, [left, top, right, bottom]: Xyxy): void {
    const { videoNames, images, videoStarts, trackStarts, trackVideos, categories, frameIds, boxes } = this.#columns
    if (this.#video !== undefined) {
      videoNames.push(this.#video)
      videoStarts.push(trackStarts.length)
      this.#video = undefined
    }
    if (this.#newTrack) {
      trackStarts.push(frameIds.length)
      trackVideos.push(videoNames.length - 1)
      categories.push(this.#category)
      this.#newTrack = false
    }
    frameIds.push(frameId)
    images.push(image)
    boxes.pushAll([left, top, right, bottom])
  }

  finish(): TrackTable {
    return new TrackTable(this.#columns, this.leftOut)
  }
}

function positionsByValue(values: Int32Array): ReadonlyMap<number, readonly number[]> {
  const positions = new Map<number, number[]>()
  for (const [k, value] of values.entries()) {
    const before = positions.get(value)
    if (before) before.push(k)
    else positions.set(value, [k])
  }
  return positions
}

function range(starts: Uint32Array, index: number, end: number): { readonly start: number; readonly count: number } {
  const start = starts[index] ?? end
  return { start, count: (starts[index + 1] ?? end) - start }
}
