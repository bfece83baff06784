// Opens the device of the command line. When Dawn first looks for adapters, it writes two lines about limits of
// software drivers (`maxDynamic...BuffersPerPipelineLayout artificially reduced`) to file descriptor 2, with no way to
// switch them off; they mean nothing to the user of a command, so on a terminal the descriptor leads nowhere for as
// long as that takes.

import { closeSync, openSync } from 'node:fs'
import { isatty } from 'node:tty'
import { type Device, type DeviceOptions, findGpu, openDevice } from 'siamrpn/gpu'
import { adapterNames, chooseAdapter } from '../distributed/adapters.ts'
import type { MpiCollective } from '../distributed/mpi-collective.ts'

const stderr = 2

/** @throws as `openDevice` of the library */
export async function openTerminalDevice(options: DeviceOptions = {}): Promise<Device> {
  const { gpu } = await findGpu(options)
  await withoutStderr(() => gpu.requestAdapter()) // Dawn remembers the adapters; what is wrong is told by the next line
  return await openDevice(options)
}

/**
 * The device of a rank, or of a process alone.
 * @param index which adapter of the machine, from 0; absent: with the ranks' number among those of the machine, alone the best one
 * @throws DistributedError for an adapter that does not exist; as `openDevice` of the library
 */
export async function openRankDevice(
  collective: MpiCollective | undefined,
  index: number | undefined,
): Promise<Device> {
  if (!collective && index === undefined) return await openTerminalDevice()
  const neighbors = collective?.neighbors ?? [0]
  const localRank = neighbors.indexOf(collective?.rank ?? 0)
  const name = chooseAdapter(await adapterNames(), { localRank, localRanks: neighbors.length, index })
  return await openTerminalDevice(name === undefined ? {} : { toggles: [`adapter=${name}`] })
}

/** Runs `work` with standard error, if that is a terminal, leading nowhere until `work` returns. */
function withoutStderr<T>(work: () => T): T {
  const terminal = isatty(stderr) && process.platform !== 'win32' ? reopen() : undefined
  if (terminal === undefined) return work()
  closeSync(stderr)
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
    return openSync(`/dev/fd/${stderr}`, 'r+')
  } catch {
    return undefined
  }
}
