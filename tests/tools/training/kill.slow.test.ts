// The same as kill.test.ts with the real thing: `siamrpn train` on a small network, killed at random moments of its life.

import { spawn } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Random } from '../../../src/siamrpn/random.ts'
import { readTrainingCheckpoint } from '../../../tools/training/training-checkpoint.ts'
import { temporaryFolder } from './helpers.ts'

const kills = 20
const main = fileURLToPath(new URL('../../../tools/cli/main.ts', import.meta.url))

/** Two epochs of six iterations, the backbone's layers released in the second one. */
const settings = [
  ...['data.samples_per_gpu=2', 'data.workers_per_gpu=1', 'data.train.clips=12'],
  ...['data.train.frames_per_clip=8', 'data.train.width=96', 'data.train.height=96'],
  ...[
    'optimizer_config.backbone_start_train_epoch=1',
    'checkpoint_config.interval=2',
    'checkpoint_config.by_epoch=false',
  ],
].flatMap((setting) => ['--set', setting])

test('ends with the same bits after twenty kills', async () => {
  const folder = await temporaryFolder()
  const whole = join(folder, 'whole')
  const killed = join(folder, 'killed')
  const { seconds } = await train(whole)
  const random = new Random('slow kills')
  for (let kill = 0; kill < kills; kill++) await train(killed, random.uniform(0.2, 0.8) * seconds)
  await train(killed)
  const { config: _, ...expected } = await readTrainingCheckpoint(join(whole, 'epoch_2.safetensors'))
  expect(await readTrainingCheckpoint(join(killed, 'epoch_2.safetensors'))).toMatchObject(expected)
  expect(await readdir(killed)).not.toContain('training.lock')
})

/** Trains to the end, or for so many seconds. @throws what the program printed, if it failed */
async function train(folder: string, killAfter?: number): Promise<{ seconds: number }> {
  const begin = performance.now()
  const options = ['--config', 'micro', '--data', 'synthetic', '--max-epochs', '2', '--resume', '--no-evaluate']
  const args = ['--import', 'tsx', main, 'train', ...options, '--work-dir', folder, ...settings]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), 1000 * killAfter)
  const code = await new Promise((resolve) => child.on('close', resolve))
  clearTimeout(timer)
  if (code !== 0 && (killAfter === undefined || code !== null)) throw new Error(text)
  return { seconds: (performance.now() - begin) / 1000 }
}
