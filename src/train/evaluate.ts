// Measures a model in training on clips: every clip is tracked from its first box on, and judged as MMTracking's eval_sot_ope.

import { trackMarks } from '../data/benchmarks/types.ts'
import { readSequences } from '../data/clip-folder.ts'
import { SyntheticClips } from '../data/clips/clips.ts'
import { readImage } from '../data/image.ts'
import { type Corners, evaluateOpe, type OpeVideo, overlap, toCorners } from '../data/metrics/ope.ts'
import type { Box, RgbFrame } from '../data/types.ts'
import type { StateDict } from '../formats/state-dict.ts'
import type { Device } from '../gpu/device.ts'
import { cornersToCenter } from '../siamrpn/boxes.ts'
import type { Config, TestDatasetConfig } from '../siamrpn/config.ts'
import { SiamRPN } from '../siamrpn/tracker.ts'
import { TrainingError } from './errors.ts'
import { trackVideo, type Video } from './evaluation/track-video.ts'
import type { Scores } from './training-checkpoint.ts'

/** A clip with its truth. */
export interface EvaluationClip {
  readonly name: string
  /** One per frame; undefined where the object is not to be seen. The first one begins the track. */
  readonly boxes: readonly (Box | undefined)[]
  frame(index: number): Promise<RgbFrame>
}

/** Opens what `data.val` names. @throws TrainingError for a data set that has no clips; DatasetMissingError */
export async function openEvaluationClips(config: TestDatasetConfig): Promise<EvaluationClip[]> {
  switch (config.type) {
    case 'SyntheticClips':
      return generated(config)
    case 'ClipFolder':
      return await recorded(config.path)
    case 'LaSOTDataset':
      return await recorded(config.img_prefix)
    default:
      throw new TrainingError(
        `data.val is a ${config.type}, which cannot be evaluated on; expected LaSOTDataset, ClipFolder or SyntheticClips ` +
          '(or no evaluation: --no-evaluate)',
      )
  }
}

function generated(config: Extract<TestDatasetConfig, { type: 'SyntheticClips' }>): EvaluationClip[] {
  const { seed, clips, width, height, frames_per_clip: framesPerClip } = config
  const source = new SyntheticClips({ seed, clips, width, height, framesPerClip })
  return Array.from({ length: clips }, (_, index) => {
    const clip = source.clip(index)
    return {
      name: `synthetic clip ${index} of seed ${seed}`,
      boxes: Array.from({ length: framesPerClip }, (_, frame) => clip.box(frame)),
      frame: async (frame) => clip.picture(frame),
    }
  })
}

async function recorded(folder: string): Promise<EvaluationClip[]> {
  return (await readSequences(folder)).map(({ name, images, boxes }) => ({
    name,
    boxes,
    frame: (index) => readImage(images[index] ?? ''),
  }))
}

export interface EvaluationRun {
  readonly device: Device
  readonly config: Config
  readonly clips: readonly EvaluationClip[]
  /** Raised: the evaluation is broken off. */
  readonly signal?: AbortSignal
  /** Told of each clip that is done. */
  readonly onClip?: (done: number, name: string) => void
}

/**
 * `success` (area under the curve), `norm_precision` at 0.2, `precision` at 20 pixels, in percent; and over the frames after the
 * first that show the object: `mean_overlap` and `on_target`, the share of those with an overlap above 0.3, both 0..1.
 */
export async function evaluateModel(state: StateDict, run: EvaluationRun): Promise<Scores> {
  const { device, config, clips, signal, onClip } = run
  const tracker = await SiamRPN.create(state, { device, config })
  try {
    const videos: OpeVideo[] = []
    for (const [index, clip] of clips.entries()) {
      videos.push(await follow(tracker, clip, signal))
      onClip?.(index + 1, clip.name)
    }
    const { success, normPrecision, precision } = evaluateOpe(videos)
    return { success, norm_precision: normPrecision, precision, ...overlaps(videos) }
  } finally {
    await tracker.close()
  }
}

/** What counts as still being on the object. */
const onTargetOverlap = 0.3

function overlaps(videos: readonly OpeVideo[]): { mean_overlap: number; on_target: number } {
  const found = videos.flatMap(({ results, groundTruth, visible }) =>
    results.flatMap((result, frame) => {
      const truth = groundTruth[frame]
      return frame > 0 && truth && visible?.[frame] ? [overlap(truth, result)] : []
    }),
  )
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  return { mean_overlap: mean(found), on_target: mean(found.map((value) => (value > onTargetOverlap ? 1 : 0))) }
}

/** Leading frames without the object are left out. */
async function follow(tracker: SiamRPN, clip: EvaluationClip, signal: AbortSignal | undefined): Promise<OpeVideo> {
  const { name, boxes } = clip
  const video: Video = {
    name,
    frames: boxes.length,
    read: (index) => clip.frame(index),
    place: (index) => `frame ${index} of ${name}`,
    start(index) {
      const box = boxes[index]
      return box && cornersToCenter(toCorners(box))
    },
  }
  const steps = await trackVideo(tracker, video, { signal })
  const start = steps.findIndex(({ region }) => region === trackMarks.init)
  const results = steps.slice(start).map(({ region }, index) => {
    const box = typeof region === 'object' ? region : boxes[start + index]
    return box ? toCorners(box) : nothing
  })
  return {
    results,
    groundTruth: boxes.slice(start).map((box) => (box ? toCorners(box) : nothing)),
    visible: boxes.slice(start).map((box) => box !== undefined),
  }
}

const nothing: Corners = [0, 0, 0, 0]
