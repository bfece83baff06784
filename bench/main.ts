// npm run bench: measures kernels, whole frames, the host's side and start-up on this machine's adapter, and on request the
// same network in other libraries. Results go to standard output as they come, progress to standard error.

import { Command, InvalidArgumentError, Option } from 'commander'
import { openDevice } from '../src/gpu/device.ts'
import { fileChoiceStore } from '../tools/choice-store.ts'
import { interruptedCode, interruptible } from '../tools/cli/interrupt.ts'
import { note, print, type Terminal } from '../tools/cli/terminal.ts'
import { describeAdapter } from '../tools/cli/track/load-tracker.ts'
import { writeWhole } from '../tools/frames/atomic.ts'
import type { BenchCase, CaseResult } from './case.ts'
import { convCases, layerCases } from './cases/convs.ts'
import { dataCases } from './cases/data.ts'
import { evaluateCases } from './cases/evaluate.ts'
import { gradientCases } from './cases/gradients.ts'
import { hostCases } from './cases/host.ts'
import { metricsCases } from './cases/metrics.ts'
import { mpiCases } from './cases/mpi.ts'
import { operationCases } from './cases/operations.ts'
import { searchCases } from './cases/search.ts'
import { startupCases } from './cases/startup.ts'
import { trackerCases } from './cases/tracker.ts'
import { trainingCases } from './cases/training.ts'
import { writeGpuReport } from './gpu-report/page.ts'
import { reportSections } from './gpu-report/sections/index.ts'
import { comparePeers, peerTable } from './peers/compare.ts'
import { compareGradients, gradientTable } from './peers/compare-gradients.ts'
import { peerNames } from './peers/contenders.ts'
import { CaseProgress } from './progress.ts'
import { type Measured, makeReport } from './report.ts'
import { measureRoofline, usualFlops } from './roofline.ts'
import { runCases } from './run-cases.ts'
import { Schedule } from './schedule.ts'
import { selectCases } from './select.ts'
import { detailLines, frameSum, ResultLines, rooflineLine, significant } from './table.ts'

interface Options {
  readonly filter: readonly string[]
  readonly json?: string
  readonly peers?: true | readonly string[]
  readonly peerGradients?: true
  readonly rounds: number
  readonly model: string
  readonly time?: number
  readonly kernels?: 'measured' | 'reasoned'
  readonly list?: true
  readonly gpuReport?: string
}

const cases: readonly BenchCase[] = [
  ...layerCases(),
  ...convCases(),
  ...operationCases(),
  ...gradientCases(),
  ...trackerCases(),
  ...evaluateCases(),
  ...searchCases(),
  ...trainingCases(),
  ...mpiCases(),
  ...hostCases(),
  ...dataCases(),
  ...metricsCases(),
  ...startupCases(),
]

/** For all cases together, and for the samples of one. */
const defaultSeconds = 240
const defaultSampleMs = 2000

/** Of the report. */
const reportSeconds = 450

const framesKernels = cases.flatMap(({ name, perFrame }) => (perFrame ? [name] : []))

const program = new Command('npm run bench --')
  .description('Measures siamrpn on this machine: kernels, whole frames, the host side, start-up.')
  .option('--filter <text...>', 'only cases whose name contains one of these texts', [])
  .option(
    '--time <seconds>',
    `for all cases together; without it each has 2 s for samples, and all together ${defaultSeconds} s`,
    positive,
  )
  .addOption(
    new Option('--kernels <how>', 'choose convolution kernels by measurement first, as on GPUs, or not').choices([
      'measured',
      'reasoned',
    ]),
  )
  .option('--json <file>', 'also write everything as JSON, case by case; - for standard output, which has nothing else')
  .option('--peers [names...]', `compare whole frames with other libraries (${peerNames.join(', ')}) instead`)
  .option('--peer-gradients', 'compare a convolution and both its gradients with jax-js instead')
  .option('--rounds <count>', 'rounds of the comparison, all libraries in turn in each', positive, 1)
  .addOption(new Option('--model <name>', 'model of the comparison').choices(['r50', 'small']).default('r50'))
  .option('--list', 'print the names of the cases')
  .option(
    '--gpu-report <file>',
    `instead of the cases: everything about this adapter as JSON, and a page of tables beside it, in ${reportSeconds} s or --time`,
  )
  .addHelpText(
    'after',
    '\nWith --peers or --peer-gradients, cases run only if --filter names them. See docs/performance.md.',
  )

try {
  const interrupted = await interruptible((signal) => run(program.parse().opts<Options>(), process, signal))
  if (interrupted) process.exitCode = interruptedCode
} catch (error) {
  program.error(`error: ${error instanceof Error ? error.message : String(error)}`)
}

