// Both packages as their users get them: packed, unpacked into the node_modules of an empty project, beside the packages that
// they depend on and nothing else.

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Outcome {
  readonly status: number | null
  readonly output: string
}

interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

/** Runs a program to its end. */
export function run(program: string, args: readonly string[], cwd: string): Outcome {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

/** @throws Error with its output if it fails */
function succeed(program: string, args: readonly string[], cwd: string): void {
  const { status, output } = run(program, args, cwd)
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${output}`)
}

/** Builds both packages and packs them. Returns the archives. */
export function packBoth(): { readonly library: string; readonly tools: string } {
  const folder = mkdtempSync(join(tmpdir(), 'siamrpn-packed-'))
  succeed('npm', ['run', '--silent', 'build'], root)
  const pack = ['pack', '--ignore-scripts', '--pack-destination', folder]
  succeed('npm', pack, root)
  succeed('npm', [...pack, '--workspace', 'siamrpn-cli'], root)
  const archive = (name: string, at: string) => join(folder, `${name}-${readManifest(at).version}.tgz`)
  return { library: archive('siamrpn', root), tools: archive('siamrpn-cli', join(root, 'tools')) }
}

/** An empty project in which these archives are installed, with their dependencies and bins. */
export function emptyProject(archives: readonly string[]): string {
  const project = mkdtempSync(join(tmpdir(), 'siamrpn-user-'))
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }\n')
  const modules = join(project, 'node_modules')
  mkdirSync(join(modules, '.bin'), { recursive: true })
  for (const archive of archives) {
    const name = basename(archive).replace(/-\d+\.\d+\.\d+.*$/, '')
    succeed('tar', ['-xzf', archive, '-C', modules], project)
    renameSync(join(modules, 'package'), join(modules, name))
    const { dependencies, bin = {} } = readManifest(join(modules, name))
    for (const [command, file] of Object.entries(bin)) {
      chmodSync(join(modules, name, file), 0o755)
      symlinkSync(join('..', name, file), join(modules, '.bin', command))
    }
    for (const dependency of Object.keys(dependencies)) if (dependency !== 'siamrpn') link(modules, dependency)
  }
  return project
}

/** Links a package of the checkout, with the packages that come with it, as an installation would place them. */
export function link(modules: string, name: string): void {
  const target = join(modules, name)
  mkdirSync(dirname(target), { recursive: true })
  try {
    symlinkSync(join(root, 'node_modules', name), target, 'junction')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** A file of a package that these tests build with: TypeScript 5.9, Vite, webpack. */
export function toolOfUsers(specifier: string): string {
  return createRequire(join(root, 'tests/package/package.json')).resolve(specifier)
}
