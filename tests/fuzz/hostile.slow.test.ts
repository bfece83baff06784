// Hostile files of 100 MB for every reader, by the measures of SECURITY.md.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test.runIf(process.platform === 'linux')('no hostile file of 100 MB takes more than 2 s of CPU time and 512 MB', () => {
  const script = fileURLToPath(new URL('./hostile.ts', import.meta.url))
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '--import', 'tsx', script], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  const over = stdout.split('\n').filter((line) => line.startsWith('!'))
  expect(over, stderr).toEqual([])
  expect(stdout).toContain('nothing exceeds 2 s and 512 MB')
  expect(status).toBe(0)
})
