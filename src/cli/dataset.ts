// `siamrpn dataset synthetic`: writes generated clips to disk as a data set that this and other trackers' programs read.

import { Command, Option } from 'commander'
import { defaultFrames, defaultHeight, defaultWidth, heldOutSeeds, SyntheticClips } from '../data/clips/clips.ts'
import { type LayoutName, layouts } from '../data/clips/write.ts'
import { formatSize } from '../data/types.ts'
import type { CommandContext } from './context.ts'
import { UsageError } from './errors.ts'
import { interruptible } from './interrupt.ts'
import { wholeNumber } from './options.ts'
import { silent, startProgress } from './progress.ts'
import { fact, print } from './terminal.ts'

interface DatasetOptions {
  readonly out: string
  readonly layout: LayoutName
  readonly clips: number
  readonly frames: number
  readonly seed: number
  readonly width: number
  readonly height: number
  readonly quality: number
  readonly quiet?: boolean
}

const trainWith: Readonly<Record<LayoutName, (folder: string) => string>> = {
  lasot: (folder) => `--data ${folder}`,
  got10k: (folder) => `--data ${folder}`,
  'coco-vid': (folder) => `a SOTTrainDataset with ann_file ${folder}/annotations.json, img_prefix ${folder}/images`,
}

const details = `
Layouts:
  lasot      OUT/synthetic/synthetic-1/img/00000001.jpg, groundtruth.txt, full_occlusion.txt, out_of_view.txt;
             OUT/testing_set.txt
  got10k     OUT/GOT-10k_Train_000001/00000001.jpg, groundtruth.txt, absence.label, cover.label; OUT/list.txt
  coco-vid   OUT/images/synthetic-1/00000000.jpg; OUT/annotations.json

Seeds below ${heldOutSeeds} are for training, those from there on for measuring. Equal seeds give equal clips on every machine, and
training on generated clips needs no files: siamrpn train --data synthetic renders them as it goes.

Examples:
  siamrpn dataset synthetic --out data/synthetic --layout lasot --clips 200 --frames 100 --seed 1
  siamrpn dataset synthetic --out data/held-out --layout lasot --clips 20 --seed ${heldOutSeeds}
  siamrpn dataset synthetic --out data/vid --layout coco-vid --width 480 --height 360`

/** Makes the command. */
export function datasetCommand(context: CommandContext): Command {
  const command = new Command('dataset').description('Makes data sets.')
  const names = Object.keys(layouts)
  return command.addCommand(
    new Command('synthetic')
      .description(
        'Renders clips with exact ground truth: varied targets, look-alikes, occluders, camera motion, light.',
      )
      .requiredOption('--out <folder>', 'where the data set goes; a new or empty folder, or one that this command made')
      .addOption(new Option('--layout <name>', 'how it is laid out').choices(names).default('lasot'))
      .option('--clips <count>', 'how many clips', wholeNumber(1), 20)
      .option('--frames <count>', 'frames per clip', wholeNumber(1), defaultFrames)
      .option('--seed <number>', 'seed of all clips', wholeNumber(0), 1)
      .option('--width <pixels>', 'of a frame', wholeNumber(64), defaultWidth)
      .option('--height <pixels>', 'of a frame', wholeNumber(64), defaultHeight)
      .option('--quality <1..100>', 'of the JPEG files', wholeNumber(1), 90)
      .option('--quiet', 'show no progress')
      .addHelpText('after', details)
      .action((options: DatasetOptions) => interruptible((signal) => write(context, options, signal))),
  )
}

async function write({ terminal }: CommandContext, options: DatasetOptions, signal: AbortSignal): Promise<void> {
  const { out, layout, clips: count, frames: framesPerClip, seed, width, height, quality } = options
  if (quality > 100) throw new UsageError(`--quality is ${quality}, expected 1 to 100`)
  const clips = new SyntheticClips({ seed, width, height, clips: count, framesPerClip })
  const total = count * framesPerClip
  const progress = options.quiet ? silent : startProgress(terminal, 'rendering', total)
  try {
    await layouts[layout](clips, out, { quality, signal, onFrame: (done) => progress.update(done, 'frames') })
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
  print(terminal, fact('train', `siamrpn train with ${trainWith[layout](out)}`))
}
