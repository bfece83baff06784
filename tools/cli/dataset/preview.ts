// `siamrpn dataset preview`: a data set at a glance, as one picture.

import { extname } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import sharp from 'sharp'
import type { RgbFrame } from 'siamrpn'
import { contactSheet, spread } from '../../benchmarks/contact-sheet.ts'
import type { Benchmark, Sequence } from '../../benchmarks/types.ts'
import { UsageError } from '../../errors.ts'
import { pendingFile } from '../../frames/atomic.ts'
import { OutputError } from '../../frames/errors.ts'
import { formatSize } from '../../frames/types.ts'
import type { CommandContext } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { wholeNumber } from '../options.ts'
import { fact, note, print } from '../terminal.ts'
import { openSource, plural, type SourceOptions, Stages, withSource } from './source.ts'

interface PreviewOptions extends SourceOptions {
  readonly out: string
  readonly sequences: number
  readonly frames: number
  readonly width: number
  readonly only?: readonly string[]
}

const formats = ['.png', '.webp', '.jpg', '.jpeg'] as const
/** Longest side that WebP and JPEG can have. */
const maxSide: Readonly<Record<string, number>> = { '.webp': 16383, '.jpg': 65500, '.jpeg': 65500 }

const details = `
A row per sequence, frames evenly spread from the first to the last, the true boxes (or polygons) in green; frames that do not
show the object are dark and marked. Sequences are evenly spread over the data set, or named with --only.

Examples:
  siamrpn dataset preview --root data/LaSOT --out lasot.png
  siamrpn dataset preview --root data/UAV123 --dataset uav123 --sequences 12 --frames 8 --out uav123.webp
  siamrpn dataset preview --root data/OTB100 --only Jogging-1 Jogging-2 --frames 10 --width 320 --out jogging.png`

/** Makes the command. */
export function previewCommand(context: CommandContext): Command {
  return withSource(new Command('preview').description('Renders a contact sheet with the true boxes.'))
    .requiredOption('--out <file>', `the picture: ${formats.join(', ')}`, pictureName)
    .option('--sequences <count>', 'rows', wholeNumber(1, 1000), 8)
    .option('--frames <count>', 'of each sequence', wholeNumber(1, 100), 6)
    .option('--width <pixels>', 'of a frame in the sheet', wholeNumber(96, 4096), 256)
    .option('--only <names...>', 'these sequences')
    .option('--quiet', 'show no progress')
    .addHelpText('after', details)
    .action((options: PreviewOptions) => interruptible((signal) => preview(context, options, signal)))
}

function pictureName(text: string): string {
  if (formats.some((format) => format === extname(text).toLowerCase())) return text
  throw new InvalidArgumentError(`Expected a name ending in ${formats.join(', ')}.`)
}

async function preview({ terminal }: CommandContext, options: PreviewOptions, signal: AbortSignal): Promise<void> {
  const { out, frames, width: cellWidth } = options
  let errors = 0
  const { benchmark } = await openSource(options, ({ severity }) => {
    if (severity === 'error') errors++
  })
  const sequences = choose(benchmark, options)
  const stages = new Stages(terminal, { frames: 'frames' }, options.quiet === true)
  try {
    const sheet = await contactSheet(sequences, {
      title: titleOf(benchmark, sequences),
      frames,
      cellWidth,
      signal,
      onFrame: (done, total) => stages.update('frames', done, total),
    })
    await writePicture(out, sheet)
    stages.stop()
    print(terminal, fact('wrote', `${out}: ${plural(sequences.length, 'sequence')}, ${formatSize(sheet)} pixels`))
  } finally {
    stages.stop()
  }
  if (errors > 0) note(terminal, `${plural(errors, 'error')} on the way; siamrpn dataset check lists them`)
}

function titleOf({ title, sequences }: Benchmark, shown: readonly Sequence[]): string {
  const frames = sequences.reduce((sum, { images }) => sum + images.length, 0)
  const part = shown.length < sequences.length ? `${shown.length} of ` : ''
  return `${title}: ${part}${plural(sequences.length, 'sequence')}, ${plural(frames, 'frame')}`
}

function choose({ sequences }: Benchmark, { only, sequences: count }: PreviewOptions): Sequence[] {
  if (sequences.length === 0) throw new UsageError('no sequence that can be shown; siamrpn dataset check tells why')
  if (only === undefined) {
    return spread(sequences.length, count).flatMap((index) => sequences[index] ?? [])
  }
  return only.map((name) => {
    const found = sequences.find((sequence) => sequence.name === name)
    if (found) return found
    const some = sequences.slice(0, 5).map((sequence) => sequence.name)
    throw new UsageError(`--only ${name}: no such sequence; there are ${some.join(', ')} ...`)
  })
}

async function writePicture(path: string, { data, width, height, channels }: RgbFrame): Promise<void> {
  const format = extname(path).toLowerCase()
  const limit = maxSide[format] ?? Number.POSITIVE_INFINITY
  if (Math.max(width, height) > limit) {
    throw new OutputError(`cannot write ${path}: ${width}x${height} pixels, ${format} ends at ${limit}; write a .png`)
  }
  const image = sharp(data, { raw: { width, height, channels } })
  const encoded =
    format === '.png'
      ? image.png({ compressionLevel: 9 })
      : format === '.webp'
        ? image.webp({ quality: 88 })
        : image.jpeg({ quality: 90, chromaSubsampling: '4:4:4' })
  const file = await pendingFile(path)
  try {
    await file.write(await encoded.toBuffer())
    await file.commit()
  } finally {
    await file.discard()
  }
}
