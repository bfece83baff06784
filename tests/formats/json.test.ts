// JSON of strangers: what would be made of a text is counted before it is made.

import { describe, expect, test } from 'vitest'
import { JsonSizeError, jsonLimits, parseJson } from '../../src/formats/json.ts'

const limits = { length: 1000, depth: 4, containers: 6, values: 8, text: 40 }

describe('a text within the limits', () => {
  test.each(['{"a":[1,{"b":null}],"c":"x"}', '"a text: [[[[[[[ ,,,,,,,,,"', '[[[[]]]]', ' 12 ', '"\\"[[[[[["'])(
    '%s is parsed',
    (text) => {
      expect(parseJson(text, limits)).toEqual(JSON.parse(text))
    },
  )

  test('that is no JSON is a SyntaxError', () => {
    expect(() => parseJson('{"a":', limits)).toThrow(SyntaxError)
    expect(() => parseJson('"no end', limits)).toThrow(SyntaxError)
  })
})

test.each([
  ['[[[[[]]]]]', 'nests deeper than 4 levels'],
  ['[[],[],[],[],[],[]]', 'holds too many arrays and objects, expected at most 6'],
  ['[0,1,2,3,4,5,6,7,8,9]', 'holds too many names and values, expected at most 8'],
  ['{"a":"b","c":"d","e":"f","g":"h"}', 'holds too many names and values, expected at most 8'],
  [`["${'a'.repeat(60)}"]`, 'holds too many characters in its texts, expected at most 40'],
  [`"${'\\'.repeat(60)}`, 'holds too many characters in its texts, expected at most 40'],
  [' '.repeat(1001), 'is 1001 characters long, expected at most 1000'],
])('%j is refused before it is parsed', (text, message) => {
  expect(() => parseJson(text, limits)).toThrow(JsonSizeError)
  expect(() => parseJson(text, limits)).toThrow(message)
})

test('brackets without end cost no memory', () => {
  expect(() => parseJson('['.repeat(1e6))).toThrow(/nests deeper than 100 levels/)
  expect(() => parseJson(`[${'{},'.repeat(jsonLimits.containers)}{}]`)).toThrow(JsonSizeError)
})
