// `npm run golden`: checks the library against a directory of golden numbers, section by section, and says how far it is off.
// Exit codes: 0 everything checked is within its tolerance, 1 something is not, 2 it could not be checked.

import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { SiamRpnError } from '../../../src/gpu/errors.ts'
import { interruptedCode, interruptible, orInterrupted } from '../../../tools/cli/interrupt.ts'
import { type Progress, silent, startProgress } from '../../../tools/cli/progress.ts'
import { note, print, type Terminal } from '../../../tools/cli/terminal.ts'
import { describeAdapter } from '../../../tools/cli/track/load-tracker.ts'
import { writeWhole } from '../../../tools/frames/atomic.ts'
import { GoldenSet } from './golden-set.ts'
import {
  emptyResult,
  failureLines,
  resultOf,
  type SectionResult,
  type Status,
  sectionLine,
  verboseLines,
} from './lines.ts'
import { changedFiles, type Manifest, readManifest } from './manifest.ts'
import { ownGoldens } from './own-goldens.ts'
import { GoldenDataError } from './reader.ts'
import { SectionReport } from './report.ts'
import { type Section, sections } from './sections.ts'

const over = 1
const unchecked = 2

interface Options {
  readonly dir: string
  readonly sections?: readonly string[]
  readonly slow?: boolean
  readonly verbose?: boolean
  readonly json?: string
}

/** Runs `golden <args>` and returns the exit code. Never throws. */
export async function runGolden(args: readonly string[], terminal: Terminal): Promise<number> {
  let code = unchecked
  const command = makeCommand(terminal).action(async (options: Options) => {
    code = await interruptible((signal) => checkAll(options, terminal, signal))
  })
  try {
    await command.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : unchecked // Commander has printed it.
    if (error instanceof DOMException && error.name === 'AbortError') {
      note(terminal, 'interrupted')
      return interruptedCode
    }
    const text = error instanceof SiamRpnError ? error.message : error instanceof Error ? error.stack : String(error)
    note(terminal, `error: ${text}`)
    return unchecked
  }
}

function makeCommand(terminal: Terminal): Command {
  const known = sections.map(({ name }) => name)
  return new Command('golden')
    .description('Checks the library against numbers that MMTracking gave.')
    .option('--dir <directory>', 'directory of golden files', ownGoldens)
    .option('--sections <names>', `sections to check, such as A,B (there are ${known.join(', ')})`, (text) => {
      const names = text.split(',').map((name) => name.trim().toUpperCase())
      const unknown = names.find((name) => !known.includes(name))
      if (unknown !== undefined) throw new InvalidArgumentError(`There is no section '${unknown}'.`)
      return names
    })
    .option('--slow', 'also the cases that take minutes on a software adapter')
    .option('--verbose', 'print every comparison')
    .option('--json <file>', 'write the results as JSON')
    .exitOverride()
    .showHelpAfterError('(--help shows all options)')
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
    })
}

async function checkAll(options: Options, terminal: Terminal, signal: AbortSignal): Promise<number> {
  const watch = new Watch(terminal)
  const set = new GoldenSet(options.dir, { slow: options.slow === true, say: (text) => watch.say(text) })
  const results: SectionResult[] = []
  try {
    const manifest = await readManifest(set)
    await expectAnySection(set)
    for (const section of sections) {
      if (options.sections?.includes(section.name) === false) continue
      const asked = options.sections !== undefined
      const result = await orInterrupted(checkSection({ set, manifest, section, asked }, watch), signal)
      results.push(result)
      print(terminal, sectionLine(result))
      for (const line of options.verbose ? verboseLines(result) : failureLines(result)) print(terminal, line)
      for (const file of await changedFiles(set, manifest, section.name)) {
        note(terminal, `note: ${file} is not the file that the set's manifest lists`)
      }
    }
    const fine = results.every(({ status }) => accepted(options).has(status))
    if (options.json !== undefined) await writeWhole(options.json, await asJson({ set, manifest, results, fine }))
    return fine ? 0 : over
  } finally {
    watch.stop()
    await set.close()
  }
}

/** What may stand in a section's line without an exit code of 1: a section that was asked for must have been checked. */
function accepted({ sections: asked }: Options): ReadonlySet<Status> {
  return new Set<Status>(asked ? ['PASS', 'LEFT FOR --slow'] : ['PASS', 'LEFT FOR --slow', 'NOT IN THIS SET'])
}

interface Task {
  readonly set: GoldenSet
  readonly manifest: Manifest
  readonly section: Section
  /** Named on the command line. */
  readonly asked: boolean
}

async function checkSection({ set, manifest, section, asked }: Task, watch: Watch): Promise<SectionResult> {
  const { name, title, check } = section
  const file = `${name}.json`
  if (!(await set.has(file))) {
    if (asked || manifest.files.has(file)) throw new GoldenDataError(`${set.directory} has no ${file}`)
    return emptyResult(name, title, 'NOT IN THIS SET')
  }
  const start = performance.now()
  watch.start(`section ${name}`)
  const report = new SectionReport(name, (cases, id) => watch.show(cases, id))
  try {
    await check(set, report)
  } finally {
    watch.stop()
  }
  return resultOf(report, { title, seconds: (performance.now() - start) / 1000 })
}

async function expectAnySection(set: GoldenSet): Promise<void> {
  for (const { name } of sections) if (await set.has(`${name}.json`)) return
  throw new GoldenDataError(
    `${set.directory} has none of the files ${sections.map(({ name }) => `${name}.json`).join(', ')}`,
  )
}

/** The display of what is being done. */
class Watch {
  readonly #terminal: Terminal
  #progress: Progress = silent
  #cases = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  start(title: string): void {
    this.#cases = 0
    this.#progress = startProgress(this.#terminal, title)
  }

  show(cases: number, detail: string): void {
    this.#cases = cases
    this.#progress.update(cases, detail)
  }

  say(text: string): void {
    this.#progress.update(this.#cases, text)
  }

  stop(): void {
    this.#progress.stop()
    this.#progress = silent
  }
}

interface Outcome {
  readonly set: GoldenSet
  readonly manifest: Manifest
  readonly results: readonly SectionResult[]
  readonly fine: boolean
}

async function asJson({ set, manifest, results, fine }: Outcome): Promise<string> {
  const device = await set.openedDevice
  const facts = {
    directory: set.directory,
    set: manifest.set,
    adapter: device && describeAdapter(device.adapter),
    slow: set.slow,
    passed: fine,
  }
  return `${JSON.stringify({ ...facts, sections: results }, null, 2)}\n`
}
