// Ranks under the mpirun of Open MPI and of MPICH, for tests: they all share one software adapter.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

export const launchers = [
  { name: 'Open MPI', path: '/usr/bin/mpirun.openmpi', flags: ['--oversubscribe'] },
  { name: 'MPICH', path: '/usr/bin/mpirun.mpich', flags: [] },
].filter(({ name, path }) => {
  if (!existsSync(path)) console.warn(`Skipped: there is no ${name}; \`node scripts/ensure-mpi.mjs\` installs it.`)
  return existsSync(path)
})

export type Launcher = (typeof launchers)[number]

/** The environment of an mpirun that root may start. */
export const environment = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' }

/** The program `siamrpn`. */
export const main = '../../../tools/cli/main.ts'

const place = (path: string) => fileURLToPath(new URL(path, import.meta.url))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
  /** From the first line printed to the end of the last rank. */
  readonly seconds: number
}

export interface RunOptions {
  /** Arguments that differ; the first rank gets the first list. */
  readonly perRank?: readonly (readonly string[])[]
  /** Told what has been printed so far, and by which mpirun. */
  readonly onOutput?: (out: string, mpirun: ChildProcess) => void
}

/** Runs `node script` on so many ranks. */
export async function run(
  { path, flags }: Launcher,
  ranks: number,
  script: string,
  args: readonly string[],
  { perRank, onOutput }: RunOptions = {},
): Promise<Ended> {
  const rank = (more: readonly string[]) => [process.execPath, '--import', 'tsx', place(script), ...args, ...more]
  const programs = perRank
    ? perRank.flatMap((more, i) => [...(i > 0 ? [':'] : []), '-n', '1', ...rank(more)])
    : ['-n', String(ranks), ...rank([])]
  let start = Number.NaN
  const child = spawn(path, [...flags, ...programs], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    if (out === '') start = performance.now()
    out += chunk.toString()
    onOutput?.(out, child)
  })
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, out, err, seconds: (performance.now() - start) / 1000 }
}

/** The last line printed, as JSON; the ranks must end with 0. */
export async function outcome(launcher: Launcher, ranks: number, script: string, ...args: string[]) {
  const { code, out, err } = await run(launcher, ranks, script, args)
  expect([code, code === 0 ? '' : err]).toEqual([0, ''])
  return JSON.parse(out.trim().split('\n').at(-1) ?? '')
}
