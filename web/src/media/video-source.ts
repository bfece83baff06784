// A video file, read through mediabunny and decoded by the browser's WebCodecs. The file streams: only the time stamps of its
// frames and the few frames that are decoded ahead are in memory, however long the video is.

import {
  ALL_FORMATS,
  BlobSource,
  EncodedPacketSink,
  Input,
  type InputVideoTrack,
  type VideoSample,
  VideoSampleSink,
} from 'mediabunny'
import { ClipError } from '../model/errors.ts'
import type { ClipFacts } from '../model/project.ts'
import { type ClipSource, type Picture, workingSize } from './clip-source.ts'

/** @throws ClipError with what is wrong with the file */
export async function openVideo(file: File): Promise<ClipSource> {
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS })
  try {
    const track = await videoTrack(input, file.name)
    const timestamps = await frameTimes(track)
    if (timestamps.length === 0) throw new ClipError(`"${file.name}" has a video track without a single frame`)
    const source = new VideoSource(input, track, timestamps, await clipFacts(track, file.name, timestamps))
    const first = await source.frame(0) // a damaged file shows here, before the open clip is replaced
    first.close()
    return source
  } catch (error) {
    input.dispose()
    if (error instanceof ClipError) throw error
    throw new ClipError(`"${file.name}" cannot be read as a video: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    })
  }
}

async function videoTrack(input: Input, name: string): Promise<InputVideoTrack> {
  if (!(await input.canRead()))
    throw new ClipError(`"${name}" is no video that this page can read: MP4, MOV, WebM and MKV work`)
  const track = await input.getPrimaryVideoTrack()
  if (!track) throw new ClipError(`"${name}" contains no video, only sound`)
  if (!(await track.canDecode())) {
    const codec = (await track.getCodecParameterString()) ?? (await track.getCodec()) ?? 'of an unknown kind'
    throw new ClipError(
      `"${name}" is coded as ${codec}, which this browser cannot decode. Convert it to H.264, VP9 or AV1`,
    )
  }
  return track
}

/** Seconds at which each frame is shown, in that order, the first one as it stands in the file. */
async function frameTimes(track: InputVideoTrack): Promise<Float64Array> {
  const times: number[] = []
  const sink = new EncodedPacketSink(track)
  for await (const packet of sink.packets(undefined, undefined, { metadataOnly: true })) times.push(packet.timestamp)
  return Float64Array.from(times).sort()
}

async function clipFacts(track: InputVideoTrack, name: string, times: Float64Array): Promise<ClipFacts> {
  const size = workingSize(await track.getDisplayWidth(), await track.getDisplayHeight())
  const duration = (times.at(-1) ?? 0) - (times[0] ?? 0)
  const frameRate = duration > 0 ? (times.length - 1) / duration : 25
  return { name, ...size, frameCount: times.length, frameRate }
}

class VideoSource implements ClipSource {
  readonly facts: ClipFacts
  readonly #input: Input
  readonly #sink: VideoSampleSink
  readonly #times: Float64Array

  constructor(input: Input, track: InputVideoTrack, times: Float64Array, facts: ClipFacts) {
    this.#input = input
    this.#sink = new VideoSampleSink(track)
    this.#times = times
    this.facts = facts
  }

  async frame(index: number): Promise<Picture> {
    const sample = await this.#sink.getSample(this.#time(index))
    if (!sample) throw new ClipError(`Frame ${index + 1} of "${this.facts.name}" cannot be decoded`)
    return this.#picture(sample)
  }

  async *frames(from: number): AsyncGenerator<Picture, void, void> {
    let index = from
    for await (const sample of this.#sink.samples(this.#time(from))) {
      yield this.#picture(sample)
      index++
    }
    if (index < this.facts.frameCount) {
      throw new ClipError(
        `"${this.facts.name}" ends after frame ${index} of ${this.facts.frameCount}: the rest is damaged`,
      )
    }
  }

  close(): void {
    this.#input.dispose()
  }

  #time(index: number): number {
    const time = this.#times[index]
    if (time === undefined) throw new ClipError(`There is no frame ${index + 1} in "${this.facts.name}"`)
    return time
  }

  /** The frame upright and at the working size; the sample is closed. */
  #picture(sample: VideoSample): Picture {
    const { width, height } = this.facts
    try {
      const plain =
        sample.rotation === 0 && !sample.flip && sample.codedWidth === width && sample.codedHeight === height
      if (plain) return sample.toVideoFrame()
      const canvas = new OffscreenCanvas(width, height)
      const context = canvas.getContext('2d')
      if (!context) throw new ClipError('The browser gives no canvas to draw a frame on')
      sample.draw(context, 0, 0, width, height)
      return canvas.transferToImageBitmap()
    } finally {
      sample.close()
    }
  }
}
