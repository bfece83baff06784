// `siamrpn train`: trains a model as a configuration says, on data sets, on a folder of clips or on generated ones.

import { Command } from 'commander'
import { type Config, type ConfigInput, overrideConfig, parseConfig } from 'siamrpn'
import { heldOutSeeds } from '../../clips/clips.ts'
import { onAllRanks } from '../../distributed/agreement.ts'
import { UsageError } from '../../errors.ts'
import type { CommandContext } from '../context.ts'
import { interruptedCode, interruptible } from '../interrupt.ts'
import { type LauncherOptions, launched, withLauncherOptions } from '../launcher.ts'
import { loadConfig } from '../load-config.ts'
import { collectText, wholeNumber } from '../options.ts'
import { runTraining, type TrainOptions } from './session.ts'

const examples = `
Data, instead of the configuration's (--data, and --val for what is measured after epochs):
  synthetic   clips that this program renders itself; nothing to download
  FOLDER      your own: a folder of clips, each a folder of images with groundtruth.txt (a line x,y,w,h per image),
              as LaSOT and GOT-10k have it

In the work folder: epoch_N.safetensors (weights by MMTracking's names, optimizer, position), last_checkpoint, the logs
(TIME.log, TIME.log.json), config.json, and tf_logs/ for TensorBoard with TensorboardLoggerHook in log_config.hooks.
Ctrl-C finishes the step, writes a checkpoint and ends with code 130; --resume goes on from the last checkpoint and gives
the same bits as a run that was never ended.

Examples:
  siamrpn train --config tiny --data synthetic
  siamrpn train --config r50 --work-dir work_dirs/r50 --resume
  siamrpn train --config r50 --set data_root=/mnt/sets/
  siamrpn train --config r50 --data my-clips/ --load-from siamese_rpn_r50.pth --keep-statistics --max-epochs 5 \\
    --set optimizer.lr=0.0005
  siamrpn train --config r50 --data synthetic --max-iters 2 --set data.samples_per_gpu=2
  siamrpn train --config r50_fp16                                # half precision; also --set fp16.loss_scale=dynamic
  mpirun -n 4 npx siamrpn train --config r50 --launcher mpi`

/** Makes the command. */
export function trainCommand(context: CommandContext): Command {
  const command = new Command('train')
    .description('Trains a tracker.')
    .requiredOption('--config <name>', "configuration: a name, or a file (MMTracking's .py, .json, .ts, .js)")
    .option('--data <source>', "training data instead of the configuration's: synthetic, or a folder of clips")
    .option(
      '--val <source>',
      "clips to measure on after every epoch, instead of the configuration's: synthetic, or a folder of clips",
    )
    .option('--work-dir <folder>', "where checkpoints and logs go; default: the configuration's work_dir")
    .option('--resume [checkpoint]', 'go on from the last checkpoint of the work folder, or from this one')
    .option('--load-from <checkpoint>', 'start from these weights: file or URL; .pth, .model or .safetensors')
    .option(
      '--keep-statistics',
      'batch norms keep the running statistics of the weights that are loaded: for a few clips, which say little',
    )
    .option('--seed <number>', 'of every random choice; default: 0', wholeNumber(0))
    .option('--max-iters <count>', 'end after this many iterations in all', wholeNumber(1))
    .option('--max-epochs <count>', "end after this many epochs instead of the configuration's", wholeNumber(1))
    .option(
      '--set <key=value>',
      'change an entry of the configuration, such as optimizer.lr=0.001; repeat for more',
      collectText,
    )
    .option('--no-evaluate', 'do not measure after epochs')
    .option('--no-progress', 'no bar, only the lines of the log')
    .addHelpText('after', examples)
    .action(async (options: TrainOptions & LauncherOptions) => {
      const code = await launched(context.terminal, options, async ({ collective, terminal }) => {
        const config = await onAllRanks(collective)('the configuration', async () => await trainingConfig(options))
        const work = async (signal: AbortSignal) => await runTraining(terminal, config, options, signal, collective)
        const { interrupted } = await interruptible(work)
        return interrupted ? interruptedCode : 0
      })
      if (code !== 0) context.exitCode = code
    })
  return withLauncherOptions(command)
}

