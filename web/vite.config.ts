// The page as static files that work from any folder of any host: relative addresses, a worker of its own, and a service worker
// that keeps every built file for visits without a network.

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { defineConfig, type Plugin } from 'vite'

/** Writes service-worker.js with the list of all built files, so that the first visit fetches everything. */
function offline(): Plugin {
  return {
    name: 'offline',
    apply: 'build',
    async generateBundle(_, bundle) {
      const template = await readFile(new URL('./src/service-worker.js', import.meta.url), 'utf8')
      const files = ['./', './sample.zip', './icon.svg', ...Object.keys(bundle).map((name) => `./${name}`)]
      const version = createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 12)
      const source = template.replace('__FILES__', JSON.stringify(files)).replace('__VERSION__', version)
      this.emitFile({ type: 'asset', fileName: 'service-worker.js', source })
    },
  }
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  plugins: [offline()],
  worker: { format: 'es' },
  resolve: { alias: { siamrpn: fileURLToPath(new URL('../src/index.ts', import.meta.url)) } },
  build: { target: 'es2023', assetsInlineLimit: 0, chunkSizeWarningLimit: 1000 },
})
