import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cacheFolder, fileChoiceStore, wantsBenchmark } from '../../tools/choice-store.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'choices-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('remembers a text by its key, in a folder that it makes, and leaves no temporary files', async () => {
  const inner = join(folder, 'a', 'b')
  const store = fileChoiceStore(inner)
  expect(await store.read('one adapter')).toBeUndefined()
  await store.write('one adapter', '[1]')
  await store.write('another', '[2]')
  await store.write('one adapter', '[3]')
  expect(await fileChoiceStore(inner).read('one adapter')).toBe('[3]')
  expect(await store.read('another')).toBe('[2]')
  const files = await readdir(inner)
  expect(files).toHaveLength(2)
  for (const file of files) expect(file).toMatch(/^kernels-[0-9a-f]{16}\.json$/)
})

test('does without a folder that cannot be made', async () => {
  const file = join(folder, 'file')
  await writeFile(file, '')
  const store = fileChoiceStore(join(file, 'below'))
  await store.write('key', 'text')
  expect(await store.read('key')).toBeUndefined()
})

test("is the user's cache folder, wherever the system has it", () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/cache' }, 'linux')).toBe(join('/cache', 'siamrpn'))
  expect(cacheFolder({}, 'linux')).toMatch(/\.cache.siamrpn$/)
  expect(cacheFolder({}, 'darwin')).toMatch(/Library.Caches.siamrpn$/)
  expect(cacheFolder({ LOCALAPPDATA: 'C:/local' }, 'win32')).toBe(join('C:/local', 'siamrpn'))
})

test('is asked for by cudnn_benchmark, on GPUs alone', () => {
  expect(wantsBenchmark({ cudnn_benchmark: true }, { kind: 'gpu' })).toBe(true)
  expect(wantsBenchmark({ cudnn_benchmark: true }, { kind: 'cpu' })).toBe(false)
  expect(wantsBenchmark({ cudnn_benchmark: false }, { kind: 'gpu' })).toBe(false)
  expect(wantsBenchmark(undefined, { kind: 'gpu' })).toBe(false)
})
