// Work in a process of its own: a fresh start to measure, or a library that may hang, crash or leave a thread spinning. The
// child answers over Node's message channel; what it prints is kept for the error message, and a time limit ends it.

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The child failed, or took too long. */
export class ChildError extends Error {
  override readonly name = 'ChildError'
}

export interface ChildOptions<M> {
  /** Handed to the child as its only argument, in JSON. */
  readonly request?: unknown
  readonly env?: Readonly<Record<string, string>>
  readonly nodeFlags?: readonly string[]
  readonly limitMs: number
  readonly onMessage?: (message: M) => void
}

const shownLines = 6

/**
 * Runs a script of ours until it exits. @returns its messages, in order
 * @throws ChildError with the end of what it printed, if it fails or exceeds the limit
 */
export async function runChild<M>(script: URL, options: ChildOptions<M>): Promise<M[]> {
  const child = fork(fileURLToPath(script), [JSON.stringify(options.request ?? null)], {
    execArgv: [...(options.nodeFlags ?? []), '--import', 'tsx'],
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
  })
  const messages: M[] = []
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => lines.push(...text.split('\n').filter(Boolean)))
  }
  child.on('message', (message) => {
    messages.push(message as M)
    options.onMessage?.(message as M)
  })
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, options.limitMs)
  const code = await new Promise<number | string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => resolve(status ?? signal ?? 'unknown'))
  })
  clearTimeout(timer)
  if (late) throw new ChildError(`stopped after ${options.limitMs / 1000} s`)
  if (code === 0) return messages
  throw new ChildError([`ended with ${code}`, ...lines.slice(-shownLines)].join('\n'))
}

/** In a child: what it was asked. */
export function childRequest<T>(): T {
  return JSON.parse(process.argv[2] ?? 'null')
}

/** In a child: sends a message, and waits until it has left. */
export function tell(message: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!process.send) reject(new ChildError('this script is started by the benchmark, not by hand'))
    else process.send(message, (error: Error | null) => (error ? reject(error) : resolve()))
  })
}
