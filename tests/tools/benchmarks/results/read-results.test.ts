// Result files, ours and published trackers': where they are found, what separates their numbers, and what is said and done
// about those that are wrong.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readResults } from '../../../../tools/benchmarks/results/read-results.ts'
import { writeSubmission } from '../../../../tools/benchmarks/results/write-submission.ts'
import type { Benchmark, BenchmarkName, Protocol, SequenceResult } from '../../../../tools/benchmarks/types.ts'
import type { Box } from '../../../../tools/frames/types.ts'
import { keepFindings, place } from '../helpers.ts'

const boxes: readonly Box[] = [1, 2, 3].map((x) => ({ x, y: 2.5, width: 30, height: 40 }))
const nan: Box = { x: Number.NaN, y: Number.NaN, width: Number.NaN, height: Number.NaN }

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'siamrpn-results-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

function benchmark(type: BenchmarkName, names: readonly string[], truth: readonly Box[] = boxes): Benchmark {
  const protocol: Protocol = type === 'got10k' ? 'got10k' : type === 'vot2018' ? 'vot' : 'ope'
  return {
    type,
    title: 'some videos',
    protocol,
    sequences: names.map((name) => ({
      name,
      images: truth.map((_, frame) => `${frame}.jpg`),
      boxes: truth,
      visible: truth.map(() => true),
      attributes: [],
    })),
  }
}

const text = '1,2.5,30,40\n2,2.5,30,40\n3,2.5,30,40\n'

/** The regions of sequence `a`, and what was told. */
async function read(type: BenchmarkName, files: Readonly<Record<string, string>>, truth = boxes) {
  await place(root, files)
  const { found, tell } = keepFindings(root)
  const results = await readResults(root, benchmark(type, ['a'], truth), tell)
  return { found, result: results.get('a') }
}

describe('a file is found', () => {
  test.each<[BenchmarkName, string]>([
    ['lasot', 'a.txt'],
    ['lasot', 'tracker_tracking_result/a.txt'],
    ['lasot', 'A.txt'],
    ['trackingnet', 'a.txt'],
    ['uav123', 'UAV123/a.txt'],
    ['otb100', 'a.txt'],
    ['folder', 'a/a_001.txt'],
    ['got10k', 'a/a_001.txt'],
    ['got10k', 'tracker/a/a_001.txt'],
  ])('of %s as %s', async (type, file) => {
    const { result, found } = await read(type, { [file]: text })
    expect(result?.regions).toEqual(boxes)
    expect(found).toEqual([])
  })

  test('of a double target, however it is written', async () => {
    for (const file of ['Jogging.1.txt', 'jogging_1.txt', 'jogging-1.txt']) {
      await place(root, { [`${file}-folder/${file}`]: text })
      const results = await readResults(join(root, `${file}-folder`), benchmark('otb100', ['Jogging-1']))
      expect(results.get('Jogging-1')?.regions).toEqual(boxes)
    }
  })

  test('but not that of a sequence whose name ends alike', async () => {
    const { result, found } = await read('lasot', { 'bba.txt': text })
    expect(result).toBeUndefined()
    expect(found).toEqual([
      'error ROOT no result of any of the 1 sequences of some videos, expected files such as a.txt',
    ])
  })

  test('closest to the top, if several trackers are in the folder', async () => {
    const { result, found } = await read('lasot', { 'one/a.txt': text, 'two/a.txt': '9,9,9,9\n'.repeat(3) })
    expect(result?.regions).toEqual(boxes)
    expect(found).toEqual([
      'warning one/a.txt two/a.txt is of the same sequence; expected the results of one tracker. Not read',
    ])
  })
})

test('further runs of a tracker are told', async () => {
  const { result, found } = await read('got10k', { 'a/a_001.txt': text, 'a/a_002.txt': text, 'a/a_003.txt': text })
  expect(result?.regions).toEqual(boxes)
  expect(found).toEqual([
    'warning a/a_002.txt a further run of the tracker is not read; the official toolkit takes the mean of all runs',
  ])
})

