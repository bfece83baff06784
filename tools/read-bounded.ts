// Files that are small by what they are: their size is looked at before their bytes are.

import { open } from 'node:fs/promises'
import { SiamRpnError } from 'siamrpn/gpu'

/** Longest text file of a data set, of a configuration, of results. */
export const mostTextBytes: number = 2 ** 24
/** Longest file of JSON or log. */
export const mostJsonBytes: number = 2 ** 26

/** Longest file of an image: 50 million pixels of four channels and 16 bits, and as much again. Longest archive of results. */
export const mostImageBytes: number = 2 ** 30

/** A file is larger than any of its kind. */
export class FileSizeError extends SiamRpnError {}

const [leastPiece, mostPiece] = [2 ** 14, 2 ** 24]

/**
 * The bytes of a file or a pipe.
 * @throws FileSizeError above `most` bytes, and for a device, which may have no end; what opening and reading throw
 */
export async function readBounded(file: string, most: number): Promise<Buffer> {
  const handle = await open(file)
  try {
    const found = await handle.stat()
    if (found.isCharacterDevice() || found.isBlockDevice()) {
      throw new FileSizeError(`${file} is a device, expected a file of at most ${most} bytes`)
    }
    check(file, found.size, most)
    const pieces: Buffer[] = [] // A pipe has no size, and a file that is being written has another one.
    const pieceBytes = Math.min(Math.max(leastPiece, found.size + 1), mostPiece)
    for (let total = 0; ; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes)
      if (bytesRead === 0) return Buffer.concat(pieces)
      pieces.push(buffer.subarray(0, bytesRead))
      total += bytesRead
      check(file, total, most)
    }
  } finally {
    await handle.close()
  }
}

function check(file: string, size: number, most: number): void {
  if (size > most) throw new FileSizeError(`${file} has ${size} bytes, expected at most ${most} of a file of its kind`)
}
