// A zip of images as the files in it, and pictures as a zip.

import { unzip, Zip, ZipPassThrough } from 'fflate'
import { ClipError } from '../model/errors.ts'

/** What is written where; `position` in bytes from the start. */
export interface FileChunk {
  readonly type: 'write'
  readonly data: Uint8Array<ArrayBuffer>
  readonly position: number
}

/** Bytes that an archive may unpack to: what a tab can hold beside the model. */
const mostBytes = 2 ** 30

/** @throws ClipError for a damaged archive or one that unpacks to more than 1 GiB */
export async function readZipFiles(file: File): Promise<File[]> {
  const packed = new Uint8Array(await file.arrayBuffer())
  let total = 0
  const filter = ({ name, originalSize }: { name: string; originalSize: number }) => {
    const wanted = !name.endsWith('/') && !name.startsWith('__MACOSX')
    if (wanted) total += originalSize
    return wanted && total <= mostBytes
  }
  const entries = await new Promise<Record<string, Uint8Array>>((resolve, reject) => {
    unzip(packed, { filter }, (error, found) => (error ? reject(error) : resolve(found)))
  }).catch((error: unknown) => {
    throw new ClipError(
      `"${file.name}" is no zip archive that can be read: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    )
  })
  if (total > mostBytes)
    throw new ClipError(`"${file.name}" unpacks to more than 1 GiB; choose the folder of images instead`)
  return Object.entries(entries).map(
    ([path, bytes]) => new File([new Uint8Array(bytes)], path.split('/').at(-1) ?? path),
  )
}

/** Bytes and entries that an archive can have without the extension for large ones, which not every program reads. */
const most = { bytes: 0xffffffff, entries: 0xffff } as const

/** Writes a zip entry by entry, so that it does not have to fit into memory. Entries are stored as they are: images are compressed. */
export class ZipWriter {
  readonly #writer: WritableStreamDefaultWriter<FileChunk>
  readonly #zip = new Zip((error, data) => this.#take(error, data))
  #position = 0
  #entries = 0
  #written: Promise<void> = Promise.resolve()
  #error: Error | null = null

  constructor(writable: WritableStream<FileChunk>) {
    this.#writer = writable.getWriter()
  }

  /** @throws ClipError above 4 GiB or 65,535 entries; whatever the file throws, such as for full storage */
  async add(path: string, bytes: Uint8Array): Promise<void> {
    this.#entries++
    if (this.#position + bytes.length > most.bytes || this.#entries > most.entries)
      throw new ClipError('The clip is too long for a zip archive of 4 GiB and 65,535 pictures: export the boxes alone')
    const entry = new ZipPassThrough(path)
    this.#zip.add(entry)
    entry.push(bytes, true)
    await this.#settle()
  }

  async finish(): Promise<void> {
    this.#zip.end()
    await this.#settle()
    await this.#writer.close()
  }

  async cancel(reason: unknown): Promise<void> {
    this.#zip.terminate()
    await this.#writer.abort(reason).catch(() => undefined) // told already
  }

  #take(error: Error | null, data: Uint8Array): void {
    this.#error ??= error
    if (error) return
    const chunk: FileChunk = { type: 'write', data: new Uint8Array(data), position: this.#position }
    this.#position += data.length
    this.#written = this.#writer.write(chunk)
    this.#written.catch(() => undefined) // told by the next entry
  }

  async #settle(): Promise<void> {
    await this.#written
    if (this.#error) throw this.#error
  }
}
