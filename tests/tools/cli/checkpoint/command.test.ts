// The `checkpoint` command: what it prints of files in every layout, what it writes, and what it refuses.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readCheckpoint } from '../../../../src/formats/checkpoint.ts'
import { matchStateDict } from '../../../../src/formats/match.ts'
import { writeSafetensors } from '../../../../src/formats/safetensors.ts'
import type { StateDict } from '../../../../src/formats/state-dict.ts'
import { writeTorchZip } from '../../../../src/formats/torch-writer.ts'
import { parseConfig } from '../../../../src/siamrpn/config.ts'
import { namedConfig } from '../../../../src/siamrpn/configs/index.ts'
import { stateDictShapes } from '../../../../src/siamrpn/layout.ts'
import { checkpointChunks } from '../../../../tools/cli/checkpoint/output.ts'
import { randomWeights } from '../../../../tools/cli/random-weights.ts'
import { withTensorTexts } from '../../../formats/helpers.ts'
import { temporaryFolder } from '../../frames/helpers.ts'
import { runFake } from '../fakes.ts'

const golden = (name: string) => fileURLToPath(new URL(`../../../golden/${name}`, import.meta.url))
const shapes = stateDictShapes(namedConfig('micro').model)

async function checkpoint(...args: readonly string[]) {
  return await runFake(['checkpoint', ...args])
}

async function read(path: string) {
  return readCheckpoint(new Uint8Array(await readFile(path)))
}

/** A folder with a file of these bytes in it. */
async function fileOf(bytes: Uint8Array, name: string) {
  const folder = await temporaryFolder()
  await writeFile(join(folder, name), bytes)
  return { folder, file: join(folder, name), out: (other: string) => join(folder, other) }
}

function weights(seed = 1): StateDict {
  return randomWeights(shapes, seed)
}

