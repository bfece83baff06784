// `siamrpn demo`: the whole path on a generated clip that no training has seen, with the model that ships, offline and in less
// than a minute on any machine.

import { join } from 'node:path'
import { Command } from 'commander'
import { heldOutSeeds, SyntheticClips } from '../../clips/clips.ts'
import { hasFfmpeg } from '../../frames/ffmpeg.ts'
import { formatSize } from '../../frames/types.ts'
import type { CommandContext } from '../context.ts'
import { defaultModel, defaultModelTitle } from '../default-model.ts'
import { interruptedCode, interruptible } from '../interrupt.ts'
import { wholeNumber } from '../options.ts'
import { fact, note, print } from '../terminal.ts'
import { runSession } from '../track/session.ts'
import { fitLine, judge, speedLine } from '../track/summary.ts'

interface DemoOptions {
  readonly out: string
  readonly checkpoint?: string
  readonly frames: number
  readonly clip: number
}

const examples = `
Examples:
  siamrpn demo
  siamrpn demo --clip 7 --frames 100 --out /tmp/demo
  siamrpn demo --checkpoint work_dirs/tiny/epoch_20.safetensors`

/** Makes the command. */
export function demoCommand(context: CommandContext): Command {
  return new Command('demo')
    .description('Tracks the target of a generated clip with the model that ships, and writes the annotated clip.')
    .option('--out <folder>', 'where to write demo.webp (and demo.mp4 if ffmpeg is there)', 'out')
    .option('--checkpoint <file>', 'another model, with the configuration that training wrote into it')
    .option('--frames <count>', 'length of the clip', wholeNumber(2, 100_000), 60)
    .option('--clip <number>', 'which of the clips that are kept back from training', wholeNumber(0, 10_000_000), 0)
    .addHelpText('after', examples)
    .action(async (options: DemoOptions) => {
      const code = await interruptible((signal) => demo(context, options, signal))
      if (code !== 0) context.exitCode = code
    })
}

async function demo({ terminal, load }: CommandContext, options: DemoOptions, signal: AbortSignal): Promise<number> {
  const { frames, clip: number } = options
  const checkpoint = options.checkpoint ?? defaultModel()
  const clips = new SyntheticClips({ seed: heldOutSeeds, clips: number + 1, framesPerClip: frames })
  const clip = clips.clip(number)
  const groundTruth = Array.from({ length: clip.count }, (_, index) => clip.box(index))
  const withVideo = await hasFfmpeg()
  const size = formatSize(clip)
  print(terminal, fact('source', `generated clip ${number}, ${size}, ${clip.fps} fps, ${clip.count} frames`))
  print(terminal, fact('model', options.checkpoint ?? defaultModelTitle))
  const result = await runSession({
    terminal,
    load,
    signal,
    source: clip.source(),
    fps: clip.fps,
    boxes: [clip.box(0)],
    groundTruth: [groundTruth],
    outputs: ['demo.webp', ...(withVideo ? ['demo.mp4'] : [])].map((name) => join(options.out, name)),
    model: { weights: { checkpoint } },
    metadata: {},
    start: 0,
    profile: false,
    quiet: false,
  })
  if (result.interrupted) note(terminal, `interrupted after ${result.frames.length} frames; outputs end there`)
  print(terminal, speedLine(result))
  print(terminal, fitLine('measures', judge(result.frames, 0, groundTruth, 0), result.frames.length))
  print(terminal, fact('wrote', result.written.join(', ')))
  if (!withVideo) print(terminal, 'With ffmpeg on the PATH there would be a demo.mp4, too.')
  print(terminal, '\nGreen: where the target is. Orange: where the tracker takes it to be.')
  return result.interrupted ? interruptedCode : 0
}
