// `siamrpn dataset cutouts`: objects with their masks out of COCO annotations, for the data set `CutoutDataset`.

import { Command } from 'commander'
import { writeCocoCutouts } from '../../datasets/coco-cutouts.ts'
import type { CommandContext } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { wholeNumber } from '../options.ts'
import { silent, startProgress } from '../progress.ts'
import { fact, print } from '../terminal.ts'

interface CutoutsOptions {
  readonly annFile: string
  readonly images: string
  readonly out: string
  readonly perCategory: number
  readonly minSize: number
  readonly maxSide: number
  readonly seed: number
  readonly quiet?: boolean
}

const details = `
Of objects in one piece that lie wholly in their image, so many of each category are drawn: OUT/dog-0001.jpg with
OUT/dog-0001.png beside it, white where the object is. Training lays them over other photographs, with objects of the same
category beside them.

Examples:
  siamrpn dataset cutouts --ann-file data/coco/annotations/instances_train2017.json --images data/coco/train2017 \\
    --out data/cutouts
  siamrpn dataset cutouts --ann-file own.json --images own/ --out cutouts --per-category 500 --min-size 24`

/** Makes the command. */
export function cutoutsCommand({ terminal }: CommandContext): Command {
  return new Command('cutouts')
    .description('Cuts objects out of photographs by the polygons of COCO annotations.')
    .requiredOption('--ann-file <file>', "COCO's annotations with polygons")
    .requiredOption('--images <folder>', 'that the file names of the annotations begin from')
    .requiredOption('--out <folder>', 'where the cut-outs go; a new or empty folder, or one that this command made')
    .option('--per-category <count>', 'of each category at most', wholeNumber(1, 10_000_000), 100)
    .option('--min-size <pixels>', "of an object's shorter side", wholeNumber(4, 65_535), 48)
    .option('--max-side <pixels>', 'larger ones are made smaller; of the longer side', wholeNumber(16, 65_535), 320)
    .option('--seed <number>', 'of the draw', wholeNumber(0), 1)
    .option('--quiet', 'show no progress')
    .addHelpText('after', details)
    .action((options: CutoutsOptions) =>
      interruptible(async (signal) => {
        const progress = options.quiet ? silent : startProgress(terminal, 'cutting')
        const onProgress = (done: number, total: number) => progress.update(done, `of ${total}`)
        try {
          const { cutouts, categories, unreadable } = await writeCocoCutouts({ ...options, signal, onProgress })
          progress.stop()
          print(terminal, fact('wrote', `${cutouts} cut-outs of ${categories} categories to ${options.out}`))
          if (unreadable > 0)
            print(
              terminal,
              fact('left out', `${unreadable} whose images could not be read or have another size than is stated`),
            )
          print(terminal, fact('use', `{ type: 'CutoutDataset', path: '${options.out}', background_path: ... }`))
        } finally {
          progress.stop()
        }
      }),
    )
}
