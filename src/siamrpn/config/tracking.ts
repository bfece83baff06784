// Reads a configuration for tracking: what describes the model is checked as strictly as ever, and an entry of the training part
// that is not understood is left out and named, because nothing that tracks would read it.

import { ConfigError } from '../errors.ts'
import { copyOf, fromMMTracking, ofVersion1 } from './mmtracking.ts'
import { checkExtent, parseConfig } from './parse.ts'
import type { Config } from './schema.ts'

/** What is read beside the network and its tracking: the data set to measure on, and what `teach` fits heads by. */
export type TrackingExtra = 'data.test' | 'model.train_cfg' | 'model.head.loss_cls' | 'model.head.loss_bbox'

export interface TrackingConfigOptions {
  /** Top-level names that other entries were made from, as `fromMMTracking` takes them. */
  readonly used?: ReadonlySet<string>
  /** Where it comes from, for messages. */
  readonly source?: string
  /** Entries that have to be understood, too. Default: none. */
  readonly reads?: readonly TrackingExtra[]
}

export interface TrackingConfig {
  /** Without the entries that are not understood. */
  readonly config: Config
  /** Dotted paths of what was not understood, in the training part; empty: everything is. */
  readonly unread: readonly string[]
}

type Node = Record<string, unknown>

/** Entries below `model` that only training reads. */
const trainingOfModel = [
  'model.train_cfg',
  'model.init_cfg',
  'model.pretrains',
  'model.frozen_modules',
  'model.backbone.init_cfg',
  'model.backbone.pretrained',
  'model.backbone.frozen_stages',
  'model.backbone.norm_eval',
  'model.neck.init_cfg',
  'model.head.init_cfg',
  'model.head.loss_cls',
  'model.head.loss_bbox',
]

/** Entries without which there is no `data`: what it trains on goes with them. */
const neededByData: Readonly<Record<string, number>> = { samples_per_gpu: 1, workers_per_gpu: 0 }

/** Rounds in which entries are left out one by one; what then is still not understood goes as a whole. */
const mostRounds = 4

/**
 * Reads a configuration of MMTracking 0.x, or of the schema, whatever its training part says.
 * @param value plain data, not changed
 * @throws ConfigError for what tracking reads and does not understand: the model, `cudnn_benchmark`, and `reads`
 */
export function parseTrackingConfig(value: unknown, options: TrackingConfigOptions = {}): TrackingConfig {
  const { used, source, reads = [] } = options
  checkExtent(value, source)
  const unread: string[] = []
  const translated = settle(value, (node) => fromMMTracking(node, used, source), { source, reads, unread })
  const config = settle(translated, (node) => parseConfig(node, source), { source, reads, unread })
  return { config, unread: [...new Set(unread)] }
}

interface Settling {
  readonly source: string | undefined
  readonly reads: readonly TrackingExtra[]
  /** Gets the paths of what is left out. */
  readonly unread: string[]
}

/** Tries again without the training entries that it failed for. */
function settle<T>(value: unknown, attempt: (value: unknown) => T, { source, reads, unread }: Settling): T {
  let left = value
  for (let round = 0; ; round++) {
    const found = outcome(() => attempt(left))
    if ('result' in found) return found.result
    const { problems } = found.error
    const entries = problems.map(({ path }) => trainingEntry(path, reads))
    const needed = problems.filter((_, i) => entries[i] === undefined)
    if (needed.length > 0) throw new ConfigError(needed, source)
    if (!isNode(left)) throw found.error
    const before: Node = left
    const after = round < mostRounds ? withoutEntries(before, entries) : onlyNeeded(before, reads)
    if (JSON.stringify(after) === JSON.stringify(before)) throw found.error
    unread.push(...(round < mostRounds ? problems.map(({ path }) => path) : missing(before, after)))
    left = after
  }
}

function outcome<T>(attempt: () => T): { readonly result: T } | { readonly error: ConfigError } {
  try {
    return { result: attempt() }
  } catch (error) {
    if (error instanceof ConfigError) return { error }
    throw error
  }
}

/** The entry of the training part to which a path leads; undefined if tracking reads what is there. */
function trainingEntry(path: string, reads: readonly TrackingExtra[]): string | undefined {
  const [top = '', second] = path.split('.')
  if (top === '' || top === 'cudnn_benchmark' || ofVersion1.includes(top)) return undefined
  if (top === 'model') {
    const entry = trainingOfModel.find((each) => path === each || path.startsWith(`${each}.`))
    return reads.some((each) => each === entry) ? undefined : entry
  }
  if (top !== 'data' || second === undefined) return top
  const entry = `${top}.${second}`
  return reads.some((each) => each === entry) ? undefined : entry
}

function withoutEntries(root: Node, entries: readonly (string | undefined)[]): Node {
  const copy = copyOf(root) as Node
  for (const entry of entries) if (entry !== undefined) remove(copy, entry.split('.'))
  return copy
}

function remove(root: Node, path: readonly string[]): void {
  let node = root
  for (const key of path.slice(0, -1)) {
    const inner = node[key]
    if (!isNode(inner)) return
    node = inner
  }
  const key = path.at(-1) ?? ''
  delete node[key]
  if (path[0] !== 'data' || !Object.hasOwn(neededByData, key)) return
  delete node.train
  Object.assign(node, neededByData)
}

/** What tracking reads, and nothing else. */
function onlyNeeded({ model, cudnn_benchmark, data }: Node, reads: readonly TrackingExtra[]): Node {
  const test = isNode(data) && reads.includes('data.test') && data.test != null
  const root = {
    model,
    ...(cudnn_benchmark === undefined ? {} : { cudnn_benchmark }),
    ...(test ? { data: { ...neededByData, test: data.test } } : {}),
  }
  return withoutEntries(
    root,
    trainingOfModel.filter((entry) => !reads.some((each) => each === entry)),
  )
}

/** Top-level entries that are there no more, or no more as they were. */
function missing(before: Node, after: Node): string[] {
  return Object.keys(before).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
