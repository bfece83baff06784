// What a benchmark case is, and how one is measured. tinybench decides how many samples are taken; what a sample is, is ours:
// many repetitions of a short kernel in one submission, waited for without spinning, the time divided by the repetitions.

import { Bench } from 'tinybench'
import type { Device } from '../src/gpu/device.ts'
import { capture, type Program } from '../src/gpu/program.ts'
import type { Recorder } from '../src/gpu/recorder.ts'
import { benchmarkConvs, type ChoiceStore, type ConvChoice } from '../src/kernels/conv/benchmark.ts'
import type { Cost } from './roofline.ts'
import type { Planned } from './schedule.ts'
import { type Sample, Stopwatch } from './stopwatch.ts'

/** Numbers that are no times, by name: bytes of memory, dispatches. */
export type Facts = Readonly<Record<string, number>>

/** A case ready to be measured. */
export interface Running {
  /** Which kernels do it. */
  readonly variant: string
  /** What choosing kernels by measurement found. */
  readonly choices?: readonly ConvChoice[]
  /** What one operation costs by the dispatches' own figures; undefined where nobody counts. */
  readonly cost?: Cost
  /** FLOPs of the textbook formula, where an algorithm like Winograd's does fewer. */
  readonly directFlops?: number
  /** Milliseconds per operation. */
  sample(): Promise<Sample>
  facts?(): Facts
  dispose(): Promise<void>
}

export interface BenchCase extends Planned {
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
  /** Choose convolution kernels by measurement first, as `cudnn_benchmark` does; undefined: by reasoning. */
  readonly choose?: { readonly store: ChoiceStore } | undefined
}

export interface CaseResult {
  readonly name: string
  readonly variant: string
  readonly choices?: readonly ConvChoice[]
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

export interface MeasureOptions {
  /** Milliseconds to measure for; one sample is taken in any case. */
  readonly time: number
  /** Ends the measurement after the sample under way. */
  readonly signal?: AbortSignal
  /** Told when the first sample is there. */
  readonly onFirst?: () => void
}

/** Starts, measures and disposes of a case. @returns undefined if it was ended before its first sample */
export async function measureCase(
  benchCase: BenchCase,
  context: BenchContext,
  { time, signal, onFirst }: MeasureOptions,
): Promise<CaseResult | undefined> {
  const running = await benchCase.start(context)
  try {
    if (signal?.aborted) return undefined
    const limits = benchCase.samples ? { time: 0, iterations: benchCase.samples } : { time, iterations: 1 }
    const bench = new Bench({ ...limits, ...(signal && { signal }), warmup: false, throws: true })
    const cpuMs: number[] = []
    bench.add(
      benchCase.name,
      async () => {
        const start = performance.now()
        const sample = await running.sample()
        cpuMs.push(sample.cpuMs)
        if (cpuMs.length === 1) onFirst?.()
        return { overriddenDuration: sample.ms, overriddenIterationCost: performance.now() - start }
      },
      { async: true },
    )
    await bench.run()
    const result = bench.tasks[0]?.result
    if (result?.state !== 'completed' && result?.state !== 'aborted-with-statistics')
      throw new Error(`Case \`${benchCase.name}\` ended as ${result?.state}`)
    const { p50, min, samplesCount } = result.latency
    const { name, perFrame } = benchCase
    const { variant, choices, cost, directFlops } = running
    return {
      name,
      variant,
      ...(choices && { choices }),
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

/** An operation that takes longer than this at first, in milliseconds, is not run again to find out how often to repeat it. */
const longMs = 500

/** A sample is repeated until it takes so long, in milliseconds, so that submitting and waiting do not count. */
const sampleMs = 30

const maxRepeats = 1024

/** Of choosing kernels for one operation. */
const chooseSeconds = 5

/** What choosing kernels by measurement finds for a recording; later recordings on the device take it. */
export async function chosenKernels(
  device: Device,
  record: (r: Recorder) => unknown,
  choose: BenchContext['choose'],
): Promise<{ readonly choices?: readonly ConvChoice[] }> {
  if (!choose) return {}
  const choices = await benchmarkConvs(device, record, { ...choose, seconds: chooseSeconds })
  return choices.length > 0 ? { choices } : {}
}

/** A case that captures an operation and replays it. @param prepare uploads what the operation reads */
export function operationCase(
  name: string,
  prepare: (device: Device) => Operation | Promise<Operation>,
  more: Pick<BenchCase, 'perFrame' | 'expected'> = {},
): BenchCase {
  return {
    name,
    ...more,
    async start({ device, choose }) {
      const operation = await prepare(device)
      const chosen = await chosenKernels(device, operation.record, choose)
      const stopwatch = new Stopwatch(device)
      const once = await repeated(device, operation.record, 1)
      const first = await stopwatch.best(() => once.program.run(), 1) // a driver may compile now
      const estimate = first > longMs ? first : await stopwatch.best(() => once.program.run(), 2)
      const repeats = Math.max(1, Math.min(maxRepeats, Math.ceil(sampleMs / estimate)))
      const many = repeats > 1 ? await repeated(device, operation.record, repeats) : once
      const { flops, bytes } = once.program.stats
      return {
        variant: once.variant,
        ...chosen,
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
  let steps: Recorder['steps'] = []
  const program = await capture(device, (r) => {
    let result: unknown
    for (let k = 0; k < count; k++) result = record(r)
    steps = r.steps
    return result
  })
  return { program, variant: variantName(steps.slice(0, steps.length / count)) }
}

/** The forms of convolutions, and the names of other kernels, each once. */
export function variantName(steps: readonly Pick<Recorder['steps'][number], 'kernel' | 'form'>[]): string {
  return [...new Set(steps.map(({ kernel, form }) => form ?? kernel.name.replace(/\.wgsl$/, '')))].join(' + ')
}
