// The options by which every `siamrpn dataset` command finds the data set that it works on, and how far long work has come.

import { type Command, Option } from 'commander'
import { benchmarkSplits, detectBenchmark, openBenchmark } from '../data/benchmarks/open-benchmark.ts'
import { type Benchmark, type BenchmarkName, benchmarkNames, type Tell } from '../data/benchmarks/types.ts'
import { duration } from '../train/text-logger.ts'
import { UsageError } from './errors.ts'
import { wholeNumber } from './options.ts'
import { type Progress, silent, startProgress } from './progress.ts'
import type { Terminal } from './terminal.ts'

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
    .option('--split <name>', 'test, train, val ... as far as the data set has them (default: what is evaluated on)')
    .option('--ann-file <file>', "MMTracking's annotations (.json, .txt); images are looked for below --root")
    .option('--limit <count>', 'only the first sequences', wholeNumber(1))
}

/** A data set and which part of it was opened. */
export interface Source {
  readonly benchmark: Benchmark
  readonly split: string
}

/** @throws UsageError when the layout cannot be found out; DatasetMissingError, DatasetError; what `tell` throws */
export async function openSource(options: SourceOptions, tell: Tell): Promise<Source> {
  const { root, annFile, limit } = options
  const type = options.dataset ?? (await detectBenchmark(root)) ?? (annFile === undefined ? undefined : 'folder')
  if (type === undefined) {
    throw new UsageError(
      `${root} has none of the layouts that are known; name the one that it should have: ` +
        `--dataset ${benchmarkNames.join('|')}, and what is missing will be told`,
    )
  }
  const split = options.split ?? benchmarkSplits(type)[0] ?? ''
  const request = { type, root, split, tell, ...(annFile !== undefined && { annFile }) }
  return { benchmark: await openBenchmark({ ...request, ...(limit !== undefined && { limit }) }), split }
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
