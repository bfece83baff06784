// The generator of training and held-out clips: as many different clips as asked for, each from (seed, number) alone.
// Seeds below `heldOutSeeds` are for training, those from there on for measuring; no clip of the one is in the other.

import { GeneratedClip } from './clip.ts'

export interface SyntheticClipsOptions {
  /** Anything; equal seeds give equal clips (1). Seeds from `heldOutSeeds` on are kept for measuring. */
  readonly seed?: number | string
  /** Pixels (320). */
  readonly width?: number
  /** Pixels (240). */
  readonly height?: number
  /** How many clips (20). */
  readonly clips?: number
  /** (100) */
  readonly framesPerClip?: number
}

/** First seed of the held-out clips: training uses smaller ones. */
export const heldOutSeeds = 1_000_000

export const defaultWidth = 320
export const defaultHeight = 240
export const defaultFrames = 100

/** A collection of generated clips. */
export class SyntheticClips {
  readonly seed: number | string
  readonly width: number
  readonly height: number
  /** Clips. */
  readonly count: number
  readonly framesPerClip: number

  constructor(options: SyntheticClipsOptions = {}) {
    this.seed = options.seed ?? 1
    this.width = options.width ?? defaultWidth
    this.height = options.height ?? defaultHeight
    this.count = options.clips ?? 20
    this.framesPerClip = options.framesPerClip ?? defaultFrames
    for (const [name, value] of Object.entries({
      width: this.width,
      height: this.height,
      clips: this.count,
      framesPerClip: this.framesPerClip,
    })) {
      const least = name === 'width' || name === 'height' ? 64 : 1
      if (!Number.isInteger(value) || value < least) {
        throw new RangeError(`${name} is ${value}, expected a whole number of at least ${least}`)
      }
    }
  }

  /** Clip `index`, which does not depend on the number of clips. */
  clip(index: number): GeneratedClip {
    if (!Number.isInteger(index) || index < 0 || index >= this.count) {
      throw new RangeError(`clip ${index} asked for, expected a whole number from 0 to ${this.count - 1}`)
    }
    const { seed, width, height, framesPerClip: frames } = this
    return new GeneratedClip({ seed, clip: index, width, height, frames })
  }
}
