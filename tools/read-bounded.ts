// Files that are small by what they are: their size is looked at before their bytes are.

import { open } from 'node:fs/promises'
import { SiamRpnError } from 'siamrpn/gpu'

/** Longest text file of a data set, of a configuration, of results. */
export const mostTextBytes: number = 2 ** 24
/** Longest file of JSON or log. */
export const mostJsonBytes: number = 2 ** 26

/** A file is larger than any of its kind. */
export class FileSizeError extends SiamRpnError {}

/** The bytes of a file. @throws FileSizeError above `most` bytes; what opening and reading throw */
export async function readBounded(file: string, most: number): Promise<Buffer> {
  const handle = await open(file)
  try {
    check(file, (await handle.stat()).size, most)
    const bytes = await handle.readFile()
    check(file, bytes.length, most) // A pipe has no size.
    return bytes
  } finally {
    await handle.close()
  }
}

function check(file: string, size: number, most: number): void {
  if (size > most) throw new FileSizeError(`${file} has ${size} bytes, expected at most ${most} of a file of its kind`)
}
