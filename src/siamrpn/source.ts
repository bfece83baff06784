// Where a checkpoint comes from: bytes in memory, a path (Node) or a URL, with progress and an optional digest. The only file
// of this floor that reaches for Node, and only when it is given a path there.

import { concatBytes } from '../formats/bytes.ts'
import { SourceError } from './errors.ts'

/** A file's path, its URL, or its bytes. */
export type CheckpointSource = string | URL | Uint8Array | ArrayBuffer

export interface FetchOptions {
  /** Expected SHA-256 of the file, in hexadecimal. */
  readonly sha256?: string | undefined
  /** Bytes so far and in all; the total is 0 where the server does not say. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** What to call a source in messages. */
export function sourceName(source: CheckpointSource): string {
  return typeof source === 'string' || source instanceof URL ? String(source) : 'checkpoint'
}

/** @throws SourceError if it cannot be read, or its digest differs from `sha256` */
export async function readSource(source: CheckpointSource, options: FetchOptions = {}): Promise<Uint8Array> {
  const bytes = await readBytes(source, options.onProgress ?? (() => {}))
  if (options.sha256) await checkDigest(sourceName(source), bytes, options.sha256)
  return bytes
}

async function readBytes(source: CheckpointSource, onProgress: (done: number, total: number) => void) {
  if (source instanceof Uint8Array) return source
  if (source instanceof ArrayBuffer) return new Uint8Array(source)
  const text = String(source)
  const isFile = text.startsWith('file:') || !/^[a-z][a-z0-9+.-]+:/i.test(text)
  if (!isFile || !isNode()) return await download(text, onProgress)
  const bytes = await readFile(text)
  onProgress(bytes.length, bytes.length)
  return bytes
}

function isNode(): boolean {
  return 'process' in globalThis && !('window' in globalThis)
}

async function readFile(path: string): Promise<Uint8Array> {
  const files = await import('node:fs/promises')
  try {
    return await files.readFile(path.startsWith('file:') ? new URL(path) : path)
  } catch (cause) {
    throw new SourceError(`Checkpoint \`${path}\` cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

async function download(url: string, onProgress: (done: number, total: number) => void): Promise<Uint8Array> {
  const response = await request(url)
  const total = response.headers.has('content-encoding') ? 0 : Number(response.headers.get('content-length') ?? 0)
  const chunks: Uint8Array[] = []
  let done = 0
  try {
    const reader = response.body?.getReader()
    for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
      chunks.push(part.value)
      done += part.value.length
      onProgress(done, total)
    }
  } catch (cause) {
    throw brokenOff(url, done, total, cause)
  }
  if (done < total) throw brokenOff(url, done, total)
  return concatBytes(chunks)
}

async function request(url: string): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url)
  } catch (cause) {
    throw new SourceError(`Checkpoint \`${url}\` cannot be fetched: ${reasonOf(cause)}`, { cause })
  }
  if (response.ok) return response
  await response.body?.cancel()
  const answer = `${response.status} ${response.statusText}`.trim()
  throw new SourceError(`Checkpoint \`${url}\` cannot be fetched: the server answered ${answer}, expected 200`)
}

function brokenOff(url: string, done: number, total: number, cause?: unknown): SourceError {
  const expected = total > 0 ? ` of ${total}` : ''
  const reason = cause === undefined ? '' : ` (${reasonOf(cause)})`
  return new SourceError(`Checkpoint \`${url}\` broke off after ${done}${expected} bytes${reason}`, { cause })
}

/** The message of an error; of its cause where it has one, which is where `fetch` hides the reason. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message ? error.cause.message : error.message
}

async function checkDigest(name: string, bytes: Uint8Array, expected: string): Promise<void> {
  const subtle: SubtleCrypto | undefined = crypto.subtle
  if (!subtle) throw new SourceError(`Checkpoint \`${name}\` cannot be verified: SHA-256 needs a page served by https`)
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
  if (found === expected.toLowerCase()) return
  throw new SourceError(`Checkpoint \`${name}\` has SHA-256 ${found}, expected ${expected}`)
}
