// Hours of tracking, in minutes: 50 trackers at once, 20,000 updates of the smallest model or as many as fit in three minutes.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Held } from './held.ts'
import type { Soak } from './soak.ts'

/** Of resident memory, from the first fifth of the samples to the last one: what a process may settle by. */
const mostGrowth = 50e6

test.runIf(process.platform === 'linux')(
  '50 trackers leave memory, threads and descriptors as they are, however long they track',
  async () => {
    const script = fileURLToPath(new URL('./soak.ts', import.meta.url))
    const command = ['--expose-gc', '--import', 'tsx', script, '20000', '180']
    const { stdout } = await promisify(execFile)(process.execPath, command)
    const { updates, samples, deviceBytes }: Soak = JSON.parse(stdout)
    const fifth = Math.floor(samples.length / 5)
    const most = (key: keyof Held, part: readonly Held[]) => Math.max(...part.map((at) => at[key]))
    const growth = (key: keyof Held) => most(key, samples.slice(-fifth)) - most(key, samples.slice(0, fifth))
    console.log(`${updates} updates, resident memory grew by ${(growth('rss') / 1e6).toFixed(1)} MB`)
    expect(fifth, `${updates} updates are too few to judge`).toBeGreaterThanOrEqual(1)
    expect(growth('threads')).toBeLessThan(6)
    expect(growth('descriptors')).toBeLessThan(4)
    expect(growth('rss')).toBeLessThan(mostGrowth)
    expect(deviceBytes.last).toBe(deviceBytes.first)
    expect(deviceBytes.closed).toBe(deviceBytes.before)
  },
)
