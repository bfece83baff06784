// Makes the examples that a tracker is taught on: exemplars and search windows cut out of a few frames whose boxes a
// person knows. Around every object, windows that are moved and scaled as a tracker's are; beside it, windows without
// it; and windows of frames in which the object is absent. Only geometry is worked out here.

import { type CenterBox, type Corners, centerToCorners } from './boxes.ts'
import type { TestConfig } from './config.ts'
import { type CropGeometry, cropGeometry, exemplarCropSize, searchCrop } from './crop-geometry.ts'
import type { FrameShape } from './frame.ts'
import type { Random } from './random.ts'

/** Windows around the object, and beside it, for each frame that shows it. */
const nearWindows = 16
const farWindows = 4

/** Windows of each frame that does not show the object. */
const absentWindows = 10

/** Logarithms of the changes of size and of aspect ratio. */
const sizeChange = 0.35
const aspectChange = 0.2

/** Shifts of a near window as a part of the object's side: usual ones, and wide ones. */
const shifts = [0.3, 0.9] as const

/** Distance from a far window's edge to the object's middle, in longer sides of the object: at least half a side is outside. */
const farDistance = [0.6, 1.2] as const

/** One frame, without its pixels. */
export interface TeachFrame {
  /** Where the object is; undefined if it is not in the frame. */
  readonly box: CenterBox | undefined
  /** Where to look in a frame without the object: where it was in the nearest frame that shows it. */
  readonly near: CenterBox
  readonly shape: Pick<FrameShape, 'width' | 'height'>
}

/** A search window of a frame. */
export interface TeachWindow {
  readonly crop: CropGeometry
  /** The object in pixels of the search image; for a window without it, the window's middle. */
  readonly box: Corners
  readonly positive: boolean
}

/** The exemplar's part of a frame. @throws CropError */
export function exemplarCrop({ box, shape }: TeachFrame, config: TestConfig): CropGeometry | undefined {
  return box && cropGeometry(box, exemplarCropSize(box, config), shape.width, shape.height)
}

/** The windows of one frame. @throws CropError */
export function windowsOf(frame: TeachFrame, config: TestConfig, random: Random): TeachWindow[] {
  const { box } = frame
  if (!box) return Array.from({ length: absentWindows }, () => windowAt(frame, moved(frame.near, random, 1.5), config))
  const near = Array.from({ length: nearWindows }, () =>
    windowAt(frame, moved(box, random, random.pick(shifts)), config),
  )
  const far = Array.from({ length: farWindows }, () =>
    windowAt({ ...frame, box: undefined }, beside(box, config, random), config),
  )
  return [...near, ...far]
}

/** What a tracker could believe of the object: moved by up to `shift` sides, of another size. */
function moved(box: CenterBox, random: Random, shift: number): CenterBox {
  const side = Math.sqrt(box.width * box.height)
  const size = random.uniform(-sizeChange, sizeChange)
  const aspect = random.uniform(-aspectChange, aspectChange)
  return {
    cx: box.cx + random.uniform(-shift, shift) * side,
    cy: box.cy + random.uniform(-shift, shift) * side,
    width: box.width * Math.exp(size + aspect),
    height: box.height * Math.exp(size - aspect),
  }
}

/** A belief in any direction from which the search window just misses the object. */
function beside(box: CenterBox, config: TestConfig, random: Random): CenterBox {
  const belief = moved(box, random, 0)
  const angle = random.uniform(0, 2 * Math.PI)
  const [x, y] = [Math.cos(angle), Math.sin(angle)]
  const apart = searchCrop(belief, config).size / 2 + random.uniform(...farDistance) * Math.max(box.width, box.height)
  const distance = apart / Math.max(Math.abs(x), Math.abs(y))
  return { ...belief, cx: box.cx + distance * x, cy: box.cy + distance * y }
}

/** The search window that a tracker which believes `belief` would look at. */
function windowAt({ box, shape }: TeachFrame, belief: CenterBox, config: TestConfig): TeachWindow {
  const { size, scale } = searchCrop(belief, config)
  const crop = cropGeometry(belief, size, shape.width, shape.height)
  const middle = Math.floor(config.search_size / 2)
  const seen = box ?? belief
  const corners = centerToCorners({
    cx: middle + (seen.cx - belief.cx) * scale,
    cy: middle + (seen.cy - belief.cy) * scale,
    width: seen.width * scale,
    height: seen.height * scale,
  })
  return { crop, box: corners, positive: box !== undefined }
}
