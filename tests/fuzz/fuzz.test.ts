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
