// The page as static files that work from any folder of any host: relative addresses, a worker of its own, and a service worker
// that keeps every built file for visits without a network.

import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'
import { sourceAliases } from '../scripts/source-aliases.ts'

/** Writes service-worker.js with the list of all built files, so that the first visit fetches everything, and a version of theirs. */
function offline(): Plugin {
  return {
    name: 'offline',
    apply: 'build',
    async writeBundle({ dir = '' }) {
      const template = await readFile(new URL('./src/service-worker.js', import.meta.url), 'utf8')
      const hash = createHash('sha256').update(template)
      const files = (await filesBelow(dir)).filter((file) => file !== 'service-worker.js')
      for (const file of files) hash.update(file).update(await readFile(join(dir, file)))
      const kept = ['./', ...files.map((file) => `./${file}`)]
      const source = template
        .replace('__FILES__', JSON.stringify(kept))
        .replace('__VERSION__', hash.digest('hex').slice(0, 12))
      await writeFile(join(dir, 'service-worker.js'), source)
    },
  }
}

/** Paths relative to a folder, with slashes, in order. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return files.map(({ parentPath, name }) => relative(folder, join(parentPath, name)).split(sep).join('/')).sort()
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  plugins: [offline()],
  worker: { format: 'es' },
  resolve: { alias: sourceAliases },
  build: { target: 'es2023', assetsInlineLimit: 0, chunkSizeWarningLimit: 1000 },
})
