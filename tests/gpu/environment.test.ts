// "Node or not" is asked in one place, of `process.versions.node`: what bundlers, pages and Electron put in the place of `process` is
// told from Node's.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { isNode } from '../../src/gpu/environment.ts'

afterEach(() => void vi.unstubAllGlobals())

/** What `isNode` says while this is the program's `process`. */
function asked(process: unknown): boolean {
  vi.stubGlobal('process', process)
  const found = isNode()
  vi.unstubAllGlobals()
  return found
}

test.each<[string, unknown, boolean]>([
  ['Node', process, true],
  ["Electron's main process, and a renderer with Node", { versions: { node: '22.19.0', electron: '38.0.0' } }, true],
  ["Electron's renderer without Node", { type: 'renderer', versions: { electron: '38.0.0', chrome: '140' } }, false],
  ['the npm package process', { title: 'browser', browser: true, env: {}, version: '', versions: {} }, false],
  ['a bundler that defines process.env alone', { env: { NODE_ENV: 'production' } }, false],
  ['versions that hold no text', { versions: { node: false } }, false],
  ['null', null, false],
  ['a browser', undefined, false],
])('%s', (_, process, expected) => {
  expect(asked(process)).toBe(expected)
})

test('windows and documents beside Node, as jsdom makes them, change nothing', () => {
  for (const name of ['window', 'document', 'self', 'navigator']) vi.stubGlobal(name, { userAgent: 'jsdom' })
  expect(isNode()).toBe(true)
})

test('no other file of the library asks', () => {
  const root = new URL('../../src/', import.meta.url).pathname
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  const asking = files.filter((file) =>
    /versions\??\.node|process\.(browser|release|type)\b|typeof (window|document|process|importScripts)\b/.test(
      readFileSync(join(root, file), 'utf8'),
    ),
  )
  expect(asking).toEqual([join('gpu', 'environment.ts')])
})
