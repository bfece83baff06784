// The recipe of docs/web.md, built by Vite beside a video as a reader would build it.

import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { productionEnvironment } from './site.ts'

const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url))

const recipe = join(repositoryRoot, 'examples/video.html')

/** @returns the folder of the built page */
export async function buildRecipe(folder: string, video: string): Promise<string> {
  const root = join(folder, 'recipe')
  await mkdir(root)
  await copyFile(recipe, join(root, 'index.html'))
  await copyFile(video, join(root, 'clip.webm'))
  // The library from its sources; a reader has the package.
  const aliases = JSON.stringify(join(repositoryRoot, 'scripts/source-aliases.ts'))
  await writeFile(
    join(root, 'vite.config.ts'),
    `import { sourceAliases } from ${aliases}
export default { base: './', logLevel: 'error', resolve: { alias: sourceAliases } }`,
  )
  const options = { cwd: root, encoding: 'utf8', env: productionEnvironment } as const
  const vite = spawnSync(join(repositoryRoot, 'node_modules/.bin/vite'), ['build'], options)
  if (vite.status !== 0) throw new Error(`The recipe does not build:\n${vite.stderr}`)
  return join(root, 'dist')
}
