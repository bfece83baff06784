// Training on several ranks of this machine: what an exchange of gradients costs by itself, and what it adds to a step. Ranks share
// the adapter and the cores, so a step of two ranks on a software adapter takes about twice as long as one; what counts is the share
// of the exchange, and its milliseconds for the paper computation of docs/performance.md.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { BenchCase, Running } from '../case.ts'
import type { MpiRequest, MpiTimes } from '../children/mpi-rank.ts'

const launcher = ['/usr/bin/mpirun.openmpi', '/usr/bin/mpirun'].find((path) => existsSync(path))
const limitMs = 300_000

/** Bytes of gradients of r50: with a frozen backbone, and with a released one (layers 2 to 4). */
const r50GradientBytes = { frozen: 33_689_984, unfrozen: 214_901_120 }

/** No cases where there is no mpirun. */
export function mpiCases(): BenchCase[] {
  if (launcher === undefined) return []
  const exchange = (name: string, bytes: number): BenchCase => ({
    name: `mpi exchange of gradients, r50 ${name}, 2 ranks`,
    samples: 1,
    expected: { seconds: 8 },
    start: async () => running(async () => await ranksTimes(2, { bytes, repeats: 5 })),
  })
  const step: BenchCase = {
    name: 'mpi step tiny, 2 pairs on each of 2 ranks',
    samples: 1,
    expected: { seconds: 40 },
    start: async () =>
      running(async () => {
        const alone = await ranksTimes(1, { repeats: 5 })
        const together = await ranksTimes(2, { repeats: 5 })
        return { ...together, alone: alone.ms }
      }),
  }
  return [exchange('frozen', r50GradientBytes.frozen), exchange('unfrozen', r50GradientBytes.unfrozen), step]
}

function running(measure: () => Promise<MpiTimes & { readonly alone?: number }>): Running {
  let facts: Record<string, number> = {}
  return {
    variant: '',
    async sample() {
      const { ms, exchangeMs, bytes, alone } = await measure()
      facts = { 'bytes of gradients': bytes, 'ms of the exchange': exchangeMs }
      if (alone !== undefined) {
        facts['ms of a step on one rank'] = alone
        facts['exchange under way, % of the step'] = (100 * exchangeMs) / ms
      }
      return { ms, cpuMs: 0 }
    },
    facts: () => facts,
    dispose: async () => undefined,
  }
}

async function ranksTimes(ranks: number, request: MpiRequest): Promise<MpiTimes> {
  const script = fileURLToPath(new URL('../children/mpi-rank.ts', import.meta.url))
  const node = [process.execPath, '--import', 'tsx', script, JSON.stringify(request)]
  const [program = '', ...args] = ranks > 1 ? [String(launcher), '--oversubscribe', '-n', String(ranks), ...node] : node
  const env = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' }
  const { stdout } = await promisify(execFile)(program, args, { env, timeout: limitMs })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}
