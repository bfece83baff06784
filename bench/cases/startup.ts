// From `SiamRPN.load()` to the first frame's box, in a new process: once with an empty shader cache, then with the cache that
// the first run has filled. Drivers keep compiled shaders on disk; a user meets the slow case once, the other every day.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkpointFile } from '../cache.ts'
import type { BenchCase, Running } from '../case.ts'
import { runChild } from '../child.ts'
import type { FirstFrameTimes } from '../children/first-frame.ts'

const limitMs = 300_000

export function startupCases(): BenchCase[] {
  const name = 'load to first frame r50, new process, empty shader cache'
  return [{ name, samples: 1, expected: { seconds: 35 }, start: () => startLoading('r50') }]
}

async function startLoading(config: string): Promise<Running> {
  const checkpoint = await checkpointFile(config)
  const shaders = await mkdtemp(join(tmpdir(), 'siamrpn-bench-'))
  // Mesa's and NVIDIA's names for the folder of their shader caches.
  const env = { MESA_SHADER_CACHE_DIR: shaders, __GL_SHADER_DISK_CACHE_PATH: shaders }
  let facts: Record<string, number> = {}
  const script = new URL('../children/first-frame.ts', import.meta.url)
  const load = async () => {
    const [times] = await runChild<FirstFrameTimes>(script, { request: { checkpoint, config }, env, limitMs })
    if (!times) throw new Error('The process ended without an answer')
    return times
  }
  return {
    variant: '',
    async sample() {
      const [empty, filled] = [await load(), await load()]
      const sum = ({ load: loadMs, init, update }: FirstFrameTimes) => loadMs + init + update
      facts = {
        'ms load()': empty.load,
        'ms init()': empty.init,
        'ms first update()': empty.update,
        'ms with the cache filled': sum(filled),
      }
      return { ms: sum(empty), cpuMs: empty.cpu }
    },
    facts: () => facts,
    dispose: () => rm(shaders, { recursive: true, force: true }),
  }
}
