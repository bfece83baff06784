// Four corners and the upright boxes that stand for them. Source: mmtrack/core/bbox/transforms.py (quad2bbox),
// mmtrack/datasets/vot_dataset.py.

import type { Box } from '../frames/types.ts'
import type { Tell } from './types.ts'

/** Pixels from the origin; overlaps of polygons are counted row by row. */
const farthestCorner = 1e5

/**
 * The upright box that a tracker starts from: about the corners' mean, of the sides' proportions of the enclosing box,
 * with the rotated rectangle's area. Four numbers are taken as left, top, right, bottom.
 *
 * @throws RangeError unless there are four or eight numbers
 */
export function quad2bbox(quad: readonly number[]): Box {
  const [x1 = 0, y1 = 0, x2 = 0, y2 = 0, x3 = 0, y3 = 0, x4 = 0, y4 = 0] = quad
  if (quad.length === 4) return { x: x1, y: y1, width: x2 - x1, height: y2 - y1 }
  if (quad.length !== 8) throw new RangeError(`${quad.length} numbers, expected the four or eight of a quadrilateral`)
  const wide = Math.max(x1, x2, x3, x4) - Math.min(x1, x2, x3, x4)
  const high = Math.max(y1, y2, y3, y4) - Math.min(y1, y2, y3, y4)
  const area = Math.hypot(x1 - x2, y1 - y2) * Math.hypot(x2 - x3, y2 - y3)
  const scale = wide * high > 0 ? Math.sqrt(area / (wide * high)) : 0
  const [width, height] = [wide * scale, high * scale]
  return { x: (x1 + x2 + x3 + x4) / 4 - width / 2, y: (y1 + y2 + y3 + y4) / 4 - height / 2, width, height }
}

/** A box's corners, clockwise from the top left. */
export function cornersOf({ x, y, width, height }: Box): number[] {
  return [x, y, x + width, y, x + width, y + height, x, y + height]
}

/** Whether all corners can be worked with; tells the first that cannot, with its line. */
export function checkCorners(corners: readonly (readonly number[])[], file: string, tell: Tell): boolean {
  const far = corners.findIndex((quad) => quad.some((value) => Math.abs(value) > farthestCorner))
  if (far < 0) return true
  const message = `corners at ${corners[far]}, expected at most ${farthestCorner} pixels from the origin`
  tell({ severity: 'error', place: `${file}:${far + 1}`, message })
  return false
}
