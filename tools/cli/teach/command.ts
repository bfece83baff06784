// `siamrpn teach`: fits a tracker to an object from a few frames of the video in which its box is known, and writes the weights.

import { resolve } from 'node:path'
import { Command } from 'commander'
import type { RgbFrame } from 'siamrpn'
import { UsageError } from '../../errors.ts'
import { writeWhole } from '../../frames/atomic.ts'
import { openFrames } from '../../frames/frames.ts'
import { readGroundTruth } from '../../frames/ground-truth.ts'
import type { CommandContext } from '../context.ts'
import { chosenCheckpoint, defaultModelTitle } from '../default-model.ts'
import { interruptible, orInterrupted } from '../interrupt.ts'
import { wholeNumber } from '../options.ts'
import { silent, startProgress } from '../progress.ts'
import { fact, print } from '../terminal.ts'
import type { LoadedTracker, TeachStep } from '../track/tracking.ts'
import { type Correction, everyNth, readCorrections } from './corrections.ts'

interface TeachCommandOptions {
  readonly video: string
  readonly boxes?: string
  readonly gt?: string
  readonly every?: number
  readonly target: number
  readonly out: string
  readonly headOnly?: boolean
  readonly checkpoint?: string
  readonly config?: string
  readonly steps?: number
  readonly seed?: number
  readonly quiet?: boolean
}

const examples = `
corrections.json is a list: [{ "frame": 0, "box": [263, 112, 60, 58] }, { "frame": 40, "box": null }]; null: not in this frame.
A project that the page exported as JSON does, too.

Examples:
  siamrpn teach --video clip.mp4 --boxes corrections.json --out mine.safetensors
  siamrpn teach --video seq/img --gt seq/groundtruth.txt --every 25 --out mine.safetensors
  siamrpn track --video clip.mp4 --box 263,112,60,58 --checkpoint mine.safetensors --out tracked.mp4`

/** Makes the command. */
export function teachCommand(context: CommandContext): Command {
  return new Command('teach')
    .description('Teaches a tracker an object from a few frames of its video, and writes the taught weights.')
    .requiredOption('--video <path>', 'video file (needs ffmpeg), folder of images, animation or image')
    .option('--boxes <file>', 'corrections as JSON, see below')
    .option('--gt <file>', 'ground truth, a line x,y,w,h per frame, instead of --boxes; together with --every')
    .option('--every <count>', 'use frame 0 and every so many frames of --gt', wholeNumber(1))
    .option('--target <index>', 'which target of a project with several', wholeNumber(0), 0)
    .requiredOption('--out <file>', 'where to write the weights (.safetensors)')
    .option('--head-only', 'write the heads alone, a small file that `track --head` takes')
    .option('--checkpoint <file>', 'weights to start from, file or URL; default: the model that ships')
    .option('--config <name>', "configuration of the model: a name or a file; default: the checkpoint's own, or r50")
    .option('--steps <count>', 'steps of the fit (default: 80)', wholeNumber(1, 1_000_000))
    .option('--seed <number>', 'the same seed gives the same weights (default: 0)', wholeNumber(0))
    .option('--quiet', 'print nothing but errors')
    .addHelpText('after', examples)
    .action(async (options: TeachCommandOptions) => {
      const code = await interruptible((signal) => teach(context, options, signal))
      if (code !== 0) context.exitCode = code
    })
}

