// `siamrpn dataset synthetic`: writes generated clips to disk as a data set that this and other trackers' programs
// read.

import { Command, Option } from 'commander'
import { defaultFrames, defaultHeight, defaultWidth, heldOutSeeds, SyntheticClips } from '../../clips/clips.ts'
import { type Got10kSplit, got10kSplits, type LayoutName, layouts } from '../../clips/write.ts'
import { UsageError } from '../../errors.ts'
import { formatSize } from '../../frames/types.ts'
import type { CommandContext } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { wholeNumber } from '../options.ts'
import { silent, startProgress } from '../progress.ts'
import { fact, print } from '../terminal.ts'
import { checkCommand } from './check.ts'
import { convertCommand } from './convert.ts'
import { cutoutsCommand } from './cutouts.ts'
import { previewCommand } from './preview.ts'
import { statsCommand } from './stats.ts'

interface DatasetOptions {
  readonly out: string
  readonly layout: LayoutName
  readonly split?: Got10kSplit
  readonly clips: number
  readonly frames: number
  readonly seed: number
  readonly width: number
  readonly height: number
  readonly quality: number
  readonly quiet?: boolean
}

/** What can be done with a layout; all but COCO-VID are benchmarks, and of some of those only tests are published. */
const uses: Readonly<Record<LayoutName, { readonly train?: (folder: string) => string; readonly evaluate?: true }>> = {
  lasot: { train: (folder) => `--data ${folder}`, evaluate: true },
  got10k: { train: (folder) => `--data ${folder}`, evaluate: true },
  trackingnet: { evaluate: true },
  otb100: { evaluate: true },
  uav123: { evaluate: true },
  vot2018: { evaluate: true },
  folder: { train: (folder) => `--data ${folder}`, evaluate: true },
  'coco-vid': {
    train: (folder) => `a SOTTrainDataset with ann_file ${folder}/annotations.json, img_prefix ${folder}/images`,
  },
}

const details = `
Layouts, each as the data set is published:
  lasot        OUT/synthetic/synthetic-1/img/00000001.jpg, groundtruth.txt, full_occlusion.txt, out_of_view.txt;
               OUT/testing_set.txt
  got10k       OUT/GOT-10k_Train_000001/00000001.jpg, groundtruth.txt, absence.label, cover.label, meta_info.ini;
               OUT/list.txt
  trackingnet  OUT/TRAIN_0/frames/NAME/0.jpg, OUT/TRAIN_0/anno/NAME.txt; OUT/TEST with the first boxes alone
  otb100       OUT/Basketball/img/0001.jpg, groundtruth_rect.txt; two in OUT/Jogging; odd separators and frame ranges
  uav123       OUT/data_seq/UAV123/bike1/000001.jpg, OUT/anno/UAV123/bike1.txt and att/bike1.txt; OUT/configSeqs.m
  vot2018      OUT/synthetic1/color/00000001.jpg, groundtruth.txt (polygons), occlusion.tag and others; OUT/list.txt
  folder       OUT/synthetic-1/img/00000001.jpg, groundtruth.txt
  coco-vid     OUT/images/synthetic-1/00000000.jpg; OUT/annotations.json

Seeds below ${heldOutSeeds} are for training, those from there on for measuring. Equal seeds give equal clips on every
machine, and training on generated clips needs no files: siamrpn train --data synthetic renders them as it goes.

Examples:
  siamrpn dataset synthetic --out data/synthetic --layout lasot --clips 200 --frames 100 --seed 1
  siamrpn dataset synthetic --out data/held-out --layout lasot --clips 20 --seed ${heldOutSeeds}
  siamrpn dataset synthetic --out data/vid --layout coco-vid --width 480 --height 360
  siamrpn dataset synthetic --out data/otb --layout otb100 --clips 8 --frames 12 --seed ${heldOutSeeds}
  siamrpn dataset synthetic --out data/got/val --layout got10k --split val --clips 3 --frames 20`

/** Makes the command. */
export function datasetCommand(context: CommandContext): Command {
  const command = new Command('dataset').description('Makes, checks, counts, converts and shows data sets.')
  for (const make of [checkCommand, statsCommand, convertCommand, cutoutsCommand, previewCommand])
    command.addCommand(make(context))
  const names = Object.keys(layouts)
  return command.addCommand(
    new Command('synthetic')
      .description(
        'Renders clips with exact ground truth: varied targets, look-alikes, occluders, camera motion, light.',
      )
      .requiredOption('--out <folder>', 'where the data set goes; a new or empty folder, or one that this command made')
      .addOption(new Option('--layout <name>', 'how it is laid out').choices(names).default('lasot'))
      .addOption(new Option('--split <name>', 'of got10k; test has the first boxes alone').choices(got10kSplits))
      .option('--clips <count>', 'how many clips', wholeNumber(1, 10_000_000), 20)
      .option('--frames <count>', 'frames per clip', wholeNumber(1, 1_000_000), defaultFrames)
      .option('--seed <number>', 'seed of all clips', wholeNumber(0), 1)
      .option('--width <pixels>', 'of a frame', wholeNumber(64, 8192), defaultWidth)
      .option('--height <pixels>', 'of a frame', wholeNumber(64, 8192), defaultHeight)
      .option('--quality <1..100>', 'of the JPEG files', wholeNumber(1, 100), 90)
      .option('--quiet', 'show no progress')
      .addHelpText('after', details)
      .action((options: DatasetOptions) => interruptible((signal) => write(context, options, signal))),
  )
}

async function write({ terminal }: CommandContext, options: DatasetOptions, signal: AbortSignal): Promise<void> {
  const { out, layout, clips: count, frames: framesPerClip, seed, width, height, quality } = options
  if (options.split !== undefined && layout !== 'got10k') {
    throw new UsageError(`--split is for the layout got10k, expected none with ${layout}`)
  }
  const clips = new SyntheticClips({ seed, width, height, clips: count, framesPerClip })
  const total = count * framesPerClip
  const progress = options.quiet ? silent : startProgress(terminal, 'rendering', total)
  try {
    const onFrame = (done: number) => progress.update(done, 'frames')
    await layouts[layout](clips, out, { quality, signal, onFrame, ...(options.split && { split: options.split }) })
  } finally {
    progress.stop()
  }
  print(
    terminal,
    fact(
      'wrote',
      `${count} ${count === 1 ? 'clip' : 'clips'}, ${total} frames of ${formatSize(clips)}, seed ${seed}, to ${out}`,
    ),
  )
  const { train, evaluate } = uses[layout]
  if (train) print(terminal, fact('train', `siamrpn train with ${train(out)}`))
  if (evaluate)
    print(terminal, fact('evaluate', `siamrpn evaluate with --dataset ${layout} --root ${out}${splitOption(options)}`))
}

/** GOT-10k's clips are read as what their names say. */
function splitOption({ layout, split = 'train' }: DatasetOptions): string {
  return layout === 'got10k' ? ` --split ${split}` : ''
}
