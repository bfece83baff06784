// Chooses the two frames that make a sample. Two ways are MMTracking's: `ref_img_sampler` of SOTTrainDataset (the
// sample's index says the video; frames of the last unbroken piece of a track) and the pipeline step PairSampling. The
// third, for a user's own clips, wastes nothing of them.
// Sources: mmtrack/datasets/sot_train_dataset.py, base_sot_dataset.py, pipelines/processing.py.

import type { Random } from 'siamrpn'
import type { PairRequest } from './pair.ts'
import type { TrackTable } from './tracks.ts'

/** How the search frame is chosen. */
export interface PairSamplingOptions {
  /** Largest distance of the search frame from the template's, or the bounds of it, at most and at least 0. */
  readonly frame_range: number | readonly [number, number]
  /** Share of pairs that show the same object. */
  readonly pos_prob: number
  /** The template's frame is no search frame. */
  readonly filter_key_img: boolean
  /** Share of negative pairs that show two objects of one category (0). */
  readonly hard_neg_prob?: number | undefined
}

/** Frames of one track. */
interface Piece {
  readonly track: number
  readonly start: number
  readonly count: number
}

/** A pair as `SOTTrainDataset.prepare_train_img` draws it, its template from video `index`. */
export function samplePairOfVideo(
  table: TrackTable,
  options: PairSamplingOptions,
  index: number,
  random: Random,
): PairRequest {
  const piece = pieceOfVideo(table, index, random)
  const template = piece.start + random.integer(piece.count)
  if (options.pos_prob > random.next()) {
    const [low, high] = bounds(options)
    return makePair(table, [piece, template], [piece, pickAround(piece, template, [low, high + 1], options, random)])
  }
  const other = negativePiece(table, options, piece, random)
  return makePair(table, [piece, template], [other, other.start + random.integer(other.count)], false)
}

/** MMTracking draws from any video, its own too; with hard negatives it is always another one's. */
function negativePiece(
  table: TrackTable,
  { hard_neg_prob = 0 }: PairSamplingOptions,
  { track }: Piece,
  random: Random,
): Piece {
  if (hard_neg_prob === 0 || table.videos === 1) return pieceOfVideo(table, random.integer(table.videos), random)
  const own = table.videoOf(track)
  if (random.next() < hard_neg_prob) {
    const alike = table.tracksLike(track)
    const other = alike[random.integer(alike.length)] ?? track
    if (table.videoOf(other) !== own) return wholeTrack(table, other)
  }
  return pieceOfVideo(table, (own + 1 + random.integer(table.videos - 1)) % table.videos, random)
}

/** A pair as PairSampling draws it: every track counts as a video, two are drawn, and the range excludes its upper end. */
export function samplePairOfTracks(table: TrackTable, options: PairSamplingOptions, random: Random): PairRequest {
  const own = wholeTrack(table, random.integer(table.tracks))
  const other = wholeTrack(table, random.integer(table.tracks))
  const moving = own.count > 1 && other.count > 1
  const template = own.start + (moving ? random.integer(own.count) : 0)
  if (options.pos_prob > random.next()) {
    const search = moving ? pickAround(own, template, bounds(options), options, random) : template
    return makePair(table, [own, template], [own, search])
  }
  return makePair(table, [own, template], [other, other.start + (moving ? random.integer(other.count) : 0)], false)
}

/** A pair of track `track`, all of whose frames count, those before a gap too; a negative search frame is another track's. */
export function samplePairOfTrack(
  table: TrackTable,
  options: PairSamplingOptions,
  track: number,
  random: Random,
): PairRequest {
  const own = wholeTrack(table, track)
  const template = own.start + random.integer(own.count)
  const positive = options.pos_prob > random.next() || table.tracks === 1
  if (positive) {
    const [low, high] = bounds(options)
    return makePair(table, [own, template], [own, pickAround(own, template, [low, high + 1], options, random)])
  }
  const other = wholeTrack(table, (track + 1 + random.integer(table.tracks - 1)) % table.tracks)
  return makePair(table, [own, template], [other, other.start + random.integer(other.count)], false)
}

/** A random track of a video, the last unbroken piece of it (pieces of one frame do not count, unless there are no others). */
function pieceOfVideo(table: TrackTable, video: number, random: Random): Piece {
  const { start: firstTrack, count: tracks } = table.tracksOf(video)
  const track = firstTrack + random.integer(tracks)
  const { start, count } = table.framesOf(track)
  let end = start + count
  while (end > start) {
    let begin = end - 1
    while (begin > start && table.frameId(begin) - table.frameId(begin - 1) <= 1) begin--
    if (end - begin > 1) return { track, start: begin, count: end - begin }
    end = begin
  }
  return { track, start: start + count - 1, count: 1 }
}

function wholeTrack(table: TrackTable, track: number): Piece {
  return { track, ...table.framesOf(track) }
}

function bounds({ frame_range }: PairSamplingOptions): readonly [number, number] {
  return typeof frame_range === 'number' ? [-frame_range, frame_range] : frame_range
}

/** A frame of the piece at a distance in [low, high) from the template; the template where there is no other. */
function pickAround(
  { start, count }: Piece,
  template: number,
  [low, high]: readonly [number, number],
  { filter_key_img }: PairSamplingOptions,
  random: Random,
): number {
  const first = Math.max(start, template + low)
  const last = Math.min(start + count, template + high) - 1
  const skip = filter_key_img && template >= first && template <= last
  const candidates = last - first + 1 - (skip ? 1 : 0)
  if (candidates < 1) return template
  const choice = first + random.integer(candidates)
  return skip && choice >= template ? choice + 1 : choice
}

type Chosen = readonly [piece: Piece, frame: number]

function makePair(table: TrackTable, [own, template]: Chosen, [other, search]: Chosen, positive = true): PairRequest {
  const name = table.videoName(own.track)
  const searchName = positive ? '' : `${table.videoName(other.track)} `
  return {
    id: `${name} ${table.frameId(template)} + ${searchName}${table.frameId(search)}`,
    template: table.pairFrame(template),
    search: table.pairFrame(search),
    positive,
  }
}
