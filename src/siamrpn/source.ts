// Reads a checkpoint from wherever it is: bytes in memory, a file, an answer of a server, a path (Node) or a URL, with
// progress and an optional digest. It is the only file of this floor that reaches for Node, and only when it is given a
// path there.

import { concatBytes } from '../formats/bytes.ts'
import { isNode } from '../gpu/environment.ts'
import { ArgumentError } from '../gpu/errors.ts'
import { show } from '../gpu/message.ts'
import { SourceError } from './errors.ts'

/**
 * A path (in Node) or a URL, as a string or a `URL`; a `File`, `Blob` or `Response`, which is read; or the bytes: an
 * `ArrayBuffer`, a `SharedArrayBuffer`, or a typed array or `DataView` of either. Shared memory is copied.
 */
export type CheckpointSource = string | URL | Blob | Response | ArrayBuffer | SharedArrayBuffer | ArrayBufferView

export interface FetchOptions {
  /** Expected SHA-256 of the file, in hexadecimal. */
  readonly sha256?: string | undefined
  /** Bytes so far and in all; the total is 0 where the server does not say. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** What to call a source in messages. */
export function sourceName(source: CheckpointSource): string {
  const kind = kindOf(source)
  if (kind === 'String' || kind === 'URL') return String(source)
  if (kind === 'File') return (source as File).name
  return (kind === 'Response' && (source as Response).url) || 'checkpoint'
}

/** Whether reading it is a download. In Node a text is a path unless it begins as URLs do: `epoch:20.pth` is a path. */
export function isRemote(source: CheckpointSource): boolean {
  const kind = kindOf(source)
  if (kind === 'Response') return true
  if (kind !== 'String' && kind !== 'URL') return false
  const text = String(source)
  return !isNode() || (!isFileUrl(text) && /^(?:[a-z][a-z0-9+.-]*:\/\/|blob:|data:)/i.test(text))
}

function isFileUrl(text: string): boolean {
  return /^file:/i.test(text)
}

/** @throws ArgumentError for what is no source; SourceError if it cannot be read, or its digest differs from `sha256` */
export async function readSource(source: CheckpointSource, options: FetchOptions = {}): Promise<Uint8Array> {
  const bytes = await readBytes(source, options.onProgress ?? (() => {}))
  if (options.sha256) await checkDigest(sourceName(source), bytes, options.sha256)
  return bytes
}

async function readBytes(source: CheckpointSource, onProgress: (done: number, total: number) => void) {
  if (ArrayBuffer.isView(source)) return unshared(source.buffer, source.byteOffset, source.byteLength)
  const kind = kindOf(source)
  if (kind === 'ArrayBuffer' || kind === 'SharedArrayBuffer') {
    const buffer = source as ArrayBufferLike
    return unshared(buffer, 0, buffer.byteLength)
  }
  if (kind === 'Blob' || kind === 'File') return await readBlob(source as Blob, onProgress)
  if (kind === 'Response') return await readResponse(source as Response, sourceName(source), onProgress)
  if ((kind !== 'String' && kind !== 'URL') || String(source) === '') throw wrongSource(source, kind)
  const text = String(source)
  if (isRemote(source)) return await download(text, onProgress)
  const bytes = await readFile(text)
  onProgress(bytes.length, bytes.length)
  return bytes
}

/** `Uint8Array`, `Blob`, `URL` and so on, of other frames and realms, too. */
export function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1)
}

function wrongSource(source: unknown, kind: string): ArgumentError {
  const found =
    typeof source === 'object' && source !== null && kind !== 'Object' ? `a value of type ${kind}` : show(source)
  return new ArgumentError(
    `checkpoint is ${found}, expected a path or URL, a File, a Blob, a Response, an ArrayBuffer or a typed array`,
  )
}

/** The bytes as they are; a copy where other threads could change them, because decoders and digests refuse such memory. */
function unshared(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(buffer, offset, length)
  return kindOf(buffer) === 'SharedArrayBuffer' ? new Uint8Array(bytes) : bytes
}

async function readBlob(blob: Blob, onProgress: (done: number, total: number) => void): Promise<Uint8Array> {
  try {
    const bytes = new Uint8Array(await blob.arrayBuffer())
    onProgress(bytes.length, bytes.length)
    return bytes
  } catch (cause) {
    throw new SourceError(`Checkpoint \`${sourceName(blob)}\` cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

interface NodeFile {
  stat(): Promise<{ isCharacterDevice(): boolean; isBlockDevice(): boolean }>
  readFile(): Promise<Uint8Array>
  close(): Promise<void>
}

interface NodeProcess {
  /** Since Node 20.16. */
  getBuiltinModule?(name: 'node:fs/promises'): { open(path: string | URL): Promise<NodeFile> }
}

/** Asks the process for the module: an `import` would be followed by the bundlers of web pages. */
async function readFile(path: string): Promise<Uint8Array> {
  const { process } = globalThis as unknown as { readonly process: NodeProcess }
  const files = process.getBuiltinModule?.('node:fs/promises')
  if (!files) {
    throw new SourceError(
      `Checkpoint \`${path}\` cannot be read: this program's Node has no process.getBuiltinModule, expected Node 20.16 or later; ` +
        'give the bytes of the file instead',
    )
  }
  try {
    const file = await files.open(isFileUrl(path) ? new URL(path) : path)
    try {
      const found = await file.stat()
      const endless = found.isCharacterDevice() || found.isBlockDevice()
      if (endless) throw new Error('it is a device, expected a file')
      return await file.readFile()
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw new SourceError(`Checkpoint \`${path}\` cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

async function download(url: string, onProgress: (done: number, total: number) => void): Promise<Uint8Array> {
  return await readResponse(await request(url), url, onProgress)
}

/** @param name what to call it in messages */
async function readResponse(
  response: Response,
  name: string,
  onProgress: (done: number, total: number) => void,
): Promise<Uint8Array> {
  await checkAnswer(response, name)
  if (response.bodyUsed) throw new SourceError(`Checkpoint \`${name}\` has been read before: a Response is read once`)
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
    throw brokenOff(name, done, total, cause)
  }
  if (done < total) throw brokenOff(name, done, total)
  return concatBytes(chunks)
}

async function request(url: string): Promise<Response> {
  try {
    return await fetch(url)
  } catch (cause) {
    throw new SourceError(`Checkpoint \`${url}\` cannot be fetched: ${reasonOf(cause)}`, { cause })
  }
}

async function checkAnswer(response: Response, name: string): Promise<void> {
  if (response.ok) return
  if (!response.bodyUsed) await response.body?.cancel()
  const answer = `${response.status} ${response.statusText}`.trim()
  throw new SourceError(`Checkpoint \`${name}\` cannot be fetched: the server answered ${answer}, expected 200`)
}

function brokenOff(name: string, done: number, total: number, cause?: unknown): SourceError {
  const expected = total > 0 ? ` of ${total}` : ''
  const reason = cause === undefined ? '' : ` (${reasonOf(cause)})`
  return new SourceError(`Checkpoint \`${name}\` broke off after ${done}${expected} bytes${reason}`, { cause })
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
