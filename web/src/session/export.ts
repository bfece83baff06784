// Export: annotations as text, the clip with its ground truth as a zip, the annotated video.

import { frameFileName, writeCocoVid } from '../formats/coco-vid.ts'
import { writeCsv } from '../formats/csv.ts'
import { writeGroundTruth } from '../formats/ground-truth.ts'
import { writeProjectJson } from '../formats/json.ts'
import { writeMot } from '../formats/mot.ts'
import type { ClipSource } from '../media/clip-source.ts'
import { ZipWriter } from '../media/zip-files.ts'
import { PageError } from '../model/errors.ts'
import type { Project, TrackedTarget } from '../model/project.ts'
import { createExportFile } from './export-file.ts'
import { eachFrame, type FrameOptions } from './frames.ts'
import { annotatedVideo } from './video-export.ts'

export type ExportKind = 'json' | 'csv' | 'mot' | 'coco' | 'clip' | 'mp4' | 'webm'

export interface ExportedFile {
  readonly name: string
  readonly blob: Blob
  /** What to say of it. */
  readonly sentence: string
}

/** @throws PageError where a target or a codec is missing; the signal's reason when it was cancelled */
export async function exportProject(
  kind: ExportKind,
  project: Project,
  source: ClipSource,
  options: FrameOptions,
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
      return exportedFile(`${stem}.zip`, await clipZip(stem, project, source, options))
    default:
      return await annotatedVideo(kind, `${stem}-tracked.${kind}`, { project, source, options })
  }
}

function exportedFile(name: string, blob: Blob): ExportedFile {
  return { name, blob, sentence: `"${name}" was exported.` }
}

function textFile(name: string, text: string, type: string): ExportedFile {
  return exportedFile(name, new Blob([text], { type }))
}

/** img/ and groundtruth.txt; with several targets a ground truth each, named by the target. */
async function clipZip(stem: string, project: Project, source: ClipSource, options: FrameOptions): Promise<Blob> {
  const { clip, targets } = project
  if (targets.length === 0) throw new PageError('There is no target to export: draw a box first')
  const canvas = new OffscreenCanvas(clip.width, clip.height)
  const context = canvas.getContext('2d')
  if (!context) throw new PageError('The browser gives no canvas to draw the pictures on')
  const file = await createExportFile()
  const zip = new ZipWriter(file.writable)
  try {
    await eachFrame(source, options, async (picture, frame) => {
      context.drawImage(picture, 0, 0, clip.width, clip.height)
      const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 })
      await zip.add(`${stem}/img/${frameFileName(frame)}`, new Uint8Array(await blob.arrayBuffer()))
    })
    for (const target of targets) {
      const name = targets.length === 1 ? 'groundtruth.txt' : `groundtruth-${safeName(target)}.txt`
      await zip.add(`${stem}/${name}`, new TextEncoder().encode(writeGroundTruth(target, clip.frameCount)))
    }
    await zip.finish()
  } catch (error) {
    await zip.cancel(error)
    throw error
  }
  return await file.content()
}

function safeName({ id, name }: TrackedTarget): string {
  return `${id}-${name.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 40)}`
}
