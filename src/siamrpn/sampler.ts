// Samplers choose which of the assigned anchors a training step uses. Random choices come from the caller, so that a
// step can be repeated bit for bit.
// Source: mmdet/core/bbox/samplers (base_sampler.py, random_sampler.py, pseudo_sampler.py).

import type { Assignment } from './assigner.ts'
import type { SamplerConfig } from './config.ts'

/** Where random choices come from. */
export interface Draws {
  /** `size` different whole numbers in [0, count), every subset equally likely; `size` is at most `count`. */
  choose(count: number, size: number): ArrayLike<number>
}

/** Sampled anchors, each list ascending. */
export interface Sampling {
  readonly positive: Int32Array
  readonly negative: Int32Array
  /**
   * Ground-truth boxes that stand before the anchors: with `add_gt_as_proposals`, index i < proposals is box i, and anchor a
   * has index proposals + a. Otherwise 0.
   */
  readonly proposals: number
}

/** A sampler of any kind. */
export interface Sampler {
  /** Most negatives that the head keeps: the first ones. */
  readonly negativeBound: number
  /** @param boxes number of ground-truth boxes */
  sample(assignment: Assignment, boxes: number, random: Draws): Sampling
}

type RandomSamplerConfig = Extract<SamplerConfig, { type: 'RandomSampler' }>

/** Sampler of a config entry `model.train_cfg.rpn.sampler` of type `RandomSampler`. */
class RandomSampler implements Sampler {
  readonly negativeBound: number
  readonly #config: RandomSamplerConfig

  constructor(config: RandomSamplerConfig) {
    this.#config = config
    this.negativeBound = Math.trunc(config.num * (1 - config.pos_fraction))
  }

  /** At most `num * pos_fraction` positives, and negatives up to `num` in all (and up to `neg_pos_ub` per positive). */
  sample({ gtIndices }: Assignment, boxes: number, random: Draws): Sampling {
    const { num, pos_fraction, neg_pos_ub, add_gt_as_proposals } = this.#config
    const proposals = add_gt_as_proposals ? boxes : 0
    const candidates = proposals > 0 ? withProposals(gtIndices, proposals) : gtIndices
    const positive = choose(positives(candidates), Math.trunc(num * pos_fraction), random)
    const wanted = num - positive.length
    const bound = neg_pos_ub >= 0 ? Math.trunc(neg_pos_ub * Math.max(1, positive.length)) : wanted
    const negative = choose(negatives(candidates), Math.min(wanted, bound), random)
    return { positive, negative, proposals }
  }
}

/** Sampler of type `PseudoSampler`: takes every positive and every negative anchor (SiameseRPNHead itself fails with it). */
class PseudoSampler implements Sampler {
  readonly negativeBound = Number.POSITIVE_INFINITY

  sample({ gtIndices }: Assignment): Sampling {
    return {
      positive: positives(gtIndices),
      negative: negatives(gtIndices),
      proposals: 0,
    }
  }
}

/** The sampler that the configuration names. */
export function createSampler(config: SamplerConfig): Sampler {
  return config.type === 'RandomSampler' ? new RandomSampler(config) : new PseudoSampler()
}

/** The assignment with every ground-truth box before the anchors, assigned to itself. */
function withProposals(gtIndices: Int32Array, boxes: number): Int32Array {
  const all = new Int32Array(boxes + gtIndices.length)
  for (let box = 0; box < boxes; box++) all[box] = box + 1
  all.set(gtIndices, boxes)
  return all
}

function positives(gtIndices: Int32Array): Int32Array {
  return indicesWhere(gtIndices, 1, Number.POSITIVE_INFINITY)
}

function negatives(gtIndices: Int32Array): Int32Array {
  return indicesWhere(gtIndices, 0, 0)
}

/** Where the values are from `low` to `high`, ascending. */
function indicesWhere(values: Int32Array, low: number, high: number): Int32Array {
  const found = new Int32Array(values.length)
  let count = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    if (value >= low && value <= high) found[count++] = i
  }
  return found.subarray(0, count)
}

/** `size` of the entries in ascending order; all of them, without a draw, if there are not more. */
export function choose(entries: Int32Array, size: number, random: Draws): Int32Array {
  if (entries.length <= size) return entries
  const positions = random.choose(entries.length, size)
  return Int32Array.from({ length: size }, (_, i) => entries[positions[i] ?? 0] ?? 0).sort()
}
