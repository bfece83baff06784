// What a benchmark case is, and how one is measured. tinybench decides how many samples are taken; what a sample is, is ours:
// many repetitions of a short kernel in one submission, waited for without spinning, the time divided by the repetitions.

import { Bench } from 'tinybench'
import type { Device } from '../src/gpu/device.ts'
import { capture, type Program } from '../src/gpu/program.ts'
import type { Recorder } from '../src/gpu/recorder.ts'
import type { Cost } from './roofline.ts'
import { type Sample, Stopwatch } from './stopwatch.ts'

/** Numbers that are no times, by name: bytes of memory, dispatches. */
export type Facts = Readonly<Record<string, number>>

/** A case ready to be measured. */
export interface Running {
  /** Which kernels do it. */
  readonly variant: string
  /** What one operation costs by the dispatches' own figures; undefined where nobody counts. */
  readonly cost?: Cost
  /** FLOPs of the textbook formula, where an algorithm like Winograd's does fewer. */
  readonly directFlops?: number
  /** Milliseconds per operation. */
  sample(): Promise<Sample>
  facts?(): Facts
  dispose(): Promise<void>
}

export interface BenchCase {
  readonly name: string
  /** How often one frame of the R50 tracker does this. */
  readonly perFrame?: number
  /** Exactly so many samples, whatever the time. */
  readonly samples?: number
  start(context: BenchContext): Promise<Running>
}

/** What cases share. */
export interface BenchContext {
  /** The adapter under test. */
  readonly device: Device
}

export interface CaseResult {
  readonly name: string
  readonly variant: string
  readonly perFrame?: number
  readonly samples: number
  readonly medianMs: number
  readonly minMs: number
  /** CPU time of the sample that used least. */
  readonly cpuMs: number
  readonly cost?: Cost
  readonly directFlops?: number
  readonly facts: Facts
}

/** At least so many samples, however long one takes. */
const MIN_SAMPLES = 3

/** Starts, measures and disposes of a case. @param time milliseconds to measure for, at least */
export async function measureCase(benchCase: BenchCase, context: BenchContext, time: number): Promise<CaseResult> {
  const running = await benchCase.start(context)
  try {
    const limits = benchCase.samples ? { time: 0, iterations: benchCase.samples } : { time, iterations: MIN_SAMPLES }
    const bench = new Bench({ ...limits, warmup: false, throws: true })
    const cpuMs: number[] = []
    bench.add(
      benchCase.name,
      async () => {
        const start = performance.now()
        const sample = await running.sample()
        cpuMs.push(sample.cpuMs)
        return { overriddenDuration: sample.ms, overriddenIterationCost: performance.now() - start }
      },
      { async: true },
    )
    await bench.run()
    const result = bench.tasks[0]?.result
    if (result?.state !== 'completed') throw new Error(`Case \`${benchCase.name}\` ended as ${result?.state}`)
    const { p50, min, samplesCount } = result.latency
    const { name, perFrame } = benchCase
    const { variant, cost, directFlops } = running
    return {
      name,
      variant,
      ...(perFrame && { perFrame }),
      samples: samplesCount,
      medianMs: p50,
      minMs: min,
      cpuMs: Math.min(...cpuMs),
      ...(cost && { cost }),
      ...(directFlops && { directFlops }),
      facts: running.facts?.() ?? {},
    }
  } finally {
    await running.dispose()
  }
}

/** What a case made of one captured operation needs. */
export interface Operation {
  readonly record: (r: Recorder) => unknown
  readonly release: () => void
  readonly directFlops?: number
}

/** A sample is repeated until it takes so long, in milliseconds, so that submitting and waiting do not count. */
const SAMPLE_MS = 30

const MAX_REPEATS = 1024

/** A case that captures an operation and replays it. @param prepare uploads what the operation reads */
export function operationCase(
  name: string,
  prepare: (device: Device) => Operation | Promise<Operation>,
  perFrame?: number,
): BenchCase {
  return {
    name,
    ...(perFrame && { perFrame }),
    async start({ device }) {
      const operation = await prepare(device)
      const stopwatch = new Stopwatch(device)
      const once = await repeated(device, operation.record, 1)
      await stopwatch.best(() => once.program.run(), 1) // compiles
      const estimate = await stopwatch.best(() => once.program.run(), 2)
      const repeats = Math.max(1, Math.min(MAX_REPEATS, Math.ceil(SAMPLE_MS / estimate)))
      const many = repeats > 1 ? await repeated(device, operation.record, repeats) : once
      const { flops, bytes } = once.program.stats
      return {
        variant: once.variant,
        cost: { flops, bytes },
        ...(operation.directFlops && { directFlops: operation.directFlops }),
        async sample() {
          const { ms, cpuMs } = await stopwatch.sample(() => many.program.run())
          return { ms: ms / repeats, cpuMs: cpuMs / repeats }
        },
        async dispose() {
          for (const { program } of new Set([once, many])) program.destroy()
          operation.release()
        },
      }
    },
  }
}

interface Repeated {
  readonly program: Program<unknown>
  readonly variant: string
}

async function repeated(device: Device, record: (r: Recorder) => unknown, count: number): Promise<Repeated> {
  let kernels: readonly string[] = []
  const program = await capture(device, (r) => {
    let result: unknown
    for (let k = 0; k < count; k++) result = record(r)
    kernels = r.steps.map(({ kernel }) => kernel.name)
    return result
  })
  return { program, variant: variantName(kernels) }
}

/** The kernels' names, each once, without what their file names share. */
export function variantName(kernels: readonly string[]): string {
  const names = kernels.map((kernel) => kernel.replace(/\.wgsl$/, '').replace(/^conv2d_/, ''))
  if (names.some((name) => name.startsWith('winograd'))) return 'winograd'
  return [...new Set(names)].join(' + ')
}
