// npm run bench: measures kernels, whole frames, the host's side and start-up on this machine's adapter, and on request the
// same network in other libraries. Results go to standard output, progress to standard error.

import { writeFile } from 'node:fs/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { type Device, openDevice } from '../src/gpu/device.ts'
import { note, print, type Terminal } from '../tools/cli/terminal.ts'
import { describeAdapter } from '../tools/cli/track/load-tracker.ts'
import { type BenchCase, type CaseResult, measureCase } from './case.ts'
import { convCases, layerCases } from './cases/convs.ts'
import { dataCases } from './cases/data.ts'
import { evaluateCases } from './cases/evaluate.ts'
import { gradientCases } from './cases/gradients.ts'
import { hostCases } from './cases/host.ts'
import { metricsCases } from './cases/metrics.ts'
import { operationCases } from './cases/operations.ts'
import { searchCases } from './cases/search.ts'
import { startupCases } from './cases/startup.ts'
import { trackerCases } from './cases/tracker.ts'
import { trainingCases } from './cases/training.ts'
import { comparePeers, peerTable } from './peers/compare.ts'
import { compareGradients, gradientTable } from './peers/compare-gradients.ts'
import { peerNames } from './peers/contenders.ts'
import { CaseProgress } from './progress.ts'
import { type Measured, makeReport } from './report.ts'
import { measureRoofline } from './roofline.ts'
import { selectCases } from './select.ts'
import { factLines, frameSum, resultTable, rooflineLine, significant } from './table.ts'

interface Options {
  readonly filter: readonly string[]
  readonly json?: string
  readonly peers?: true | readonly string[]
  readonly peerGradients?: true
  readonly rounds: number
  readonly model: string
  readonly time: number
  readonly list?: true
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
  ...hostCases(),
  ...dataCases(),
  ...metricsCases(),
  ...startupCases(),
]

const framesKernels = cases.flatMap(({ name, perFrame }) => (perFrame ? [name] : []))

const program = new Command('npm run bench --')
  .description('Measures siamrpn on this machine: kernels, whole frames, the host side, start-up.')
  .option('--filter <text...>', 'only cases whose name contains one of these texts', [])
  .option('--time <ms>', 'measure each case for at least this long', positive, 1000)
  .option('--json <file>', 'also write everything as JSON; - for standard output, which then has nothing else')
  .option('--peers [names...]', `compare whole frames with other libraries (${peerNames.join(', ')}) instead`)
  .option('--peer-gradients', 'compare a convolution and both its gradients with jax-js instead')
  .option('--rounds <count>', 'rounds of the comparison, all libraries in turn in each', positive, 1)
  .addOption(new Option('--model <name>', 'model of the comparison').choices(['r50', 'small']).default('r50'))
  .option('--list', 'print the names of the cases')
  .addHelpText(
    'after',
    '\nWith --peers or --peer-gradients, cases run only if --filter names them. See docs/performance.md.',
  )

try {
  await run(program.parse().opts<Options>(), process)
} catch (error) {
  program.error(`error: ${error instanceof Error ? error.message : String(error)}`)
}

async function run(options: Options, terminal: Terminal): Promise<void> {
  const { peers, peerGradients, filter } = options
  const compared = peers !== undefined || peerGradients === true
  const chosen = compared && filter.length === 0 ? [] : selectCases(cases, filter)
  if (options.list) {
    for (const { name } of chosen) print(terminal, name)
    return
  }
  if (chosen.length === 0 && !compared) program.error(`error: no case's name contains ${filter.join(' or ')}`)
  const quiet = options.json === '-'
  const say = quiet ? note : print
  const measured = await measure(options, chosen, terminal, (line) => say(terminal, line))
  const report = `${JSON.stringify(makeReport(measured), null, 1)}\n`
  if (quiet) terminal.stdout.write(report)
  else if (options.json) await writeFile(options.json, report)
}

async function measure(
  options: Options,
  chosen: readonly BenchCase[],
  terminal: Terminal,
  say: (line: string) => void,
): Promise<Measured> {
  const device = await openDevice()
  const { adapter } = device
  say(`adapter: ${describeAdapter(adapter)}`)
  const measured = await measureCases(device, chosen, options.time, terminal).finally(() => device.close())
  const { roofline, results } = measured
  if (roofline) for (const line of [rooflineLine(roofline), '', resultTable(results, roofline), '']) say(line)
  for (const line of factLines(results)) say(line)
  const sum = frameSum(results, framesKernels)
  if (sum) say(`an r50 frame's kernels, fastest samples times their number: ${significant(sum)} ms`)
  const gradients = options.peerGradients && (await compareGradients(options.rounds, (line) => note(terminal, line)))
  if (gradients) say(gradientTable(gradients))
  if (!options.peers) return { adapter, ...measured, gradients }
  const names = options.peers === true ? peerNames : options.peers
  const peers = await comparePeers({
    names,
    model: options.model,
    rounds: options.rounds,
    say: (line) => note(terminal, line),
  })
  say(peerTable(peers))
  return { adapter, ...measured, gradients, peers }
}

async function measureCases(device: Device, chosen: readonly BenchCase[], time: number, { stderr }: Terminal) {
  const results: CaseResult[] = []
  if (chosen.length === 0) return { results }
  const progress = new CaseProgress(stderr, chosen.length)
  try {
    const roofline = await measureRoofline(device, (form) => progress.detail(`roofline: ${form}`))
    for (const benchCase of chosen) {
      progress.next(benchCase.name)
      results.push(await measureCase(benchCase, { device }, time))
    }
    return { roofline, results }
  } finally {
    progress.end()
  }
}

function positive(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('expected a whole number above 0')
}
