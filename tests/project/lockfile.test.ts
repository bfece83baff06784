// What `npm ci` downloads: the packages that we chose, from the public registry, each with its checksum, complete for
// every platform. A new dependency is a decision, so it is written here as well as in package.json.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

interface LockedPackage {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly hasInstallScript?: boolean
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
}
interface Manifest extends LockedPackage {
  readonly scripts: Record<string, string>
  readonly allowScripts: Record<string, boolean>
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'))
const manifest: Manifest = read('package.json')
const toolsManifest: Manifest = read('tools/package.json')
const webManifest: Manifest = read('web/package.json')
/** What the tests of the packed packages build with. */
const usersManifest: Manifest = read('tests/package/package.json')
/** What writes the API reference. */
const docsManifest: Manifest = read('docs/api/package.json')
const lock: { lockfileVersion: number; packages: Record<string, LockedPackage> } = read('package-lock.json')
const { '': root, tools, web, 'tests/package': users, 'docs/api': docs, ...locked } = lock.packages
/** Without the workspaces and the links to them. */
const workspaces = ['', 'tools', 'web', 'tests/package', 'docs/api']
const packages = Object.entries(locked).filter(([, { link, resolved = '' }]) => !link || !workspaces.includes(resolved))

describe('package.json', () => {
  test('depends on exactly what was chosen', () => {
    expect(Object.keys(manifest.dependencies ?? {})).toEqual(['webgpu', 'zod'])
    expect(Object.keys(toolsManifest.dependencies ?? {})).toEqual([
      'cli-progress',
      'commander',
      'echarts',
      'flatbuffers',
      'koffi', // calls the system's MPI
      'sharp',
      'siamrpn',
      'zod',
    ])
    expect(Object.keys(toolsManifest.devDependencies ?? {})).toEqual(['@types/cli-progress'])
    expect(Object.keys(webManifest.dependencies ?? {})).toEqual([
      '@preact/signals',
      'fflate',
      'mediabunny',
      'preact',
      'siamrpn',
    ])
    expect(Object.keys(webManifest.devDependencies ?? {})).toEqual(['vite'])
    expect(Object.keys(usersManifest.devDependencies ?? {})).toEqual(['typescript', 'vite', 'webpack'])
    expect(Object.keys(docsManifest.devDependencies ?? {})).toEqual(['typedoc', 'typescript'])
    expect(Object.keys(manifest.devDependencies ?? {})).toEqual([
      '@biomejs/biome',
      '@types/node',
      '@webgpu/types',
      'axe-core',
      'esbuild',
      'fflate',
      'playwright-core',
      'siamrpn', // itself, so that the tools find it by its name
      'tinybench',
      'tsx',
      'typescript',
      'vitest',
      'wgsl_reflect', // tests compare with it what the library reads of a shader
    ])
  })

  test('runs nothing when somebody installs the package', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'preprepare', 'postprepare']
    expect(hooks.filter((hook) => hook in manifest.scripts)).toEqual([])
    // `prepare` runs in a clone only; npm does not run it where the package is a dependency.
    expect(manifest.scripts.prepare).toBe('npm run --silent shaders')
    expect(Object.keys(toolsManifest.scripts)).toEqual(['prepack'])
  })

  test('has an answer for every dependency with an install script', () => {
    const scripted = packages.filter(([, entry]) => entry.hasInstallScript).map(([path]) => nameOf(path))
    expect(Object.keys(manifest.allowScripts)).toEqual(expect.arrayContaining(scripted))
  })
})

describe('package-lock.json', () => {
  test('is in step with package.json', () => {
    expect(root?.dependencies).toEqual(manifest.dependencies)
    expect(root?.devDependencies).toEqual(manifest.devDependencies)
    expect(tools?.dependencies).toEqual(toolsManifest.dependencies)
    expect(tools?.devDependencies).toEqual(toolsManifest.devDependencies)
    expect(web?.dependencies).toEqual(webManifest.dependencies)
    expect(web?.devDependencies).toEqual(webManifest.devDependencies)
    expect(users?.devDependencies).toEqual(usersManifest.devDependencies)
    expect(docs?.devDependencies).toEqual(docsManifest.devDependencies)
  })

  test('has a checksum for every package, and no place but the public registry', () => {
    const odd = packages.filter(
      ([, { resolved, integrity, link }]) =>
        link ||
        !integrity?.startsWith('sha512-') ||
        (resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/')),
    )
    expect(odd.map(([path]) => path)).toEqual([])
  })

  test('has only versions, no links to repositories or archives', () => {
    const specifiers = [root, tools, users, docs, ...packages.map(([, entry]) => entry)].flatMap((entry) => [
      ...Object.entries(entry?.dependencies ?? {}),
      ...Object.entries(entry?.devDependencies ?? {}),
      ...Object.entries(entry?.optionalDependencies ?? {}),
    ])
    const others = specifiers.filter(([name, range]) => !(name === 'siamrpn' && range === 'file:.'))
    expect(others.filter(([, range]) => !/^(npm:[^/]|[\^~<>=*\d])/.test(range))).toEqual([])
  })

  // npm writes a lock without the platforms that the registry could not give it at that moment, and `npm ci` then fails.
  test('is complete for every platform', () => {
    const missing = packages.flatMap(([path, entry]) =>
      Object.keys(entry.optionalDependencies ?? {}).filter(
        (name) => !(`node_modules/${name}` in locked) && !(`${path}/node_modules/${name}` in locked),
      ),
    )
    expect(missing).toEqual([])
  })
})

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}
