// Boxes and flags as data sets write them; what is broken is told with file and line.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findGap, listImages } from '../../../tools/benchmarks/frame-files.ts'
import { readFlags, readRequiredFlags, readRows } from '../../../tools/benchmarks/rows.ts'
import { temporaryFolder } from '../frames/helpers.ts'
import { keepFindings, place } from './helpers.ts'

test('commas, tabs, spaces, semicolons, CRLF, a byte order mark, NaN: all are read, what is odd is told', async () => {
  const root = await temporaryFolder()
  const { found, tell } = keepFindings(root)
  await place(root, {
    'plain.txt': '1,2,3,4\n5,6,7,8.5\n',
    'odd.txt': '\uFEFF1,2,3,4\r\n5\t6\t7\t8\r\n 9  10 11 12 \nNaN;NaN;NaN;NaN\nnan,-NaN,1e1,.5\n\n\n',
  })
  expect(await readRows(join(root, 'plain.txt'), [4], tell)).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 8.5],
  ])
  expect(found).toEqual([])
  const { NaN: nan } = Number
  expect(await readRows(join(root, 'odd.txt'), [4], tell)).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
    [9, 10, 11, 12],
    [nan, nan, nan, nan],
    [nan, nan, 10, 0.5],
  ])
  expect(found).toEqual([
    'warning odd.txt:1 begins with a byte order mark, which is skipped',
    'warning odd.txt:2 separated by tab, expected comma as on line 1; read all the same',
    'warning odd.txt:1 the line ends in CR, expected LF; read all the same',
    'warning odd.txt:4 NaN on 2 lines, this is the first: frames without the object',
  ])
})

test('broken lines are errors, the first of them one by one', async () => {
  const root = await temporaryFolder()
  const { found, tell } = keepFindings(root)
  await place(root, {
    'short.txt': '1,2,3,4\n1,2,3\n1,2,3,x\n\n1,2,3,4,5,6,7,8\n',
    'many.txt': 'no box at all\n'.repeat(9),
    'empty.txt': ' \n\n',
  })
  for (const name of ['short', 'many', 'empty', 'absent']) {
    expect(await readRows(join(root, `${name}.txt`), [4], tell)).toBeUndefined()
  }
  expect(found.slice(0, 3)).toEqual([
    'error short.txt:2 3 values, expected 4; found "1,2,3"',
    'error short.txt:3 "x" is not a number; found "1,2,3,x"',
    'error short.txt:5 8 values, expected 4; found "1,2,3,4,5,6,7,8"',
  ])
  expect(found.slice(3, 8).map((finding) => finding.slice(0, 16))).toEqual(
    [1, 2, 3, 4, 5].map((line) => `error many.txt:${line}`),
  )
  expect(found.slice(8)).toEqual([
    'error many.txt 4 more lines are broken, 9 of 9 in all',
    'error empty.txt:1 the file is empty, expected a box per line',
    'error absent.txt not found, expected the ground truth: a box per line',
  ])
})

test('flags on one line or on many; a wrong number of them, a word, and a missing file', async () => {
  const root = await temporaryFolder()
  const { found, tell } = keepFindings(root)
  await place(root, { 'row.txt': '0,1,0\n', 'column.txt': '0\r\n1\r\n8\r\n', 'word.txt': '0\n1\nyes\n' })
  const file = (name: string) => join(root, name)
  expect(await readFlags(file('row.txt'), 3, tell)).toEqual([0, 1, 0])
  expect(await readFlags(file('column.txt'), 3, tell)).toEqual([0, 1, 8])
  expect(await readFlags(file('absent.txt'), 3, tell)).toBeUndefined()
  expect(found).toEqual([])
  expect(await readFlags(file('row.txt'), 4, tell)).toBeUndefined()
  expect(await readFlags(file('word.txt'), 3, tell)).toBeUndefined()
  expect(await readRequiredFlags(file('absent.txt'), 3, tell)).toBeUndefined()
  expect(await readRequiredFlags(file('row.txt'), 2, tell)).toBeUndefined()
  expect(found).toEqual([
    'error row.txt 3 entries, expected 4, one per line of the ground truth',
    'error word.txt:3 entry 3 is "yes", expected a whole number',
    'error absent.txt not found, expected 3 flags, one per frame',
    'error row.txt 3 entries, expected 2, one per line of the ground truth',
  ])
})

test('images come in the order of their numbers, and a gap is found', async () => {
  const root = await temporaryFolder()
  await place(root, { '10.jpg': '', '9.jpg': '', '0.jpg': '', '.hidden.jpg': '', 'notes.txt': '' })
  await place(root, { 'b/img-2.png': '', 'b/img-10.png': '', 'b/img-1.png': '' })
  expect(await listImages(root)).toEqual([`${root}/0.jpg`, `${root}/9.jpg`, `${root}/10.jpg`])
  expect(await listImages(`${root}/b`)).toEqual([1, 2, 10].map((number) => `${root}/b/img-${number}.png`))
  expect(await listImages(`${root}/c`)).toEqual([])
  expect(findGap(await listImages(root), 0)).toBe(1)
  expect(findGap(['a/7.jpg', 'a/8.jpg'], 7)).toBeUndefined()
})
