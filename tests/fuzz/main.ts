// npm run fuzz -- --seconds 60 [--seed N]: tries mutated files until the time is over; findings are written to ./fuzz-findings.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { tryOne } from './fuzz.ts'
import { readers } from './readers.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } })
const seconds = Number(values.seconds ?? 60)
const first = Number(values.seed ?? Date.now() % 2 ** 31)
const folder = await mkdtemp(join(tmpdir(), 'siamrpn-fuzz-'))
const end = performance.now() + 1000 * seconds
let tried = 0
try {
  for (let seed = first; performance.now() < end; seed++) {
    for (const reader of readers) {
      tried++
      const finding = await tryOne(reader, seed, folder)
      if (finding === undefined) continue
      await mkdir('fuzz-findings', { recursive: true })
      const file = join('fuzz-findings', `${reader.name.replaceAll(' ', '-')}-${seed}`)
      await writeFile(file, finding.input)
      process.stderr.write(`${reader.name}, seed ${seed}: ${finding.reason}\n  the input is ${file}\n`)
      process.exitCode = 1
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
process.stdout.write(`${tried} inputs from seed ${first} on\n`)
