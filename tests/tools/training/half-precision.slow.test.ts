// A short training of a shipped model on generated clips, in half precision and in single.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCommand } from '../../../tools/cli/run.ts'
import { fakeLoad, fakeTerminal, fakeTrackers } from '../cli/fakes.ts'
import { temporaryFolder } from './helpers.ts'

const iterations = 40
const interval = 10

/** Records of the log, one for each interval. */
async function train(scale: string): Promise<Record<string, number>[]> {
  const folder = await temporaryFolder()
  const sets = [`fp16=${scale}`, 'data.samples_per_gpu=4', 'optimizer.lr=0.0005', `log_config.interval=${interval}`]
  const args = [
    ...['train', '--config', 'tiny', '--data', 'synthetic', '--work-dir', folder, '--no-evaluate'],
    ...['--max-iters', String(iterations), ...sets.flatMap((set) => ['--set', set])],
  ]
  const terminal = fakeTerminal()
  const code = await runCommand(args, { terminal, load: fakeLoad().load, loadTrackers: fakeTrackers().loadTrackers })
  expect([code, code === 0 ? '' : terminal.stderr.text]).toEqual([0, ''])
  const log = (await readdir(folder)).find((name) => name.endsWith('.log.json'))!
  const lines = (await readFile(join(folder, log), 'utf8')).trim().split('\n')
  return lines.map((line) => JSON.parse(line)).filter(({ mode }) => mode === 'train')
}

test('the loss falls in half precision as in single, in less memory', async () => {
  const [half, single] = [await train('{"loss_scale": 512}'), await train('null')]
  expect(half).toHaveLength(iterations / interval)
  for (const [i, { loss = Number.NaN, memory = Number.NaN }] of half.entries()) {
    const expected = single[i]!
    expect(Math.abs(loss / expected.loss! - 1)).toBeLessThan(0.1)
    expect(memory).toBeLessThan(0.8 * expected.memory!)
  }
  for (const records of [half, single]) expect(records.at(-1)!.loss! / records[0]!.loss!).toBeLessThan(0.95)
  expect(half.at(-1)).toMatchObject({ loss_scale: 512, skipped_updates: 0 })
})
