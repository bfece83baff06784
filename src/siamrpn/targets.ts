// Builds the targets of the head: a label, a delta and their weights for every anchor of every pair of a batch. A
// positive pair's anchors are assigned and sampled; a negative pair teaches only background, near the object that is
// not the one.
// Source: mmtrack/models/track_heads/siamese_rpn_head.py (get_targets, _get_positive_pair_targets,
// _get_negative_pair_targets).

import { ShapeError } from '../gpu/errors.ts'
import { SiameseRPNAnchorGenerator } from './anchors.ts'
import { type Assigner, createAssigner } from './assigner.ts'
import { DeltaXYWHBBoxCoder } from './bbox-coder.ts'
import { type Corners, cornersToCenter } from './boxes.ts'
import { type ModelConfig, mapSizes, type TrainConfig } from './config.ts'
import { BoxError, ConfigError } from './errors.ts'
import { choose, createSampler, type Draws, type Sampler } from './sampler.ts'

const { fround } = Math

/** Positions from the object's to the edge of the window that a negative pair's anchors are drawn from. */
const negativeReach = 3

/** One pair of a batch. */
export interface TargetSample {
  /** The object in the search image, in its pixels. */
  readonly box: Corners
  /** Whether the exemplar shows the same object. */
  readonly positive: boolean
  readonly random: Draws
}

/** Targets of a batch of N pairs; M = H * W * A anchors of the score map, flat index `(y * W + x) * A + a`. */
export interface Targets {
  /** `[N, M]`: 1 object, 0 background. */
  readonly labels: Float32Array
  /** `[N, M]`: `pos_weight` (a half) of 1 / N for the positives of a pair together, and `neg_weight` for its negatives. */
  readonly labelWeights: Float32Array
  /** `[N, M, 4]`: deltas of every anchor in a positive pair, zeros in a negative one. */
  readonly boxTargets: Float32Array
  /** `[N, M, 4]`: 1 / N for the positives of a pair together, per coordinate. */
  readonly boxWeights: Float32Array
}

/** Makes targets as the model's `train_cfg` says. */
export class TargetBuilder {
  /** Height and width of the score map. */
  readonly mapSize: number
  /** M, anchors of a score map. */
  readonly numAnchors: number
  /** `[M, 4]`: x1, y1, x2, y2 in pixels of the search image. */
  readonly anchors: Float32Array
  readonly #stride: number
  readonly #perPosition: number
  readonly #middle: number
  readonly #rpn: TrainConfig['rpn']
  readonly #assigner: Assigner
  readonly #sampler: Sampler
  readonly #coder: DeltaXYWHBBoxCoder

