// One file out of a tar archive, as npm packs its packages: ustar headers of 512 bytes with a checksum, names up to 255 bytes.
// Source: POSIX.1-2017, pax, "ustar Interchange Format".

import { PretrainedFileError } from './errors.ts'

const block = 512
const fields = { name: [0, 100], size: [124, 12], checksum: [148, 8], type: [156, 1], prefix: [345, 155] } as const

/**
 * The bytes of a member; a view of the archive.
 * @param archive what messages call it
 * @throws PretrainedFileError if it is not in it, or the archive is damaged
 */
export function tarMember(bytes: Uint8Array, member: string, archive: string): Uint8Array {
  let at = 0
  while (at + block <= bytes.length && bytes[at] !== 0) {
    const header = bytes.subarray(at, at + block)
    const size = octal(header, 'size')
    if (octal(header, 'checksum') !== checksum(header) || !(at + block + size <= bytes.length)) {
      throw new PretrainedFileError(`${archive}: the tar header at byte ${at} is damaged`)
    }
    const [prefix, name, type] = [text(header, 'prefix'), text(header, 'name'), text(header, 'type')]
    const path = prefix === '' ? name : `${prefix}/${name}`
    if (path === member && (type === '0' || type === '')) return bytes.subarray(at + block, at + block + size)
    at += block * (1 + Math.ceil(size / block))
  }
  throw new PretrainedFileError(`${archive}: it holds no ${member}`)
}

function text(header: Uint8Array, field: keyof typeof fields): string {
  const [start, length] = fields[field]
  const bytes = header.subarray(start, start + length)
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}

function octal(header: Uint8Array, field: keyof typeof fields): number {
  return Number.parseInt(text(header, field).trim(), 8)
}

/** The sum of all bytes, those of the checksum itself taken for spaces. */
function checksum(header: Uint8Array): number {
  const [start, length] = fields.checksum
  return header.reduce((sum, byte, i) => sum + (i >= start && i < start + length ? 0x20 : byte), 0)
}
