// A clip source gives frames by number, of a video file, of images or of the camera, at the size that the page works with.

import type { ClipFacts } from '../model/project.ts'

/** A decoded frame. Whoever gets it closes it. */
export type Picture = ImageBitmap | VideoFrame

/** A picture of one's own of what another one holds. */
export async function copyOf(picture: Picture): Promise<Picture> {
  return 'clone' in picture ? picture.clone() : await createImageBitmap(picture)
}

export interface ClipSource {
  readonly facts: ClipFacts
  /** Frame `index`, from 0. @throws ClipError if it cannot be decoded */
  frame(index: number): Promise<Picture>
  /** Frames from `from` to the end in order, decoded ahead. */
  frames(from: number): AsyncGenerator<Picture, void, void>
  close(): void
}

/**
 * Pixels of the longer side that a frame is reduced to at most: a search crop is 193 pixels wide, so more detail is only weight,
 * and an 8K frame is above the 128 MiB that one binding may have.
 */
export const longestSide = 1920

/** The size that frames of `width` x `height` are worked with. */
export function workingSize(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, longestSide / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}
