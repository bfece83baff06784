// Errors of frames and files: sources that cannot be read, outputs that cannot be written, ground truth that does not parse.
// Every message names the file, what was found and what was expected.

import { SiamRpnError } from 'siamrpn/gpu'

/** The path given as a video, image or folder does not exist. */
export class SourceNotFoundError extends SiamRpnError {
  readonly path: string

  constructor(path: string, options?: ErrorOptions) {
    super(`no such file or folder: ${path}`, options)
    this.path = path
  }
}

/** A source that exists but holds no frame (from the first one asked for on). */
export class EmptySourceError extends SiamRpnError {}

/** `ffmpeg` or `ffprobe` is not on the PATH. */
export class FfmpegMissingError extends SiamRpnError {
  constructor(program: string, purpose: string, alternative: string) {
    super(
      `${program} was not found on the PATH; it is needed to ${purpose}. Install ffmpeg ` +
        '(Debian, Ubuntu: apt-get install ffmpeg; macOS: brew install ffmpeg; Windows: winget install ffmpeg), ' +
        `or do without it: ${alternative}`,
    )
  }
}

/** ffmpeg ran and failed; the message ends with what it wrote to its standard error. */
export class FfmpegError extends SiamRpnError {}

/** A file that ffmpeg cannot open as a video. */
export class UnreadableVideoError extends SiamRpnError {
  constructor(file: string, reason: string) {
    super(`cannot read ${file} as a video: ${reason}`)
  }
}

/** A video that ends before the frame count that its header states, or in the middle of a frame. */
export class TruncatedVideoError extends SiamRpnError {
  readonly framesRead: number

  constructor(file: string, framesRead: number, expected: number | undefined, reason: string) {
    const promised = expected === undefined ? '' : `, its header promises ${expected}`
    super(
      `${file} is truncated: ${framesRead} frames could be read${promised} (${reason}). ` +
        `Limit the number of frames to ${framesRead} to work with the readable part`,
    )
    this.framesRead = framesRead
  }
}

/** An image that does not decode: not an image, damaged or truncated. */
export class UnreadableImageError extends SiamRpnError {
  readonly path: string

  constructor(file: string, reason: string, options?: ErrorOptions) {
    super(`cannot read the image ${file}: ${reason}`, options)
    this.path = file
  }
}

/** A frame whose size is not that of the first frame. */
export class FrameSizeError extends SiamRpnError {
  constructor(name: string, found: string, expected: string) {
    super(`${name} is ${found} pixels, expected ${expected} like the first frame`)
  }
}

/** An output that cannot be written as asked. */
export class OutputError extends SiamRpnError {}

/** A ground-truth file that does not parse; the message starts with `file:line`. */
export class GroundTruthError extends SiamRpnError {}
