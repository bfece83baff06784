// `siamrpn search`: the parameters of tracking (penalty_k, window_influence, lr) that do best on a data set.

import { Command, InvalidArgumentError, Option } from 'commander'
import { parseRange, type RuleKey } from '../../search/rules.ts'
import type { CommandContext } from '../context.ts'
import { datasetChoices } from '../evaluate/data.ts'
import { interruptible } from '../interrupt.ts'
import { type LauncherOptions, launched, withLauncherOptions } from '../launcher.ts'
import { collectText, wholeNumber } from '../options.ts'
import { type SearchOptions, search } from './session.ts'

const examples = `
A range is start:stop:step (MMTracking's start,stop,step too) without its stop, or a single number; a parameter without a
range stays as the configuration has it. Every combination is tried, and the configuration's own parameters as well: the best
set is another one only if it is better. All sets track a video side by side. Sets that look at the same part of a frame share
what the network computes of it, so that a search costs less than tracking once per set, and gives the same numbers. The longer
a video, the fewer sets still agree; --halving makes a search over many videos cost little more than its first ones: sets that
do badly there see no others.

In the output folder: tracks/ keeps the track of every video under every set. A search that was ended by Ctrl-C or a crash goes
on from there, and one over other ranges or by another measure tracks only what is new. search.json has all sets and their
measures. Chosen on the data that a tracker is judged by, parameters flatter it: search on a part that is not the test.

Measures (--metric): success, precision, normPrecision, meanOverlap, onTarget; GOT-10k: ao, sr50, sr75; VOT: eao, accuracy,
robustness.

Examples:
  siamrpn search --dataset synthetic --clips 3 --frames 40 --penalty-k 0.02:0.2:0.06 --window-influence 0.2:0.6:0.1
  siamrpn search --config r50 --checkpoint siamese_rpn_r50.pth --dataset otb100 --root data/OTB100 \\
    --penalty-k 0.05:0.5:0.05 --lr 0.3:0.51:0.05 --window-influence 0.3:0.61:0.05 --random 100
  siamrpn search --config r50 --checkpoint model.pth --dataset vot2018 --root data/vot2018 --lr 0.2:0.6:0.02 --metric eao
  mpirun -n 4 npx siamrpn search --dataset otb100 --root data/OTB100 --lr 0.3:0.51:0.05 --launcher mpi`

/** Makes the command. */
export function searchCommand(context: CommandContext): Command {
  const command = new Command('search')
    .description('Searches the parameters of tracking (penalty_k, window_influence, lr) that do best on a data set.')
    .option('--config <name>', "configuration: a name or a file; default: the checkpoint's own, or r50")
    .option('--checkpoint <file>', 'weights, file or URL: .pth, .model or .safetensors; default: the model that ships')
    .option('--penalty-k <range>', 'how much a change of size and shape lowers a score', range('penalty_k'))
    .option('--lr <range>', 'how much of the size is new, 0 to 1', range('lr'))
    .option('--window-influence <range>', 'weight of staying where the target was, 0 to 1', range('window_influence'))
    .option('--random <count>', 'only so many of the combinations, chosen at random', wholeNumber(1, 1_000_000))
    .option('--search-seed <number>', 'of that choice', wholeNumber(0), 0)
    .option('--halving', 'leave the worse half of the sets out after 1, 2, 4 ... videos (successive halving)')
    .option('--metric <name>', "what to search by; default: the configuration's evaluation.save_best, or the first one")
    .addOption(new Option('--dataset <name>', "data set; default: the configuration's").choices(datasetChoices))
    .option('--root <folder>', 'folder that holds the data set')
    .option('--ann-file <file>', "MMTracking's annotations of the data set: .json or .txt")
    .option('--split <name>', "part of the data set, such as val; default: the benchmark's")
    .option('--limit <count>', 'only the first videos', wholeNumber(1))
    .option('--only-visible', 'frames that do not show the object count as failures (only_eval_visible)')
    .option('--seed <number>', 'of generated clips (--dataset synthetic)', wholeNumber(0))
    .option('--clips <count>', 'how many to generate', wholeNumber(1, 10_000_000))
    .option('--frames <count>', 'of each of them', wholeNumber(2, 1_000_000))
    .option('--out <folder>', 'where tracks and results go; default: work_dirs/search/TRACKER/DATASET')
    .option('--resume', 'use the tracks in the output folder that are of this model and data (the default)')
    .option('--no-resume', 'track everything again')
    .option('--set <key=value>', 'change an entry of the configuration; repeat for more', collectText)
    .option('--tracker-name <name>', 'names the output folder')
    .option('--top <count>', 'how many sets to print', wholeNumber(1, 1_000_000), 10)
    .addHelpText('after', examples)
    .action(async (options: SearchOptions & LauncherOptions) => {
      const code = await launched(context.terminal, options, async ({ collective, terminal }) => {
        return await interruptible((signal) => search({ ...context, terminal }, options, signal, collective))
      })
      if (code !== 0) context.exitCode = code
    })
  return withLauncherOptions(command)
}

function range(key: RuleKey): (text: string) => readonly number[] {
  return (text) => {
    try {
      return parseRange(key, text)
    } catch (error) {
      throw error instanceof RangeError ? new InvalidArgumentError(`${error.message}.`) : error
    }
  }
}
