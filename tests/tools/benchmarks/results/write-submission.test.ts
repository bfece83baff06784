// Submissions in each benchmark's official format, to the letter.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readZip } from '../../../../src/formats/zip.ts'
import { readResults } from '../../../../tools/benchmarks/results/read-results.ts'
import { writeSubmission } from '../../../../tools/benchmarks/results/write-submission.ts'
import type { Benchmark, BenchmarkName, SequenceResult } from '../../../../tools/benchmarks/types.ts'
import { OutputError } from '../../../../tools/frames/errors.ts'

const box = { x: 1, y: 2.5, width: 30.123456, height: 40 }
const regions = [box, { ...box, x: -0.25 }]

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'siamrpn-submission-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

function benchmark(type: BenchmarkName): Benchmark {
  const sequence = { images: ['1.jpg', '2.jpg'], boxes: [box, box], visible: [true, true], attributes: [] }
  return {
    type,
    title: 'two videos',
    protocol: type === 'got10k' ? 'got10k' : type === 'vot2018' ? 'vot' : 'ope',
    sequences: ['a', 'b'].map((name) => ({ ...sequence, name })),
  }
}

async function filesOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Object.fromEntries(
    await Promise.all(files.sort().map(async (file) => [relative(root, file), await readFile(file, 'utf8')] as const)),
  )
}

async function written(type: BenchmarkName, result: Omit<SequenceResult, 'name'>) {
  const folder = join(root, 'submission')
  const paths = await writeSubmission(folder, benchmark(type), new Map([['a', { name: 'a', ...result }]]))
  return { files: await filesOf(folder), paths: paths.map((path) => relative(root, path)) }
}

const four = '1.0000,2.5000,30.1235,40.0000\n-0.2500,2.5000,30.1235,40.0000\n'
const three = '1.000,2.500,30.123,40.000\n-0.250,2.500,30.123,40.000\n'
const seconds = [0.5, 0.0123456789]
const times = '0.50000000\n0.01234568\n'

test.each<[BenchmarkName, Record<string, string>]>([
  ['lasot', { 'submission/a.txt': four }],
  ['uav123', { 'submission/a.txt': four }],
  ['folder', { 'submission/a.txt': four }],
  ['otb100', { 'submission/a.txt': three, 'submission/times/a_time.txt': times }],
])('%s: a text file per sequence', async (type, expected) => {
  const { files, paths } = await written(type, { regions, seconds })
  expect(files).toEqual(expected)
  expect(paths.sort()).toEqual(Object.keys(expected).sort())
})

test('trackingnet: a text file per video, zipped without folders', async () => {
  const { files, paths } = await written('trackingnet', { regions, seconds })
  expect(files).toEqual({ 'submission/a.txt': four })
  expect(paths.at(-1)).toBe('submission.zip')
  const entries = readZip(await readFile(join(root, 'submission.zip')))
  expect([...entries].map(([name, bytes]) => [name, new TextDecoder().decode(bytes)])).toEqual([['a.txt', four]])
})

test('got10k: a folder per sequence with boxes and times, zipped', async () => {
  const { files } = await written('got10k', { regions, seconds })
  expect(files).toEqual({ 'submission/a/a_001.txt': three, 'submission/a/a_time.txt': times })
  expect([...readZip(await readFile(join(root, 'submission.zip'))).keys()]).toEqual(['a/a_001.txt', 'a/a_time.txt'])
})

test('vot2018: marks stand alone on their lines', async () => {
  const { files, paths } = await written('vot2018', { regions: [1, ...regions, 2, 0, 0, 0, 0, 1] })
  expect(files).toEqual({ 'submission/baseline/a/a_001.txt': `1\n${four}2\n0\n0\n0\n0\n1\n` })
  expect(paths).toEqual(['submission/baseline/a/a_001.txt'])
})

test.each<BenchmarkName>(['lasot', 'otb100', 'uav123', 'folder', 'trackingnet', 'got10k', 'vot2018'])(
  '%s: what is written is read back',
  async (type) => {
    const first = type === 'vot2018' ? 1 : { ...box, width: 30.125 }
    const result: SequenceResult = { name: 'a', regions: [first, { ...box, width: 30.125 }] }
    const of = { ...benchmark(type), sequences: benchmark(type).sequences.slice(0, 1) }
    const truth = {
      ...of,
      sequences: of.sequences.map((one) => ({ ...one, boxes: one.boxes.map(() => ({ ...box, width: 30.125 })) })),
    }
    await writeSubmission(join(root, 'submission'), truth, new Map([['a', result]]))
    expect((await readResults(join(root, 'submission'), truth)).get('a')).toEqual(result)
  },
)

test('without results nothing is written', async () => {
  expect(await writeSubmission(join(root, 'submission'), benchmark('got10k'), new Map())).toEqual([])
  expect(await readdir(root)).toEqual([])
})

test.each(['../../evil', 'a/b', '..', '', 'a\\b', 'a\u0000b', 'x'.repeat(300)])(
  'a sequence named %j is written nowhere',
  async (name) => {
    const truth = benchmark('lasot')
    const odd = { ...truth, sequences: truth.sequences.map((sequence) => ({ ...sequence, name })) }
    const results = new Map([[name, { name, regions }]])
    await expect(writeSubmission(join(root, 'submission'), odd, results)).rejects.toThrow(OutputError)
    expect(await filesOf(root)).toEqual({})
  },
)
