// The file that an export is written to while it grows: in the browser's private file storage, so that a long video or clip does not
// have to fit into memory; in memory where a browser has no such storage (private windows, Safari before 26).

import type { FileChunk } from '../media/zip-files.ts'

export interface ExportFile {
  /** Closed by whoever writes. */
  readonly writable: WritableStream<FileChunk>
  /** What was written, once `writable` is closed. */
  content(): Promise<Blob>
}

const folderName = 'exports'
/** Milliseconds after which a download is over for certain, and its file goes. */
const keptTime = 24 * 60 * 60 * 1000

export async function createExportFile(): Promise<ExportFile> {
  const folder = await exportFolder()
  if (!folder) return inMemory()
  await removeOld(folder)
  const handle = await folder.getFileHandle(crypto.randomUUID(), { create: true })
  return { writable: (await handle.createWritable()) as WritableStream<FileChunk>, content: () => handle.getFile() }
}

async function exportFolder(): Promise<FileSystemDirectoryHandle | undefined> {
  if (!globalThis.FileSystemFileHandle || !('createWritable' in FileSystemFileHandle.prototype)) return undefined
  try {
    return await (await navigator.storage.getDirectory()).getDirectoryHandle(folderName, { create: true })
  } catch {
    return undefined // private windows of some browsers refuse it
  }
}

async function removeOld(folder: FileSystemDirectoryHandle): Promise<void> {
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind !== 'file') continue
    const { lastModified } = await (handle as FileSystemFileHandle).getFile()
    if (lastModified < Date.now() - keptTime) await folder.removeEntry(name)
  }
}

/** Bytes that are asked for at first. */
const firstCapacity = 1 << 20

export function inMemory(): ExportFile {
  let bytes = new Uint8Array(firstCapacity)
  let end = 0
  const write = ({ data, position }: FileChunk) => {
    end = Math.max(end, position + data.length)
    if (end > bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * bytes.length))
      larger.set(bytes)
      bytes = larger
    }
    bytes.set(data, position)
  }
  return { writable: new WritableStream({ write }), content: async () => new Blob([bytes.subarray(0, end)]) }
}
