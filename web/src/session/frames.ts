// All frames of a clip, one after the other, for what is exported.

import type { ClipSource, Picture } from '../media/clip-source.ts'

export interface FrameOptions {
  readonly onProgress: (done: number, total: number) => void
  readonly signal: AbortSignal
}

/** @throws the signal's reason when it was cancelled */
export async function eachFrame(
  source: ClipSource,
  { onProgress, signal }: FrameOptions,
  use: (picture: Picture, frame: number) => Promise<void>,
): Promise<void> {
  let frame = 0
  for await (const picture of source.frames(0)) {
    try {
      signal.throwIfAborted()
      await use(picture, frame++)
      onProgress(frame, source.facts.frameCount)
    } finally {
      picture.close()
    }
  }
}
