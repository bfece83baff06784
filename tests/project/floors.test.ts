// The floors of docs/architecture.md hold because biome.json forbids every import that goes up, and every Node module
// from src/siamrpn down. This lints a made-up tree with one violation per file, so that no rule can silently lapse.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
const height = { gpu: 0, kernels: 1, nn: 2, formats: 2, siamrpn: 3, train: 4 } as const
const floors = Object.keys(height) as (keyof typeof height)[]
/** Outside of the library: they may import all of it, it imports none of them. */
const outside = ['tools', 'web'] as const

interface Case {
  readonly name: string
  readonly source: string
  /** File of the made-up tree; every case gets its own. */
  readonly path: string
  /** The rule that must fire, alone; none: the file is clean. */
  readonly rule: string | undefined
}

const restricted = 'lint/style/noRestrictedImports'
const use = (specifier: string) => `import { x } from '${specifier}'\n\nexport const y = x\n`
let files = 0
const inFloor = (floor: string) => `src/${floor}/case-${files++}.ts`
const inRoom = (room: string) => `tools/${room}/case-${files++}.ts`

const imports: Case[] = floors.flatMap((from) => [
  ...floors.map((to) => {
    const allowed = from === to || height[to] < height[from]
    const name = `${from} ${allowed ? 'may' : 'may not'} import ${to}`
    return { name, source: use(`../${to}/things.ts`), path: inFloor(from), rule: allowed ? undefined : restricted }
  }),
  ...outside.map((to) => ({
    name: `${from} may not import ${to}`,
    source: use(`../../${to}/frames/things.ts`),
    path: inFloor(from),
    rule: restricted,
  })),
])

const forms: Case[] = [
  ['type import', "import type { X } from '../siamrpn/things.ts'\n\nexport type Y = X\n"],
  ['re-export', "export { x } from '../siamrpn/things.ts'\n"],
  ['star re-export', "export * from '../siamrpn/things.ts'\n"],
  ['dynamic import', "export const load = () => import('../siamrpn/things.ts')\n"],
  ['import for its side effect', "import '../siamrpn/things.ts'\n"],
  ['import from a nested folder', "export { x } from '../../siamrpn/deep/things.ts'\n"],
].map(([name = '', source = '']) => ({ name: `upward ${name}`, source, path: inFloor('nn'), rule: restricted }))

const packages: Case[] = [
  ...floors.flatMap((floor) =>
    ['node:fs', 'node:fs/promises', 'esbuild', 'webgpu'].map((specifier) => ({
      name: `${floor} may not import ${specifier}`,
      source: use(specifier),
      path: inFloor(floor),
      rule: restricted,
    })),
  ),
]

const single = (name: string, path: string, source: string, rule?: string): Case => ({ name, path, source, rule })
const exceptions: Case[] = [
  single('gpu imports no package', inFloor('gpu'), use('wgsl_reflect/wgsl_reflect.module.js'), restricted),
  single('siamrpn checks configurations with zod', inFloor('siamrpn'), use('zod')),
  single('provider.ts alone loads webgpu', 'src/gpu/provider.ts', "export const load = () => import('webgpu')\n"),
  single('provider.ts loads no other package', 'src/gpu/provider/provider.ts', use('esbuild'), restricted),
  single('the entry point exports siamrpn', 'src/index.ts', "export { x } from './siamrpn/things.ts'\n"),
  single('no entry point exports tools', 'src/other.ts', "export { x } from '../tools/frames/things.ts'\n", restricted),
  single('a configuration is no program', 'src/siamrpn/configs/a.ts', use('../../train/things.ts'), restricted),
  single('a configuration reads no files', 'src/siamrpn/configs/b.ts', use('node:fs'), restricted),
  single('kernels know no configuration', inFloor('kernels'), use('../siamrpn/configs/r50.ts'), restricted),
  single('siamrpn knows the default configuration', inFloor('siamrpn'), use('./configs/r50.ts')),
  single('tools read files', inRoom('frames'), use('node:fs')),
  single('tools import the library by its name', inRoom('frames'), use('siamrpn/train')),
  single('tools know no file of the library', inRoom('frames'), use('../../src/train/things.ts'), restricted),
  single('nor does the command line', inRoom('cli/track'), use('../../../src/train/things.ts'), restricted),
  single('no room of tools imports the command line', inRoom('report'), use('../cli/things.ts'), restricted),
  single('a command imports another room', inRoom('cli/track'), use('../../frames/things.ts')),
  ...[inFloor('train'), inRoom('frames')].map((path) =>
    single(
      `nothing below the command line prints: ${path}`,
      path,
      "export const f = () => console.log('x')\n",
      'lint/suspicious/noConsole',
    ),
  ),
  single('the command line prints', inRoom('cli'), "export const f = () => console.log('x')\n"),
  single(
    'a browser floor has no process',
    inFloor('formats'),
    'export const f = () => process.env\n',
    'lint/correctness/noProcessGlobal',
  ),
  single(
    'a browser floor has no Buffer',
    inFloor('formats'),
    "export const f = () => Buffer.from('x')\n",
    'lint/style/noRestrictedGlobals',
  ),
]

const cases = [...imports, ...forms, ...packages, ...exceptions]

describe('floors', () => {
  let folder: string
  let found: Map<string, string[]>

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'siamrpn-floors-'))
    for (const name of ['biome.json', 'package.json', 'tools/package.json']) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      cpSync(join(root, name), join(folder, name))
    }
    for (const { path, source } of cases) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), source)
    }
    found = lint(folder)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test.each(cases)('$name', ({ path, rule }) => {
    expect(found.get(path) ?? []).toEqual(rule === undefined ? [] : [rule])
  })
})

/** Rules that fire, by file. */
function lint(folder: string): Map<string, string[]> {
  const options = ['lint', '--vcs-enabled=false', '--max-diagnostics=none', '--reporter=json']
  const { stdout, stderr } = spawnSync(process.execPath, [biome, ...options], { cwd: folder, encoding: 'utf8' })
  if (!stdout.startsWith('{')) throw new Error(`Biome gave no report:\n${stdout}\n${stderr}`)
  const report: { diagnostics: { category: string; location: { path: string } }[] } = JSON.parse(stdout)
  const found = new Map<string, string[]>()
  for (const { category, location } of report.diagnostics) {
    found.set(location.path, [...(found.get(location.path) ?? []), category])
  }
  return found
}