/** The configuration with everything that the options change. @throws ConfigError, UsageError */
export async function trainingConfig(options: TrainOptions): Promise<Config> {
  const { data, val, workDir, loadFrom, seed, maxEpochs, set = [] } = options
  let config = await loadConfig(options.config)
  if (data !== undefined || val !== undefined) config = withData(config, data, val)
  if (set.length > 0) config = overrideConfig(config, set)
  const entries = {
    ...(workDir === undefined ? {} : { work_dir: workDir }),
    ...(loadFrom === undefined ? {} : { load_from: loadFrom }),
    ...(seed === undefined ? {} : { seed }),
    ...(maxEpochs === undefined ? {} : { total_epochs: maxEpochs }),
  }
  const entire = parseConfig({ ...config, ...entries }, options.config)
  return options.keepStatistics ? withKeptStatistics(entire, options.resume !== undefined) : entire
}

/** Batch norms whose running statistics stay as they are loaded; where they train, they go on normalising by the batch's. */
function withKeptStatistics(config: Config, resumes: boolean): Config {
  if (!resumes && !config.load_from && !config.resume_from) {
    throw new UsageError('--keep-statistics: no weights to keep them of, expected --load-from or --resume')
  }
  const { backbone, neck, head } = config.model
  const model = {
    ...config.model,
    backbone: { ...backbone, norm_cfg: { ...backbone.norm_cfg, momentum: 0 } },
    neck: neck && { ...neck, norm_cfg: neck.norm_cfg && { ...neck.norm_cfg, momentum: 0 } },
    head: { ...head, norm_cfg: { ...head.norm_cfg, momentum: 0 } },
  }
  return { ...config, model }
}

type DataInput = NonNullable<ConfigInput['data']>
type TrainStep = NonNullable<Config['train_pipeline']>[number]

/** The data of the options in the place of the configuration's. Without clips to measure on, nothing is measured. */
function withData(config: Config, data: string | undefined, val: string | undefined): Config {
  const before = config.data
  const measured = val ?? (data === 'synthetic' ? 'synthetic' : undefined)
  const entries: DataInput = {
    samples_per_gpu: before?.samples_per_gpu ?? 28,
    workers_per_gpu: before?.workers_per_gpu ?? 2,
    ...(data === undefined && before?.samples_per_epoch ? { samples_per_epoch: before.samples_per_epoch } : {}),
    train: data === undefined ? (before?.train ?? trainSource('synthetic')) : trainSource(data),
    val: measured === undefined ? (data === undefined ? (before?.val ?? null) : null) : valSource(measured),
    test: before?.test ?? null,
  }
  const { evaluation: configured, train_pipeline, ...rest } = config
  // Clips that somebody names are meant to be looked at: after every epoch, unless --set says otherwise.
  const evaluation = val === undefined ? configured : { ...configured, start: null, interval: 1 }
  const measures = entries.val !== null
  const steps = data === undefined ? train_pipeline : train_pipeline?.map(withoutFolder)
  const kept = { ...(steps && { train_pipeline: steps }), ...(measures && evaluation ? { evaluation } : {}) }
  return parseConfig({ ...rest, ...kept, data: entries }, 'with --data')
}

/** Somebody's own clips come without the photographs that the configuration's data have beside them. */
function withoutFolder(step: TrainStep): TrainStep {
  return step.type === 'SeqOcclude' ? { type: step.type, prob: step.prob } : step
}

function trainSource(source: string): DataInput['train'] {
  return source === 'synthetic' ? { type: 'SyntheticClips' } : { type: 'ClipFolder', path: source }
}

function valSource(source: string): DataInput['val'] {
  if (source !== 'synthetic') return { type: 'ClipFolder', path: source }
  return { type: 'SyntheticClips', seed: heldOutSeeds, clips: 20 }
}
