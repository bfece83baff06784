// `siamrpn dataset check`: everything that is wrong with a download, before an evaluation of hours trips over it.

import { Command, InvalidArgumentError } from 'commander'
import { checkBenchmark } from '../../benchmarks/check.ts'
import { checkCoco } from '../../benchmarks/check-coco.ts'
import { type FindingGroup, Findings } from '../../benchmarks/findings.ts'
import { writeWhole } from '../../frames/atomic.ts'
import type { CommandContext } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { fact, print, type Terminal } from '../terminal.ts'
import { openSources, plural, type SourceOptions, Stages, withSource } from './source.ts'

interface CheckCommandOptions extends SourceOptions {
  readonly decode: number
  readonly complete?: boolean
  readonly all?: boolean
  readonly json?: string
}

const shownPerKind = 3
/** Per kind, in the .json file too. */
const keptPerKind = 10_000

const details = `
What is looked for:
  sequences     those that a list names or that are published, but are not there
  images        missing ones, gaps in their numbers, more or fewer than lines of ground truth, unreadable ones
  ground truth  lines that do not parse, NaN, mixed separators, boxes beside the frame, flags that do not fit
An error means that a sequence cannot be used, a warning that it can, as the data set's own toolkit would use it.
The exit code is 1 if there are errors. Without --split every part that is there is checked.

With --ann-file and without --dataset the file is checked as training data, COCO-VID or COCO (SOTTrainDataset): ids that
point nowhere or twice, boxes without area or outside, images that are not below --root.

Examples:
  siamrpn dataset check --root data/LaSOT
  siamrpn dataset check --root data/GOT-10k --split train --decode 100
  siamrpn dataset check --root data/OTB100 --dataset otb100 --decode all --complete --json findings.json
  siamrpn dataset check --ann-file annotations/imagenet_vid_train.json --root data/ILSVRC/Data/VID`

const titles = { files: 'files', headers: 'headers', decoding: 'decoding' }

/** Makes the command. */
export function checkCommand(context: CommandContext): Command {
  return withSource(new Command('check').description('Tells everything that is missing or broken in a data set.'))
    .option(
      '--decode <n>',
      'decode every n-th image; all: every one; 0: the first of a sequence, its header only',
      step,
      0,
    )
    .option('--complete', 'fewer sequences than published are an error')
    .option('--all', `list all findings (otherwise ${shownPerKind} of a kind)`)
    .option('--json <file>', `also write the findings to a file (${keptPerKind} of a kind)`)
    .option('--quiet', 'show no progress')
    .addHelpText('after', details)
    .action((options: CheckCommandOptions) => interruptible((signal) => check(context, options, signal)))
}

function step(text: string): number {
  if (text === 'all') return 1
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('Expected a whole number, 0 or more, or all.')
  }
  return value
}

async function check(context: CommandContext, options: CheckCommandOptions, signal: AbortSignal): Promise<void> {
  const { terminal } = context
  const { json, all = false } = options
  const findings = new Findings(all ? Number.POSITIVE_INFINITY : json === undefined ? shownPerKind : keptPerKind)
  const summary =
    options.annFile !== undefined && options.dataset === undefined
      ? await checkAnnotations(terminal, { ...options, annFile: options.annFile }, findings, signal)
      : await checkLayout(terminal, options, findings, signal)
  for (const severity of ['error', 'warning'] as const) printFindings(terminal, findings, severity, all)
  const errors = findings.count('error')
  const warnings = findings.count('warning')
  if (findings.groups.length > 0) print(terminal)
  print(terminal, fact('found', `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`))
  if (json !== undefined) {
    const report = { ...summary, errors, warnings, groups: findings.groups }
    await writeWhole(json, `${JSON.stringify(report, undefined, 2)}\n`)
    print(terminal, fact('wrote', json))
  }
  if (errors > 0) context.exitCode = 1
}

async function checkLayout(
  terminal: Terminal,
  options: CheckCommandOptions,
  { tell }: Findings,
  signal: AbortSignal,
): Promise<object> {
  const { root, annFile, decode, complete = false, limit } = options
  const stages = new Stages(terminal, titles, options.quiet === true)
  const parts: object[] = []
  let dataset = ''
  try {
    for await (const { benchmark, split } of openSources(options, tell)) {
      const checks = {
        tell,
        split,
        decode,
        complete,
        files: annFile !== undefined,
        limited: limit !== undefined,
        signal,
      }
      const summary = await checkBenchmark(benchmark, { ...checks, onProgress: stages.update })
      stages.stop()
      const { sequences, frames, decoded, published } = summary
      const known = published && limit === undefined ? ` (${published.sequences} are published)` : ''
      const counts = `${plural(sequences, 'sequence')}${known}, ${plural(frames, 'frame')}`
      print(terminal, fact('checked', `${benchmark.title}: ${counts}${decodedText(decoded)}`))
      parts.push({ split, title: benchmark.title, ...summary })
      dataset = benchmark.type
    }
    return { root, dataset, parts }
  } finally {
    stages.stop()
  }
}

async function checkAnnotations(
  terminal: Terminal,
  options: CheckCommandOptions & { readonly annFile: string },
  { tell }: Findings,
  signal: AbortSignal,
): Promise<object> {
  const { root, annFile: file, decode, quiet = false } = options
  const stages = new Stages(terminal, titles, quiet)
  try {
    const request = { tell, decode, signal, onProgress: stages.update }
    const summary = await checkCoco({ file, imagePrefix: root }, request)
    stages.stop()
    const { videos, images, annotations, instances, unannotated, decoded } = summary
    const counts = [
      ...(videos > 0 ? [plural(videos, 'video')] : []),
      `${plural(images, 'image')}${unannotated > 0 ? ` (${unannotated} without an annotation)` : ''}`,
      `${plural(annotations, 'annotation')} of ${plural(instances, 'instance')}`,
    ]
    print(terminal, fact('checked', `${file}: ${counts.join(', ')}${decodedText(decoded)}`))
    return { root, file, ...summary }
  } finally {
    stages.stop()
  }
}

function decodedText(decoded: number): string {
  return decoded > 0 ? `; ${plural(decoded, 'image')} decoded` : ''
}

function printFindings(terminal: Terminal, findings: Findings, severity: FindingGroup['severity'], all: boolean): void {
  const groups = findings.groups.filter((group) => group.severity === severity)
  if (groups.length === 0) return
  print(terminal)
  print(terminal, `${plural(findings.count(severity), severity)}:`)
  for (const { count, findings } of groups) {
    const shown = all ? findings : findings.slice(0, shownPerKind)
    for (const { place, message } of shown) print(terminal, `  ${place}: ${message}`)
    if (count > shown.length) print(terminal, `  ... and ${count - shown.length} more of this kind (--all lists them)`)
  }
}
