// The packed packages in empty projects: Node, TypeScript 5.9 with every way of resolving modules, Vite, webpack and esbuild,
// and the command line.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build as esbuild } from 'esbuild'
import { build as vite } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import webpack from 'webpack'
import { defaultModelName } from '../../src/siamrpn/default-model.ts'
import { emptyProject, link, packBoth, readManifest, root, run, toolOfUsers } from './packed.ts'

/** A page's script, with the model that ships. */
const page = "import { SiamRPN } from 'siamrpn'\n\nglobalThis.tracker = await SiamRPN.load()\n"
const model = `${defaultModelName}.safetensors`
const faces = ['siamrpn', 'siamrpn/gpu', 'siamrpn/kernels', 'siamrpn/nn', 'siamrpn/formats', 'siamrpn/train']

let library: string
let both: string

beforeAll(() => {
  const archives = packBoth()
  library = emptyProject([archives.library])
  both = emptyProject([archives.library, archives.tools])
})
afterAll(() => {
  for (const folder of [library, both]) rmSync(folder, { recursive: true })
})

const node = (script: string) => run(process.execPath, ['--input-type=module', '-e', script], library)

describe('the library', () => {
  test('brings every file that its manifest names, the model, and no sources', () => {
    const installed = join(library, 'node_modules/siamrpn')
    const targets = Object.values(readManifest(installed).exports ?? {}).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    )
    const files = targets.map((target) => target.replace('models/*', `models/${model}`).replace('*', 'r50'))
    expect(files.filter((file) => !existsSync(join(installed, file)))).toEqual([])
    expect(readdirSync(installed).sort()).toEqual(['LICENSE', 'NOTICE', 'README.md', 'dist', 'models', 'package.json'])
  })

  test('is imported by Node from every face, and importing it does nothing else', () => {
    const script = `for (const face of ${JSON.stringify([...faces, 'siamrpn/configs', 'siamrpn/configs/r50'])}) {
      if (Object.keys(await import(face)).length === 0) console.log(face, 'is empty')
    }`
    expect(node(script)).toEqual({ status: 0, output: '' })
  })

  test('loads the model that ships and tracks with it', () => {
    const { status, output } = node(`import { SiamRPN } from 'siamrpn'
      const frame = { data: new Uint8Array(160 * 120 * 3).map((_, i) => (i * 7) % 251), width: 160, height: 120 }
      const tracker = await SiamRPN.load()
      const target = await tracker.init(frame, { x: 60, y: 40, width: 30, height: 30 })
      console.log(Object.keys(await target.update(frame)).includes('score'))
      await tracker.close()`)
    expect(output).toMatch(/^true$/m)
    expect(status).toBe(0)
  })
})

/** What programs find in places that are Node and a browser at once, or neither; `model` and `frame` are theirs to use. */
describe('environments that are not quite what they seem', () => {
  const scene = `
    const { readFileSync } = await import('node:fs')
    const model = 'node_modules/siamrpn/models/${model}'
    const bytes = readFileSync(model)
    const frame = { data: new Uint8Array(160 * 120 * 3).map((_, i) => (i * 7) % 251), width: 160, height: 120 }
    const define = (target, name, value) => Object.defineProperty(target, name, { value, configurable: true })
    const follow = async (checkpoint) => {
      const { SiamRPN } = await import('siamrpn')
      const tracker = await SiamRPN.load({ checkpoint })
      const target = await tracker.init(frame, { x: 60, y: 40, width: 30, height: 30 })
      console.log('score' in (await target.update(frame)))
      await tracker.close()
    }`
  const bundled = { title: 'browser', browser: true, env: {}, version: '', versions: {} }
  /** Everything by way of `navigator` and `fetch`, beside a `process` that is not Node's. */
  const imitated = (imitation: object) => `
      const { create } = await import('webgpu')
      define(globalThis, 'navigator', { userAgent: 'a browser', gpu: create([]) })
      const real = process
      define(globalThis, 'process', { ...${JSON.stringify(imitation)}, nextTick: queueMicrotask })
      const asked = []
      globalThis.fetch = async (url) => {
        asked.push(String(url))
        return new Response(bytes)
      }
      await follow('model.safetensors') // Where there are no files, a text is a URL.
      console.log(asked.join() === 'model.safetensors')
      real.exit(0)`
  const inWorker = (script: string) => `
      const { Worker } = await import('node:worker_threads')
      const text = ${JSON.stringify(`(async () => { ${scene}\n${script} })()`)}
      process.exitCode = await new Promise((resolve) => new Worker(text, { eval: true }).on('exit', resolve))`
  const cases: Readonly<Record<string, string>> = {
    'jsdom, as Jest has it: a window, a document, and Node': `
      for (const name of ['window', 'self']) define(globalThis, name, globalThis)
      define(globalThis, 'document', { createElement: () => ({ getContext: () => null }) })
      define(globalThis, 'navigator', { userAgent: 'Node.js (linux) jsdom' })
      define(globalThis, 'location', { href: 'http://localhost/' })
      await follow(model)`,
    "Electron's renderer with Node": `
      define(process.versions, 'electron', '38.0.0')
      define(process, 'type', 'renderer')
      define(globalThis, 'window', globalThis)
      define(globalThis, 'document', {})
      define(globalThis, 'navigator', { userAgent: 'Electron/38.0.0' })
      await follow(model)`,
    "Electron's renderer without Node": imitated({
      type: 'renderer',
      env: {},
      versions: { electron: '38.0.0', chrome: '140.0.0' },
    }),
    'a page into which a bundler has put an imitation of process': imitated(bundled),
    'a worker thread of Node': inWorker('await follow(model)'),
    'a real worker with an imitation of process': inWorker(imitated(bundled)),
  }
  test.each(Object.entries(cases))('%s', (_, script) => {
    const { status, output } = node(`${scene}\n${script}`)
    expect(output).toMatch(/^true$/m)
    expect(output).not.toMatch(/^false$/m)
    expect(status, output).toBe(0)
  })
})

