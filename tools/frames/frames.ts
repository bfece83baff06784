// Opens anything that holds frames (video, folder of images, animation, single image) as one iterable of RGB frames.
// Each kind has its own module; this one only looks at the path and chooses.

import { stat } from 'node:fs/promises'
import { openImageFile } from './animation.ts'
import { SourceNotFoundError } from './errors.ts'
import { openFolder } from './folder.ts'
import { isImageName } from './image.ts'
import type { FrameSource } from './types.ts'
import { openVideo } from './video.ts'

export interface OpenFramesOptions {
  /** Index of the first frame to yield (0). */
  readonly start?: number
}

/**
 * Opens a video file (through `ffmpeg` and `ffprobe` on the PATH), a folder of images in natural order of their names,
 * an animated WebP or GIF, or a single image.
 *
 * @throws SourceNotFoundError, EmptySourceError, FfmpegMissingError, UnreadableVideoError, UnreadableImageError; while
 * iterating also FrameSizeError and TruncatedVideoError
 */
export async function openFrames(source: string, options: OpenFramesOptions = {}): Promise<FrameSource> {
  const start = options.start ?? 0
  let isFolder: boolean
  try {
    isFolder = (await stat(source)).isDirectory()
  } catch (error) {
    throw new SourceNotFoundError(source, { cause: error })
  }
  if (isFolder) return openFolder(source, start)
  if (isImageName(source)) return openImageFile(source, start)
  return openVideo(source, start)
}
