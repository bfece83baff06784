// Runs a command line and turns every outcome into an exit code: 0 done, 1 an error that the user can act on (its message
// only), 2 a defect of ours (with its stack), 130 interrupted.

import { Command, CommanderError } from 'commander'
import { SiamRpnError } from 'siamrpn/gpu'
import { maxPixelsVariable } from '../frames/max-pixels.ts'
import { type OddPlace, oddImages } from '../frames/odd-images.ts'
import { checkpointCommand } from './checkpoint/command.ts'
import type { CommandContext } from './context.ts'
import { datasetCommand } from './dataset/command.ts'
import { demoCommand } from './demo/command.ts'
import { evaluateCommand } from './evaluate/command.ts'
import { StalledError, settled, Underway } from './guard.ts'
import { interruptedCode, isAbort } from './interrupt.ts'
import { wholeNumber } from './options.ts'
import { pretrainedCommand } from './pretrained/command.ts'
import { reportCommand } from './report/command.ts'
import { searchCommand } from './search/command.ts'
import { teachCommand } from './teach/command.ts'
import { note } from './terminal.ts'
import { trackCommand } from './track/command.ts'
import { trainCommand } from './train/command.ts'

const examples = `
Examples:
  siamrpn demo
  siamrpn track --video clip.mp4 --box 263,112,60,58 --out tracked.mp4
  siamrpn teach --video clip.mp4 --boxes corrections.json --out mine.safetensors
  siamrpn train --config tiny --data synthetic
  siamrpn evaluate --config r50 --checkpoint siamese_rpn_r50.pth --dataset lasot --root data/LaSOTTesting
  siamrpn search --dataset synthetic --lr 0.1:0.7:0.1 --window-influence 0.2:0.6:0.1
  siamrpn dataset synthetic --out data/synthetic --layout lasot --clips 200
  siamrpn checkpoint inspect siamese_rpn_r50.pth
  siamrpn track --help`

/** The command line with its subcommands. */
function makeProgram(context: CommandContext): Command {
  const program = new Command('siamrpn')
    .description('SiamRPN++ visual tracking on hand-written WebGPU kernels.')
    .option('--max-pixels <count>', 'of an image that is read; default: 50 million', wholeNumber(1))
    .hook('preAction', (_, command) => {
      const { maxPixels } = command.optsWithGlobals<{ readonly maxPixels?: number }>()
      // By the environment it reaches the threads that decode, too.
      if (maxPixels !== undefined) process.env[maxPixelsVariable] = String(maxPixels)
    })
    .addHelpText('after', examples)
  const commands = [
    trackCommand(context),
    teachCommand(context),
    demoCommand(context),
    trainCommand(context),
    evaluateCommand(context),
    reportCommand(context),
    searchCommand(context),
    datasetCommand(context),
    checkpointCommand(context),
    pretrainedCommand(context),
  ]
  for (const command of commands) program.addCommand(command)
  for (const command of withSubcommands(program)) {
    command.configureHelp({ showGlobalOptions: true })
    command.exitOverride().showHelpAfterError('(--help shows all options and examples)')
    command.configureOutput({
      writeOut: (text) => context.terminal.stdout.write(text),
      writeErr: (text) => context.terminal.stderr.write(text),
    })
  }
  return program
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

/** Runs `siamrpn <args>` and returns the exit code. Never throws. */
export async function runCommand(args: readonly string[], context: Omit<CommandContext, 'exitCode'>): Promise<number> {
  const full: CommandContext = { ...context, exitCode: 0 }
  const underway = context.terminal.underway ?? new Underway()
  const ended = underway.begin(`siamrpn ${args[0] ?? ''}`.trim())
  const oddBefore = oddImages.counts
  try {
    await settled(makeProgram(full).parseAsync(args, { from: 'user' }), underway)
    return full.exitCode
  } catch (error) {
    return explain(error, full)
  } finally {
    for (const [place, count] of oddImages.counts) {
      const odd = count - (oddBefore.get(place) ?? 0)
      if (odd > 0) note(context.terminal, oddNote(place, odd))
    }
    ended()
  }
}

function oddNote(place: OddPlace, count: number): string {
  const where = place === undefined ? '' : ` of ${place}`
  return `${count} damaged ${count === 1 ? 'image' : 'images'}${where} ${count === 1 ? 'was' : 'were'} read all the same`
}

function explain(error: unknown, { terminal }: CommandContext): number {
  if (error instanceof CommanderError) return error.exitCode // Commander has printed it.
  if (isAbort(error)) {
    note(terminal, 'interrupted; nothing was written')
    return interruptedCode
  }
  if (error instanceof SiamRpnError && !(error instanceof StalledError)) {
    note(terminal, `error: ${error.message}`)
    return 1
  }
  note(
    terminal,
    `unexpected error, please report it:\n${error instanceof Error ? (error.stack ?? error.message) : error}`,
  )
  return 2
}
