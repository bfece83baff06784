// Frames of one video by their index, decoded before they are asked for: decoding runs in sharp's threads while the GPU works on
// the frame before. What was read for an index that is then left out (VOT skips frames after a failure) is dropped.

import type { RgbFrame } from 'siamrpn'

/** How many frames are decoded ahead. */
const framesAhead = 4

export class FramesAhead {
  readonly #count: number
  readonly #read: (index: number) => Promise<RgbFrame>
  readonly #ahead: number
  readonly #pending = new Map<number, Promise<RgbFrame>>()

  /** @param read called once per index at most, for several indices at a time */
  constructor(count: number, read: (index: number) => Promise<RgbFrame>, ahead = framesAhead) {
    this.#count = count
    this.#read = read
    this.#ahead = ahead
  }

  /** The frame of an index, which must rise from call to call. */
  async at(index: number): Promise<RgbFrame> {
    for (const known of this.#pending.keys()) if (known < index) this.#pending.delete(known)
    for (let next = index; next <= index + this.#ahead && next < this.#count; next++) this.#start(next)
    return await (this.#pending.get(index) ?? this.#read(index))
  }

  #start(index: number): void {
    if (this.#pending.has(index)) return
    const frame = this.#read(index)
    frame.catch(() => undefined) // A frame that nobody waits for any more must not become an unhandled rejection.
    this.#pending.set(index, frame)
  }
}
