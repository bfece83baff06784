// The compared libraries are no dependencies of siamrpn: they have a manifest and a lock file of their own, and are installed
// when somebody asks for the comparison. Their install scripts are not run.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const directory = fileURLToPath(new URL('.', import.meta.url))
const command = ['ci', '--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund']

/** The libraries cannot be installed. */
export class InstallError extends Error {
  override readonly name = 'InstallError'
}

interface Manifest {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

/** The installed version of a package, by default our own; undefined if it is not installed. */
export function installedVersion(name?: string): string | undefined {
  try {
    if (!name) return readManifest('../../package.json').version
    return readManifest(`./node_modules/${name}/package.json`).version
  } catch {
    return undefined
  }
}

/** Installs the libraries unless they are there in the right versions. @throws InstallError with the command to run by hand */
export async function ensureInstalled(say: (line: string) => void): Promise<void> {
  const { dependencies = {} } = readManifest('./package.json')
  const missing = Object.entries(dependencies).filter(([name, version]) => installedVersion(name) !== version)
  if (missing.length === 0) return
  const names = missing.map(([name, version]) => `${name} ${version}`).join(', ')
  say(`installing ${names} into bench/peers/node_modules (750 MB, outside siamrpn's own dependencies)`)
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const child = spawn(npm, command, {
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  })
  const code = await new Promise<number | string>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (status, signal) => resolve(status ?? signal ?? 'unknown'))
  })
  if (code === 0) return
  throw new InstallError(
    `The compared libraries could not be installed (npm ended with ${code}). By hand:\n` +
      '  npm ci --prefix bench/peers --ignore-scripts',
  )
}

function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))
}