  /** @throws ConfigError if the model has no `train_cfg` */
  constructor(model: ModelConfig) {
    if (model.train_cfg === null) {
      throw new ConfigError([
        { path: 'model.train_cfg', found: null, expected: 'the training part of the configuration' },
      ])
    }
    const { rpn } = model.train_cfg
    const generator = new SiameseRPNAnchorGenerator(model.head.anchor_generator)
    this.mapSize = mapSizes(model, rpn.exemplar_size, rpn.search_size).score[0] ?? 0
    this.#middle = Math.floor(rpn.search_size / 2)
    this.anchors = generator.headAnchors(this.mapSize, this.mapSize).map((edge) => edge + this.#middle)
    this.numAnchors = this.anchors.length / 4
    this.#stride = generator.stride
    this.#perPosition = generator.numBaseAnchors
    this.#rpn = rpn
    this.#assigner = createAssigner(rpn.assigner)
    this.#sampler = createSampler(rpn.sampler)
    this.#coder = new DeltaXYWHBBoxCoder(model.head.bbox_coder)
  }

  /**
   * Targets of a batch; behind its own pairs, those of the `cross_pairs`, all background. A pair without positives has only its
   * negative part.
   * @throws ShapeError if there are no samples; BoxError for a box that is not finite or has no area
   */
  build(samples: readonly TargetSample[]): Targets {
    const { cross_pairs } = this.#rpn
    if (samples.length <= cross_pairs) {
      throw new ShapeError(
        `TargetBuilder: found ${samples.length || 'no'} samples, expected at least ${cross_pairs + 1}`,
      )
    }
    const crossed = samples.slice(0, cross_pairs).map((sample) => ({ ...sample, positive: false }))
    const pairs = samples.length + cross_pairs
    const all = allocate(pairs * this.numAnchors)
    for (const [index, sample] of [...samples, ...crossed].entries()) {
      checkArea(index, sample.box)
      const one = sliceTargets(all, index * this.numAnchors, this.numAnchors)
      if (sample.positive) this.#positivePair(sample, one, pairs)
      else this.#negativePair(sample, one, pairs)
    }
    return all
  }

  #positivePair({ box, random }: TargetSample, one: Targets, pairs: number): void {
    const gtBox = Float32Array.from(box)
    const assignment = this.#assigner.assign(this.anchors, gtBox)
    const { positive, negative, proposals } = this.#sampler.sample(assignment, 1, random)
    // MMTracking would use indices that count the ground-truth box as those of anchors; here it is left out.
    const anchorsOf = (indices: Int32Array) => indices.filter((i) => i >= proposals).map((i) => i - proposals)
    const positives = anchorsOf(positive)
    const negatives = anchorsOf(negative.subarray(0, this.#sampler.negativeBound))
    const { pos_weight, neg_weight } = this.#rpn
    fillAt(one.labelWeights, negatives, share(neg_weight, negatives.length, pairs))
    fillAt(one.labels, positives, 1)
    fillAt(one.labelWeights, positives, share(pos_weight, positives.length, pairs))
    const boxWeight = fround(1 / positives.length) / pairs
    for (const anchor of positives) one.boxWeights.fill(boxWeight, 4 * anchor, 4 * anchor + 4)
    one.boxTargets.set(this.#coder.encode(this.anchors, gtBox))
  }

  #negativePair({ box, random }: TargetSample, one: Targets, pairs: number): void {
    const { num_neg, neg_weight } = this.#rpn
    if (num_neg === null) {
      one.labelWeights.fill(share(neg_weight, this.numAnchors, pairs))
      return
    }
    const negatives = choose(Int32Array.from(this.#nearby(box)), num_neg, random)
    fillAt(one.labelWeights, negatives, share(neg_weight, negatives.length, pairs))
  }

  /** Anchors of the positions around the object's. */
  #nearby(box: Corners): number[] {
    const size = this.mapSize
    const { cx, cy } = cornersToCenter(box)
    const position = (centre: number) =>
      Math.floor(size / 2) + Math.ceil(fround(fround(fround(centre - this.#middle) / this.#stride) + 0.5))
    const [left, right] = windowOf(position(cx), size)
    const [top, bottom] = windowOf(position(cy), size)
    const found: number[] = []
    for (let y = top; y < bottom; y++) {
      for (let at = (y * size + left) * this.#perPosition; at < (y * size + right) * this.#perPosition; at++)
        found.push(at)
    }
    return found
  }
}

/** Without an area there is no delta to it. */
function checkArea(index: number, box: Corners): void {
  const { width, height } = cornersToCenter(box)
  if (width > 0 && height > 0 && box.every(Number.isFinite)) return
  throw new BoxError(`target ${index}: box [${box}] expected finite x1 < x2 and y1 < y2, in pixels of the search image`)
}

/** Positions around `centre`, cut to the map. An end before the map counts from its far edge, as a Python slice takes it. */
function windowOf(centre: number, size: number): readonly [start: number, end: number] {
  const end = Math.min(size, centre + negativeReach + 1)
  return [Math.max(0, centre - negativeReach), end < 0 ? Math.max(0, size + end) : end]
}

/** Label weight of each of `count` anchors that share `weight` of a pair, in float32 steps as MMTracking takes them. */
function share(weight: number, count: number, pairs: number): number {
  return fround((1 / count) * weight) / pairs
}

function fillAt(values: Float32Array, indices: ArrayLike<number>, value: number): void {
  for (let i = 0; i < indices.length; i++) values[indices[i] ?? 0] = value
}

function allocate(anchors: number): Targets {
  return {
    labels: new Float32Array(anchors),
    labelWeights: new Float32Array(anchors),
    boxTargets: new Float32Array(4 * anchors),
    boxWeights: new Float32Array(4 * anchors),
  }
}

/** Views of the anchors from `start` on. */
function sliceTargets(all: Targets, start: number, count: number): Targets {
  return {
    labels: all.labels.subarray(start, start + count),
    labelWeights: all.labelWeights.subarray(start, start + count),
    boxTargets: all.boxTargets.subarray(4 * start, 4 * (start + count)),
    boxWeights: all.boxWeights.subarray(4 * start, 4 * (start + count)),
  }
}
