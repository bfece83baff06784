// Opens the device of the command line. When Dawn first looks for adapters, it writes two lines about limits of
// software drivers (`maxDynamic...BuffersPerPipelineLayout artificially reduced`) to file descriptor 2, with no way to
// switch them off; they mean nothing to the user of a command, so on a terminal the descriptor leads nowhere for as
// long as that takes.

import { closeSync, openSync } from 'node:fs'
import { isatty } from 'node:tty'
import { type Device, findGpu, openDevice } from 'siamrpn/gpu'

const STDERR = 2

/** @throws as `openDevice` of the library */
export async function openTerminalDevice(): Promise<Device> {
  const { gpu } = await findGpu({})
  await withoutStderr(() => gpu.requestAdapter()) // Dawn remembers the adapters; what is wrong is told by the next line
  return await openDevice()
}

/** Runs `work` with standard error, if that is a terminal, leading nowhere until `work` returns. */
function withoutStderr<T>(work: () => T): T {
  const terminal = isatty(STDERR) && process.platform !== 'win32' ? reopen() : undefined
  if (terminal === undefined) return work()
  closeSync(STDERR)
  const nowhere = openSync('/dev/null', 'w') // takes the lowest number that is free, which is 2
  try {
    return work()
  } finally {
    closeSync(nowhere)
    openSync(`/dev/fd/${terminal}`, 'r+')
    closeSync(terminal)
  }
}

/** Another descriptor of the terminal behind standard error, if this user may open it. */
function reopen(): number | undefined {
  try {
    return openSync(`/dev/fd/${STDERR}`, 'r+')
  } catch {
    return undefined
  }
}
