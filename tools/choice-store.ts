// Stores which kernels were found to be the fastest: a file per adapter in the user's cache folder.

import { createHash } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Config } from 'siamrpn'
import type { AdapterFacts } from 'siamrpn/gpu'
import type { ChoiceStore } from 'siamrpn/kernels'
import { makeFolder } from './frames/atomic.ts'

/** `$XDG_CACHE_HOME/siamrpn`, or what stands for it on the system. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = environment
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, 'siamrpn')
  if (platform === 'win32') return join(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'siamrpn')
  return join(homedir(), platform === 'darwin' ? 'Library/Caches' : '.cache', 'siamrpn')
}

/**
 * Whether `cudnn_benchmark` of a configuration acts: on GPUs. For software adapters the default kernels have been measured, and
 * compiling all the others would take minutes.
 */
export function wantsBenchmark(
  config: Pick<Config, 'cudnn_benchmark'> | undefined,
  { kind }: Pick<AdapterFacts, 'kind'>,
): boolean {
  return kind === 'gpu' && config?.cudnn_benchmark === true
}

/** Files `kernels-HASH.json` in the folder, which is made when it is needed. A folder that cannot be written costs nothing. */
export function fileChoiceStore(folder = cacheFolder()): ChoiceStore {
  const pathOf = (key: string) => {
    return join(folder, `kernels-${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`)
  }
  return {
    async read(key) {
      return await readFile(pathOf(key), 'utf8').catch(() => undefined)
    },
    async write(key, text) {
      const path = pathOf(key)
      const temporary = `${path}.${process.pid}.tmp`
      try {
        await makeFolder(folder)
        await writeFile(temporary, text)
        await rename(temporary, path)
      } catch {
        // The choices hold for this run; the next one measures again.
      }
    },
  }
}
