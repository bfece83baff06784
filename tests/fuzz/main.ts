// npm run fuzz -- --seconds 60 [--seed N] [--reader NAME]: tries mutated files until the time is over, each reader for a moment in
// turn; findings are written to ./fuzz-findings.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { tryOne } from './fuzz.ts'
import type { Reader } from './reader.ts'
import { fileNameOf, makeReaders } from './readers.ts'

const turnMilliseconds = 250
const shownReason = 2000

const options = { seconds: { type: 'string' }, seed: { type: 'string' }, reader: { type: 'string' } } as const
const { values } = parseArgs({ options })
const seconds = Number(values.seconds ?? 60)
const first = Number(values.seed ?? Date.now() % 2 ** 31)
const folder = await mkdtemp(join(tmpdir(), 'siamrpn-fuzz-'))
const end = performance.now() + 1000 * seconds
const tried = new Map<Reader, number>()
try {
  const all = await makeReaders(folder)
  const readers = all.filter(({ name }) => values.reader === undefined || name === values.reader)
  if (readers.length === 0) {
    throw new Error(`no reader ${values.reader}, expected one of ${all.map(({ name }) => name).join(', ')}`)
  }
  while (performance.now() < end) for (const reader of readers) await takeTurn(reader)
} finally {
  await rm(folder, { recursive: true, force: true })
}
for (const [{ name }, count] of tried) process.stdout.write(`${String(count).padStart(9)}  ${name}\n`)
const total = [...tried.values()].reduce((sum, count) => sum + count, 0)
process.stdout.write(`${total} inputs from seed ${first} on\n`)

async function takeTurn(reader: Reader): Promise<void> {
  const until = Math.min(end, performance.now() + turnMilliseconds)
  do {
    const count = tried.get(reader) ?? 0
    tried.set(reader, count + 1)
    const finding = await tryOne(reader, first + count, folder)
    if (finding === undefined) continue
    await mkdir('fuzz-findings', { recursive: true })
    const file = join('fuzz-findings', `${fileNameOf(reader.name)}-${finding.seed}`)
    await writeFile(file, finding.input)
    const reason = finding.reason.slice(0, shownReason)
    process.stderr.write(`${reader.name}, seed ${finding.seed}: ${reason}\n  the input is ${file}\n`)
    process.exitCode = 1
  } while (performance.now() < until)
}
