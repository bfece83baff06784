// The `dataset` command: what it writes and says, and what it refuses.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../frames/helpers.ts'
import { runFake } from '../fakes.ts'

const small = ['--clips', '1', '--frames', '3', '--width', '64', '--height', '64']

test('it writes a data set and says how to train with it', async () => {
  const out = join(await temporaryFolder(), 'set')
  const result = await runFake(['dataset', 'synthetic', '--out', out, ...small, '--seed', '9'])
  expect(result.code).toBe(0)
  expect(result.out).toContain(`1 clip, 3 frames of 64x64, seed 9, to ${out}`)
  expect(result.out).toContain(`--data ${out}`)
  expect(result.err).toContain('3/3 frames')
  expect(await readdir(join(out, 'synthetic', 'synthetic-1', 'img'))).toHaveLength(3)
})

test('other layouts', async () => {
  const folder = await temporaryFolder()
  const at = (name: string) => join(folder, name)
  await runFake(['dataset', 'synthetic', '--out', at('got'), ...small, '--layout', 'got10k', '--quiet'])
  expect(await readFile(join(at('got'), 'list.txt'), 'utf8')).toBe('GOT-10k_Train_000001\n')
  const result = await runFake([
    'dataset',
    'synthetic',
    '--out',
    at('vid'),
    ...small,
    '--layout',
    'coco-vid',
    '--quiet',
  ])
  expect(result.out).toContain('annotations.json')
  expect(JSON.parse(await readFile(join(at('vid'), 'annotations.json'), 'utf8')).images).toHaveLength(3)
})

test("benchmarks' layouts, and how to evaluate on them", async () => {
  const folder = await temporaryFolder()
  const at = (name: string) => join(folder, name)
  const write = (...args: string[]) => runFake(['dataset', 'synthetic', ...small, '--quiet', ...args])
  const otb = await write('--out', at('otb'), '--layout', 'otb100')
  expect(otb.out).toContain(`--dataset otb100 --root ${at('otb')}`)
  expect(otb.out).not.toContain('train with')
  expect(await readdir(join(at('otb'), 'Basketball', 'img'))).toEqual(['0001.jpg', '0002.jpg', '0003.jpg'])
  const got = await write('--out', at('val'), '--layout', 'got10k', '--split', 'val')
  expect(got.out).toContain(`--dataset got10k --root ${at('val')} --split val`)
  expect(await readFile(join(at('val'), 'list.txt'), 'utf8')).toBe('GOT-10k_Val_000001\n')
  const wrong = await write('--out', at('x'), '--layout', 'uav123', '--split', 'val')
  expect(wrong.err).toMatch(/--split is for the layout got10k/)
})

test('help shows layouts and examples; wrong options are refused', async () => {
  const help = await runFake(['dataset', 'synthetic', '--help'])
  expect(help.out).toContain('OUT/testing_set.txt')
  expect(help.out).toContain('--layout coco-vid')
  const wrong = await runFake(['dataset', 'synthetic', '--out', 'x', '--layout', 'voc'])
  expect(wrong.code).not.toBe(0)
  expect(wrong.err).toMatch(/lasot.*got10k.*coco-vid/)
  const small = await runFake(['dataset', 'synthetic', '--out', 'x', '--width', '8'])
  expect(small.err).toMatch(/64 to 8192/)
})

test.each([
  [['dataset', 'synthetic', '--out', 'x', '--quality', '101'], '1 to 100'],
  [['dataset', 'synthetic', '--out', 'x', '--width', '1e6'], '64 to 8192'],
  [['dataset', 'synthetic', '--out', 'x', '--clips', '1e9'], '1 to 10000000'],
  [['dataset', 'preview', '--root', 'x', '--out', 'x.png', '--frames', '1e9'], '1 to 100'],
  [['evaluate', '--root', 'x', '--parallel', '1000'], '1 to 64'],
])('a number that sizes something has bounds: %j', async (args, bounds) => {
  const { code, err } = await runFake(args)
  expect(code).toBe(1)
  expect(err).toContain(`Expected a whole number, ${bounds}.`)
})
