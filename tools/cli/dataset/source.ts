// The options by which every `siamrpn dataset` command finds the data set that it works on, and how far long work has come.

import { type Command, Option } from 'commander'
import { benchmarkSplits, detectBenchmark, openBenchmark } from '../../benchmarks/open-benchmark.ts'
import { type Benchmark, type BenchmarkName, benchmarkNames, type Tell } from '../../benchmarks/types.ts'
import { DatasetMissingError } from '../../datasets/errors.ts'
import { UsageError } from '../../errors.ts'
import { duration } from '../../training/text-logger.ts'
import { wholeNumber } from '../options.ts'
import { type Progress, silent, startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'

export interface SourceOptions {
  readonly root: string
  readonly dataset?: BenchmarkName
  readonly split?: string
  readonly annFile?: string
  readonly limit?: number
  readonly quiet?: boolean
}

/** Adds the options. */
export function withSource(command: Command): Command {
  return command
    .requiredOption('--root <folder>', 'the data set as it was downloaded and unpacked')
    .addOption(
      new Option('--dataset <name>', 'whose layout it has (default: found out from the folder)').choices(
        benchmarkNames,
      ),
    )
    .option('--split <name>', 'test, train, val ... as far as the data set has them (default: the first that is there)')
    .option('--ann-file <file>', "MMTracking's annotations (.json, .txt); images are looked for below --root")
    .option('--limit <count>', 'only the first sequences', wholeNumber(1))
}

/** A data set and which part of it was opened. */
export interface Source {
  readonly benchmark: Benchmark
  readonly split: string
}

/**
 * Opens the split that is asked for, otherwise the first that is there.
 *
 * @throws UsageError when the layout cannot be found out; DatasetMissingError, DatasetError; what `tell` throws
 */
export async function openSource(options: SourceOptions, tell: Tell): Promise<Source> {
  for await (const source of openSources(options, tell)) return source
  throw new UsageError(`${options.root} holds nothing`)
}

/** Every split that is there, or the one that is asked for. @throws as `openSource`, if none is there */
export async function* openSources(options: SourceOptions, tell: Tell): AsyncGenerator<Source> {
  const { root, annFile, limit } = options
  const type = await typeOf(options)
  const known = annFile === undefined ? partsOf(benchmarkSplits(type)) : benchmarkSplits(type).slice(0, 1)
  const splits = options.split === undefined ? known : [options.split]
  let missing: unknown
  let found = 0
  for (const split of splits) {
    const request = { type, root, split, tell, ...(annFile !== undefined && { annFile }) }
    try {
      yield { benchmark: await openBenchmark({ ...request, ...(limit !== undefined && { limit }) }), split }
      found++
    } catch (error) {
      if (!(error instanceof DatasetMissingError)) throw error
      missing ??= error
    }
  }
  if (found === 0) throw missing
}

/** Splits that only choose among the sequences of others. */
const choices = ['all', 'otb50', 'otb2013']

function partsOf(splits: readonly string[]): readonly string[] {
  return splits.length > 1 ? splits.filter((split) => !choices.includes(split)) : splits
}

async function typeOf({ root, dataset, annFile }: SourceOptions): Promise<BenchmarkName> {
  const type = dataset ?? (await detectBenchmark(root)) ?? (annFile === undefined ? undefined : 'folder')
  if (type !== undefined) return type
  throw new UsageError(
    `${root} has none of the layouts that are known; name the one that it should have: ` +
      `--dataset ${benchmarkNames.join('|')}, and what is missing will be told`,
  )
}

/** What is under way, stage after stage, with the time that is left. */
export class Stages {
  readonly #terminal: Terminal
  readonly #titles: Readonly<Record<string, string>>
  readonly #quiet: boolean
  #progress: Progress = silent
  #stage = ''
  #start = 0

  /** @param titles of the stages, at most 9 letters */
  constructor(terminal: Terminal, titles: Readonly<Record<string, string>>, quiet: boolean) {
    this.#terminal = terminal
    this.#titles = titles
    this.#quiet = quiet
  }

  /** Bound, so that it can be handed on. */
  readonly update = (stage: string, done: number, total: number): void => {
    if (this.#quiet) return
    if (stage !== this.#stage) {
      this.stop()
      this.#progress = startProgress(this.#terminal, this.#titles[stage] ?? stage, total)
      this.#stage = stage
      this.#start = performance.now()
    }
    const left = ((performance.now() - this.#start) / 1000) * (total / done - 1)
    this.#progress.update(done, done < total ? `${duration(left)} left` : '')
  }

  stop(): void {
    this.#progress.stop()
    this.#progress = silent
    this.#stage = ''
  }
}

/** `1 frame`, `2 frames`. */
export function plural(count: number, name: string): string {
  return `${count} ${count === 1 ? name : `${name}s`}`
}
