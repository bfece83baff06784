// The plain values that everything around the tracker exchanges: sequences of frames, and boxes in pixels.

import type { Box, RgbFrame } from 'siamrpn'

export type { Box }

/** What a tracker says about one target in one frame; `score` is in [0, 1]. */
export interface Tracked {
  readonly box: Box
  readonly score: number
}

/** A sequence of frames of one size. Each iteration starts anew and decodes one or two frames ahead of its consumer. */
export interface FrameSource extends AsyncIterable<RgbFrame> {
  /** Pixels, of every frame. */
  readonly width: number
  /** Pixels, of every frame. */
  readonly height: number
  /** Frames per second, where the source states them. */
  readonly fps?: number
  /** Frames that an iteration is expected to yield, where the source states them; a video's header may be wrong. */
  readonly count?: number
  /** What was odd about it, known once an iteration has ended; what was read is good all the same. */
  readonly warnings?: readonly string[]
  /** Stops what is under way (an ffmpeg process included). Iterations end; further ones yield nothing. */
  close(): Promise<void>
}

/** `480x360`, as sizes are written in every message. */
export function formatSize(size: { readonly width: number; readonly height: number }): string {
  return `${size.width}x${size.height}`
}
