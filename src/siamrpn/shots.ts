// The frames of a stream, each knowing the next one: a step asks for it while it computes, so that decoding and upload of a
// frame happen beside the network's work on the one before.

import { ArgumentError } from '../gpu/errors.ts'
import { show } from '../gpu/message.ts'
import type { Frame } from './frame.ts'

/** Frames one after the other, from memory or as they are decoded. */
export type Frames = Iterable<Frame> | AsyncIterable<Frame>

/** One frame on its way through a tracker. */
export interface Shot {
  readonly frame: Frame
  /** The next one, asked for by the first call; undefined after the last. */
  next?(): Promise<Shot | undefined>
}

/** Frames that are pulled one by one, each at most once. */
export class ShotSource {
  readonly #iterator: Iterator<Frame> | AsyncIterator<Frame>

  /** @throws ArgumentError for what is no sequence */
  constructor(frames: Frames) {
    this.#iterator = iterate(frames)
  }

  /** The next frame. @throws what the frames' source throws */
  async pull(): Promise<Shot | undefined> {
    const { done, value } = await this.#iterator.next()
    if (done) return undefined
    let next: Promise<Shot | undefined> | undefined
    return {
      frame: value,
      next: () => {
        next ??= this.pull()
        next.catch(() => undefined) // whoever awaits it reports it
        return next
      },
    }
  }

  /** Tells the source that no more frames are wanted. */
  async end(): Promise<void> {
    await this.#iterator.return?.()
  }
}

function iterate(frames: Frames): Iterator<Frame> | AsyncIterator<Frame> {
  const given: Partial<Iterable<Frame> & AsyncIterable<Frame>> | null | undefined = frames as object
  const iterator = given?.[Symbol.asyncIterator]?.() ?? given?.[Symbol.iterator]?.()
  if (iterator) return iterator
  throw new ArgumentError(
    `frames is ${show(frames)}, expected a sequence of frames, which \`for await\` can go through`,
  )
}
