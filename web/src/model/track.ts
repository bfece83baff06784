// A track: what the tracker said of one target, by frame. It is immutable and kept in blocks, so that a track with one frame more
// shares all blocks but one with the track before: a frame costs the same however long the clip is.

import type { Box } from 'siamrpn'

/** What the tracker said of one target in one frame. */
export interface Tracked {
  /** Frame pixels, top-left corner. */
  readonly box: Box
  /** 0..1 */
  readonly score: number
}

const blockFrames = 256

/** Consecutive frames of a track. It never changes, so that what was computed from it can be kept under it. */
export interface TrackBlock {
  /** The frame of the first item. */
  readonly first: number
  /** Undefined where the target was not followed. */
  readonly items: readonly (Tracked | undefined)[]
  /** Frames in which it was. */
  readonly count: number
}

export class Track implements Iterable<[number, Tracked]> {
  static readonly empty = new Track([])
  readonly size: number
  /** By their first frame, in order. */
  readonly #blocks: ReadonlyMap<number, TrackBlock>

  private constructor(blocks: readonly TrackBlock[]) {
    this.#blocks = new Map(blocks.map((block) => [block.first, block]))
    this.size = blocks.reduce((sum, { count }) => sum + count, 0)
  }

  static from(entries: Iterable<readonly [number, Tracked]>): Track {
    const blocks = new Map<number, (Tracked | undefined)[]>()
    for (const [frame, tracked] of entries) {
      const { first, index } = placeOf(frame)
      const items = blocks.get(first) ?? emptyItems()
      items[index] = tracked
      blocks.set(first, items)
    }
    return new Track([...blocks].map(([first, items]) => blockOf(first, items)).sort(byFirst))
  }

  get blocks(): Iterable<TrackBlock> {
    return this.#blocks.values()
  }

  get(frame: number): Tracked | undefined {
    const { first, index } = placeOf(frame)
    return this.#blocks.get(first)?.items[index]
  }

  has(frame: number): boolean {
    return this.get(frame) !== undefined
  }

  /** In the order of frames. */
  *[Symbol.iterator](): Generator<[number, Tracked], void, void> {
    for (const { first, items } of this.#blocks.values()) {
      for (const [index, tracked] of items.entries()) if (tracked) yield [first + index, tracked]
    }
  }

  *keys(): Generator<number, void, void> {
    for (const [frame] of this) yield frame
  }

  with(frame: number, tracked: Tracked): Track {
    const { first, index } = placeOf(frame)
    const items = [...(this.#blocks.get(first)?.items ?? emptyItems())]
    items[index] = tracked
    const blocks = [...this.#blocks.values()].filter((block) => block.first !== first)
    return new Track([...blocks, blockOf(first, items)].sort(byFirst))
  }

  /** Without the frames from `from` to `to`, both included. */
  without(from: number, to: number): Track {
    const blocks = [...this.#blocks.values()].map((block) => {
      if (block.first > to || block.first + blockFrames <= from) return block
      const items = block.items.map((item, index) => (isWithin(block.first + index, from, to) ? undefined : item))
      return blockOf(block.first, items)
    })
    return new Track(blocks.filter(({ count }) => count > 0))
  }
}

function placeOf(frame: number): { readonly first: number; readonly index: number } {
  const first = Math.floor(frame / blockFrames) * blockFrames
  return { first, index: frame - first }
}

function emptyItems(): (Tracked | undefined)[] {
  return Array.from({ length: blockFrames }, () => undefined)
}

function blockOf(first: number, items: TrackBlock['items']): TrackBlock {
  return { first, items, count: items.reduce((sum, item) => sum + (item ? 1 : 0), 0) }
}

function isWithin(frame: number, from: number, to: number): boolean {
  return frame >= from && frame <= to
}

function byFirst(a: TrackBlock, b: TrackBlock): number {
  return a.first - b.first
}