/** @returns whether it was interrupted */
async function run(options: Options, terminal: Terminal, signal: AbortSignal): Promise<boolean> {
  const { peers, peerGradients, filter, json, gpuReport } = options
  if (gpuReport !== undefined) {
    const say = (line: string) => note(terminal, line)
    return await writeGpuReport(gpuReport, reportSections(), { seconds: options.time ?? reportSeconds, signal, say })
  }
  const compared = peers !== undefined || peerGradients === true
  const chosen = compared && filter.length === 0 ? [] : selectCases(cases, filter)
  if (options.list) {
    for (const { name } of chosen) print(terminal, name)
    return false
  }
  if (chosen.length === 0 && !compared) program.error(`error: no case's name contains ${filter.join(' or ')}`)
  const quiet = json === '-'
  const say = (line: string) => (quiet ? note : print)(terminal, line)
  const save = async (measured: Measured) => {
    if (json && !quiet) await writeWhole(json, `${JSON.stringify(makeReport(measured), null, 1)}\n`)
  }
  signal.addEventListener('abort', () => note(terminal, 'ends after this sample; a second Ctrl-C ends at once'))
  let measured = await measureCases(options, chosen, { terminal, signal, say, save })
  if (compared && !signal.aborted) {
    measured = { ...measured, ...(await compare(options, terminal, say)) }
    await save(measured)
  }
  if (quiet) terminal.stdout.write(`${JSON.stringify(makeReport(measured), null, 1)}\n`)
  return signal.aborted
}

interface Output {
  readonly terminal: Terminal
  readonly signal: AbortSignal
  readonly say: (line: string) => void
  /** Keeps what there is so far. */
  readonly save: (measured: Measured) => Promise<void>
}

async function measureCases(options: Options, chosen: readonly BenchCase[], output: Output): Promise<Measured> {
  const { terminal, signal, say, save } = output
  const device = await openDevice()
  const { adapter } = device
  say(`adapter: ${describeAdapter(adapter)}`)
  const results: CaseResult[] = []
  if (chosen.length === 0) {
    await device.close()
    return { adapter, results }
  }
  const start = performance.now()
  const progress = new CaseProgress(terminal.stderr, chosen.length)
  try {
    const roofline = await measureRoofline(device, (form) => progress.detail(`roofline: ${form}`))
    const lines = new ResultLines(
      chosen.map(({ name }) => name),
      roofline,
    )
    progress.end()
    for (const line of [rooflineLine(roofline), '', lines.head()]) say(line)
    const schedule = new Schedule(chosen, {
      seconds: (options.time ?? defaultSeconds) - (performance.now() - start) / 1000,
      ...(options.time === undefined && { mostSampleMs: defaultSampleMs }),
      flops: usualFlops(roofline),
    })
    const { kernels = adapter.kind === 'gpu' ? 'measured' : 'reasoned' } = options
    const choose = kernels === 'measured' ? { store: fileChoiceStore() } : undefined
    const onResult = async (result: CaseResult) => {
      results.push(result)
      progress.end()
      for (const line of [lines.row(result), ...detailLines(result)]) say(line)
      await save(soFar())
    }
    const soFar = () => {
      const done = new Set(results.map(({ name }) => name))
      const leftOut = chosen.flatMap(({ name }) => (done.has(name) ? [] : [name]))
      return { adapter, roofline, results, leftOut }
    }
    const context = { device, choose }
    await runCases({ schedule, context, signal, onCase: ({ name }) => progress.next(name), onResult })
    progress.end()
    sayEnd(results, schedule.leftOut, say)
    await save(soFar())
    return soFar()
  } finally {
    progress.end()
    await device.close()
  }
}

function sayEnd(results: readonly CaseResult[], leftOut: readonly BenchCase[], say: (line: string) => void): void {
  const sum = frameSum(results, framesKernels)
  if (sum) say(`an r50 frame's kernels, fastest samples times their number: ${significant(sum)} ms`)
  if (leftOut.length === 0) return
  say(`left out, the time did not suffice (--time): ${leftOut.map(({ name }) => name).join('; ')}`)
}

async function compare(options: Options, terminal: Terminal, say: (line: string) => void): Promise<Partial<Measured>> {
  const tell = (line: string) => note(terminal, line)
  const gradients = options.peerGradients && (await compareGradients(options.rounds, tell))
  if (gradients) say(gradientTable(gradients))
  if (!options.peers) return { gradients }
  const names = options.peers === true ? peerNames : options.peers
  const peers = await comparePeers({ names, model: options.model, rounds: options.rounds, say: tell })
  say(peerTable(peers))
  return { gradients, peers }
}

function positive(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('expected a whole number above 0')
}
