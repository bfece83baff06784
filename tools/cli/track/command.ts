// `siamrpn track`: follows one or several boxes through a video, a folder of images or an animation.

import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { Precision } from 'siamrpn'
import { UsageError } from '../../errors.ts'
import { writeWhole } from '../../frames/atomic.ts'
import { openFrames } from '../../frames/frames.ts'
import { type GroundTruth, readGroundTruth } from '../../frames/ground-truth.ts'
import { type Box, type FrameSource, formatSize } from '../../frames/types.ts'
import { outputKinds } from '../../frames/writers.ts'
import type { CommandContext } from '../context.ts'
import { chosenCheckpoint, defaultModelTitle } from '../default-model.ts'
import { interruptedCode, interruptible } from '../interrupt.ts'
import { checkBoxes, collectBox, collectOutput, collectText, precisionOption, wholeNumber } from '../options.ts'
import { fact, note, print } from '../terminal.ts'
import { runSession, type SessionResult } from './session.ts'
import { fitLine, judge, speedLine } from './summary.ts'

interface TrackOptions {
  readonly video: string
  readonly box?: readonly Box[]
  readonly config?: string
  readonly set?: readonly string[]
  readonly checkpoint?: string
  readonly head?: string
  readonly anchors?: 'mmtracking' | 'pysot'
  readonly out?: readonly string[]
  readonly gt?: readonly string[]
  readonly start: number
  readonly maxFrames?: number
  readonly profile?: string
  readonly precision: Precision
  readonly quiet?: boolean
}

const defaultFps = 25

const examples = `
Examples:
  siamrpn track --video clip.mp4 --box 263,112,60,58 --out tracked.mp4
  siamrpn track --video clip.mp4 --box 263,112,60,58 --checkpoint siamese_rpn_r50.pth --out tracked.mp4
  siamrpn track --video frames/ --box 10,20,30,40 --box 200,80,50,50 --checkpoint model.pth --out boxes.json
  siamrpn track --video seq/img --gt seq/groundtruth.txt --checkpoint model.pth --out boxes.txt --out seq.webp
  siamrpn track --video long.mp4 --box 10,20,30,40 --set 'model.test_cfg.long_term={}' --out boxes.json`

/** Makes the command. */
export function trackCommand(context: CommandContext): Command {
  return new Command('track')
    .description('Tracks boxes through a video, a folder of images or an animated WebP or GIF.')
    .requiredOption('--video <path>', 'video file (needs ffmpeg), folder of images, animation or image')
    .option(
      '--checkpoint <file>',
      'weights, file or URL: .pth, .model or .safetensors of MMTracking, pysot or this package; ' +
        'default: the model that ships',
    )
    .option(
      '--box <x,y,w,h>',
      'target in the first frame, pixels from the top-left corner; repeat for more',
      collectBox,
    )
    .option('--head <file>', "a taught head, of `siamrpn teach --head-only`, in place of the checkpoint's own")
    .option('--config <name>', "configuration of the model: a name or a file; default: the checkpoint's own, or r50")
    .option(
      '--set <key=value>',
      'change an entry of the configuration, such as model.test_cfg.rpn.lr=0.4; repeat for more',
      collectText,
    )
    .addOption(
      new Option('--anchors <kind>', 'anchors the weights were trained with, instead of what the checkpoint tells') //
        .choices(['mmtracking', 'pysot']),
    )
    .option('--out <path>', `output, chosen by extension: ${outputKinds}; repeat for more`, collectOutput)
    .option(
      '--gt <file>',
      'ground truth, a line x,y,w,h per frame of the whole source: prints success and precision; ' +
        "the first frame's box replaces a missing --box; repeat for more targets",
      collectText,
    )
    .option('--start <index>', 'first frame to read', wholeNumber(0), 0)
    .option('--max-frames <count>', 'end after this many frames', wholeNumber(1))
    .option('--profile <file>', 'write the GPU time of every dispatch as a Chrome trace (.json)')
    .addOption(precisionOption())
    .option('--quiet', 'print nothing but errors and measures')
    .addHelpText('after', examples)
    .action(async (options: TrackOptions) => {
      const code = await interruptible((signal) => track(context, options, signal))
      if (code !== 0) context.exitCode = code
    })
}

