// A short run of the fuzzer from fixed seeds; `npm run fuzz` goes on from others.

import { expect, test } from 'vitest'
import { temporaryFolder } from '../tools/frames/helpers.ts'
import { tryOne } from './fuzz.ts'
import { readers } from './readers.ts'

test.each(readers)('mutated files of the reader of $name end in a value or an error of the library', async (reader) => {
  const folder = await temporaryFolder()
  const end = performance.now() + 2000
  for (let seed = 1; seed <= 400 && performance.now() < end; seed++) {
    const finding = await tryOne(reader, seed, folder)
    if (finding) expect.fail(`seed ${finding.seed}: ${finding.reason}`)
  }
})
