// Reads what a checkpoint says of its model beside the weights: the configuration that training wrote into it, which
// anchors it was trained with, and which part of the weights it holds.

import { anchorsKey, type Checkpoint } from '../formats/checkpoint-contents.ts'
import { CheckpointError, CorruptCheckpointError } from '../formats/errors.ts'
import { checkJsonSize, configJsonLimits } from '../formats/json.ts'
import { loadCheckpoint } from '../formats/load-checkpoint.ts'
import { matchStateDict } from '../formats/match.ts'
import type { StateDict } from '../formats/state-dict.ts'
import { type Config, parseConfig } from './config.ts'
import { type CheckpointSource, readSource, sourceName } from './source.ts'

/** The configuration that `siamrpn train` wrote into its checkpoint; other checkpoints have none that is JSON. */
export function ownConfig({ meta }: Checkpoint, name: string): Config | undefined {
  const text = meta.config
  if (typeof text !== 'string' || !text.startsWith('{')) return undefined
  let value: unknown
  try {
    checkJsonSize(text, configJsonLimits)
  } catch (cause) {
    throw new CorruptCheckpointError(`${name}: its configuration ${messageOf(cause)}`, { cause })
  }
  try {
    value = JSON.parse(text)
  } catch {
    return undefined // MMTracking writes Python text there
  }
  return parseConfig(value, `in ${name}`)
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

export const headPrefix = 'head.'

/** Metadata key that says which part of the weights a file holds. */
export const partKey = 'siamrpn.part'

/** The state dict with another head. @throws CheckpointError for a file that is no head of this model */
export async function withHead(state: StateDict, source: CheckpointSource): Promise<StateDict> {
  const name = sourceName(source)
  const { stateDict: head } = await loadCheckpoint(await readSource(source), name)
  const strange = [...head.keys()].find((key) => !key.startsWith(headPrefix))
  if (strange !== undefined) {
    throw new CheckpointError(
      `${name} holds \`${strange}\`, expected a taught head: names that begin with \`${headPrefix}\``,
    )
  }
  const expected = new Map(
    [...state].filter(([key]) => key.startsWith(headPrefix)).map(([key, { shape }]) => [key, shape]),
  )
  return new Map([...state, ...matchStateDict(expected, head, { name })])
}

/** A bare state dict without a word about anchors implies none: the configuration's stay. */
export function impliedAnchors({ format, meta, anchors }: Checkpoint): Checkpoint['anchors'] | undefined {
  return format === 'bare' && !Object.hasOwn(meta, anchorsKey) ? undefined : anchors
}

export function withAnchors(config: Config, variant: 'mmtracking' | 'pysot' | undefined): Config {
  if (variant === undefined) return config
  const { model } = config
  const anchor_generator = { ...model.head.anchor_generator, variant }
  return { ...config, model: { ...model, head: { ...model.head, anchor_generator } } }
}
