// Training that is killed at any moment, while it writes a checkpoint too, loses at most the interval, and what goes on from
// there ends with the same bits as a run that was never killed. (kill.slow.test.ts: the real trainer.)

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { Random } from '../../../src/siamrpn/random.ts'
import { readTrainingCheckpoint } from '../../../tools/training/training-checkpoint.ts'
import { WorkDir } from '../../../tools/training/work-dir.ts'
import { runAndKill } from '../run-and-kill.ts'
import { temporaryFolder } from './helpers.ts'

const kills = 20
const interval = 4

test('ends with the same bits after twenty kills', async () => {
  const folder = await temporaryFolder()
  const script = join(folder, 'child.mjs')
  const entry = fileURLToPath(new URL('./kill-child.ts', import.meta.url))
  await build({
    entryPoints: [entry],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
  const whole = join(folder, 'whole')
  const killed = join(folder, 'killed')
  expect((await runAndKill(script, whole)).ended).toBe(true)
  const random = new Random('kills')
  let reached = 0
  for (let kill = 0; kill < kills; kill++) {
    const { from } = await runAndKill(script, killed, random.uniform(0, 25))
    expect(from, `after kill ${kill}`).toBeGreaterThanOrEqual(reached)
    const last = await lastCheckpoint(killed)
    if (!last) continue
    const { epoch, iteration, iterationsPerEpoch } = last.facts
    reached = epoch * iterationsPerEpoch + iteration
    expect(reached % interval === 0 || iteration === 0).toBe(true)
  }
  expect((await runAndKill(script, killed)).ended).toBe(true)
  const name = 'epoch_4.safetensors'
  expect(await readFile(join(killed, name))).toEqual(await readFile(join(whole, name)))
})

async function lastCheckpoint(folder: string) {
  const workDir = await WorkDir.open(folder)
  const path = await workDir.lastCheckpoint()
  await workDir.close()
  return path === undefined ? undefined : await readTrainingCheckpoint(path)
}
