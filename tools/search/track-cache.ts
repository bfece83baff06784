// Tracks on disk, so that a search that was killed goes on, and a search over other ranges tracks only what is new. What a track
// follows from (weights, model, data set, protocol) names the folder; a file per video holds its tracks, one tensor per rule.
// Files are safetensors: anything reads them.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromFloat32, readSafetensors, type SafetensorsFile, toFloat32, writeSafetensors } from 'siamrpn/formats'
import { SiamRpnError } from 'siamrpn/gpu'
import type { Sequence } from '../benchmarks/types.ts'
import { EvaluationError } from '../evaluation/errors.ts'
import type { JsonRecord } from '../evaluation/result-store.ts'
import { pendingFile, writeWhole } from '../frames/atomic.ts'
import type { PackedTrack } from './packed-track.ts'

/** Tracks of a video by the names of their rules. */
export type Tracks = ReadonlyMap<string, PackedTrack>

const sequenceKey = 'sequence'
const shownDigits = 12

export class TrackCache {
  /** Where the files of this model on this data are. */
  readonly folder: string
  readonly #about: JsonRecord
  readonly #reads: boolean
  #described = false

  /**
   * @param folder of the search
   * @param about all that tracks follow from, besides rule and video
   * @param options.reads false: what is there is left out, and overwritten
   */
  constructor(folder: string, about: JsonRecord, { reads = true }: { readonly reads?: boolean } = {}) {
    this.#about = about
    this.#reads = reads
    this.folder = join(folder, 'tracks', digest(about).slice(0, shownDigits))
  }

  /** The tracks of a video that are there. @throws EvaluationError naming a file that does not parse */
  async load(sequence: Sequence): Promise<Tracks> {
    if (!this.#reads) return new Map()
    const file = this.#file(sequence)
    const found = await readTracks(file)
    if (found?.metadata[sequenceKey] !== sequenceDigest(sequence)) return new Map()
    return new Map(
      [...found.tensors].map(([name, tensor]) => {
        const track = toFloat32(tensor)
        if (track.length === 4 * sequence.images.length) return [name, track]
        throw new EvaluationError(
          `${file}: ${name} has ${track.length / 4} frames, expected ${sequence.images.length}; delete it`,
        )
      }),
    )
  }

  /** Writes all tracks of a video, those of `load` included. @throws OutputError */
  async save(sequence: Sequence, tracks: Tracks): Promise<void> {
    await this.#describe()
    const state = new Map([...tracks].map(([name, track]) => [name, fromFloat32(track, [track.length / 4, 4])]))
    const file = await pendingFile(this.#file(sequence))
    try {
      await file.write(writeSafetensors(state, { [sequenceKey]: sequenceDigest(sequence) }))
      await file.commit()
    } finally {
      await file.discard()
    }
  }

  /** For whoever wonders what the folder is of. */
  async #describe(): Promise<void> {
    if (this.#described) return
    await writeWhole(join(this.folder, 'about.json'), `${JSON.stringify(this.#about, null, 2)}\n`)
    this.#described = true
  }

  #file({ name }: Sequence): string {
    // Names that only differ in characters that files cannot have stay apart by their digest.
    const plain = name.replace(/[^\w.+-]+/g, '_')
    return join(this.folder, `${plain === name ? name : `${plain}-${digest(name).slice(0, shownDigits)}`}.safetensors`)
  }
}

async function readTracks(file: string): Promise<SafetensorsFile | undefined> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new EvaluationError(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
  try {
    return readSafetensors(bytes)
  } catch (error) {
    if (!(error instanceof SiamRpnError)) throw error
    throw new EvaluationError(`${file}: ${error.message}; delete it to have the video tracked again`, { cause: error })
  }
}

/** Of what decides where tracking begins and, under VOT's protocol, where it begins again. */
function sequenceDigest({ name, images, boxes, corners }: Sequence): string {
  return digest({ name, frames: images.length, boxes: boxes.map(numbersOf), corners: corners ?? [] })
}

function numbersOf({ x, y, width, height }: Sequence['boxes'][number]): (number | string)[] {
  return [x, y, width, height].map((value) => (Number.isFinite(value) ? value : String(value)))
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
