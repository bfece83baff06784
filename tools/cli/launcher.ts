// `--launcher mpi`: a command as one of several ranks that mpirun has started. Rank 0 has the terminal; an error of any rank is
// printed first and ends all of them.

import { writeSync } from 'node:fs'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { SiamRpnError } from 'siamrpn'
import type { Collective } from '../distributed/collective.ts'
import { DistributedError, PeerError } from '../distributed/errors.ts'
import { MpiCollective } from '../distributed/mpi-collective.ts'
import { isAlone, launchedBy, MpiLibrary } from '../distributed/mpi-library.ts'
import { receiveJson, shareJson } from '../distributed/share.ts'
import { UsageError } from '../errors.ts'
import { interruptedCode, isAbort } from './interrupt.ts'
import { wholeNumber } from './options.ts'
import type { Terminal } from './terminal.ts'

export interface LauncherOptions {
  readonly launcher: 'none' | 'mpi'
  readonly mpiLibrary?: string
  readonly timeout: number
  readonly deviceIndex?: number
}

/** Seconds that a rank may keep the others waiting. */
const defaultTimeout = 600

/** Milliseconds that a rank other than 0 leaves to rank 0 for telling the same error, or the one that made both end. */
const precedence = 1000
const peerPrecedence = 10_000

/** The options of a command that can run on several ranks. */
export function withLauncherOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--launcher <name>', 'mpi: one of several processes that mpirun has started (docs/distributed.md)')
        .choices(['none', 'mpi'])
        .default('none'),
    )
    .option(
      '--device-index <number>',
      "adapter to use, from 0; default with mpi: the one with the rank's number",
      wholeNumber(0),
    )
    .option(
      '--timeout <seconds>',
      'with mpi: how long a rank may keep the others waiting',
      wholeNumber(1),
      defaultTimeout,
    )
    .option('--mpi-library <file>', "MPI's library, where the system does not find it")
}

/** What a command gets to work with. */
export interface Launched {
  /** Absent with `--launcher none`. */
  readonly collective: MpiCollective | undefined
  /** Says nothing on ranks other than 0. */
  readonly terminal: Terminal
}

/**
 * Runs a command as the launcher wants it. With MPI it does not return from an error: all ranks end.
 * @throws UsageError if mpirun and the options do not go together; MpiError without a library
 */
export async function launched<T>(
  terminal: Terminal,
  options: LauncherOptions,
  work: (launched: Launched) => Promise<T>,
): Promise<T> {
  const family = launchedBy(process.env)
  if (options.launcher === 'none') {
    refuseRanks()
    return await work({ collective: undefined, terminal })
  }
  if (family === undefined) {
    throw new UsageError('--launcher mpi: no mpirun has started this process; expected mpirun -n 2 npx siamrpn ...')
  }
  const mpi = MpiLibrary.open(family, options.mpiLibrary)
  const collective = await MpiCollective.open(mpi, { patience: 1000 * options.timeout })
  try {
    if (collective.ranks === 1) {
      throw new UsageError('--launcher mpi: mpirun has started 1 rank, expected 2 or more (mpirun -n 2), or no mpirun')
    }
    const value = await work({ collective, terminal: collective.rank === 0 ? terminal : silenced(terminal) })
    await collective.close()
    return value
  } catch (error) {
    if (collective.rank > 0) await sleep(error instanceof PeerError ? peerPrecedence : precedence)
    writeSync(process.stderr.fd, `${described(error, collective)}\n`)
    await sleep(relayTime)
    collective.abort(isAbort(error) ? interruptedCode : error instanceof SiamRpnError ? 1 : 2)
    throw error // MPI has not ended the process yet.
  }
}

/**
 * Refuses to be one of several ranks that do not know of each other.
 * @throws UsageError under mpirun
 */
function refuseRanks(): void {
  const family = launchedBy(process.env)
  if (family === undefined || isAlone(process.env)) return
  throw new UsageError(
    `${family}'s mpirun has started this process, but --launcher is none: every rank would do the same work in the same place; ` +
      'expected --launcher mpi, or no mpirun',
  )
}

/** Milliseconds in which mpirun passes on what a rank has written: what it says itself of an abort must not come first. */
const relayTime = 300

/** Between two messages that rank 0 is still at work, in milliseconds. */
const sayEvery = 1000

/** What rank 0 alone does while the others wait. @returns rank 0's value, on all ranks */
export async function byRank0<T>(collective: Collective | undefined, work: () => Promise<T>): Promise<T> {
  if (!collective) return await work()
  const what = 'what rank 0 does'
  if (collective.rank > 0) return await receiveJson<T>(collective, what)
  const saying = setInterval(() => collective.busy(), sayEvery)
  try {
    return await shareJson(collective, what, await work())
  } finally {
    clearInterval(saying)
  }
}

function described(error: unknown, collective: MpiCollective): string {
  const { rank } = collective
  const where = rank === 0 || error instanceof DistributedError ? '' : `${collective.name(rank)}: `
  if (isAbort(error)) return `${where}interrupted; nothing was written`
  if (error instanceof SiamRpnError) return `error: ${where}${error.message}`
  return `unexpected error, please report it: ${where}\n${error instanceof Error ? (error.stack ?? error.message) : error}`
}

function silenced({ underway }: Terminal): Terminal {
  const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() })
  return { stdout: nowhere(), stderr: nowhere(), ...(underway && { underway }) }
}
