// The long-term rule: a target whose score falls below a bound is lost. Its box then stays where it was and a larger part of the
// frame is searched, hardly bound to the middle, until the score is high again.
// Source: SiamRPNLTTracker of pysot/tracker/siamrpnlt_tracker.py. Boxes are kept in the frame as everywhere here; pysot lets a
// centre leave it.

import type { BestBox } from '../kernels/decode-best.ts'
import type { CenterBox } from './boxes.ts'
import type { ModelConfig, TestConfig } from './config.ts'

/** A target from one frame to the next. */
export interface Place {
  readonly box: CenterBox
  /** Whether the next frame is searched with the larger image. Never without the rule. */
  readonly lost: boolean
}

/** The model as it searches for what it has lost; undefined for one without the rule. */
export function lostModel(model: ModelConfig): ModelConfig | undefined {
  const { long_term, ...test_cfg } = model.test_cfg
  if (long_term === null) return undefined
  const { search_size, window_influence } = long_term
  const rpn = { ...test_cfg.rpn, window_influence }
  return { ...model, test_cfg: { ...test_cfg, search_size, rpn, long_term: null } }
}

/** Where a target is after a frame in which the network found `best`. */
export function nextPlace({ box, lost }: Place, best: BestBox, rule: TestConfig['long_term']): Place {
  if (rule === null) return { box: best.box, lost: false }
  if (best.score < rule.confidence_low) return { box, lost: true }
  return { box: best.box, lost: lost && best.score <= rule.confidence_high }
}
