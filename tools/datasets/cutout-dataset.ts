// Pairs made of cut-outs: an object with a mask over two photographs, turned and stretched a little or far, in other light, with
// other objects beside it; and pairs whose search image shows only others. Few labelled things become many hard pairs.

import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from 'siamrpn'
import { boundsUnder, type CutoutFiles, type Outline, outlineOf, readMask } from '../augment/cutout.ts'
import { randomLight } from '../augment/light.ts'
import {
  compose,
  contextSide,
  identity,
  type Linear,
  mirror,
  type Point,
  randomMotion,
  scaled,
} from '../augment/linear.ts'
import { listPhotographs } from '../augment/photographs.ts'
import { naturalSort } from '../frames/folder.ts'
import { DatasetError, DatasetMissingError } from './errors.ts'
import type { CollageObject, CollageSource, PairDataset, PairRequest, SourcedFrame } from './pair.ts'

/** A checked `CutoutDataset` entry. */
export interface CutoutOptions {
  readonly path: string
  readonly background_path: string
  readonly min_size: number
  readonly pos_prob: number
  readonly turn: number
  readonly far_turn: number
  readonly far_turn_prob: number
  readonly look_alikes: readonly number[]
  readonly same_kind_prob: number
}

/** A cut-out that is not decoded yet. */
export interface CutoutEntry extends CutoutFiles {
  readonly name: string
  /** The name without its number. */
  readonly kind: string
  readonly outline: Outline
}

/** Sides of a collage and of the object's window with context in it, in pixels of the collage. */
const side = 512
const context = 128
/** The object's middle lies around the collage's, up to so far from it; other objects do, too. */
const farthestPlace = 64
const farthestOther = 140
/** Motions: degrees and logarithm of the stretch. */
const [firstTurn, stretch] = [20, 0.2]
/** Logarithm of a background pixel's size in the collage, and of another object's size relative to the target's. */
const backgroundScale = [-1.3, 0.5] as const
const otherScale = [-0.6, 0.4] as const
const masksAhead = 8

const layout = `
expected cut-outs, each a photograph and a mask of the same size, white where the object is:
  FOLDER/person-0001.jpg
  FOLDER/person-0001.png`

export class CutoutDataset implements PairDataset {
  readonly name: string
  readonly #options: CutoutOptions
  readonly #entries: readonly CutoutEntry[]
  readonly #kinds: ReadonlyMap<string, readonly CutoutEntry[]>
  readonly #backgrounds: readonly string[]
  readonly #small: number

  constructor(options: CutoutOptions, entries: readonly CutoutEntry[], backgrounds: readonly string[]) {
    this.name = options.path
    this.#options = options
    this.#entries = entries.filter(({ outline }) => shorterSide(outline) >= options.min_size)
    this.#small = entries.length - this.#entries.length
    if (this.#entries.length === 0) {
      throw new DatasetError(
        `${options.path}: none of ${entries.length} masks is ${options.min_size} pixels wide and high`,
      )
    }
    this.#kinds = byKind(this.#entries)
    this.#backgrounds = backgrounds
  }

  /**
   * Reads all masks, whose outlines say what becomes of boxes.
   * @throws DatasetMissingError; DatasetError for masks without their photographs; UnreadableImageError for a damaged mask
   */
  static async open(options: CutoutOptions): Promise<CutoutDataset> {
    const backgrounds = listPhotographs(options.background_path)
    return new CutoutDataset(options, await readCutouts(options.path), backgrounds)
  }

  get length(): number {
    return this.#entries.length
  }

  describe(): string {
    const small = this.#small > 0 ? `; left out: ${this.#small} small` : ''
    return `${this.name}: ${this.length} cut-outs of ${this.#kinds.size} kinds over ${this.#backgrounds.length} photographs${small}`
  }

  sample(index: number, random: Random): PairRequest {
    const options = this.#options
    const entry = this.#entry(index)
    const positive = options.pos_prob > random.next()
    const first = compose(randomMotion(random, firstTurn, stretch), random.next() < 0.5 ? mirror : identity)
    const light = random.next() < 0.5 ? randomLight(random, 0.3) : undefined
    const background = this.#background(random)
    const template = this.#frame([], this.#placed(entry, first, light, [side / 2, side / 2]), background)

    const far = random.next() < options.far_turn_prob
    const motion = randomMotion(random, far ? options.far_turn : options.turn, stretch)
    const place = () => side / 2 + random.uniform(-farthestPlace, farthestPlace)
    const other = random.next() < 0.5 ? nearby(background, random) : this.#background(random)
    const own = light ?? (random.next() < 0.5 ? randomLight(random, 0.25) : undefined)
    const target = this.#placed(entry, compose(motion, first), own, [place(), place()])
    const others = this.#others(entry, positive, random)
    const search = this.#frame(others, target, other)
    const shown: SourcedFrame = positive ? search : { ...search, source: this.#source(others, other) }
    return { id: `${entry.name} ${positive ? 'moved' : 'gone'}`, template, search: shown, positive }
  }

  #entry(index: number): CutoutEntry {
    const entry = this.#entries[index]
    if (entry === undefined) throw new RangeError(`cut-out ${index} of ${this.#entries.length}`)
    return entry
  }

  #frame(below: readonly CollageObject[], target: Placed, background: CollageSource['background']): SourcedFrame {
    return { source: this.#source([...below, target.object], background), box: target.box }
  }

