// `siamrpn dataset convert`: any data set as annotations that MMTracking and this package train and evaluate with.

import { access } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { convertBenchmark } from '../../benchmarks/convert.ts'
import type { SizesOf } from '../../benchmarks/frame-sizes.ts'
import { throwErrors } from '../../benchmarks/open-benchmark.ts'
import { UsageError } from '../../errors.ts'
import type { CommandContext } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { fact, print } from '../terminal.ts'
import { openSource, plural, type SourceOptions, Stages, withSource } from './source.ts'

interface ConvertCommandOptions extends SourceOptions {
  readonly out: string
  readonly force?: boolean
  readonly imageRoot?: string
  readonly sizes: SizesOf
  readonly skipHidden?: boolean
  readonly polygons?: boolean
  readonly skipBroken?: boolean
}

const details = `
The file has MMTracking's form (COCO-VID): videos, images and one annotation per image with instance_id, bbox and the flags
full_occlusion and out_of_view; of GOT-10k absence, cover and cut_by_image, of VOT the tags. Where the truth is NaN or not
published, bbox is [0, 0, 0, 0]. It serves as ann_file of SOTTrainDataset and of LaSOTDataset, with the image root as img_prefix.

Examples:
  siamrpn dataset convert --root data/LaSOT --split train --out lasot_train.json --skip-hidden
  siamrpn dataset convert --root data/GOT-10k --split val --out got10k_val.json
  siamrpn dataset convert --root data/VOT2018 --dataset vot2018 --out vot2018.json --polygons
  siamrpn dataset convert --root data/OTB100 --image-root data --out data/otb100.json --force`

/** Makes the command. */
export function convertCommand(context: CommandContext): Command {
  return withSource(
    new Command('convert').description("Writes a data set's truth as MMTracking's COCO-VID annotations."),
  )
    .requiredOption('--out <file>', 'the .json file')
    .option('--force', 'replace the file if it is there')
    .option('--image-root <folder>', 'folder that file names begin from (default: --root)')
    .addOption(
      new Option('--sizes <which>', "width and height: of each sequence's first image, or of every image")
        .choices(['first', 'every'])
        .default('first'),
    )
    .option('--skip-hidden', 'no annotation where the object is hidden: training would learn from it')
    .option('--skip-broken', 'leave out sequences with errors (otherwise the first error ends the work)')
    .option('--polygons', "bbox of eight numbers where the truth is a polygon, as MMTracking's VOTDataset reads it")
    .option('--quiet', 'show no progress')
    .addHelpText('after', details)
    .action((options: ConvertCommandOptions) => interruptible((signal) => convert(context, options, signal)))
}

async function convert(
  { terminal }: CommandContext,
  options: ConvertCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const { out, root, imageRoot = root, sizes: sizesOf, skipHidden = false, polygons = false } = options
  if (!options.force && (await exists(out))) throw new UsageError(`${out} is there already; --force replaces it`)
  let broken = 0
  const { benchmark } = await openSource(options, (finding) => {
    if (options.skipBroken !== true) throwErrors(finding)
    if (finding.severity === 'error') broken++
  })
  const stages = new Stages(terminal, { headers: 'headers', sequences: 'writing' }, options.quiet === true)
  try {
    const how = { imageRoot, sizesOf, skipHidden, polygons, signal, onProgress: stages.update }
    const { videos, images, annotations } = await convertBenchmark(benchmark, out, how)
    stages.stop()
    const counts = `${plural(videos, 'video')}, ${plural(images, 'image')}, ${plural(annotations, 'annotation')}`
    print(terminal, fact('wrote', `${out}: ${benchmark.title}, ${counts}`))
    if (broken > 0)
      print(terminal, fact('left out', `what ${plural(broken, 'error')} concern; see siamrpn dataset check`))
    print(terminal, fact('use', `ann_file: '${out}', img_prefix: '${imageRoot}'`))
  } finally {
    stages.stop()
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