async function track(context: CommandContext, options: TrackOptions, signal: AbortSignal): Promise<number> {
  const { terminal, load } = context
  const quiet = options.quiet ?? false
  const checkpoint = chosenCheckpoint(options)
  checkPaths(options, checkpoint)
  const groundTruth = await Promise.all((options.gt ?? []).map((file) => readGroundTruth(file)))
  const source = await openFrames(options.video, { start: options.start })
  try {
    const boxes = chooseBoxes(options, groundTruth)
    checkBoxes(boxes, source)
    if (!quiet) {
      print(terminal, fact('source', describeSource(options.video, source)))
      print(terminal, fact('model', modelTitle(options)))
    }
    const { anchors, config, head, maxFrames, precision, set, start, video } = options
    const result = await runSession({
      terminal,
      load,
      signal,
      source,
      fps: source.fps ?? defaultFps,
      boxes,
      groundTruth,
      outputs: options.out ?? [],
      model: {
        ...(config ? { config } : {}),
        weights: { checkpoint },
        head,
        precision,
        ...(set ? { set } : {}),
        ...(anchors ? { anchors } : {}),
      },
      metadata: { source: video, checkpoint, precision, start, sourceFps: source.fps ?? null, ...(set ? { set } : {}) },
      start,
      profile: options.profile !== undefined,
      quiet,
      ...(maxFrames === undefined ? {} : { maxFrames }),
    })
    await report(context, options, result, groundTruth)
    return result.interrupted ? interruptedCode : 0
  } finally {
    await source.close()
  }
}

function modelTitle({ config, checkpoint }: TrackOptions): string {
  return checkpoint === undefined ? defaultModelTitle : [config, checkpoint].filter(Boolean).join(', ')
}

async function report(
  { terminal }: CommandContext,
  options: TrackOptions,
  result: SessionResult,
  groundTruth: readonly GroundTruth[],
): Promise<void> {
  const quiet = options.quiet ?? false
  if (result.interrupted) note(terminal, `interrupted after ${result.frames.length} frames; outputs end there`)
  if (!quiet) print(terminal, speedLine(result))
  for (const [target, truth] of groundTruth.entries()) {
    const name = groundTruth.length > 1 ? `target ${target + 1}` : 'measures'
    const fit = judge(result.frames, target, truth, options.start)
    if (fit.frames === 0)
      note(terminal, `${options.gt?.[target]} ends before the first tracked frame: nothing to measure`)
    else print(terminal, fitLine(name, fit, result.frames.length))
  }
  if (result.profile && options.profile) {
    await writeWhole(options.profile, JSON.stringify(result.profile.chromeTrace()))
    if (!quiet) print(terminal, `\n${result.profile.table()}\n`)
  }
  const written = [...result.written, ...(result.profile && options.profile ? [options.profile] : [])]
  if (!quiet && written.length > 0) print(terminal, fact('wrote', written.join(', ')))
}

/** No input may be an output, and no output two. */
function checkPaths({ video, head, gt = [], out = [], profile }: TrackOptions, checkpoint: string): void {
  const inputs = new Set([video, checkpoint, ...(head ? [head] : []), ...gt].map((path) => resolve(path)))
  const outputs = new Set<string>()
  for (const path of profile === undefined ? out : [...out, profile]) {
    const full = resolve(path)
    if (inputs.has(full)) throw new UsageError(`${path} is both an input and an output`)
    if (outputs.has(full)) throw new UsageError(`${path} is given as an output twice`)
    outputs.add(full)
  }
}

function chooseBoxes({ box, gt, start }: TrackOptions, groundTruth: readonly GroundTruth[]): readonly Box[] {
  if (box && groundTruth.length > box.length) {
    throw new UsageError(
      `${groundTruth.length} files of ground truth for ${box.length} boxes, expected one per box at most`,
    )
  }
  if (box) return box
  if (groundTruth.length === 0)
    throw new UsageError('no target: give --box x,y,w,h (pixels), or --gt with its first box')
  return groundTruth.map((boxes, index) => {
    const first = boxes[start]
    if (first === undefined || first.width <= 0 || first.height <= 0) {
      throw new UsageError(`${gt?.[index]} has no box for frame ${start}: give --box, or another --start`)
    }
    return first
  })
}

function describeSource(path: string, { width, height, fps, count }: FrameSource): string {
  const rate = fps === undefined ? [] : [`${Number(fps.toFixed(2))} fps`]
  const frames = count === undefined ? [] : [count === 1 ? '1 frame' : `${count} frames`]
  return [path, formatSize({ width, height }), ...rate, ...frames].join(', ')
}
