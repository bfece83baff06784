// Export: annotations as text, the clip with its ground truth as a zip, the annotated video through WebCodecs.

import {
  BufferTarget,
  CanvasSource,
  getFirstEncodableVideoCodec,
  Mp4OutputFormat,
  Output,
  QUALITY_HIGH,
  WebMOutputFormat,
} from 'mediabunny'
import { frameFileName, writeCocoVid } from '../formats/coco-vid.ts'
import { writeCsv } from '../formats/csv.ts'
import { writeGroundTruth } from '../formats/ground-truth.ts'
import { writeProjectJson } from '../formats/json.ts'
import { writeMot } from '../formats/mot.ts'
import type { ClipSource, Picture } from '../media/clip-source.ts'
import { zipFiles } from '../media/zip-files.ts'
import { PageError } from '../model/errors.ts'
import type { Project, TrackedTarget } from '../model/project.ts'
import { drawTargets } from '../ui/draw.ts'

export type ExportKind = 'json' | 'csv' | 'mot' | 'coco' | 'clip' | 'mp4' | 'webm'

export interface ExportOptions {
  readonly onProgress: (done: number, total: number) => void
  readonly signal: AbortSignal
}

export interface ExportedFile {
  readonly name: string
  readonly blob: Blob
}

/** @throws PageError where a target or a codec is missing; the signal's reason when it was cancelled */
export async function exportProject(
  kind: ExportKind,
  project: Project,
  source: ClipSource,
  options: ExportOptions,
): Promise<ExportedFile> {
  const stem = project.clip.name.replace(/\.[^.]*$/, '')
  switch (kind) {
    case 'json':
      return textFile(`${stem}.siamrpn.json`, writeProjectJson(project), 'application/json')
    case 'csv':
      return textFile(`${stem}.csv`, writeCsv(project), 'text/csv')
    case 'mot':
      return textFile(`${stem}.mot.txt`, writeMot(project), 'text/plain')
    case 'coco':
      return textFile(`${stem}.coco-vid.json`, writeCocoVid(project), 'application/json')
    case 'clip':
      return { name: `${stem}.zip`, blob: await clipZip(stem, project, source, options) }
    default:
      return { name: `${stem}-tracked.${kind}`, blob: await annotatedVideo(kind, project, source, options) }
  }
}

function textFile(name: string, text: string, type: string): ExportedFile {
  return { name, blob: new Blob([text], { type }) }
}

/** img/ and groundtruth.txt; with several targets a ground truth each, named by the target. */
async function clipZip(stem: string, project: Project, source: ClipSource, options: ExportOptions): Promise<Blob> {
  const { clip, targets } = project
  if (targets.length === 0) throw new PageError('There is no target to export: draw a box first')
  const files: Record<string, Uint8Array> = {}
  await eachFrame(source, options, async (picture, frame) => {
    const canvas = new OffscreenCanvas(clip.width, clip.height)
    canvas.getContext('2d')?.drawImage(picture, 0, 0, clip.width, clip.height)
    const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 })
    files[`${stem}/img/${frameFileName(frame)}`] = new Uint8Array(await blob.arrayBuffer())
  })
  for (const target of targets) {
    const name = targets.length === 1 ? 'groundtruth.txt' : `groundtruth-${safeName(target)}.txt`
    files[`${stem}/${name}`] = new TextEncoder().encode(writeGroundTruth(target, clip.frameCount))
  }
  return await zipFiles(files)
}

function safeName({ id, name }: TrackedTarget): string {
  return `${id}-${name.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 40)}`
}

async function annotatedVideo(
  kind: 'mp4' | 'webm',
  project: Project,
  source: ClipSource,
  options: ExportOptions,
): Promise<Blob> {
  const { clip } = project
  // Encoders want even sizes.
  const [width, height] = [clip.width + (clip.width & 1), clip.height + (clip.height & 1)]
  const format = kind === 'mp4' ? new Mp4OutputFormat({ fastStart: 'in-memory' }) : new WebMOutputFormat()
  const codec = await getFirstEncodableVideoCodec(format.getSupportedVideoCodecs(), { width, height })
  if (!codec)
    throw new PageError(
      `This browser cannot encode ${kind.toUpperCase()} video of ${width}x${height}; try the other format`,
    )
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d')
  if (!context) throw new PageError('The browser gives no canvas to draw the video on')
  const output = new Output({ format, target: new BufferTarget() })
  const video = new CanvasSource(canvas, { codec, bitrate: QUALITY_HIGH })
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
  const { buffer } = output.target
  if (!buffer) throw new PageError('The video could not be written')
  return new Blob([buffer], { type: `video/${kind}` })
}

async function eachFrame(
  source: ClipSource,
  { onProgress, signal }: ExportOptions,
  use: (picture: Picture, frame: number) => Promise<void>,
) {
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
