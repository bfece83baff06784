// Renders the sample clip that ships with the page, web/public/sample.zip, unless it is there: a generated clip that no training
// has seen, in this project's clip layout. It is written under another name first, so that a half-written one is never served.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zipSync } from 'fflate'

const root = fileURLToPath(new URL('../../', import.meta.url))
const output = fileURLToPath(new URL('../public/sample.zip', import.meta.url))
const program = join(root, 'tools/cli/main.ts')
/** The first of the clips that are kept back from training. */
const options = ['--layout', 'folder', '--clips', '1', '--frames', '80', '--seed', '1000000']

async function renderSample(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-sample-'))
  try {
    const command = ['--import', 'tsx', program, 'dataset', 'synthetic', ...options, '--out', folder]
    const { status } = spawnSync(process.execPath, command, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
    if (status !== 0) throw new Error(`The sample clip could not be rendered (exit code ${status})`)
    await writeFile(`${output}.tmp`, zipSync(await filesOf(folder), { level: 0 }))
    await rename(`${output}.tmp`, output)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function filesOf(folder: string): Promise<Record<string, Uint8Array>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const pairs = files.map(async (file) => [relative(folder, file), new Uint8Array(await readFile(file))] as const)
  return Object.fromEntries(await Promise.all(pairs))
}

if (!existsSync(output)) await renderSample()
