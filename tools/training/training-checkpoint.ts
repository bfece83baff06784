// Checkpoints of training: one safetensors file with the model under MMTracking's names, the optimizer's tensors under
// `optimizer.`, and the rest in its metadata. Random numbers are keyed by (seed, epoch, sample), so that the position is the
// whole random state. A file appears complete or not at all.

import { open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Config } from 'siamrpn'
import {
  anchorsKey,
  configJsonLimits,
  JsonSizeError,
  optimizerPrefix,
  parseJson,
  readCheckpoint,
  type StateDict,
  safetensorsChunks,
} from 'siamrpn/formats'
import { cut } from 'siamrpn/gpu'
import * as z from 'zod'
import { pendingFile } from '../frames/atomic.ts'
import { TrainingCheckpointError } from './errors.ts'

/** Metadata key of what training needs to go on, as JSON. */
const trainingKey = 'siamrpn.training'
const formatVersion = 1

const scoresSchema = z.record(z.string(), z.number())
const factsSchema = z.object({
  version: z.literal(formatVersion),
  /** The epoch that goes on, from 0. */
  epoch: z.int().nonnegative(),
  /** Its next iteration, from 0. */
  iteration: z.int().nonnegative(),
  iterationsPerEpoch: z.int().positive(),
  /** Of each rank. */
  batchSize: z.int().positive(),
  /** Processes that trained together. */
  ranks: z.int().positive().default(1),
  seed: z.int().nonnegative(),
  /** The best evaluation so far. */
  best: z.object({ measure: z.string(), value: z.number(), file: z.string() }).nullable(),
  /** The evaluation of this model. */
  scores: scoresSchema.nullable(),
  /** The epoch before has still to be evaluated. */
  pendingEvaluation: z.boolean(),
})

/** What training needs to go on, beside the tensors. */
export type TrainingFacts = Omit<z.infer<typeof factsSchema>, 'version'>
/** Measures of an evaluation by name. */

export interface TrainingCheckpoint {
  readonly model: StateDict
  /** By `<parameter>.<kind>`; empty if it was not saved. */
  readonly optimizer: StateDict
  readonly facts: TrainingFacts
}

/** A checkpoint as it was read. */
export interface SavedTraining extends TrainingCheckpoint {
  /** The anchors that its weights need. */
  readonly anchors: 'mmtracking' | 'pysot'
  /** The configuration it was trained with, unchecked. */
  readonly config: unknown
}

/**
 * Writes a checkpoint; an older file of that name survives every error.
 * @throws TrainingCheckpointError that names the reason: a full disk, a missing permission
 */
export async function writeTrainingCheckpoint(
  path: string,
  { model, optimizer, facts }: TrainingCheckpoint,
  config: Config,
): Promise<void> {
  const sorted = [...optimizer].sort(([a], [b]) => (a < b ? -1 : 1))
  const tensors = new Map([...model, ...sorted.map(([name, tensor]) => [optimizerPrefix + name, tensor] as const)])
  const metadata = {
    epoch: String(facts.epoch),
    iter: String(facts.epoch * facts.iterationsPerEpoch + facts.iteration),
    [anchorsKey]: config.model.head.anchor_generator.variant,
    [trainingKey]: JSON.stringify({ version: formatVersion, ...facts }),
    config: JSON.stringify(config),
  }
  try {
    const file = await pendingFile(path)
    try {
      for (const chunk of safetensorsChunks(tensors, metadata)) await file.write(chunk)
      await file.handle.sync()
      await file.commit()
      await syncFolder(dirname(path))
    } finally {
      await file.discard()
    }
  } catch (cause) {
    throw new TrainingCheckpointError(`cannot write the checkpoint ${path}: ${reason(cause)}`, { cause })
  }
}

/**
 * Reads a checkpoint that training has written.
 * @throws TrainingCheckpointError if it cannot be read or is another kind of checkpoint; CheckpointError if it is broken
 */
export async function readTrainingCheckpoint(path: string): Promise<SavedTraining> {
  const { stateDict, optimizerState, meta, anchors } = readCheckpoint(await readBytes(path), path)
  const text = meta[trainingKey]
  if (typeof text !== 'string') {
    throw new TrainingCheckpointError(
      `${path} holds weights, but not where training was (no \`${trainingKey}\`): ` +
        'it can be started from (--load-from), not resumed',
    )
  }
  const parsed = factsSchema.safeParse(parseFacts(path, text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new TrainingCheckpointError(
      `${path}: \`${trainingKey}\` is not as expected: ${issue?.path.join('.')} ${issue?.message}`,
    )
  }
  const { version: _, ...facts } = parsed.data
  const config = typeof meta.config === 'string' ? parseConfigText(path, meta.config) : undefined
  return { model: stateDict, optimizer: optimizerState, facts, anchors, config }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new TrainingCheckpointError(`cannot read the checkpoint ${path}: ${reason(cause)}`, { cause })
  }
}

function parseFacts(path: string, text: string): unknown {
  try {
    return parseJson(text, configJsonLimits)
  } catch (cause) {
    const found = cut(reason(cause), 200)
    throw new TrainingCheckpointError(`${path}: \`${trainingKey}\` is no JSON that training writes: ${found}`, {
      cause,
    })
  }
}

/** Undefined for Python text, as MMTracking writes it. @throws TrainingCheckpointError for more than any configuration holds */
function parseConfigText(path: string, text: string): unknown {
  try {
    return parseJson(text, configJsonLimits)
  } catch (cause) {
    if (cause instanceof JsonSizeError) {
      throw new TrainingCheckpointError(`${path}: its configuration ${cause.message}`, { cause })
    }
    return undefined
  }
}

/** Makes a rename in the folder outlast a power failure, where the system can. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r')
    await folder.sync().finally(() => folder.close())
  } catch {
    // Windows does not open folders.
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