describe('numbers are read', () => {
  test.each([
    ['commas', text],
    ['tabs', text.replaceAll(',', '\t')],
    ['spaces', text.replaceAll(',', '  ')],
    ['semicolons', text.replaceAll(',', ' ; ')],
    ['all of them', '1,2.5\t30 40\n2 2.5,30\t40\n3;2.5 30,40'],
    ['CRLF and a byte order mark', `\uFEFF${text.replaceAll('\n', '\r\n')}\r\n\r\n`],
    ['the line ends of old Macs', text.replaceAll('\n', '\r')],
    ['exponents and signs', '+1.0e+00,2.5E0,3e1,40.0\n2,25e-1,30,40\n3.000000000000000000,2.5,.3e2,40.'],
    ['a comma at the end', text.replaceAll('\n', ',\n')],
  ])('separated by %s', async (_, content) => {
    const { result, found } = await read('lasot', { 'a.txt': content })
    expect(result?.regions).toEqual(boxes)
    expect(found).toEqual([])
  })

  test('to the last digit', async () => {
    const values = [0.1, -1234.5678, 1 / 3, 1e-7]
    const { result } = await read('got10k', { 'a/a_001.txt': `${values.join(',')}\n`.repeat(3) })
    expect(result?.regions[1]).toEqual({ x: 0.1, y: -1234.5678, width: 1 / 3, height: 1e-7 })
  })

  test('of polygons: the box around them', async () => {
    const { result, found } = await read('vot2018', { 'baseline/a/a_001.txt': '1\n0,5,10,0,20,5,10,10\n0,0,4,4\n' })
    expect(result?.regions).toEqual([1, { x: 0, y: 0, width: 20, height: 10 }, { x: 0, y: 0, width: 4, height: 4 }])
    expect(found).toEqual([
      'warning baseline/a/a_001.txt:2 a polygon, expected x, y, width, height; the box around it is judged',
    ])
  })

  test('and marks of VOT, as whole or decimal numbers', async () => {
    const { result, found } = await read('vot2018', { 'a/a_001.txt': '1.0000\n2\n0.0\n' })
    expect(result?.regions).toEqual([1, 2, 0])
    expect(found).toEqual([])
  })

  test('and times beside them', async () => {
    const times = '0.10000000\n0.02000000\n0.03000000\n'
    expect((await read('got10k', { 'a/a_001.txt': text, 'a/a_time.txt': times })).result?.seconds).toEqual([
      0.1, 0.02, 0.03,
    ])
    expect((await read('otb100', { 'a.txt': text, 'times/a_time.txt': times })).result?.seconds).toHaveLength(3)
    expect((await read('got10k', { 'a/a_time.txt': '0.1\n' })).result?.seconds, 'too few are none').toBeUndefined()
  })
})

describe('a broken line', () => {
  test.each([
    ['1,2,three,4', 'a.txt:2 "three" is not a number; found "1,2,three,4"'],
    ['1,2,3', 'a.txt:2 3 values, expected 4 or 8'],
    ['1,2,,3,4', 'a.txt:2 commas without a number between them; found "1,2,,3,4"'],
    ['1,2,3,Infinity', 'a.txt:2 "Infinity" is not a number; found "1,2,3,Infinity"'],
    ['1', 'a.txt:2 1 values, expected 4 or 8'],
  ])('%j is told with file and line', async (line, message) => {
    const { result, found } = await read('lasot', { 'a.txt': `1,2,3,4\n${line}\n1,2,3,4\n` })
    expect(result).toBeUndefined()
    expect(found).toEqual([`error ${message}`])
  })

  test('that is blank is passed over and told', async () => {
    const { result, found } = await read('lasot', { 'a.txt': text.replace('\n', '\n\n') })
    expect(result?.regions).toEqual(boxes)
    expect(found).toEqual(['warning a.txt:2 a blank line, which is passed over'])
  })

  test('among many is told by their number', async () => {
    const { found } = await read('lasot', { 'a.txt': 'x\n'.repeat(9) })
    expect(found).toHaveLength(6)
    expect(found.at(-1)).toBe('error a.txt 9 of 9 lines are broken')
  })

  test('of VOT is a mark that there is not', async () => {
    const { found } = await read('vot2018', { 'a.txt': '1\n3\n0\n' })
    expect(found).toEqual(['error a.txt:2 3 alone on a line, expected a mark (1 start, 2 failure, 0 skipped) or a box'])
  })

  test('ends the reading, if nobody asks to be told', async () => {
    await place(root, { 'a.txt': '1,2,3\n' })
    await expect(readResults(root, benchmark('lasot', ['a']))).rejects.toThrow(/a\.txt:1: 3 values, expected 4 or 8/)
  })
})

