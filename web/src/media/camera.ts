// The camera, live: always the newest frame, never a queue of old ones.

import { ClipError } from '../model/errors.ts'
import { workingSize } from './clip-source.ts'

export interface Camera {
  readonly width: number
  readonly height: number
  readonly video: HTMLVideoElement
  /** Waits for a frame that was not given before and returns it; whoever gets it closes it. */
  next(): Promise<ImageBitmap>
  close(): void
}

/** @throws ClipError if there is no camera or it may not be used */
export async function openCamera(): Promise<Camera> {
  const stream = await askForCamera()
  const video = document.createElement('video')
  video.muted = true
  video.playsInline = true
  video.srcObject = stream
  await video.play()
  const size = workingSize(video.videoWidth, video.videoHeight)
  return {
    ...size,
    video,
    async next() {
      await new Promise<void>((resolve) => video.requestVideoFrameCallback(() => resolve()))
      return await createImageBitmap(video, { resizeWidth: size.width, resizeHeight: size.height })
    },
    close() {
      for (const track of stream.getTracks()) track.stop()
      video.srcObject = null
    },
  }
}

async function askForCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices)
    throw new ClipError('This page has no access to a camera: open it over https or on localhost')
  try {
    return await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 1280 }, facingMode: { ideal: 'environment' } },
    })
  } catch (error) {
    const name = error instanceof DOMException ? error.name : ''
    if (name === 'NotAllowedError')
      throw new ClipError('The browser was not allowed to use the camera. Allow it in the address bar and try again', {
        cause: error,
      })
    if (name === 'NotFoundError') throw new ClipError('No camera was found', { cause: error })
    throw new ClipError(`The camera does not start: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}
