// Starting `ffmpeg` and `ffprobe`: one place for the PATH, for process groups, for standard error and for version quirks.
// Children get a process group of their own, so that Ctrl-C in a terminal reaches only us and we end them in order.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { FfmpegMissingError } from './errors.ts'

const stderrLimit = 4096

/** What the run is for, in the words of FfmpegMissingError. */
export interface Purpose {
  readonly purpose: string
  readonly alternative: string
}

/** A running child. */
export interface Running {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  /** Resolves when the process has ended: exit code, or null when a signal ended it. Rejects when it cannot start. */
  readonly exited: Promise<number | null>
  /** The tail of what it wrote to standard error so far. */
  stderr(): string
  /** Ends the process at once and waits for it. Safe to call at any time. */
  kill(): Promise<void>
}

/** @throws FfmpegMissingError (through `exited`) when `program` is not on the PATH */
export function start(program: 'ffmpeg' | 'ffprobe', args: readonly string[], why: Purpose): Running {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  let tail = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-stderrLimit)
  })
  child.stdin.on('error', () => undefined) // EPIPE of a child that ended: its exit code tells the story.
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => {
      const missing = 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES')
      reject(missing ? new FfmpegMissingError(program, why.purpose, why.alternative) : error)
    })
    child.once('close', (code) => resolve(code))
  })
  exited.catch(() => undefined)
  return {
    child,
    exited,
    stderr: () => tail.trim(),
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      child.stdout.destroy()
      await exited.catch(() => undefined)
    },
  }
}

/** Runs a program to its end and returns its standard output. */
export async function output(
  program: 'ffmpeg' | 'ffprobe',
  args: readonly string[],
  why: Purpose,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const running = start(program, args, why)
  running.child.stdin.end()
  let stdout = ''
  running.child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  const code = await running.exited
  return { code, stdout, stderr: running.stderr() }
}

/** Whether an `ffmpeg` can be started at all. */
export async function hasFfmpeg(): Promise<boolean> {
  try {
    return (await output('ffmpeg', ['-version'], { purpose: 'look for it', alternative: '' })).code === 0
  } catch {
    return false
  }
}

/** Arguments that make ffmpeg hand on every frame as it is stored; the option's name changed with version 5.1. */
export async function passthroughArguments(why: Purpose): Promise<string[]> {
  const { stdout } = await output('ffmpeg', ['-version'], why)
  return passthroughFor(stdout)
}

/** As {@link passthroughArguments}, from the text of `ffmpeg -version`. Builds without a release number are new. */
export function passthroughFor(versionText: string): string[] {
  const [, major, minor] = /^ffmpeg version n?(\d+)\.(\d+)/.exec(versionText) ?? []
  const old = major !== undefined && Number(major) * 100 + Number(minor) < 501
  return old ? ['-vsync', 'passthrough'] : ['-fps_mode', 'passthrough']
}
