// The next frame's upload during a turn: if the frame is there before the turn ends, its pixels go into the queue behind the
// work of the turn. A frame that is late, of another shape, or bad is left to its own turn, which says what is wrong with it.

import type { Device } from '../gpu/device.ts'
import { type FrameBuffer, frameShape, sameShape } from './frame.ts'
import type { Shot } from './shots.ts'

export class UploadAhead {
  readonly #device: Device
  readonly #buffer: FrameBuffer
  #uploading: Promise<void> | undefined
  #ended = false

  constructor(device: Device, buffer: FrameBuffer) {
    this.#device = device
    this.#buffer = buffer
  }

  begin(coming: Promise<Shot | undefined>): void {
    coming.then(
      (shot) => {
        if (this.#ended || !shot || !this.#fits(shot)) return
        this.#uploading = this.#buffer.writeAhead(this.#device, shot).catch(() => undefined)
      },
      () => undefined,
    )
  }

  /** Ends the turn: waits for an upload that has begun, and lets none begin any more. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#uploading
  }

  #fits({ frame }: Shot): boolean {
    try {
      return sameShape(frameShape(frame), this.#buffer.shape)
    } catch {
      return false
    }
  }
}
