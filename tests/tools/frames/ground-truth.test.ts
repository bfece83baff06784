// Ground-truth files of the common benchmarks, and errors that lead to the line.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { GroundTruthError, SourceNotFoundError } from '../../../tools/frames/errors.ts'
import { parseBoxes, readGroundTruth } from '../../../tools/frames/ground-truth.ts'
import { temporaryFolder } from './helpers.ts'

const box = { x: 1, y: 2, width: 3.5, height: 40 }

test.each([
  ['commas', '1,2,3.5,40'],
  ['commas and spaces', ' 1, 2 , 3.5 ,4e1 '],
  ['tabs', '1\t2\t3.5\t40'],
  ['spaces', '1   2 3.5 40'],
  ['semicolons', '1;2;3.50;+40.'],
  ['a byte order mark', '\uFEFF1,2,3.5,40'],
])('a line separated by %s', (_, line) => {
  expect(parseBoxes(line, 'gt.txt')).toEqual([box])
})

test('lines end in LF, CRLF or CR, with or without a last one', () => {
  for (const text of ['1,2,3.5,40\n1,2,3.5,40\n', '1,2,3.5,40\r\n1,2,3.5,40', '1,2,3.5,40\r1,2,3.5,40\n\n']) {
    expect(parseBoxes(text, 'gt.txt')).toEqual([box, box])
  }
})

test('blank lines, one separator at the end, CR CR LF and UTF-16 are read', async () => {
  const lines = ['1,2,3.5,40,', '', '  ', '1;2;3.5;40;', '\t1 2 3.5 40 ']
  for (const end of ['\n', '\r\n', '\r\r\n', '\r']) {
    const text = `\n${lines.join(end)}${end}${end}`
    expect(parseBoxes(text, 'gt.txt')).toEqual([box, box, box])
    const file = join(await temporaryFolder(), 'gt.txt')
    await writeFile(file, `\uFEFF${text}`, 'utf16le')
    expect(await readGroundTruth(file)).toEqual([box, box, box])
    await writeFile(file, Buffer.from(`\uFEFF${text}`, 'utf16le').swap16())
    expect(await readGroundTruth(file)).toEqual([box, box, box])
  }
})

test('a long line is refused at once', () => {
  for (const line of [`${'1'.repeat(3e5)}x`, `${'1'.repeat(3e5)},2,3,4`, ' '.repeat(3e6), `${'1,'.repeat(3e5)}1`]) {
    const start = process.cpuUsage()
    expect(() => parseBoxes(line, 'gt.txt')).toThrow(/^.{0,300}$/s)
    expect(process.cpuUsage(start).user / 1e6).toBeLessThan(1)
  }
})

test('a frame number in a result file does not decide how much memory is taken', async () => {
  const file = join(await temporaryFolder(), 'a.json')
  for (const frame of [Number.MAX_SAFE_INTEGER, 1e8]) {
    await writeFile(file, JSON.stringify({ format: 'siamrpn-results', frames: [{ frame, targets: [] }] }))
    await expect(readGroundTruth(file)).rejects.toThrow(GroundTruthError)
  }
})

test.each([
  ['twice', [0, 0], /frame 0 is there twice, expected once/],
  ['as text', ['0'], /frames\.0\.frame: .*expected number/],
  ['below 0', [-1], /frames\.0\.frame: .*>=0/],
  ['half', [0.5], /frames\.0\.frame: .*expected int/],
] as const)('a frame that a result file has %s is refused', async (_, frames, message) => {
  const file = join(await temporaryFolder(), 'a.json')
  const targets = [{ box: [1, 2, 3, 4], score: 1 }]
  const text = JSON.stringify({ format: 'siamrpn-results', frames: frames.map((frame) => ({ frame, targets })) })
  await writeFile(file, text)
  await expect(readGroundTruth(file)).rejects.toThrow(message)
})

test('a line with NaN is a frame without object; an all-zero box stays a box', () => {
  expect(parseBoxes('NaN,NaN,NaN,NaN\nnan nan nan nan\n0,0,0,0', 'gt.txt')).toEqual([
    undefined,
    undefined,
    { x: 0, y: 0, width: 0, height: 0 },
  ])
})

test('a polygon of eight numbers becomes its upright hull', () => {
  expect(parseBoxes('10,5,20,15,12,25,2,15', 'gt.txt')).toEqual([{ x: 2, y: 5, width: 18, height: 20 }])
})

test.each([
  ['1,2,3,4\n1,2,3\n', /^gt\.txt:2: 3 values, expected 4 or 8; found "1,2,3"/],
  ['1,2,x,4', /^gt\.txt:1: "x" is not a number/],
  ['1,,3,4', /^gt\.txt:1: commas without a number between them/],
  ['1,2,3,4\n10,5;20,25;30,75;40,5', /^gt\.txt:2: pairs of numbers: decimal commas, or corners/],
  ['10,5\t20,25\t30,75\t40,5', /^gt\.txt:1: pairs of numbers/],
  ['1,2,1e999,4', /^gt\.txt:1: "1e999" is not a number/],
  ['0x10,2,3,4', /^gt\.txt:1: "0x10" is not a number/],
  ['1,2,Infinity,4', /^gt\.txt:1: "Infinity" is not a number/],
  ['', /^gt\.txt: the file is empty/],
])('%j is told with file and line', (text, message) => {
  expect(() => parseBoxes(text, 'gt.txt')).toThrow(GroundTruthError)
  expect(() => parseBoxes(text, 'gt.txt')).toThrow(message)
})

test('files are read by content; absent and foreign ones are told', async () => {
  const folder = await temporaryFolder()
  const file = join(folder, 'gt.txt')
  await writeFile(file, '1 2 3.5 40\n')
  expect(await readGroundTruth(file)).toEqual([box])
  await expect(readGroundTruth(join(folder, 'absent.txt'))).rejects.toThrow(SourceNotFoundError)
  await expect(readGroundTruth(folder)).rejects.toThrow(GroundTruthError)
  await writeFile(file, '{"frames": []}')
  await expect(readGroundTruth(file)).rejects.toThrow(/gt\.txt: format/)
  await writeFile(file, '{"frames": ')
  await expect(readGroundTruth(file)).rejects.toThrow(GroundTruthError)
})
