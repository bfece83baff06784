// `siamrpn report`: makes the page of an evaluation again from its folder, or one of published result files, without tracking.

import { Command, Option } from 'commander'
import type { CommandContext } from '../context.ts'
import { type DataOptions, datasetChoices } from '../evaluate/data.ts'
import { interruptible } from '../interrupt.ts'
import { type ComparedFolder, collectCompared, collectText, wholeNumber } from '../options.ts'
import { fact, note, print } from '../terminal.ts'
import { openReport } from './open-report.ts'

export interface ReportOptions extends DataOptions {
  readonly out?: string
  readonly name?: string
  readonly compare?: readonly ComparedFolder[]
  readonly log?: readonly string[]
  readonly failures: number
}

const examples = `
RESULTS is a folder that "siamrpn evaluate" wrote, or any tracker's result files (a folder or a .zip) in the format of the
benchmark; those need --dataset and --root. So do evaluations whose data set has moved since.

Written: OUT/report.html, one page that needs no network, and OUT/plots/*.png. OUT is RESULTS unless --out says otherwise.

Examples:
  siamrpn report work_dirs/evaluation/tiny/synthetic
  siamrpn report out/lasot --compare DiMP=results/dimp --compare "SiamFC=results/siamfc.zip"
  siamrpn report out/lasot --log work_dirs/tiny/20260102_030405.log.json
  siamrpn report results/dimp --dataset lasot --root data/LaSOTTesting --name DiMP --out out/dimp`

/** Makes the command. */
export function reportCommand(context: CommandContext): Command {
  return new Command('report')
    .description('Makes the page of an evaluation: numbers, plots, failures, a comparison with other trackers.')
    .argument('<results>', 'folder of an evaluation, or of result files')
    .option('--compare <name=results>', "another tracker's results; repeat for more", collectCompared)
    .option('--log <file>', 'log of the training (TIME.log.json); repeat for a run with several', collectText)
    .option('--name <text>', 'what to call the tracker')
    .option('--out <folder>', 'where the page goes; default: the folder of the results')
    .option('--failures <count>', 'how many of the worst failures are shown', wholeNumber(0, 1000), 6)
    .addOption(new Option('--dataset <name>', 'data set that the results are of').choices(datasetChoices))
    .option('--root <folder>', 'folder that holds the data set')
    .option('--ann-file <file>', "MMTracking's annotations of the data set: .json or .txt")
    .option('--split <name>', 'part of the data set')
    .option('--limit <count>', 'only the first videos', wholeNumber(1))
    .option('--only-visible', 'frames that do not show the object count as failures (only_eval_visible)')
    .addHelpText('after', examples)
    .action((results: string, options: ReportOptions) =>
      interruptible((signal) => report(context, results, options, signal)),
    )
}

async function report(
  { terminal }: CommandContext,
  results: string,
  options: ReportOptions,
  signal: AbortSignal,
): Promise<void> {
  const { data, folder } = await openReport(results, options, (line) => note(terminal, line))
  const { writeReport } = await import('../../report/write-report.ts')
  const { page, pictures } = await writeReport(options.out ?? folder, data, { failures: options.failures, signal })
  const { sequences } = data.ours.scores.overall
  print(terminal, fact('report', `${data.ours.name} on ${data.benchmark.title}, ${sequences} videos`))
  print(terminal, fact('wrote', [page, ...pictures].join(', ')))
}