describe('inspect', () => {
  test("tells everything about a checkpoint of MMTracking's", async () => {
    const { code, out } = await checkpoint('inspect', golden('mmtrack_frozen.zip.pth'))
    expect(code).toBe(0)
    expect(out).toMatch(/^file +\/.*mmtrack_frozen\.zip\.pth\ncontainer torch\.save, zip, 482\.2 kB\n/)
    expect(out).toMatch(/\nlayout +MMTracking's/)
    expect(out).toMatch(/\npart +whole tracker\nanchors +mmtracking\n/)
    expect(out).toMatch(/\ntensors +458 \(384 f32, 74 i64\)\n/)
    expect(out).toMatch(/\nnumbers +56,016 parameters \(backbone 46,672, neck 944, head 8,400\), 2,074 in buffers\n/)
    expect(out).toMatch(/\noptimizer yes, with state, param_groups\n/)
    expect(out).toMatch(/\nmeta .*\n(.*\n)* +epoch: 1\n +iter: 3\n/)
    expect(out).toMatch(/\nconfig +micro fits\n$/)
  })

  test.each([
    ['mmtrack_frozen.legacy.pth', /legacy \(before PyTorch 1\.6\)/, /anchors +mmtracking/],
    ['pysot_training.zip.pth', /layout +pysot's names/, /anchors +pysot\n[\s\S]*epoch: 20\n/],
    ['pysot_bare_module_prefix.legacy.pth', /layout +pysot's names/, /optimizer no\n/],
  ])('reads %s', async (name, ...patterns) => {
    const { code, out } = await checkpoint('inspect', golden(name))
    expect(code).toBe(0)
    for (const pattern of [...patterns, /config +micro fits/]) expect(out).toMatch(pattern)
  })

  test('shows long and nested metadata in one line each', async () => {
    const meta = {
      config: `model = dict(\n${'    type="SiamRPN",\n'.repeat(500)})`,
      CLASSES: ['fish', 'bird'],
      env: { sys: 'linux', cuda: null },
      done: false,
      blob: Uint8Array.of(1, 2, 3),
      mean: weights().get('backbone.bn1.bias')!,
    }
    const { file } = await fileOf(writeTorchZip({ meta, state_dict: weights() }), 'meta.pth')
    const { out } = await checkpoint('inspect', file)
    for (const line of [
      'config: model = dict( ... (10015 characters)',
      'CLASSES: [fish, bird]',
      'env: {sys, cuda}',
      'done: false',
      'blob: 3 bytes',
      'mean: f32 [4]',
    ]) {
      expect(out).toContain(`${line}\n`)
    }
  })

  test('names the nearest configuration and the differences where none fits', async () => {
    const other = weights()
    other.delete('head.cls_weight')
    other.set('head.cls_scale', other.get('head.reg_weight')!)
    const { file } = await fileOf(writeSafetensors(other), 'other.safetensors')
    const { code, out } = await checkpoint('inspect', file)
    expect(code).toBe(0)
    expect(out).toMatch(/layout +bare: tensors by name/)
    expect(out).toMatch(/config +none fits; micro is nearest, with 2 differences\n/)
    expect(out).toContain('1 missing:\n  head.cls_weight\n1 unexpected:\n  head.cls_scale\n')
  })

  test('--config compares with that one, and exits with 1 if it does not fit', async () => {
    const fits = await checkpoint('inspect', golden('mmtrack_frozen.zip.pth'), '--config', 'micro')
    expect(fits).toMatchObject({ code: 0, out: expect.stringMatching(/config +micro fits\n$/) })
    const differs = await checkpoint('inspect', golden('mmtrack_frozen.zip.pth'), '--config', 'small')
    expect(differs.code).toBe(1)
    expect(differs.out).toMatch(
      /config +small does not fit: \d+ differences\n\d+ of another shape:\n {2}backbone\.conv1/,
    )
    const unknown = await checkpoint('inspect', 'absent.pth', '--config', 'r51')
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('r51') })
  })

  test('compares a backbone alone with the backbones', async () => {
    const backbone: StateDict = new Map(
      [...weights()]
        .filter(([name]) => name.startsWith('backbone.'))
        .map(([name, tensor]) => [name.slice('backbone.'.length), tensor]),
    )
    const { file } = await fileOf(writeTorchZip(backbone), 'resnet.pth')
    const { out } = await checkpoint('inspect', file)
    expect(out).toMatch(/part +backbone alone/)
    expect(out).toMatch(/config +micro fits\n$/)
  })

  test.each([
    ['a missing file', 'absent.pth', /error: Checkpoint `absent\.pth` cannot be read: ENOENT/],
    ['a picture', golden('README.md'), /README\.md: begins with '# Golden numbers', which is neither/],
    ['tensors that are no model', golden('tricky.zip.pth'), /entry 'misc' is no tensor/],
  ])('%s is refused', async (_, file, message) => {
    const { code, err, out } = await checkpoint('inspect', file)
    expect(code).toBe(1)
    expect(err).toMatch(message)
    expect(out).toBe('')
  })
})

describe('convert', () => {
  test('keeps names, values, anchors and metadata through every format', async () => {
    const { out } = await fileOf(new Uint8Array(0), 'none')
    const source = await read(golden('pysot_training.zip.pth'))
    for (const [from, to] of [
      [golden('pysot_training.zip.pth'), out('a.safetensors')],
      [out('a.safetensors'), out('b.pth')],
      [out('b.pth'), out('c.model')],
    ] as const) {
      const { code, out: text } = await checkpoint('convert', from, to)
      expect(code).toBe(0)
      expect(text).toMatch(/wrote +.*, 458 tensors, \d+\.\d kB\n/)
      const found = await read(to)
      expect(withTensorTexts(found.stateDict)).toEqual(withTensorTexts(source.stateDict))
      expect(found.anchors).toBe('pysot')
      expect(String(found.meta.epoch)).toBe('20')
      matchStateDict(shapes, found.stateDict)
    }
    expect((await read(out('b.pth'))).format).toBe('mmtracking')
    expect((await readdir(out('.'))).sort()).toEqual(['a.safetensors', 'b.pth', 'c.model', 'none'])
  })

  test("keeps the optimizer's state where there is a place for it, and says so where there is not", async () => {
    const { out } = await fileOf(new Uint8Array(0), 'none')
    const from = golden('mmtrack_frozen.zip.pth')
    const kept = await checkpoint('convert', from, out('kept.pth'))
    expect(kept.out).not.toMatch(/left out/)
    const source = await read(from)
    expect(withTensorTexts((await read(out('kept.pth'))).optimizer)).toEqual(withTensorTexts(source.optimizer))
    for (const args of [[out('x.safetensors')], [out('x.pth'), '--layout', 'bare']]) {
      expect((await checkpoint('convert', from, ...args)).out).toMatch(/left out +the state of the optimizer/)
    }
    const bare = await read(out('x.pth'))
    expect(bare).toMatchObject({ format: 'bare', optimizer: null, meta: {} })
    expect(withTensorTexts(bare.stateDict)).toEqual(withTensorTexts(source.stateDict))
  })

  test('--set changes the configuration in a checkpoint, and nothing else', async () => {
    const { out } = await fileOf(new Uint8Array(0), 'none')
    const from = fileURLToPath(new URL('../../../../models/tiny.safetensors', import.meta.url))
    const set = ['--set', 'model.test_cfg.rpn.window_influence=0.0625', '--set', 'model.test_cfg.rpn.lr=0.5']
    expect((await checkpoint('convert', from, out('tuned.safetensors'), ...set)).code).toBe(0)
    const [before, after] = [await read(from), await read(out('tuned.safetensors'))]
    expect(withTensorTexts(after.stateDict)).toEqual(withTensorTexts(before.stateDict))
    // Entries that the file is older than get their defaults.
    const config = structuredClone(parseConfig(JSON.parse(String(before.meta.config))))
    Object.assign(config.model.test_cfg.rpn, { window_influence: 0.0625, lr: 0.5 })
    expect(JSON.parse(String(after.meta.config))).toEqual(config)

    const unknown = await checkpoint('convert', from, out('b.safetensors'), '--set', 'model.test_cfg.rpn.window=1')
    expect(unknown).toMatchObject({ code: 1, err: expect.stringMatching(/window_influence/) })
    const bare = await checkpoint('convert', golden('mmtrack_frozen.zip.pth'), out('c.pth'), '--set', 'total_epochs=3')
    expect(bare).toMatchObject({ code: 1, err: expect.stringMatching(/has no configuration in it/) })
  })

  test('metadata become texts in safetensors', () => {
    const meta = { epoch: 3, classes: ['fish'], big: 2n ** 60n, blob: Uint8Array.of(1), text: 'as it is' }
    const contents = { stateDict: weights(), meta, optimizer: null, anchors: 'mmtracking' as const }
    const file = Buffer.concat([...checkpointChunks('x.safetensors', contents)])
    expect(readCheckpoint(new Uint8Array(file)).meta).toEqual({
      ...{ epoch: '3', classes: '["fish"]', big: `"${2n ** 60n}"`, text: 'as it is' },
      'siamrpn.anchors': 'mmtracking',
    })
  })

  test('replaces an older file, and leaves it alone when something is wrong', async () => {
    const { out } = await fileOf(writeSafetensors(weights()), 'a.safetensors')
    await writeFile(out('b.pth'), 'older')
    const broken = await checkpoint('convert', golden('tricky.zip.pth'), out('b.pth'))
    expect(broken.code).toBe(1)
    expect(await readFile(out('b.pth'), 'utf8')).toBe('older')
    expect((await checkpoint('convert', out('a.safetensors'), out('b.pth'))).code).toBe(0)
    expect((await read(out('b.pth'))).stateDict.size).toBe(458)
    await mkdir(out('c.pth'))
    const folder = await checkpoint('convert', out('a.safetensors'), out('c.pth'))
    expect(folder).toMatchObject({ code: 1, err: expect.stringContaining('it is a folder') })
    expect((await readdir(out('.'))).sort()).toEqual(['a.safetensors', 'b.pth', 'c.pth'])
  })

  test.each([
    [['model.zip'], /cannot write model\.zip: the name ends in '\.zip', expected one of \.safetensors, \.pth/],
    [['model'], /the name ends in ''/],
    [['x.safetensors', '--layout', 'bare'], /x\.safetensors has one layout only/],
    [['x.pth', '--layout', 'other'], /--layout.*mmtracking, bare/],
    [[golden('pysot_training.zip.pth')], /is both the input and the output/],
    [['x.pth', '--layout', 'bare'], /a bare layout cannot say that the weights need pysot's anchors/],
    [[], /missing required argument 'out'/],
  ])('to %j is refused', async (args, message) => {
    const { code, err } = await checkpoint('convert', golden('pysot_training.zip.pth'), ...args)
    expect(code).toBe(1)
    expect(err).toMatch(message)
    await expect(readFile('x.pth')).rejects.toThrow('ENOENT')
  })

  test('Ctrl-C writes nothing', async () => {
    const { file, out, folder } = await fileOf(writeSafetensors(weights()), 'a.safetensors')
    const before = process.listeners('SIGINT').length
    const running = checkpoint('convert', file, out('b.pth'))
    while (process.listeners('SIGINT').length === before) await new Promise((resolve) => setImmediate(resolve))
    process.listeners('SIGINT').at(-1)?.('SIGINT')
    const { code, err } = await running
    expect(code).toBe(130)
    expect(err).toMatch(/interrupted; nothing was written/)
    expect(await readdir(folder)).toEqual(['a.safetensors'])
  })
})

describe('random', () => {
  test("writes MMTracking's layout with the weights that the seed gives", async () => {
    const { out } = await fileOf(new Uint8Array(0), 'none')
    const { code, err } = await checkpoint('random', '--config', 'micro', '--seed', '7', out('new/r.pth'))
    expect(code).toBe(0)
    expect(err).toMatch(/making +458\/458/)
    const found = await read(out('new/r.pth'))
    expect(found).toMatchObject({
      format: 'mmtracking',
      part: 'tracker',
      anchors: 'mmtracking',
      container: 'torch-zip',
    })
    expect(found.meta).toMatchObject({ epoch: 0, 'siamrpn.config': 'micro', 'siamrpn.weights': 'random, seed 7' })
    expect(withTensorTexts(found.stateDict)).toEqual(withTensorTexts(randomWeights(shapes, '7')))
  })

  test('writes a bare state dict or safetensors, too', async () => {
    const { out } = await fileOf(new Uint8Array(0), 'none')
    await checkpoint('random', '--config', 'micro', '--layout', 'bare', out('r.pth'))
    await checkpoint('random', '--config', 'micro', out('r.safetensors'))
    const [bare, safe] = [await read(out('r.pth')), await read(out('r.safetensors'))]
    expect([bare.format, bare.container, safe.container]).toEqual(['bare', 'torch-zip', 'safetensors'])
    expect(withTensorTexts(safe.stateDict)).toEqual(withTensorTexts(bare.stateDict))
    expect(safe.meta).toMatchObject({ 'siamrpn.weights': 'random, seed 1' })
  })

  test('an unknown configuration or extension is told before anything is made', async () => {
    const unknown = await checkpoint('random', '--config', 'r51', 'r.pth')
    expect(unknown).toMatchObject({
      code: 1,
      err: expect.stringMatching(/r51.*expected one of mobile, base, r50, /),
    })
    const extension = await checkpoint('random', 'r.bin')
    expect(extension).toMatchObject({ code: 1, err: expect.stringContaining("ends in '.bin'") })
    expect(extension.err).not.toMatch(/making/)
  })
})

test('--help of each subcommand shows its arguments and examples', async () => {
  for (const args of [[], ['inspect'], ['convert'], ['random']]) {
    const { code, out } = await checkpoint(...args, '--help')
    expect(code, args.join(' ')).toBe(0)
    expect(out).toMatch(new RegExp(`Usage: siamrpn checkpoint ${args.join(' ')}`))
    expect(out).toMatch(/Examples:\n {2}siamrpn checkpoint/)
  }
  const bare = await checkpoint()
  expect(bare.code).toBe(1)
  expect(bare.err).toMatch(/inspect[\s\S]*convert[\s\S]*random/)
})
