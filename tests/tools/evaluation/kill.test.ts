// An evaluation that is killed at any moment, while it writes a result too, loses at most the videos under way, and what goes on
// from there ends with the results of one that was never killed.

import { readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { Random } from '../../../src/siamrpn/random.ts'
import { readStoredResults } from '../../../tools/evaluation/result-store.ts'
import { runAndKill } from '../run-and-kill.ts'
import { temporaryFolder } from '../training/helpers.ts'
import { killedBenchmark } from './killed-benchmark.ts'

const kills = 6

test('ends with the same results after six kills', async () => {
  const folder = await temporaryFolder()
  const script = join(folder, 'child.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('./kill-child.ts', import.meta.url))],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    external: ['sharp'],
  })
  await symlink(fileURLToPath(new URL('../../../node_modules', import.meta.url)), join(folder, 'node_modules'))
  const whole = join(folder, 'whole')
  const killed = join(folder, 'killed')
  expect(await runAndKill(script, whole)).toEqual({ from: 0, ended: true })
  const random = new Random('kills of an evaluation')
  let before = 0
  for (let kill = 0; kill < kills; kill++) {
    const { from } = await runAndKill(script, killed, random.uniform(0, 100))
    expect(from, `after kill ${kill}`).toBeGreaterThanOrEqual(before)
    before = await countResults(killed)
  }
  expect(await runAndKill(script, killed)).toEqual({ from: before, ended: true })
  expect(await regionsIn(killed)).toEqual(await regionsIn(whole))
})

async function regionsIn(folder: string) {
  const { sequences } = killedBenchmark()
  const results = await readStoredResults(folder, sequences)
  expect(results.size).toBe(sequences.length)
  return [...results.values()].map(({ name, regions, scores }) => ({ name, regions, scores }))
}

/** Files that a kill left half written have other names. */
async function countResults(folder: string): Promise<number> {
  const names = await readdir(join(folder, 'sequences'))
  return names.filter((name) => /^video-\d+\.json$/.test(name)).length
}
