// No command ends in silence: not for a promise that never settles, not for a reader that has gone.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { settled, Underway } from '../../../tools/cli/guard.ts'
import { temporaryFolder } from '../frames/helpers.ts'

const tsx = join(import.meta.dirname, '../../../node_modules/.bin/tsx')
const main = join(import.meta.dirname, '../../../tools/cli/main.ts')

test('a promise that cannot settle becomes an error that names what is under way', async () => {
  const { stdout } = await promisify(execFile)(tsx, [join(import.meta.dirname, 'stalled-child.ts')])
  expect(stdout).toBe(
    'closed\nthe command waits for something that cannot come any more; under way: epoch 3, siamrpn train\n',
  )
})

test('what settles comes through, and nothing stays behind', async () => {
  const before = process.listenerCount('beforeExit')
  expect(await settled(Promise.resolve(7), new Underway())).toBe(7)
  await expect(settled(Promise.reject(new Error('no')), new Underway())).rejects.toThrow('no')
  expect(process.listenerCount('beforeExit')).toBe(before)
})

test('a command goes on when nobody reads its output', async () => {
  const out = join(await temporaryFolder(), 'data')
  const args = ['dataset', 'synthetic', '--out', out, '--layout', 'got10k', '--clips', '2', '--frames', '3']
  const child = spawn(tsx, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  child.stderr.destroy()
  expect(await once(child, 'exit')).toEqual([0, null])
}, 60_000)
