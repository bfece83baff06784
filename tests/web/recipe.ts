// The recipe of docs/web.md, built by Vite beside a video as a reader would build it.

import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { sourceAliases } from '../../scripts/source-aliases.ts'

export const recipe = fileURLToPath(new URL('../../examples/video.html', import.meta.url))

/** @returns the folder of the built page */
export async function buildRecipe(folder: string, video: string): Promise<string> {
  const root = join(folder, 'recipe')
  await mkdir(root)
  await copyFile(recipe, join(root, 'index.html'))
  await copyFile(video, join(root, 'clip.webm'))
  await build({ root, base: './', logLevel: 'error', configFile: false, resolve: { alias: sourceAliases }, build: { target: 'es2023' } })
  return join(root, 'dist')
}
