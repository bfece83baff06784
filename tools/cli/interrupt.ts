// Ctrl-C as a request: the first one (or SIGTERM, or SIGHUP when the terminal is closed) raises a signal that the command heeds
// between frames, so that files are finished; the second one ends the process at once. Launchers such as tsx pass on a signal
// that the terminal has sent to us already, so that one which follows closely is the same one.

/** The exit code of an interrupted command, by the shells' convention 128 + SIGINT. */
export const interruptedCode = 130

const sameSignalMs = 1000

/** Runs `work` with a signal that SIGINT, SIGTERM, SIGHUP and SIGUSR2, which mpirun passes on to its ranks, raise. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const
  let first: number | undefined
  const interrupt = () => {
    first ??= performance.now()
    if (performance.now() - first > sameSignalMs) process.exit(interruptedCode)
    controller.abort()
  }
  const release = () => {
    for (const name of names) process.off(name, interrupt)
  }
  for (const name of names) process.on(name, interrupt)
  try {
    return await work(controller.signal)
  } finally {
    release()
  }
}

/** Settles like `work`, or rejects with the signal's reason as soon as it is raised. */
export async function orInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let leave: (() => void) | undefined
  const raised = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
  })
  try {
    return await Promise.race([work, raised])
  } finally {
    if (leave) signal.removeEventListener('abort', leave)
  }
}

/** Whether an error is the reason of a raised signal. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
