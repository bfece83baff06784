// `siamrpn demo`: the whole path on a synthetic clip with a small network, offline and in a minute or two on any machine.
// Its weights are random until trained ones ship, and it says so in words and in the pictures.

import { join } from 'node:path'
import { Command } from 'commander'
import { hasFfmpeg } from '../data/ffmpeg.ts'
import { SyntheticClip } from '../data/synthetic.ts'
import { formatSize } from '../data/types.ts'
import type { CommandContext } from './context.ts'
import { interruptedCode, interruptible } from './interrupt.ts'
import { wholeNumber } from './options.ts'
import { fitLine, judge, speedLine } from './report.ts'
import { runSession } from './session.ts'
import { fact, note, print } from './terminal.ts'

interface DemoOptions {
  readonly out: string
  readonly config: string
  readonly frames: number
  readonly seed: string
}

const untrained = `
The weights are UNTRAINED: random numbers, because no trained weights ship with this package yet. So the boxes below,
and the figures about them, mean nothing; what the demo shows is that everything runs, from the frames through the
network on the GPU to the annotated clip.
`

const examples = `
Examples:
  siamrpn demo
  siamrpn demo --seed 7 --frames 100 --out /tmp/demo`

/** Makes the command. */
export function demoCommand(context: CommandContext): Command {
  return new Command('demo')
    .description('Tracks a synthetic target with a small, untrained network and writes the annotated clip.')
    .option('--out <folder>', 'where to write demo.webp (and demo.mp4 if ffmpeg is there)', 'out')
    .option('--config <name>', 'configuration of the model', 'small')
    .option('--frames <count>', 'length of the clip', wholeNumber(2), 60)
    .option('--seed <text>', 'seed of clip and weights', '1')
    .addHelpText('after', examples)
    .action(async (options: DemoOptions) => {
      const code = await interruptible((signal) => demo(context, options, signal))
      if (code !== 0) context.exitCode = code
    })
}

async function demo({ terminal, load }: CommandContext, options: DemoOptions, signal: AbortSignal): Promise<number> {
  const { seed, frames, config } = options
  const clip = new SyntheticClip({ seed, frames })
  const groundTruth = Array.from({ length: clip.count }, (_, index) => clip.box(index))
  const withVideo = await hasFfmpeg()
  print(terminal, untrained)
  print(
    terminal,
    fact('source', `synthetic clip, seed ${seed}, ${formatSize(clip)}, ${clip.fps} fps, ${clip.count} frames`),
  )
  print(terminal, fact('model', `${config}, random weights, seed ${seed}`))
  const result = await runSession({
    terminal,
    load,
    signal,
    source: clip.source(),
    fps: clip.fps,
    boxes: [clip.box(0)],
    groundTruth: [groundTruth],
    outputs: ['demo.webp', ...(withVideo ? ['demo.mp4'] : [])].map((name) => join(options.out, name)),
    model: { config, weights: { seed } },
    metadata: {},
    banner: 'Untrained weights',
    start: 0,
    profile: false,
    quiet: false,
  })
  if (result.interrupted) note(terminal, `interrupted after ${result.frames.length} frames; outputs end there`)
  print(terminal, speedLine(result))
  print(terminal, fitLine('measures', judge(result.frames, 0, groundTruth, 0), result.frames.length))
  print(terminal, fact('wrote', result.written.join(', ')))
  if (!withVideo) print(terminal, 'With ffmpeg on the PATH there would be a demo.mp4, too.')
  print(terminal, '\nGreen: where the target is. Orange: where the untrained network takes it to be.')
  return result.interrupted ? interruptedCode : 0
}
