// The folder of an evaluation: run.json says what is evaluated on what, sequences/NAME.json holds the result of each video that is
// done. Every file is complete or absent, so that a run that was killed at any moment can go on; it refuses to go on where the
// checkpoint, the model's settings or the data set have changed.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseJson } from 'siamrpn/formats'
import * as z from 'zod'
import type { Sequence, SequenceResult, TrackedRegion } from '../benchmarks/types.ts'
import { makeFolder, writeWhole } from '../frames/atomic.ts'
import { FileSizeError, mostJsonBytes, readBounded } from '../read-bounded.ts'
import { differences } from './differences.ts'
import { EvaluationError } from './errors.ts'

const boxSchema = z.tuple([z.number(), z.number(), z.number(), z.number()])

const sequenceSchema = z.object({
  format: z.literal('siamrpn-sequence'),
  name: z.string(),
  /** x, y, width, height in pixels, or one of VOT's marks. */
  regions: z.array(z.union([boxSchema, z.literal([0, 1, 2])])),
  scores: z.array(z.number()),
  seconds: z.array(z.number()),
})

const jsonSchema = z.record(z.string(), z.unknown())

const runSchema = z.object({ format: z.literal('siamrpn-evaluation'), fingerprint: jsonSchema, about: jsonSchema })

/** Anything that JSON can hold. */
export type JsonRecord = Readonly<Record<string, unknown>>

export interface RunDescription {
  /** What must stay the same for a run to go on: checkpoint, settings, data set. */
  readonly fingerprint: JsonRecord
  /** Whatever else readers of the folder want to know. */
  readonly about: JsonRecord
}

const runFile = 'run.json'
const sequenceFolder = 'sequences'

export class ResultStore {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /**
   * Opens the folder of a run, made if it is not there.
   *
   * @throws EvaluationError if an earlier run's results are there and `resume` is not given, or are of something else
   */
  static async open(path: string, run: RunDescription, { resume }: { readonly resume: boolean }): Promise<ResultStore> {
    const before = await readRun(path)
    if (before && !resume) {
      const done = await countResults(path)
      throw new EvaluationError(
        `${path} holds an earlier evaluation (${done === 1 ? '1 video' : `${done} videos`}); ` +
          'go on with it by --resume, or choose another folder with --out',
      )
    }
    const changed = before ? differences(before.fingerprint, run.fingerprint) : []
    if (changed.length > 0) {
      throw new EvaluationError(
        `${path} cannot be resumed, it is of another evaluation; choose another folder with --out. ` +
          `Found there and now:\n  ${changed.join('\n  ')}`,
      )
    }
    await writeWhole(join(path, runFile), `${JSON.stringify({ format: 'siamrpn-evaluation', ...run }, null, 2)}\n`)
    await makeFolder(join(path, sequenceFolder))
    return new ResultStore(path)
  }

  /** Saves the result of a video. @throws OutputError */
  async save(result: SequenceResult): Promise<void> {
    await writeWhole(resultFile(this.path, result.name), `${JSON.stringify(toJson(result))}\n`)
  }

  /** The results of those sequences that are done. @throws as `readStoredResults` */
  async load(sequences: readonly Sequence[]): Promise<Map<string, SequenceResult>> {
    return await readStoredResults(this.path, sequences)
  }
}

/** What the folder of an evaluation says of itself; undefined where it is none. @throws EvaluationError if it does not parse */
export async function readRun(path: string): Promise<RunDescription | undefined> {
  const file = join(path, runFile)
  const value = await readJson(file)
  if (value === undefined) return undefined
  const parsed = runSchema.safeParse(value)
  if (parsed.success) return { fingerprint: parsed.data.fingerprint, about: parsed.data.about }
  throw new EvaluationError(`${file}: ${problem(parsed.error)}; expected the file that an evaluation writes`)
}

/**
 * The results of those sequences that the folder of an evaluation has.
 *
 * @throws EvaluationError naming a file that does not parse, or has another number of frames than the sequence
 */
export async function readStoredResults(
  path: string,
  sequences: readonly Sequence[],
): Promise<Map<string, SequenceResult>> {
  const results = new Map<string, SequenceResult>()
  for (const { name, images } of sequences) {
    const result = await readResult(resultFile(path, name), name, images.length)
    if (result) results.set(name, result)
  }
  return results
}

async function readResult(file: string, name: string, frames: number): Promise<SequenceResult | undefined> {
  const value = await readJson(file)
  if (value === undefined) return undefined
  const parsed = sequenceSchema.safeParse(value)
  const hint = 'delete it to have the video tracked again'
  if (!parsed.success) throw new EvaluationError(`${file}: ${problem(parsed.error)}; ${hint}`)
  const { regions, scores, seconds } = parsed.data
  if (parsed.data.name !== name) throw new EvaluationError(`${file}: of ${parsed.data.name}, expected ${name}; ${hint}`)
  for (const [key, values] of Object.entries({ regions, scores, seconds })) {
    if (values.length === frames) continue
    throw new EvaluationError(`${file}: ${values.length} ${key}, expected ${frames}, one per frame; ${hint}`)
  }
  return { name, regions: regions.map(fromJson), scores, seconds }
}

function resultFile(path: string, name: string): string {
  const parts = name.split(/[\\/]/)
  if (name === '' || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new EvaluationError(`the sequence ${JSON.stringify(name)} has a name that no file can have`)
  }
  return join(path, sequenceFolder, ...parts.slice(0, -1), `${parts.at(-1)}.json`)
}

async function countResults(path: string): Promise<number> {
  const names = await readdir(join(path, sequenceFolder), { recursive: true }).catch(() => [])
  return names.filter((name) => name.endsWith('.json')).length
}

async function readJson(file: string): Promise<unknown> {
  let text: string
  try {
    text = (await readBounded(file, mostJsonBytes)).toString()
  } catch (error) {
    if (error instanceof FileSizeError) throw error
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new EvaluationError(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
  try {
    return parseJson(text)
  } catch (error) {
    throw new EvaluationError(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

function problem({ issues: [issue] }: z.ZodError): string {
  return issue ? `${issue.path.join('.') || 'the whole'}: ${issue.message}` : 'it does not parse'
}

function toJson({ name, regions, scores, seconds }: SequenceResult) {
  return {
    format: 'siamrpn-sequence',
    name,
    regions: regions.map((region) =>
      typeof region === 'number' ? region : [region.x, region.y, region.width, region.height],
    ),
    scores: [...(scores ?? [])],
    seconds: [...(seconds ?? [])],
  } satisfies z.input<typeof sequenceSchema>
}

function fromJson(region: z.output<typeof sequenceSchema>['regions'][number]): TrackedRegion {
  if (typeof region === 'number') return region
  const [x, y, width, height] = region
  return { x, y, width, height }
}
