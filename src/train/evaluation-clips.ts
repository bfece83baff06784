// The clips that `data.val` names: generated ones, or a folder as LaSOT or GOT-10k lay it out.

import { SyntheticClips } from '../data/clips/clips.ts'
import type { DataConfig } from '../siamrpn/config.ts'
import { TrainingError } from './errors.ts'
import type { EvaluationClip } from './track-clips.ts'

/** Reads the truth; frames are decoded or rendered when they are asked for. @throws TrainingError */
export async function evaluationClips(val: NonNullable<DataConfig['val']>): Promise<EvaluationClip[]> {
  if (val.type === 'SyntheticClips') {
    return syntheticClips({ ...val, framesPerClip: val.frames_per_clip })
  }
  throw new TrainingError(
    `data.val is a ${val.type}; evaluation during training takes SyntheticClips so far. Set evaluation to null, or data.val`,
  )
}

export interface SyntheticEvaluation {
  readonly seed: number
  readonly clips: number
  readonly framesPerClip: number
  readonly width: number
  readonly height: number
}

export function syntheticClips(options: SyntheticEvaluation): EvaluationClip[] {
  const clips = new SyntheticClips(options)
  return Array.from({ length: clips.count }, (_, index) => {
    const clip = clips.clip(index)
    return {
      name: `seed ${options.seed}, clip ${index}`,
      boxes: Array.from({ length: clip.count }, (_, frame) => clip.box(frame)),
      frames: () => clip.source(),
    }
  })
}
