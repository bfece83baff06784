// COCO-VID as MMTracking reads it: videos, images with their frame number, categories, and an annotation per target and frame.
// Source: mmtracking/docs/en/tutorials/customize_dataset.md.

import type { Box } from 'siamrpn'
import { ImportError } from '../model/errors.ts'
import type { ClipFacts, Project } from '../model/project.ts'
import { isRecord, type JsonRecord, numberOf, recordsOf, shown } from './json-value.ts'
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

export function isCocoVid(value: unknown): value is JsonRecord {
  return isRecord(value) && 'images' in value && 'annotations' in value
}

/** @throws ImportError */
export function readCocoVid(clip: ClipFacts, file: JsonRecord): Project {
  const images = recordsOf(file, 'images')
  if (images.length !== clip.frameCount) {
    throw new ImportError(`The COCO file has ${images.length} images, the open clip has ${clip.frameCount} frames`)
  }
  const frames = new Map(images.map(({ id, frame_id }, index) => [id, numberOf(frame_id ?? index)]))
  const categories = file.categories === undefined ? [] : recordsOf(file, 'categories')
  const names = new Map(categories.map(({ id, name }) => [id, name]))
  const rows = recordsOf(file, 'annotations').map((annotation): Row => {
    const { id, image_id, bbox, category_id = 1, instance_id = category_id, score } = annotation
    const frame = frames.get(image_id)
    if (frame === undefined)
      throw new ImportError(`Annotation ${shown(id)} has image_id ${shown(image_id)}, which no image of the file has`)
    if (typeof instance_id !== 'number')
      throw new ImportError(`Annotation ${shown(id)} has instance_id ${shown(instance_id)}, expected a number`)
    const name = names.get(category_id)
    return {
      frame,
      target: instance_id,
      name: typeof name === 'string' ? name : `Target ${instance_id}`,
      box: cocoBox(id, bbox),
      score: typeof score === 'number' ? score : undefined,
    }
  })
  return projectOf(clip, rows)
}

function cocoBox(id: unknown, bbox: unknown): Box {
  const [x, y, width, height] = Array.isArray(bbox) ? bbox.map(numberOf) : []
  if (x === undefined || y === undefined || width === undefined || height === undefined) {
    throw new ImportError(`Annotation ${shown(id)} has the bbox ${shown(bbox)}, expected four numbers`)
  }
  return { x, y, width, height }
}
