// Renders the sample clips that ship with the page, web/public/*sample.zip, those that are not there: generated clips that no training
// has seen, in this project's clip layout. Each is written under another name first, so that a half-written one is never served.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zipSync } from 'fflate'

const root = fileURLToPath(new URL('../../', import.meta.url))
const program = join(root, 'tools/cli/main.ts')
const options = ['--layout', 'folder', '--clips', '1', '--frames', '80']

/** Seeds of clips that are kept back from training. In the hard one a look-alike draws the model that ships away. */
const seeds = { sample: 1_000_000, 'hard-sample': 1_000_060 } as const

async function renderSample(seed: number, output: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-sample-'))
  try {
    const clip = [...options, '--seed', String(seed), '--out', folder]
    const command = ['--import', 'tsx', program, 'dataset', 'synthetic', ...clip]
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

for (const [name, seed] of Object.entries(seeds)) {
  const output = fileURLToPath(new URL(`../public/${name}.zip`, import.meta.url))
  if (!existsSync(output)) await renderSample(seed, output)
}
