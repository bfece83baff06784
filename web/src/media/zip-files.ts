// A zip of images as the files in it, and files as a zip.

import { unzip, zip } from 'fflate'
import { ClipError } from '../model/errors.ts'

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

/** Images are compressed already, so entries are stored as they are. */
export async function zipFiles(files: Readonly<Record<string, Uint8Array>>): Promise<Blob> {
  const bytes = await new Promise<Uint8Array>((resolve, reject) => {
    zip({ ...files }, { level: 0 }, (error, made) => (error ? reject(error) : resolve(made)))
  })
  return new Blob([new Uint8Array(bytes)], { type: 'application/zip' })
}
