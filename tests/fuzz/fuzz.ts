// Seeded mutation of every reader's files. Whatever comes of it must be a value or an error of the library's own, soon, in little
// memory and in few words. A finding has the seed that makes it again.

import { SiamRpnError } from '../../src/gpu/errors.ts'
import { Random } from '../../src/siamrpn/random.ts'
import { ImportError } from '../../web/src/model/errors.ts'
import type { Reader } from './reader.ts'

export interface Finding {
  readonly reader: string
  readonly seed: number | string
  readonly reason: string
  readonly input: Uint8Array
}

const mostSeconds = 2
const mostBytes = 512 * 2 ** 20
const longestMessage = 9000
/** Seconds until a reader counts as hanging, on a machine that is busy. */
const longestWait = 90

/** The input that a seed stands for. */
function mutated({ name, corpus }: Reader, seed: number): Uint8Array {
  const random = new Random(`fuzz ${name}`, seed)
  let bytes = new Uint8Array(corpus[random.integer(corpus.length)] ?? [])
  const steps = 1 + random.integer(4)
  for (let step = 0; step < steps; step++) bytes = mutate(bytes, random)
  return bytes
}

const words = [
  'NaN',
  '-Infinity',
  '1e999',
  '9007199254740993',
  '[',
  '{',
  '"',
  '\0',
  '\ud800',
  '-1',
  '__proto__',
  ',',
  ';',
]

function mutate(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  const at = random.integer(bytes.length + 1)
  const length = Math.min(bytes.length - at, 1 + random.integer(16))
  const [before, piece, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)]
  switch (random.integer(9)) {
    case 0: // Bits.
      return new Uint8Array(Buffer.concat([before, piece.map((byte) => byte ^ (1 << random.integer(8))), after]))
    case 1: // Cut.
      return new Uint8Array(before)
    case 2: // Taken out.
      return new Uint8Array(Buffer.concat([before, after]))
    case 3: // Once more, or thousands of times.
      return new Uint8Array(
        Buffer.concat([
          before,
          ...Array.from({ length: 1 + random.integer(2) * random.integer(5000) }, () => piece),
          after,
        ]),
      )
    case 4: // The largest and the smallest numbers.
      return new Uint8Array(Buffer.concat([before, piece.map(() => (random.integer(2) === 0 ? 0xff : 0)), after]))
    case 5: // Words that mean something to some reader.
      return new Uint8Array(Buffer.concat([before, Buffer.from(words[random.integer(words.length)] ?? ''), after]))
    case 6: // Numbers that size something.
      return new Uint8Array(Buffer.from(withNumber(Buffer.from(bytes).toString('latin1'), at, random), 'latin1'))
    case 7: // Many times over: lines, names, list items; rarely, as it makes megabytes.
      return random.integer(20) > 0 ? mutate(bytes, random) : repeated(before, piece, after)
    default: // Another part of the same file.
      return new Uint8Array(Buffer.concat([before, bytes.subarray(random.integer(bytes.length + 1)), after]))
  }
}

const numbers = ['0', '-1', '1e9', '2147483648', '4294967295', '9007199254740991', '1e308', '1e-30', '0.5']

/** The next number behind a position, replaced by another one. */
function withNumber(text: string, at: number, random: Random): string {
  const number = numbers[random.integer(numbers.length)] ?? ''
  return text.slice(0, at) + text.slice(at).replace(/-?\d[\d.e+-]*/, number)
}

function repeated(before: Uint8Array, piece: Uint8Array, after: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([before, ...Array.from({ length: 300_000 }, () => piece), after]))
}

/** Tries one seed. @returns what is wrong, if anything is */
export async function tryOne(reader: Reader, seed: number, folder: string): Promise<Finding | undefined> {
  return await tryInput(reader, mutated(reader, seed), { seed, folder })
}

/**
 * Tries one file. What takes too long is tried once more, and told: CPU time is that of the whole process, so garbage of readers
 * before, or a machine that did something else, may be in it once, but not twice.
 * @param seed what it was made from @returns what is wrong, if anything is
 */
export async function tryInput(
  reader: Reader,
  input: Uint8Array,
  { seed, folder }: { readonly seed: number | string; readonly folder: string },
): Promise<Finding | undefined> {
  const found = (reason: string): Finding => ({ reader: reader.name, seed, reason, input })
  const first = await measured(reader, input, folder)
  if (first.reason !== undefined) return found(first.reason)
  if (first.seconds > mostSeconds) {
    const again = await measured(reader, input, folder)
    const reason = `${first.seconds} s of CPU time, tried again: ${again.seconds} s`
    process.stderr.write(`${reader.name}, seed ${seed}: ${reason}\n`)
    if (again.reason !== undefined || again.seconds > mostSeconds) return found(again.reason ?? reason)
  }
  return first.grown > mostBytes ? found(`${first.grown} bytes of memory`) : undefined
}

interface Measured {
  /** What is wrong with the outcome, if anything is. */
  readonly reason?: string
  /** Of CPU time. */
  readonly seconds: number
  /** Bytes of resident memory. */
  readonly grown: number
}

async function measured(reader: Reader, input: Uint8Array, folder: string): Promise<Measured> {
  const start = process.cpuUsage()
  const before = process.memoryUsage.rss()
  const reason = await outcome(reader, input, folder)
  const { user, system } = process.cpuUsage(start)
  const taken = { seconds: (user + system) / 1e6, grown: process.memoryUsage.rss() - before }
  return reason === undefined ? taken : { ...taken, reason }
}

/** Reads a file. @returns what is wrong with the error that comes of it, if anything is */
async function outcome(reader: Reader, input: Uint8Array, folder: string): Promise<string | undefined> {
  try {
    await ended(Promise.resolve(reader.read(input, folder)))
  } catch (error) {
    if (!(error instanceof SiamRpnError || error instanceof ImportError)) {
      return `${error instanceof Error ? error.stack : String(error)}`
    }
    if (error.message.length > longestMessage) return `a message of ${error.message.length} characters`
  }
  return undefined
}

/**
 * Settles like `work`, or rejects when it takes so long that it may never settle. Turns of a timer are counted, not the clock: a
 * process that is stopped does not take long.
 */
async function ended(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let seconds = 0
  const late = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      if (++seconds === longestWait) reject(new Error(`it has not ended after ${longestWait} s`))
    }, 1000)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearInterval(timer)
  }
}
