// The log of a training run, as the trainer and mmcv's TextLoggerHook write it: JSON lines (`TIME.log.json`), the first with
// the run's facts, then one per interval with the mode `train` or `val`. A run that was resumed has several files.

import { type JsonLimits, jsonLimits, parseJson } from 'siamrpn/formats'
import { show } from 'siamrpn/gpu'
import { UsageError } from '../errors.ts'
import { FileSizeError, mostJsonBytes, readBounded } from '../read-bounded.ts'

/** Values over the course of a training run. */
export interface TrainingLog {
  /** One per line of the log, in order. */
  readonly train: readonly LoggedStep[]
  /** After epochs, on clips that the training does not see. */
  readonly held: readonly LoggedStep[]
  /** Iterations in an epoch, as far as the log shows. */
  readonly iterationsPerEpoch: number
}

export interface LoggedStep {
  /** Epochs since the start, with the part of the present one. */
  readonly epoch: number
  /** By the log's names: `loss`, `loss_rpn_cls`, `lr`, `grad_norm`, `success` ... */
  readonly values: Readonly<Record<string, number>>
}

interface Line extends LoggedStep {
  readonly mode: string
  readonly iteration: number
}

/** Reads the files of one run, in the order of the run. @throws UsageError for a file that is no such log */
export async function readTrainingLog(files: readonly string[]): Promise<TrainingLog> {
  const texts = await Promise.all(files.map(async (file) => ({ file, text: await readText(file) })))
  const lines = texts.flatMap(({ file, text }) => parseLines(file, text))
  // A run that ended before its first interval has left a log without lines; the others count.
  if (lines.length > 0) return trainingLog(lines)
  throw new UsageError(
    `${files.join(', ')}: no line of a training log, expected a file TIME.log.json of a training run`,
  )
}

/** The most lines of a log. */
const mostLines = 500_000

/** Bounds of a line of a log: a number for each group of parameters and each loss. */
const lineLimits: JsonLimits = { ...jsonLimits, containers: 1000, values: 10_000 }

/** Where a run was resumed from an earlier point, the later file's lines count. */
function trainingLog(lines: readonly Line[]): TrainingLog {
  const train = new Map<string, Line>()
  const held = new Map<string, Line>()
  for (const line of lines) {
    if (line.mode === 'val') held.set(String(line.epoch), line)
    else train.set(`${line.epoch}/${line.iteration}`, line)
  }
  const iterationsPerEpoch = [...train.values()].reduce((most, { iteration }) => Math.max(most, iteration), 1)
  const ordered = (steps: Iterable<LoggedStep>) => [...steps].toSorted((a, b) => a.epoch - b.epoch)
  return {
    train: ordered(
      [...train.values()].map(({ epoch, iteration, values }) => ({
        epoch: epoch - 1 + iteration / iterationsPerEpoch,
        values,
      })),
    ),
    held: ordered([...held.values()].map(({ epoch, values }) => ({ epoch, values }))),
    iterationsPerEpoch,
  }
}

async function readText(file: string): Promise<string> {
  try {
    return (await readBounded(file, mostJsonBytes)).toString()
  } catch (error) {
    if (error instanceof FileSizeError) throw error
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}

function parseLines(file: string, text: string): Line[] {
  const lines: Line[] = []
  let at = 0
  for (let number = 1; at < text.length; number++) {
    if (number > mostLines) throw new UsageError(`${file} has more than ${mostLines} lines, which no training log has`)
    const newline = text.indexOf('\n', at)
    const end = newline < 0 ? text.length : newline
    const line = text.slice(at, end).trim()
    at = end + 1
    const underWay = newline < 0 && !line.endsWith('}') // Of a run that still goes on.
    if (line === '' || underWay) continue
    const parsed = parseLine(`${file}:${number}`, line)
    if (parsed) lines.push(parsed)
  }
  return lines
}

function parseLine(place: string, text: string): Line | undefined {
  let value: unknown
  try {
    value = parseJson(text, lineLimits)
  } catch (error) {
    throw new UsageError(`${place}: no JSON, expected a line of a training log (TIME.log.json)`, { cause: error })
  }
  if (typeof value !== 'object' || value === null || !('mode' in value)) return undefined // The first: facts of the run.
  const { mode, epoch, iter, ...rest } = value as Record<string, unknown>
  if (typeof mode !== 'string' || typeof epoch !== 'number') {
    throw new UsageError(`${place}: mode ${show(mode)}, epoch ${show(epoch)}, expected a word and a number`)
  }
  return { mode, epoch, iteration: typeof iter === 'number' ? iter : 0, values: numbersOf(rest) }
}

/** One rate per group of parameters (`lr: { backbone: 0.001 }`) becomes `lr backbone`. */
function numbersOf(entries: Readonly<Record<string, unknown>>, prefix = ''): Record<string, number> {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([name, value]): [string, number][] => {
      if (typeof value === 'number' && Number.isFinite(value)) return [[`${prefix}${name}`, value]]
      if (typeof value !== 'object' || value === null || Array.isArray(value) || prefix !== '') return []
      return Object.entries(numbersOf(value as Record<string, unknown>, `${name} `))
    }),
  )
}
