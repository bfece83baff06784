// Training pairs from generated clips: two frames of one clip that both show the target, or frames of two clips. The
// rules are those of MMTracking's SOTTrainDataset; the pixels are rendered by whoever decodes, from a few numbers.

import type { Random, RgbFrame } from 'siamrpn'
import type { PairDataset, PairRequest, PixelSource, SourcedFrame } from '../datasets/pair.ts'
import { GeneratedClip } from './clip.ts'
import { SyntheticClips, type SyntheticClipsOptions } from './clips.ts'

export interface SyntheticPairsOptions extends SyntheticClipsOptions {
  readonly seed?: number
  /** Largest distance of the two frames (100). */
  readonly frameRange?: number
  /** Share of pairs that show the same object (0.8). */
  readonly posProb?: number
  /**
   * How far the crops of template and search see from the target's middle, in sides of the template's context square
   * (0.65 and 1.8: half of 127 and of 255 pixels of it, with the shifts and scales of the seed's augmentation). What is
   * farther away is not rendered but filled with the mean color.
   */
  readonly templateReach?: number
  readonly searchReach?: number
}

/** The part of a pair that says where pixels come from, of the synthetic kind. */
export type SyntheticSource = Extract<PixelSource, { kind: 'synthetic' }>

const windowMargin = 8
const leastVisible = 0.4
const leastSide = 6
const attempts = 12
const cachedClips = 6

/** A dataset with one sample per clip and epoch; which frames is drawn anew each time. */
export function syntheticPairs(options: SyntheticPairsOptions = {}): PairDataset {
  const clips = new SyntheticClips({ ...options, clips: options.clips ?? 4096 })
  const frameRange = options.frameRange ?? 100
  const posProb = options.posProb ?? 0.8
  const { seed = 1, templateReach = 0.65, searchReach = 1.8 } = options
  const cache = new ClipCache()

  const pairFrame = (clip: GeneratedClip, index: number, frame: number, reach: number): SourcedFrame => {
    const { x, y, width, height } = clip.box(frame)
    const { width: frameWidth, height: frameHeight, count: frames } = clip
    const source = {
      kind: 'synthetic',
      seed,
      clip: index,
      frame,
      width: frameWidth,
      height: frameHeight,
      frames,
    } as const
    const context = (width + height) / 2
    const half = reach * Math.sqrt((width + context) * (height + context)) + windowMargin
    return {
      source: { ...source, window: [x + width / 2 - half, y + height / 2 - half, 2 * half, 2 * half] },
      box: [x, y, x + width, y + height],
    }
  }

  return {
    length: clips.count,
    sample(index: number, random: Random): PairRequest {
      const first = index % clips.count
      const positive = clips.count === 1 || random.next() < posProb
      const second = positive ? first : (first + 1 + random.integer(clips.count - 1)) % clips.count
      const from = cache.get({ seed, clip: first, ...sizeOf(clips) })
      const to = positive ? from : cache.get({ seed, clip: second, ...sizeOf(clips) })
      const at = seenFrame(from, random, [0, from.count - 1])
      const near: readonly [number, number] = positive
        ? [Math.max(0, at - frameRange), Math.min(to.count - 1, at + frameRange)]
        : [0, to.count - 1]
      const other = seenFrame(to, random, near)
      return {
        id: `synthetic seed ${seed}: clip ${first} frame ${at}, clip ${second} frame ${other}`,
        template: pairFrame(from, first, at, templateReach),
        search: pairFrame(to, second, other, searchReach),
        positive,
      }
    },
  }
}

/** Renders what a synthetic source names. The last few clips are kept. */
export function renderSynthetic(source: SyntheticSource): RgbFrame {
  const { seed, clip, width, height, frames, frame, window } = source
  const made = rendered.get({ seed, clip, width, height, frames })
  if (window === undefined) return made.picture(frame)
  const [x, y, windowWidth, windowHeight] = window
  return made.picture(frame, { x, y, width: windowWidth, height: windowHeight })
}

interface Key {
  readonly seed: number
  readonly clip: number
  readonly width: number
  readonly height: number
  readonly frames: number
}

/** The clips used last. */
class ClipCache {
  readonly #clips = new Map<string, GeneratedClip>()

  get(key: Key): GeneratedClip {
    const name = `${key.seed} ${key.clip} ${key.width} ${key.height} ${key.frames}`
    const known = this.#clips.get(name)
    if (known !== undefined) return known
    const made = new GeneratedClip(key)
    for (const oldest of this.#clips.keys()) {
      if (this.#clips.size < cachedClips) break
      this.#clips.delete(oldest)
    }
    this.#clips.set(name, made)
    return made
  }
}

const rendered = new ClipCache()

function sizeOf({ width, height, framesPerClip: frames }: SyntheticClips) {
  return { width, height, frames }
}

/** A frame that shows enough of the target; the last one tried if there is none. */
function seenFrame(clip: GeneratedClip, random: Random, [first, last]: readonly [number, number]): number {
  let frame = first
  for (let attempt = 0; attempt < attempts; attempt++) {
    frame = first + random.integer(last - first + 1)
    const { width, height } = clip.box(frame)
    if (Math.min(width, height) >= leastSide && clip.visibility(frame) >= leastVisible) break
  }
  return frame
}
