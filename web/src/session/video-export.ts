// The annotated video, through the browser's WebCodecs: which codec it is written with depends on what the browser can encode.

import {
  CanvasSource,
  canEncodeVideo,
  Mp4OutputFormat,
  Output,
  QUALITY_HIGH,
  StreamTarget,
  type VideoCodec,
  WebMOutputFormat,
} from 'mediabunny'
import type { ClipSource } from '../media/clip-source.ts'
import { PageError } from '../model/errors.ts'
import type { Project } from '../model/project.ts'
import { drawTargets } from '../ui/draw.ts'
import type { ExportedFile } from './export.ts'
import { createExportFile } from './export-file.ts'
import { eachFrame, type FrameOptions } from './frames.ts'

export type VideoKind = 'mp4' | 'webm'

interface Codec {
  readonly codec: VideoCodec
  readonly name: string
}

/** In the order of preference: what most players show comes first. */
const codecs: Readonly<Record<VideoKind, readonly Codec[]>> = {
  mp4: [
    { codec: 'avc', name: 'H.264' },
    { codec: 'vp9', name: 'VP9' },
    { codec: 'av1', name: 'AV1' },
    { codec: 'hevc', name: 'H.265' },
  ],
  webm: [
    { codec: 'vp9', name: 'VP9' },
    { codec: 'av1', name: 'AV1' },
    { codec: 'vp8', name: 'VP8' },
  ],
}

const bitrate = QUALITY_HIGH

/** @throws PageError where the browser can encode none of the format's codecs; the signal's reason when it was cancelled */
export async function annotatedVideo(
  kind: VideoKind,
  name: string,
  {
    project,
    source,
    options,
  }: { readonly project: Project; readonly source: ClipSource; readonly options: FrameOptions },
): Promise<ExportedFile> {
  const { clip } = project
  // Encoders want even sizes.
  const [width, height] = [clip.width + (clip.width & 1), clip.height + (clip.height & 1)]
  const chosen = await encodableCodec(kind, width, height)
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d')
  if (!context) throw new PageError('The browser gives no canvas to draw the video on')
  const file = await createExportFile()
  const output = new Output({
    format: kind === 'mp4' ? new Mp4OutputFormat({ fastStart: false }) : new WebMOutputFormat(),
    target: new StreamTarget(file.writable, { chunked: true }),
  })
  const video = new CanvasSource(canvas, { codec: chosen.codec, bitrate })
  output.addVideoTrack(video, { frameRate: clip.frameRate })
  await output.start()
  try {
    await eachFrame(source, options, async (picture, frame) => {
      context.drawImage(picture, 0, 0, clip.width, clip.height)
      drawTargets(context, { project, frame, selected: undefined, draft: undefined })
      await video.add(frame / clip.frameRate, 1 / clip.frameRate)
    })
    await output.finalize()
  } catch (error) {
    await output.cancel()
    throw error
  }
  return { name, blob: await file.content(), sentence: sentenceFor(kind, name, chosen) }
}

async function encodableCodec(kind: VideoKind, width: number, height: number): Promise<Codec> {
  for (const candidate of codecs[kind]) {
    if (await canEncodeVideo(candidate.codec, { width, height, bitrate })) return candidate
  }
  const names = codecs[kind].map(({ name }) => name).join(', ')
  throw new PageError(
    `This browser cannot write ${kind.toUpperCase()} video of ${width}x${height}: it has no encoder for ${names}. ` +
      'Try the other format, or export the clip folder.',
  )
}

function sentenceFor(kind: VideoKind, name: string, { codec, name: codecName }: Codec): string {
  const said = `"${name}" was exported, coded as ${codecName}.`
  if (kind === 'webm' || codec === 'avc') return said
  return `${said} This browser has no H.264 encoder; some players do not show ${codecName} in an MP4 file.`
}
