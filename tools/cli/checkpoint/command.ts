// `siamrpn checkpoint`: looks into checkpoints, converts them, and makes some with random weights.

import { resolve } from 'node:path'
import { setImmediate as breathe } from 'node:timers/promises'
import { Command, Option } from 'commander'
import { overrideConfig, ownConfig, readSource, stateDictShapes } from 'siamrpn'
import { namedConfig } from 'siamrpn/configs'
import { type Checkpoint, readCheckpoint, type StateDict } from 'siamrpn/formats'
import { UsageError } from '../../errors.ts'
import type { CommandContext } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { collectText } from '../options.ts'
import { startProgress } from '../progress.ts'
import { randomWeights } from '../random-weights.ts'
import { fact, formatBytes, print, type Terminal } from '../terminal.ts'
import { type Contents, checkOutput, checkpointChunks, keepsOptimizer, type Layout, writeChunks } from './output.ts'
import { bestFit, describeCheckpoint, describeFit, fitTo } from './summary.ts'

const examples = `
Examples:
  siamrpn checkpoint inspect siamese_rpn_r50.pth
  siamrpn checkpoint convert model.pth r50.safetensors
  siamrpn checkpoint random --config r50 --seed 1 out/r50.pth`

/** Makes the command. */
export function checkpointCommand(context: CommandContext): Command {
  return new Command('checkpoint')
    .description('Looks into checkpoints, converts them, and makes some with random weights.')
    .addHelpText('after', examples)
    .addCommand(inspectCommand(context))
    .addCommand(convertCommand(context))
    .addCommand(randomCommand(context))
}

function layoutOption(): Option {
  return new Option('--layout <kind>', 'of .pth: {meta, state_dict, optimizer}, or tensors by name and nothing else') //
    .choices(['mmtracking', 'bare'])
}

function inspectCommand(context: CommandContext): Command {
  return new Command('inspect')
    .description('Prints what a checkpoint holds and which configuration it fits.')
    .argument('<file>', 'path or URL of a .pth, .model or .safetensors of MMTracking, pysot or this package')
    .option('--config <name>', 'compare with this configuration; exit with 1 if it does not fit')
    .addHelpText('after', '\nExamples:\n  siamrpn checkpoint inspect siamese_rpn_r50.pth --config r50')
    .action(async (file: string, options: { readonly config?: string }) => {
      if (options.config !== undefined) namedConfig(options.config) // an unknown name is told before the file is read
      const { bytes, checkpoint } = await read(context.terminal, file)
      const fit = options.config === undefined ? bestFit(checkpoint) : fitTo(checkpoint, options.config)
      const lines = [fact('file', file), ...describeCheckpoint(checkpoint, bytes)]
      for (const line of [...lines, ...describeFit(fit, options.config !== undefined)]) print(context.terminal, line)
      if (options.config !== undefined && fit.differences > 0) context.exitCode = 1
    })
}

function convertCommand(context: CommandContext): Command {
  return new Command('convert')
    .description("Writes a checkpoint in another format, with MMTracking's names and the anchors noted.")
    .argument('<in>', 'path or URL of a checkpoint')
    .argument('<out>', 'new file: .safetensors, or .pth, .pt, .model for torch.load')
    .addOption(layoutOption())
    .option(
      '--set <key=value>',
      'change an entry of the configuration in it, such as model.test_cfg.rpn.lr=0.4; repeat for more',
      collectText,
    )
    .addHelpText(
      'after',
      `
Examples:
  siamrpn checkpoint convert siamese_rpn_r50.pth r50.safetensors
  siamrpn checkpoint convert epoch_5.safetensors mine.safetensors --set model.test_cfg.rpn.window_influence=0.1
  siamrpn checkpoint convert pysot/model.pth mmtracking.pth
  siamrpn checkpoint convert r50.safetensors r50.pth --layout bare`,
    )
    .action(async (from: string, to: string, { layout, set }: ConvertOptions) => {
      checkOutput(to, layout)
      if (resolve(from) === resolve(to)) throw new UsageError(`${to} is both the input and the output`)
      const { checkpoint } = await read(context.terminal, from)
      const meta = set ? withConfig(checkpoint, from, set) : checkpoint.meta
      await write(context.terminal, to, { ...checkpoint, meta }, layout)
      const { optimizer, optimizerState } = checkpoint
      if ((optimizer && !keepsOptimizer(to, layout)) || optimizerState.size > 0)
        print(context.terminal, fact('left out', 'the state of the optimizer'))
    })
}