describe('TypeScript 5.9, without skipLibCheck', () => {
  beforeAll(() => {
    for (const name of ['browser.ts', 'training-loop.ts']) {
      const text = readFileSync(join(root, 'tests/types', name), 'utf8')
      writeFileSync(join(library, name), text.replace('../../src/index.ts', 'siamrpn'))
    }
    const imports = faces.map((face, index) => `import * as face${index} from '${face}'`)
    const names = faces.map((_, index) => `face${index}`).join(', ')
    const configs = "import { namedConfig } from 'siamrpn/configs'\nimport { r50 } from 'siamrpn/configs/r50'"
    writeFileSync(
      join(library, 'faces.ts'),
      `${imports.join('\n')}\n${configs}\n\nexport const all = [${names}, namedConfig, r50]\n`,
    )
  })

  test.each([
    ['bundler', 'ESNext', ['faces.ts'], []],
    ['node16', 'Node16', ['faces.ts'], []],
    ['nodenext', 'NodeNext', ['faces.ts'], []],
    ['bundler', 'ESNext', ['faces.ts', 'browser.ts', 'training-loop.ts'], ['@webgpu/types']],
  ])('moduleResolution %s, module %s, %j, types %j', (moduleResolution, module, files, types) => {
    for (const name of types) link(join(library, 'node_modules'), name)
    const compilerOptions = {
      target: 'ES2023',
      lib: ['ES2023', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable', 'ESNext.Disposable'],
      types,
      module,
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
    }
    writeFileSync(join(library, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
    const tsc = toolOfUsers('typescript/bin/tsc')
    expect(run(process.execPath, [tsc, '--version'], library).output).toMatch(/Version 5\.9/)
    expect(run(process.execPath, [tsc, '-p', '.'], library)).toEqual({ status: 0, output: '' })
  })
})

describe('bundlers', () => {
  beforeAll(() => {
    writeFileSync(join(library, 'page.js'), page)
    writeFileSync(join(library, 'index.html'), '<!doctype html><script type="module" src="./page.js"></script>\n')
  })

  /** The built scripts, and the files beside them. */
  function built(folder: string): { readonly scripts: string; readonly assets: ReadonlyMap<string, number> } {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
    const whole = files.filter((file) => statSync(file).isFile())
    const scripts = whole.filter((file) => /\.m?js$/.test(file)).map((file) => readFileSync(file, 'utf8'))
    return { scripts: scripts.join('\n'), assets: new Map(whole.map((file) => [file, statSync(file).size])) }
  }

  const modelBytes = () => statSync(join(library, 'node_modules/siamrpn/models', model)).size
  const carriesModel = ({ assets }: ReturnType<typeof built>) =>
    [...assets].filter(([file, size]) => file.endsWith('.safetensors') && size === modelBytes()).length

  test('Vite: the model becomes a file of the page, and what a page loads at first is under 130 kB gzip', async () => {
    const outDir = join(library, 'vite')
    await vite({ root: library, logLevel: 'error', configFile: false, build: { outDir, target: 'es2023' } })
    const result = built(outDir)
    expect(carriesModel(result)).toBe(1)
    const onDemand = [...result.assets.keys()].filter((file) =>
      /(teach|benchmark|profiler|torch-checkpoint)-[^/]*\.js$/.test(file),
    )
    expect(onDemand, "scripts of their own: teaching, measuring, profiling, PyTorch's files").toHaveLength(4)
    const atFirst = [...result.assets.keys()].filter((file) => file.endsWith('.js') && !onDemand.includes(file))
    const sizes = atFirst.map((file) => gzipSync(readFileSync(file)).length)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(130_000)
  })

  test('webpack 5: the same', async () => {
    const outDir = join(library, 'webpack')
    const compiler = webpack({
      context: library,
      mode: 'production',
      entry: './page.js',
      output: { path: outDir },
      performance: { hints: false },
    })
    const report = await new Promise<string>((resolve, reject) => {
      compiler.run((error, stats) => {
        if (error) reject(error)
        else resolve(stats?.hasErrors() || stats?.hasWarnings() ? stats.toString() : '')
      })
    })
    expect(report).toBe('')
    expect(carriesModel(built(outDir))).toBe(1)
  })

  test('esbuild: the page runs in Node beside the model, and gets it by its loader on demand', async () => {
    const outdir = join(library, 'out/scripts')
    const options = { absWorkingDir: library, bundle: true, format: 'esm', outdir, logLevel: 'silent' } as const
    await esbuild({ ...options, entryPoints: ['page.js'], platform: 'browser' })
    expect(readFileSync(join(outdir, 'page.js'), 'utf8')).toContain(`../../models/${model}`)
    const asset = `import model from 'siamrpn/models/${model}'\nimport { SiamRPN } from 'siamrpn'\nexport const tracker = SiamRPN.load({ checkpoint: model })\n`
    writeFileSync(join(library, 'asset.js'), asset)
    await esbuild({ ...options, entryPoints: ['asset.js'], platform: 'browser', loader: { '.safetensors': 'file' } })
    expect(carriesModel(built(outdir))).toBe(1)
  })

  test.each(faces.slice(1))('%s brings no tracker', async (face) => {
    const contents = `export * from '${face}'`
    const { metafile } = await esbuild({
      stdin: { contents, resolveDir: library },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      metafile: true,
      write: false,
    })
    const files = Object.keys(metafile.inputs)
    if (face !== 'siamrpn/train') expect(files.filter((file) => file.includes('/siamrpn/dist/siamrpn/'))).toEqual([])
    expect(files.filter((file) => file.endsWith('/tracker.js'))).toEqual([])
    expect(files.some((file) => file.includes('/siamrpn/dist/'))).toBe(true)
  })
})

describe('the command line', () => {
  const command = (...args: string[]) => run('npx', ['--no-install', 'siamrpn', ...args], both)

  test('brings its license and what is to be said of what it fetches', () => {
    const files = readdirSync(join(both, 'node_modules/siamrpn-cli')).sort()
    expect(files).toEqual(['LICENSE', 'NOTICE', 'README.md', 'dist', 'package.json'])
    for (const name of ['LICENSE', 'NOTICE']) {
      const [ours, theirs] = [root, join(both, 'node_modules/siamrpn-cli')].map((folder) =>
        readFileSync(join(folder, name), 'utf8'),
      )
      expect(theirs).toBe(ours)
    }
  })

  test('starts under its name', () => {
    const { status, output } = command('--help')
    expect(status).toBe(0)
    expect(output).toContain('Usage: siamrpn')
  })

  test('runs the demo', () => {
    const { status, output } = command('demo', '--frames', '3')
    expect(status, output).toBe(0)
    expect(existsSync(join(both, 'out/demo.webp'))).toBe(true)
  })

  test('tracks without being given a model, writes a report, reads clips in threads', () => {
    mkdirSync(join(both, 'work'), { recursive: true })
    const made = command('dataset', 'synthetic', '--out', 'clips', '--clips', '2', '--frames', '3')
    expect(made.status, made.output).toBe(0)
    const evaluated = command('evaluate', '--root', 'clips', '--out', 'results')
    expect(evaluated.status, evaluated.output).toBe(0)
    expect(readdirSync(join(both, 'results')).some((name) => name.endsWith('.html'))).toBe(true)
  })

  const launchers = [
    { mpirun: '/usr/bin/mpirun.openmpi', flags: ['--allow-run-as-root', '--oversubscribe'] },
    { mpirun: '/usr/bin/mpirun.mpich', flags: ['-pmi-port'] },
  ].filter(({ mpirun }) => existsSync(mpirun))

  test.each(launchers)('trains on two ranks, which $mpirun starts through npx', ({ mpirun, flags }) => {
    const small = [
      ...['data.samples_per_gpu=2', 'data.samples_per_epoch=8', 'log_config.interval=1', 'data.train.clips=4'],
      ...['data.train.frames_per_clip=6', 'data.train.width=96', 'data.train.height=96'],
    ].flatMap((setting) => ['--set', setting])
    const train = ['train', '--config', 'micro', '--data', 'synthetic', '--launcher', 'mpi', '--max-iters', '1']
    const to = ['--work-dir', join(both, basename(mpirun)), '--no-evaluate', '--no-progress']
    const ranks = [...flags, '-n', '2', 'npx', '--no-install', 'siamrpn', ...train, ...to, ...small]
    const { status, output } = run(mpirun, ranks, both)
    expect(status, output).toBe(0)
    expect(output.match(/2 ranks, each with batches of 2/g)).toHaveLength(1)
    expect(output.match(/Epoch \[1\]\[1\/2\]/g)).toHaveLength(1)
    expect(existsSync(join(both, basename(mpirun), 'iter_1.safetensors'))).toBe(true)
  })
})