describe('another number of lines than frames', () => {
  test('longer is cut', async () => {
    const { result, found } = await read('lasot', { 'a.txt': `${text}9,9,9,9\n` })
    expect(result?.regions).toEqual(boxes)
    expect(found).toEqual(['warning a.txt:4 4 lines, expected 3, one per frame of a; the rest is not read'])
  })

  test.each<[BenchmarkName, string, string]>([
    ['lasot', '1,2,3,4\n', 'a.txt:2 1 lines, expected 3, one per frame of a'],
    ['got10k', '1,2,3,4\n'.repeat(4), 'a.txt:4 4 lines, expected 3, one per frame of a'],
    ['got10k', '1,2,3,4\n', 'a.txt:2 1 lines, expected 3, one per frame of a'],
    ['vot2018', '1\n', 'a.txt:2 1 lines, expected 3, one per frame of a'],
  ])('is an error of %s (%j)', async (type, content, message) => {
    const { result, found } = await read(type, { 'a.txt': content })
    expect(result).toBeUndefined()
    expect(found).toEqual([`error ${message}`])
  })

  test('shorter leaves failures at the end of a video of TrackingNet', async () => {
    const { result, found } = await read('trackingnet', { 'a.txt': '1,2.5,30,40\n' })
    expect(result?.regions).toEqual([boxes[0], nan, nan])
    expect(found).toEqual(['warning a.txt:2 1 lines, expected 3, one per frame of a; the missing frames are failures'])
  })

  test('none at all', async () => {
    const { found } = await read('lasot', { 'a.txt': ' \n' })
    expect(found).toEqual(['error a.txt:1 the file is empty, expected a box per line'])
  })
})

describe('an unusable box', () => {
  const broken = '7,7,7,7\nNaN,NaN,NaN,NaN\n5,5,0,10\n'

  test('repeats the one before it, and the first is the given one', async () => {
    const { result, found } = await read('lasot', { 'a.txt': broken })
    expect(result?.regions).toEqual([boxes[0], boxes[0], boxes[0]])
    expect(found).toEqual([
      "warning a.txt:2 no box with an area (and on 1 lines more); the box before it is judged, as OTB's and LaSOT's toolkits do",
    ])
  })

  test('stays where the truth is NaN too', async () => {
    const { result, found } = await read('lasot', { 'a.txt': broken }, [boxes[0]!, nan, nan])
    expect(result?.regions.slice(1)).toEqual([nan, { x: 5, y: 5, width: 0, height: 10 }])
    expect(found).toEqual([])
  })

  test('stays in GOT-10k, whose toolkit judges it', async () => {
    const { result } = await read('got10k', { 'a.txt': broken })
    expect(result?.regions).toEqual([{ x: 7, y: 7, width: 7, height: 7 }, nan, { x: 5, y: 5, width: 0, height: 10 }])
  })
})

test('sequences without a file are told together', async () => {
  await place(root, { 'b.txt': text })
  const { found, tell } = keepFindings(root)
  const results = await readResults(root, benchmark('lasot', ['a', 'b', 'c', 'd', 'e', 'f', 'g']), tell)
  expect([...results.keys()]).toEqual(['b'])
  expect(found).toEqual([
    'warning ROOT no result of 6 of 7 sequences (a, c, d, e, f ...), expected files such as a.txt',
  ])
})

test('a folder that is not there, and an archive that is none', async () => {
  const some = benchmark('lasot', ['a'])
  await expect(readResults(join(root, 'nowhere'), some)).rejects.toThrow(/no such file or folder: .*nowhere/)
  await writeFile(join(root, 'a.zip'), 'nothing')
  await expect(readResults(join(root, 'a.zip'), some)).rejects.toThrow(/a\.zip is no zip archive that is read .*unpack/)
})

test('a submission is read back from its archive', async () => {
  const some = benchmark('trackingnet', ['a', 'b'])
  const results = new Map<string, SequenceResult>(['a', 'b'].map((name) => [name, { name, regions: boxes }]))
  const written = await writeSubmission(join(root, 'submission'), some, results)
  expect([...(await readResults(written.at(-1)!, some)).values()]).toEqual([...results.values()])
})