async function teach(context: CommandContext, options: TeachCommandOptions, signal: AbortSignal): Promise<number> {
  const { terminal } = context
  const quiet = options.quiet ?? false
  const checkpoint = chosenCheckpoint(options)
  checkOutput(options, checkpoint)
  const corrections = await readAll(options)
  const examples = await readFrames(options.video, corrections)
  if (!quiet) {
    const absent = corrections.filter(({ box }) => box === null).length
    print(
      terminal,
      fact('frames', `${corrections.length} of ${options.video}${absent > 0 ? `, ${absent} without the object` : ''}`),
    )
    print(terminal, fact('model', options.checkpoint ?? defaultModelTitle))
  }
  const began = performance.now()
  const tracker = await load(context, { ...options, checkpoint }, signal)
  try {
    const { steps, seed } = options
    const losses: number[] = []
    const progress = quiet ? silent : startProgress(terminal, 'teaching', steps ?? 80)
    const onProgress = ({ stage, done, loss }: TeachStep) => {
      if (loss !== undefined) losses.push(loss)
      progress.update(stage === 'fitting' ? done : 0, loss === undefined ? stage : `loss ${loss.toFixed(3)}`)
    }
    let bytes: Uint8Array
    try {
      bytes = await tracker.teach(examples, {
        signal,
        onProgress,
        part: options.headOnly ? 'head' : 'all',
        ...(steps === undefined ? {} : { steps }),
        ...(seed === undefined ? {} : { seed }),
      })
    } finally {
      progress.stop()
    }
    await writeWhole(options.out, bytes)
    if (!quiet) {
      const seconds = ((performance.now() - began) / 1000).toFixed(1)
      print(
        terminal,
        fact(
          'loss',
          `${losses[0]?.toFixed(3)} to ${losses.at(-1)?.toFixed(3)} in ${losses.length} steps, ${seconds} s in all`,
        ),
      )
      print(terminal, fact('wrote', options.out))
    }
    return 0
  } finally {
    await tracker.close()
  }
}

async function load(
  { terminal, load: open }: CommandContext,
  options: TeachCommandOptions & { readonly checkpoint: string },
  signal: AbortSignal,
): Promise<LoadedTracker> {
  const progress = options.quiet ? silent : startProgress(terminal, 'loading', 100)
  try {
    const loading = open({
      config: options.config,
      teaches: true,
      weights: { checkpoint: options.checkpoint },
      onProgress: ({ stage, done, total }) => progress.update(total > 0 ? Math.floor((100 * done) / total) : 0, stage),
    })
    return await orInterrupted(loading, signal)
  } finally {
    progress.stop()
  }
}

function checkOutput({ video, boxes, gt, out }: TeachCommandOptions, checkpoint: string): void {
  if (!out.endsWith('.safetensors')) throw new UsageError(`--out is ${out}, expected a name that ends in .safetensors`)
  const inputs = [video, checkpoint, boxes, gt].flatMap((path) => (path === undefined ? [] : [resolve(path)]))
  if (inputs.includes(resolve(out))) throw new UsageError(`${out} is both an input and the output`)
}

async function readAll({ boxes, gt, every, target }: TeachCommandOptions): Promise<Correction[]> {
  if (boxes !== undefined && gt !== undefined)
    throw new UsageError('--boxes and --gt exclude each other: give one of them')
  if (boxes !== undefined) return await readCorrections(boxes, target)
  if (gt === undefined) throw new UsageError('no boxes: give --boxes corrections.json, or --gt with --every')
  if (every === undefined) throw new UsageError('--gt needs --every: how many frames lie between those that are used')
  return everyNth(await readGroundTruth(gt, target), every, gt)
}

/** The pictures of the frames that are named, read in one pass. @throws UsageError for a frame behind the end */
async function readFrames(
  video: string,
  corrections: readonly Correction[],
): Promise<{ frame: RgbFrame; box: Correction['box'] }[]> {
  const wanted = new Map(corrections.map(({ frame, box }) => [frame, box]))
  const last = Math.max(...wanted.keys())
  const found: { frame: RgbFrame; box: Correction['box'] }[] = []
  const source = await openFrames(video)
  let index = 0
  try {
    for await (const frame of source) {
      const box = wanted.get(index)
      if (box !== undefined) found.push({ frame: { ...frame, data: frame.data.slice() }, box })
      if (index++ === last) break
    }
  } finally {
    await source.close()
  }
  if (found.length < wanted.size)
    throw new UsageError(`${video} has ${index} frames, but a box was given for frame ${last} (counted from 0)`)
  return found
}