  #source(objects: readonly CollageObject[], background: CollageSource['background']): CollageSource {
    return { kind: 'collage', width: side, height: side, background, objects }
  }

  /** An object scaled so that its window with context has the usual side, its box's middle at `to`. */
  #placed(
    { image, mask, outline }: CutoutEntry,
    motion: Linear,
    light: CollageObject['light'],
    to: Point,
    size = 1,
  ): Placed {
    const [left, top, right, bottom] = boundsUnder(outline, motion)
    const scale = (size * context) / contextSide(right - left, bottom - top, 0.5)
    const map = scaled(motion, scale)
    const [width, height] = [scale * (right - left), scale * (bottom - top)]
    // The photograph's own corner is the place that is known: its middle differs from the box's.
    const corner: Point = [to[0] - (scale * (left + right)) / 2, to[1] - (scale * (top + bottom)) / 2]
    const object = { path: image, mask, map, from: [0, 0] as const, to: corner, ...(light && { light }) }
    return { object, box: [to[0] - width / 2, to[1] - height / 2, to[0] + width / 2, to[1] + height / 2] }
  }

  /** Objects beside the target, some of its kind. */
  #others(entry: CutoutEntry, positive: boolean, random: Random): CollageObject[] {
    const counts = this.#options.look_alikes.filter((count) => positive || count > 0)
    const count = counts[random.integer(counts.length)] ?? 0
    return Array.from({ length: count }, () => {
      const alike = this.#kinds.get(entry.kind) ?? []
      const pool = random.next() < this.#options.same_kind_prob ? alike : this.#entries
      const drawn = pool[random.integer(pool.length)] ?? entry
      // The target itself would be no other object.
      const other = drawn === entry ? this.#entry(random.integer(this.#entries.length)) : drawn
      const place = () => side / 2 + random.uniform(-farthestOther, farthestOther)
      const size = Math.exp(random.uniform(...otherScale))
      return this.#placed(other, randomMotion(random, firstTurn, stretch), undefined, [place(), place()], size).object
    })
  }

  /** A place in a photograph, given as a share of its sides, comes to lie in the collage's middle. */
  #background(random: Random): CollageSource['background'] {
    const path = this.#backgrounds[random.integer(this.#backgrounds.length)] ?? ''
    const any = [random.uniform(0, 255), random.uniform(0, 255), random.uniform(0, 255)] as const
    const draw = random.next()
    const fill = draw < 0.76 ? 'replicate' : draw < 0.94 ? 'mean' : any
    const map = scaled(randomMotion(random, 4, 0.05), Math.exp(random.uniform(...backgroundScale)))
    return { path, map, from: [random.uniform(0.2, 0.8), random.uniform(0.2, 0.8)], to: [side / 2, side / 2], fill }
  }
}

interface Placed {
  readonly object: CollageObject
  readonly box: SourcedFrame['box']
}

/** The same photograph, the camera moved a little. */
function nearby(background: CollageSource['background'], random: Random): CollageSource['background'] {
  const { map, from } = background
  const moved = scaled(compose(randomMotion(random, 4, 0.05), map), Math.exp(random.uniform(-0.1, 0.1)))
  return {
    ...background,
    map: moved,
    from: [from[0] + random.uniform(-0.05, 0.05), from[1] + random.uniform(-0.05, 0.05)],
  }
}

/**
 * The cut-outs of a folder, in natural order.
 * @throws DatasetMissingError, DatasetError for a mask without its photograph, UnreadableImageError
 */
async function readCutouts(folder: string): Promise<CutoutEntry[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new DatasetMissingError(`no folder ${folder};${layout}`, { cause })
  })
  const masks = naturalSort(names.filter((name) => name.endsWith('.png') && !name.startsWith('.')))
  if (masks.length === 0) throw new DatasetMissingError(`no mask in ${folder};${layout}`)
  const files = masks.map((mask) => ({
    name: mask.slice(0, -4),
    image: join(folder, `${mask.slice(0, -4)}.jpg`),
    mask: join(folder, mask),
  }))
  const missing = files.filter(({ image }) => !existsSync(image))
  if (missing.length > 0) {
    const shown = missing.slice(0, 3).map(({ mask }) => mask)
    throw new DatasetError(`${missing.length} masks without their photographs, such as ${shown.join(', ')};${layout}`)
  }
  const entries: CutoutEntry[] = []
  for (let start = 0; start < files.length; start += masksAhead) {
    const some = files.slice(start, start + masksAhead).map(async (file) => {
      return { ...file, kind: file.name.replace(/[-_]?\d+$/, ''), outline: outlineOf(await readMask(file.mask)) }
    })
    entries.push(...(await Promise.all(some)))
  }
  return entries
}

function shorterSide(outline: Outline): number {
  const [left, top, right, bottom] = boundsUnder(outline, identity)
  return outline.length === 0 ? 0 : Math.min(right - left, bottom - top)
}

function byKind(entries: readonly CutoutEntry[]): ReadonlyMap<string, readonly CutoutEntry[]> {
  const kinds = new Map<string, CutoutEntry[]>()
  for (const entry of entries) {
    const before = kinds.get(entry.kind)
    if (before) before.push(entry)
    else kinds.set(entry.kind, [entry])
  }
  return kinds
}
