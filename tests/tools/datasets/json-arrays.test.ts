// Elements arrive whole and in order wherever the pieces of the file end; what is no JSON is named with its byte.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { AnnotationError } from '../../../tools/datasets/errors.ts'
import { readJsonArrays } from '../../../tools/datasets/json-arrays.ts'
import { temporaryFolder } from '../frames/helpers.ts'

async function read(text: string | Uint8Array) {
  const file = join(await temporaryFolder(), 'a.json')
  await writeFile(file, text)
  const found: unknown[] = []
  const names = await readJsonArrays(file, { a: (value, index) => found.push([index, value]) })
  return { found, names: [...names] }
}

test('wanted arrays are read, everything else is skipped', async () => {
  const json = {
    info: { 'a"]': '}\\"' },
    b: [[1], '[', {}],
    n: -1.5e3,
    a: [{ x: [1, { y: 'ü"\\' }] }, 2, 'three', null],
    z: true,
  }
  for (const space of [undefined, 1, '\t']) {
    const { found, names } = await read(JSON.stringify(json, undefined, space))
    expect(found).toEqual(json.a.map((value, k) => [k, value]))
    expect(names).toEqual(['info', 'b', 'n', 'a', 'z'])
  }
})

test('empty objects, empty arrays, a byte order mark', async () => {
  expect(await read('{}')).toEqual({ found: [], names: [] })
  expect(await read(' { "a" : [ ] } ')).toEqual({ found: [], names: ['a'] })
  expect(await read('\uFEFF{"a":[1]}')).toEqual({ found: [[0, 1]], names: ['a'] })
})

test('files larger than a piece, elements larger than a piece', async () => {
  const a = Array.from({ length: 30 }, (_, k) => ({ k, text: 'ä'.repeat(k === 7 ? 2_500_000 : 30_000 + k) }))
  const { found } = await read(JSON.stringify({ a }))
  expect(found).toEqual(a.map((value, k) => [k, value]))
})

test('elements without end are refused', async () => {
  const a = [1, { points: '1,'.repeat(2 ** 23 + 2 ** 21) }]
  await expect(read(JSON.stringify({ a }))).rejects.toThrow(/: a\[1\] has more than 16777216 bytes/)
})

const broken: readonly (readonly [text: string, message: RegExp])[] = [
  ['', /byte 0: the file ends too early/],
  ['[1]', /byte 0: expected an object, found "\[1\]"/],
  ['{"a": 3}', /byte 6: a: expected an array, found "3}"/],
  ['{"a": [1, {"b": 2]}', /byte 17: a\[1\]: /],
  ['{"a": [1, {"b": nul}]}', /a\[1\]: /],
  ['{"a": [1 2]}', /byte 9: expected a\[1\]: a comma or the end of the array, found "2]}"/],
  ['{"a": [1, {"b": "x', /byte 18: the file ends within a\[1\]/],
  ['{"a": [1],', /byte 10: the file ends too early/],
  ['{"a" [1]}', /byte 5: expected a colon/],
  ['{a: [1]}', /byte 1: expected a name in quotes/],
]

test('names without end are refused, different or equal ones', async () => {
  for (const name of [(k: number) => `k${k}`, () => 'a']) {
    const text = `{${Array.from({ length: 1001 }, (_, k) => `"${name(k)}":[0]`).join()}}`
    await expect(read(text)).rejects.toThrow(/more than 1000 names, expected those of annotations/)
  }
})

test.each(broken)('%s', async (text, message) => {
  await expect(read(text)).rejects.toThrow(AnnotationError)
  await expect(read(text)).rejects.toThrow(message)
})
