// The camera, live: always the newest frame, never a queue of old ones.

import { ClipError } from '../model/errors.ts'
import { workingSize } from './clip-source.ts'

export interface Camera {
  readonly width: number
  readonly height: number
  /**
   * Waits for a frame that was not given before and returns it; whoever gets it closes it.
   * @throws ClipError when the camera is closed or goes away
   */
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
  let end: (error: ClipError) => void = () => undefined
  const ended = new Promise<never>((_, reject) => {
    end = reject
  })
  ended.catch(() => undefined) // told by `next`
  for (const track of stream.getTracks()) {
    track.addEventListener('ended', () =>
      end(new ClipError('The camera is gone: it was unplugged or taken by another program. Open it again to go on')),
    )
  }
  return {
    ...size,
    async next() {
      const shown = new Promise<void>((resolve) => video.requestVideoFrameCallback(() => resolve()))
      await Promise.race([shown, ended])
      return await createImageBitmap(video, { resizeWidth: size.width, resizeHeight: size.height })
    },
    close() {
      end(new ClipError('The camera was closed'))
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
