// The package as its users get it: built into a temporary node_modules, then imported by Node, type-checked from a web
// page that has no Node types, and bundled for browsers.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const tsc = join(root, 'node_modules/typescript/bin/tsc')

interface Manifest {
  readonly exports: Record<string, string | Record<string, string>>
  readonly dependencies: Record<string, string>
}

const manifestText = readFileSync(join(root, 'package.json'), 'utf8')
const manifest: Manifest = JSON.parse(manifestText)
let user: string
let installed: string

function node(args: readonly string[], cwd = user): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

beforeAll(() => {
  user = mkdtempSync(join(tmpdir(), 'siamrpn-user-'))
  installed = join(user, 'node_modules/siamrpn')
  mkdirSync(installed, { recursive: true })
  writeFileSync(join(installed, 'package.json'), manifestText)
  const built = node([tsc, '-p', 'tsconfig.build.json', '--outDir', join(installed, 'dist')], root)
  expect(built).toEqual({ status: 0, output: '' })
  for (const name of Object.keys(manifest.dependencies)) {
    symlinkSync(join(root, 'node_modules', name), join(user, 'node_modules', name), 'junction')
  }
  writeFileSync(join(user, 'package.json'), '{ "type": "module" }')
})
afterAll(() => rmSync(user, { recursive: true }))

describe('the built package', () => {
  test('has every file that package.json names', () => {
    const targets = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    )
    const files = targets.map((target) => target.replace('*', 'r50')).filter((file) => !file.startsWith('./models/'))
    expect(files.filter((file) => !existsSync(join(installed, file)))).toEqual([])
  })

  test('exports SiamRPN to Node, and importing it does nothing else', () => {
    const script = `const { SiamRPN } = await import('siamrpn'); console.log(typeof SiamRPN.load)`
    expect(node(['--input-type=module', '-e', script])).toEqual({ status: 0, output: 'function\n' })
  })

  test('exports the configurations', () => {
    const script = `console.log(Object.keys(await import('siamrpn/configs/r50')).length > 0)`
    expect(node(['--input-type=module', '-e', script])).toEqual({ status: 0, output: 'true\n' })
  })
})

describe('a web page', () => {
  test('type-checks against the declarations without Node types, for bundlers and for browsers', () => {
    for (const name of ['browser.ts', 'training-loop.ts']) {
      const page = readFileSync(join(root, 'tests/types', name), 'utf8')
      writeFileSync(join(user, name), page.replace('../../src/index.ts', 'siamrpn'))
    }
    for (const [module, moduleResolution] of [
      ['ESNext', 'bundler'],
      ['NodeNext', 'NodeNext'],
    ]) {
      const compilerOptions = {
        target: 'ES2023',
        lib: ['ES2023', 'DOM', 'DOM.Iterable', 'ESNext.Disposable'],
        types: [],
        module,
        moduleResolution,
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
      }
      writeFileSync(
        join(user, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: ['browser.ts', 'training-loop.ts'] }),
      )
      expect(node([tsc, '-p', '.'])).toEqual({ status: 0, output: '' })
    }
  })

  test('bundles the entry point without Node modules and without the webgpu package', async () => {
    const { metafile, warnings } = await build({
      stdin: { contents: "export * from 'siamrpn'", resolveDir: user },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      preserveSymlinks: true,
      metafile: true,
      write: false,
      logLevel: 'silent',
    })
    expect(warnings).toEqual([])
    const parts = Object.keys(metafile.inputs)
    // What package.json's "browser" field switches off stays in the list as "(disabled):name".
    expect(parts.filter((part) => /node_modules\/webgpu\//.test(part) && !part.startsWith('(disabled)'))).toEqual([])
    const external = Object.values(metafile.outputs).flatMap((output) => output.imports)
    expect(external).toEqual([])
  })

  test('gets only the parts that it imports', async () => {
    const { outputFiles } = await build({
      stdin: { contents: "import 'siamrpn'", resolveDir: user },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      preserveSymlinks: true,
      write: false,
      logLevel: 'silent',
    })
    expect(outputFiles[0]?.text.trim() ?? '').toBe('')
  })
})
