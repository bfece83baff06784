// Where a checkpoint comes from: bytes in memory, a path (Node) or a URL, with progress and an optional digest. The only file
// of this floor that reaches for Node, and only when it is given a path there.

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
  if (isFile && isNode()) return await readFile(text.startsWith('file:') ? new URL(text) : text)
  return await download(text, onProgress)
}

function isNode(): boolean {
  return 'process' in globalThis && !('window' in globalThis)
}

async function readFile(path: string | URL): Promise<Uint8Array> {
  const files = await import('node:fs/promises')
  try {
    return await files.readFile(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new SourceError(`Checkpoint \`${path}\` cannot be read: ${reason}`, { cause })
  }
}

async function download(url: string, onProgress: (done: number, total: number) => void): Promise<Uint8Array> {
  let response: Response
  try {
    response = await fetch(url)
  } catch (cause) {
    throw new SourceError(`Checkpoint \`${url}\` cannot be fetched: ${String(cause)}`, { cause })
  }
  if (!response.ok || !response.body) {
    throw new SourceError(`Checkpoint \`${url}\` cannot be fetched: the server answered ${response.status}`)
  }
  const total = Number(response.headers.get('content-length') ?? 0)
  const chunks: Uint8Array[] = []
  let done = 0
  for await (const chunk of response.body) {
    chunks.push(chunk)
    done += chunk.length
    onProgress(done, total)
  }
  if (total > 0 && done < total && !response.headers.get('content-encoding')) {
    throw new SourceError(`Checkpoint \`${url}\` broke off after ${done} of ${total} bytes`)
  }
  const bytes = new Uint8Array(done)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

async function checkDigest(name: string, bytes: Uint8Array, expected: string): Promise<void> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
  if (found === expected.toLowerCase()) return
  throw new SourceError(`Checkpoint \`${name}\` has SHA-256 ${found}, expected ${expected}`)
}
