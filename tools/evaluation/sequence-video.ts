// A benchmark's sequence as a video to track, and what was tracked as the benchmark's result.
// Sources: quad2bbox of mmtrack/core/bbox/transforms.py, LaSOTDataset._parse_ann_info (boxes become float32 corners first).

import { type CenterBox, centerToBox, cornersToCenter, quadToCenter, type RgbFrame } from 'siamrpn'
import { type Protocol, type Sequence, type SequenceResult, trackMarks } from '../benchmarks/types.ts'
import { readImage } from '../frames/image.ts'
import type { Box } from '../frames/types.ts'
import { toCorners } from '../metrics/ope.ts'
import { votOverlap } from '../metrics/vot-overlap.ts'
import { EvaluationError } from './errors.ts'
import type { FrameSize, Video, VideoStep } from './track-video.ts'

/** Gives a frame of a sequence. */
export type ReadFrame = (sequence: Sequence, index: number) => Promise<RgbFrame>

/** Frames from the sequence's image files. */
export const readFrameFile: ReadFrame = async ({ name, images }, index) => {
  const file = images[index]
  if (file === undefined) throw new EvaluationError(`${name}: no image for frame ${index}, it has ${images.length}`)
  return await readImage(file)
}

/** By `vot` tracking begins anew after a failure; the other protocols are one pass. */
export function sequenceVideo(sequence: Sequence, protocol: Protocol, read: ReadFrame): Video {
  const { name, images } = sequence
  return {
    name,
    frames: images.length,
    read: (index) => read(sequence, index),
    place: (index) => images[index] ?? `frame ${index} of ${name}`,
    start: (index) => startBox(sequence, index),
    ...(protocol === 'vot' && {
      lost: (box: Box, index: number, size: FrameSize) => isLost(sequence, index, box, size),
    }),
  }
}

/** Whether an answer has nothing in common with the truth inside of the picture. Without truth in a frame nothing has. */
function isLost({ boxes, corners }: Sequence, index: number, box: Box, size: FrameSize): boolean {
  const truth = corners?.[index] ?? region(boxes[index] ?? nowhere)
  return votOverlap(region(box), truth, size) <= 0
}

function region({ x, y, width, height }: Box): readonly number[] {
  return [x, y, width, height]
}

/** The box that a tracker begins with, as MMTracking makes it from the truth of a frame. */
function startBox({ boxes, corners }: Sequence, index: number): CenterBox | undefined {
  const quad = corners?.[index]
  if (quad?.length === 8) return quadToCenter(quad)
  const box = boxes[index]
  return box && cornersToCenter(toCorners(box))
}

/**
 * What was tracked as a result of this protocol. In one pass the first region is the given box; frames before the one that began
 * have an empty box in the corner.
 */
export function sequenceResult(sequence: Sequence, protocol: Protocol, steps: readonly VideoStep[]): SequenceResult {
  const regions = steps.map(({ region }, index) => {
    if (protocol === 'vot' || typeof region === 'object') return region
    return region === trackMarks.init ? givenBox(sequence, index) : nowhere
  })
  return {
    name: sequence.name,
    regions,
    scores: steps.map(({ score }) => score),
    seconds: steps.map(({ seconds }) => seconds),
  }
}

const nowhere: Box = { x: 0, y: 0, width: 0, height: 0 }

function givenBox(sequence: Sequence, index: number): Box {
  const start = sequence.corners && startBox(sequence, index)
  return start ? centerToBox(start) : (sequence.boxes[index] ?? nowhere)
}