interface ConvertOptions {
  readonly layout?: Layout
  readonly set?: readonly string[]
}

/** Facts about a checkpoint with entries of its configuration changed. @throws UsageError; ConfigError */
function withConfig(checkpoint: Checkpoint, name: string, set: readonly string[]): Checkpoint['meta'] {
  const config = ownConfig(checkpoint, name)
  if (config) return { ...checkpoint.meta, config: JSON.stringify(overrideConfig(config, set)) }
  throw new UsageError(`--set: ${name} has no configuration in it, expected a checkpoint that siamrpn train wrote`)
}

function randomCommand(context: CommandContext): Command {
  return new Command('random')
    .description('Writes seeded random weights: to try things out, to measure speed. They track nothing.')
    .argument('<out>', 'new file: .pth, .pt, .model or .safetensors')
    .option('--config <name>', 'configuration of the model', 'r50')
    .option('--seed <text>', 'seed of the weights', '1')
    .addOption(layoutOption())
    .addHelpText('after', '\nExamples:\n  siamrpn checkpoint random --config small --seed 7 out/small.pth')
    .action(
      async (to: string, options: { readonly config: string; readonly seed: string; readonly layout?: Layout }) => {
        const { config, seed, layout } = options
        checkOutput(to, layout)
        const { model } = namedConfig(config)
        const stateDict = await makeWeights(context.terminal, stateDictShapes(model), seed)
        const meta = { epoch: 0, iter: 0, 'siamrpn.config': config, 'siamrpn.weights': `random, seed ${seed}` }
        const anchors = model.head.anchor_generator.variant
        await write(context.terminal, to, { stateDict, meta, optimizer: null, anchors }, layout)
      },
    )
}

async function read(terminal: Terminal, file: string) {
  const progress = startProgress(terminal, 'reading', 100)
  try {
    const bytes = await readSource(file, { onProgress: (done, total) => progress.update(percent(done, total)) })
    return { bytes: bytes.length, checkpoint: readCheckpoint(bytes, file) }
  } finally {
    progress.stop()
  }
}

/** All at once would take seconds without a sign of life. */
async function makeWeights(
  terminal: Terminal,
  shapes: ReadonlyMap<string, readonly number[]>,
  seed: string,
): Promise<StateDict> {
  const progress = startProgress(terminal, 'making', shapes.size)
  const weights: StateDict = new Map()
  try {
    for (const entry of shapes) {
      for (const [name, tensor] of randomWeights(new Map([entry]), seed)) weights.set(name, tensor)
      progress.update(weights.size, 'tensors')
      await breathe()
    }
    return weights
  } finally {
    progress.stop()
  }
}

async function write(terminal: Terminal, path: string, contents: Contents, layout?: Layout): Promise<void> {
  const chunks = checkpointChunks(path, contents, layout)
  const total = [...contents.stateDict.values()].reduce((sum, { data }) => sum + data.length, 0)
  const progress = startProgress(terminal, 'writing', 100)
  try {
    const onProgress = (done: number) => progress.update(Math.min(100, percent(done, total)))
    const bytes = await interruptible((signal) => writeChunks(path, chunks, { signal, onProgress }))
    print(terminal, fact('wrote', `${path}, ${contents.stateDict.size} tensors, ${formatBytes(bytes)}`))
  } finally {
    progress.stop()
  }
}

function percent(done: number, total: number): number {
  return total > 0 ? Math.floor((100 * done) / total) : 0
}
