// What 200 trackers, loaded and closed, leave behind in the process.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Held } from './held.ts'

/**
 * From the first 20 trackers to the last 20. Measured with one arena of glibc's malloc, because free memory stays spread over one
 * for each thread otherwise: resident memory then rises to some 640 MB within 45 trackers and stays there, as that of bare Dawn
 * does which makes the same buffers and compiles the same pipelines.
 */
const mostGrowth = 50e6
/** With the pages of libraries, of which the system takes away and brings back some 70 MB when memory is short. */
const mostGrowthWithFiles = 100e6

test.runIf(process.platform === 'linux')(
  '200 trackers, loaded and closed, leave no thread and no descriptor behind, and bounded memory',
  async () => {
    const script = fileURLToPath(new URL('./device-cycles.ts', import.meta.url))
    const command = ['--expose-gc', '--import', 'tsx', script, 'tracker', '200']
    const { stdout } = await promisify(execFile)(process.execPath, command, {
      env: { ...process.env, MALLOC_ARENA_MAX: '1' },
    })
    const held: Held[] = JSON.parse(stdout)
    const most = (key: keyof Held, from: number, to: number) => Math.max(...held.slice(from, to).map((at) => at[key]))
    expect(held).toHaveLength(200)
    expect(most('threads', 180, 200)).toBeLessThan(most('threads', 0, 20) + 6)
    expect(most('descriptors', 180, 200)).toBeLessThan(most('descriptors', 0, 20) + 4)
    const own = held.map(({ anonymous, shared }) => anonymous + shared)
    const growth = Math.max(...own.slice(180)) - Math.max(...own.slice(0, 20))
    console.log(`memory of its own grew by ${(growth / 1e6).toFixed(1)} MB over 180 trackers`)
    expect(growth).toBeLessThan(mostGrowth)
    expect(most('rss', 180, 200) - most('rss', 0, 20)).toBeLessThan(mostGrowthWithFiles)
  },
)
