// A short run of the fuzzer from fixed seeds; `npm run fuzz` goes on from others. What was a fault once is tried as it was.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { tryInput, tryOne } from './fuzz.ts'
import { makeReaders } from './readers.ts'

const folder = await mkdtemp(join(tmpdir(), 'siamrpn-fuzz-'))
const readers = await makeReaders(folder)
afterAll(() => rm(folder, { recursive: true, force: true }))

test.each(readers)('mutated files of the reader of $name end in a value or an error of the library', async (reader) => {
  for (const [index, input] of reader.corpus.entries()) {
    const finding = await tryInput(reader, input, { seed: `corpus ${index}`, folder })
    if (finding) expect.fail(`${finding.seed}: ${finding.reason}`)
  }
  const end = performance.now() + 700
  for (let seed = 1; seed <= 400 && performance.now() < end; seed++) {
    const finding = await tryOne(reader, seed, folder)
    if (finding) expect.fail(`seed ${finding.seed}: ${finding.reason}`)
  }
})

test.each(readers.map(({ name, read, corpus }) => ({ name, read, first: corpus[0] })))(
  'the reader of $name reads its first file: what it is given reaches it',
  async ({ read, first }) => {
    await read(new Uint8Array(first!), folder)
  },
)

test('what takes long once is tried again, and is a finding only if it takes long again', async () => {
  const slow = (times: number) => {
    let left = times
    const read = () => {
      const start = process.cpuUsage()
      const taken = () => process.cpuUsage(start).user + process.cpuUsage(start).system
      if (left-- > 0) while (taken() < 2.1e6) Buffer.alloc(1e6).fill(1)
    }
    return tryInput({ name: 'slow', corpus: [], read }, new Uint8Array(), { seed: 1, folder })
  }
  expect(await slow(1)).toBeUndefined()
  expect((await slow(2))?.reason).toMatch(/^2\.\d+ s of CPU time, tried again: 2\.\d+ s$/)
})
