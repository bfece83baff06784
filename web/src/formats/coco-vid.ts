// COCO-VID as MMTracking reads it: videos, images with their frame number, categories, and an annotation per target and frame.
// Source: mmtracking/docs/en/tutorials/customize_dataset.md.

import type { Box } from 'siamrpn'
import { ImportError } from '../model/errors.ts'
import type { ClipFacts, Project } from '../model/project.ts'
import { projectOf, type Row, rowsOf } from './rows.ts'

interface CocoAnnotation {
  readonly id: number
  readonly image_id: number
  readonly video_id: number
  readonly category_id: number
  readonly instance_id: number
  readonly bbox: readonly [number, number, number, number]
  readonly area: number
  readonly iscrowd: 0
  readonly score?: number | undefined
}

export function writeCocoVid(project: Project): string {
  const { clip, targets } = project
  const images = Array.from({ length: clip.frameCount }, (_, frame) => ({
    id: frame + 1,
    video_id: 1,
    frame_id: frame,
    file_name: `${clip.name}/img/${frameFileName(frame)}`,
    width: clip.width,
    height: clip.height,
  }))
  const annotations = rowsOf(project).flatMap(({ frame, target, box, score }, index): CocoAnnotation[] => {
    if (!box) return []
    const bbox = [box.x, box.y, box.width, box.height] as const
    const area = box.width * box.height
    return [
      {
        id: index + 1,
        image_id: frame + 1,
        video_id: 1,
        category_id: target,
        instance_id: target,
        bbox,
        area,
        iscrowd: 0,
        score,
      },
    ]
  })
  const videos = [{ id: 1, name: clip.name, width: clip.width, height: clip.height, fps: clip.frameRate }]
  const categories = targets.map(({ id, name }) => ({ id, name }))
  return `${JSON.stringify({ videos, images, categories, annotations })}\n`
}

/** 00000001.jpg for frame 0, as the clip layout has it. */
export function frameFileName(frame: number): string {
  return `${String(frame + 1).padStart(8, '0')}.jpg`
}

interface CocoFile {
  readonly images: readonly { readonly id: number; readonly frame_id?: number }[]
  readonly categories?: readonly { readonly id: number; readonly name: string }[]
  readonly annotations: readonly Partial<CocoAnnotation>[]
}

export function isCocoVid(value: unknown): value is CocoFile {
  return typeof value === 'object' && value !== null && 'images' in value && 'annotations' in value
}

/** @throws ImportError */
export function readCocoVid(clip: ClipFacts, file: CocoFile): Project {
  if (!Array.isArray(file.images) || !Array.isArray(file.annotations)) {
    throw new ImportError('"images" and "annotations" of the COCO file must be lists')
  }
  if (file.images.length !== clip.frameCount) {
    throw new ImportError(`The COCO file has ${file.images.length} images, the open clip has ${clip.frameCount} frames`)
  }
  const frames = new Map(file.images.map(({ id, frame_id }, index) => [id, frame_id ?? index]))
  const names = new Map((file.categories ?? []).map(({ id, name }) => [id, name]))
  const rows = file.annotations.map((annotation): Row => {
    const { image_id, bbox, category_id = 1, instance_id = category_id, score } = annotation
    const frame = frames.get(image_id ?? Number.NaN)
    if (frame === undefined)
      throw new ImportError(`Annotation ${annotation.id} has image_id ${image_id}, which no image of the file has`)
    return {
      frame,
      target: instance_id,
      name: names.get(category_id) ?? `Target ${instance_id}`,
      box: cocoBox(annotation.id, bbox),
      score,
    }
  })
  return projectOf(clip, rows)
}

function cocoBox(id: number | undefined, bbox: readonly number[] | undefined): Box {
  const [x, y, width, height] = bbox ?? []
  if (x === undefined || y === undefined || width === undefined || height === undefined) {
    throw new ImportError(`Annotation ${id} has the bbox ${JSON.stringify(bbox)}, expected four numbers`)
  }
  return { x, y, width, height }
}
