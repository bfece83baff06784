// `siamrpn evaluate`: tracks a benchmark's videos, and says how good the tracker is: numbers, result files, a report.

import { Command, InvalidArgumentError, Option } from 'commander'
import type { CommandContext } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { type LauncherOptions, launched, withLauncherOptions } from '../launcher.ts'
import { collectCompared, collectText, precisionOption, wholeNumber } from '../options.ts'
import { datasetChoices } from './data.ts'
import { type EvaluateOptions, evaluate } from './session.ts'

const examples = `
Data sets (--dataset, --root), as downloaded: LaSOT, OTB100, UAV123, TrackingNet, GOT-10k, VOT2018, or a folder of your own
clips (folder): a folder of images each, with groundtruth.txt (a line x,y,w,h per image). --ann-file reads MMTracking's
annotations of them instead. Without --dataset a folder is looked at; without --root data.test of the configuration is taken.
"siamrpn dataset check" looks through a download first.

In the output folder: sequences/NAME.json for each video as soon as it is done, submission/ in the format of the benchmark,
summary.json, report.html. Ctrl-C ends with code 130, and --resume goes on with the videos that are not done, as after a crash.
A video that cannot be tracked (a broken image) is reported at the end, with exit code 1; the others are not held up.

Without --checkpoint the model that ships is used (configuration mobile, trained on photographs and videos).

Examples:
  siamrpn evaluate --dataset synthetic
  siamrpn evaluate --config r50 --checkpoint siamese_rpn_r50.pth --dataset lasot --root data/LaSOTTesting
  siamrpn evaluate --config r50 --checkpoint siamese_rpn_r50.pth --dataset got10k --root data/GOT-10k --split test
  siamrpn evaluate --checkpoint work_dirs/tiny/epoch_20.safetensors --root my-clips/ --compare DiMP=results/dimp
  siamrpn evaluate --config r50 --checkpoint model.pth --dataset vot2018 --root data/vot2018 --out out/vot --resume
  mpirun -n 4 npx siamrpn evaluate --dataset lasot --root data/LaSOTTesting --launcher mpi`

/** Makes the command. */
export function evaluateCommand(context: CommandContext): Command {
  const command = new Command('evaluate')
    .description('Tracks the videos of a data set and measures how well: numbers, result files, a report.')
    .option('--config <name>', "configuration: a name or a file; default: the checkpoint's own, or r50")
    .option('--checkpoint <file>', 'weights, file or URL: .pth, .model or .safetensors; default: the model that ships')
    .addOption(new Option('--dataset <name>', "data set; default: the configuration's").choices(datasetChoices))
    .option('--root <folder>', 'folder that holds the data set')
    .option('--ann-file <file>', "MMTracking's annotations of the data set: .json or .txt")
    .option('--split <name>', "part of the data set, such as test or val; default: the benchmark's")
    .option('--limit <count>', 'only the first videos', wholeNumber(1))
    .option('--out <folder>', 'where results go; default: work_dirs/evaluation/TRACKER/DATASET')
    .option('--resume', 'go on with the evaluation in the output folder')
    .option('--parallel <count>', 'videos at once; default: 2 on a GPU, 1 on a software adapter', wholeNumber(1, 64))
    .option('--set <key=value>', 'change an entry of the configuration, such as model.test_cfg.rpn.lr=0.4', collectText)
    .option('--only-visible', 'frames that do not show the object count as failures (only_eval_visible)')
    .option('--compare <name=folder>', "another tracker's result files; repeat for more", collectCompared)
    .option('--tracker-name <name>', 'what to call this tracker in files and tables', trackerName)
    .addOption(precisionOption())
    .option('--no-report', 'no report.html')
    .addHelpText('after', examples)
    .action(async (options: EvaluateOptions & LauncherOptions) => {
      const code = await launched(context.terminal, options, async ({ collective, terminal }) => {
        const own = { ...context, terminal }
        return await interruptible((signal) => evaluate(own, options, signal, collective))
      })
      if (code !== 0) context.exitCode = code
    })
  return withLauncherOptions(command)
}

function trackerName(text: string): string {
  if (/^[\w.+-]+$/.test(text) && !/^\.+$/.test(text)) return text
  throw new InvalidArgumentError('Expected letters, digits and . _ + - only: it names files.')
}
