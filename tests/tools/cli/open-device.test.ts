// What a command writes to a terminal while it opens its device: its own lines, and nothing of Dawn's.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const script = fileURLToPath(new URL('./open-device-script.ts', import.meta.url))
const node = [process.execPath, '--import', 'tsx', script]

/** `script` of util-linux gives a command a terminal of its own. */
test.runIf(existsSync('/usr/bin/script'))('on a terminal Dawn says nothing', async () => {
  const { stdout } = await run('script', ['-qec', node.join(' '), '/dev/null'], { timeout: 60_000 })
  expect(stdout.replaceAll('\r', '').trim().split('\n')).toEqual(['before', 'after', 'done'])
})

test('elsewhere standard error is left alone', async () => {
  const [command = '', ...args] = node
  const { stdout, stderr } = await run(command, args, { timeout: 60_000 })
  expect(stdout.trim()).toBe('done')
  const lines = stderr.trim().split('\n')
  expect([lines[0], lines.at(-1)]).toEqual(['before', 'after'])
})
