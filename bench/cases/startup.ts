// From `SiamRPN.load()` to the first frame's box, in a new process: once with an empty shader cache, once with the cache that
// the first run has filled. Drivers keep compiled shaders on disk; a user meets the slow case once, the other every day.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkpointFile } from '../cache.ts'
import type { BenchCase, Running } from '../case.ts'
import { runChild } from '../child.ts'
import type { FirstFrameTimes } from '../children/first-frame.ts'

const LIMIT_MS = 300_000

export function startupCases(): BenchCase[] {
  return (['fresh', 'warm'] as const).map((cache) => {
    return { name: `load to first frame r50, ${cache} process`, samples: 1, start: () => startLoading('r50', cache) }
  })
}

async function startLoading(config: string, cache: 'fresh' | 'warm'): Promise<Running> {
  const checkpoint = await checkpointFile(config)
  const shaders = await mkdtemp(join(tmpdir(), 'siamrpn-bench-'))
  // Mesa's and NVIDIA's names for the folder of their shader caches.
  const env = { MESA_SHADER_CACHE_DIR: shaders, __GL_SHADER_DISK_CACHE_PATH: shaders }
  let facts: Record<string, number> = {}
  const script = new URL('../children/first-frame.ts', import.meta.url)
  const load = async () => {
    const [times] = await runChild<FirstFrameTimes>(script, { request: { checkpoint, config }, env, limitMs: LIMIT_MS })
    if (!times) throw new Error('The process ended without an answer')
    return times
  }
  if (cache === 'warm') await load()
  return {
    variant: '',
    async sample() {
      const { load: loadMs, init, update, cpu } = await load()
      facts = { 'ms load()': loadMs, 'ms init()': init, 'ms first update()': update }
      return { ms: loadMs + init + update, cpuMs: cpu }
    },
    facts: () => facts,
    dispose: () => rm(shaders, { recursive: true, force: true }),
  }
}
