// What a closed device leaves behind in the process: no thread, no file descriptor.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Held } from './held.ts'

test.runIf(process.platform === 'linux')('24 devices, opened and closed, leave nothing behind', async () => {
  const script = fileURLToPath(new URL('./device-cycles.ts', import.meta.url))
  const command = ['--expose-gc', '--import', 'tsx', script, 'device', '24']
  const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: 60_000 })
  const held: Held[] = JSON.parse(stdout)
  const most = (key: keyof Held, from: number, to: number) => Math.max(...held.slice(from, to).map((at) => at[key]))
  expect(held).toHaveLength(24)
  expect(most('threads', 20, 24)).toBeLessThan(most('threads', 0, 4) + 6)
  expect(most('descriptors', 20, 24)).toBeLessThan(most('descriptors', 0, 4) + 4)
})
