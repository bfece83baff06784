// An animated WebP: sharp compresses each picture alone, and this file puts the bitstreams into one RIFF container as
// they come, so that memory does not grow with the clip. Container: RFC 9649, sections 2.7 (VP8X, ANIM, ANMF).

import sharp from 'sharp'
import type { RgbFrame } from 'siamrpn'
import { attempt, type PendingFile, pendingFile } from './atomic.ts'
import { OutputError } from './errors.ts'
import { OneBehind } from './one-behind.ts'
import type { RunFacts, Writer } from './writer.ts'

const maxSide = 16383
const maxFileBytes = 2 ** 32 - 2
const quality = 80
const animationFlag = 0x02
const doNotBlend = 0x02

/** @throws OutputError when a side is above 16383 pixels, or the file would pass WebP's 4 GiB */
export async function openWebpWriter(path: string, facts: RunFacts): Promise<Writer> {
  const { width, height, fps } = facts
  if (width > maxSide || height > maxSide) {
    throw new OutputError(`cannot write ${path}: frames are ${width}x${height}, WebP ends at ${maxSide} pixels a side`)
  }
  const file = await pendingFile(path)
  const out = new RiffFile(file, path)
  const work = new OneBehind()
  let frames = 0
  await out.append(chunk('VP8X', [u8(animationFlag), u24(0), u24(width - 1), u24(height - 1)]))
  await out.append(chunk('ANIM', [u32(0xff000000), u16(0)])) // Black background, endless loop.

  return {
    path,
    pictures: true,
    write: ({ picture }) =>
      work.add(async () => {
        if (picture === undefined) return
        const milliseconds = Math.round(((frames + 1) * 1000) / fps) - Math.round((frames * 1000) / fps)
        frames++
        const place = [u24(0), u24(0), u24(picture.width - 1), u24(picture.height - 1)]
        const stream = await compress(picture)
        await out.append(chunk('ANMF', [...place, u24(milliseconds), u8(doNotBlend), stream]))
      }),
    async finish(_metadata, name = (asked) => asked) {
      await work.done()
      await out.end()
      await file.commit(name(path))
      return [name(path)]
    },
    async abort() {
      await work.done().catch(() => undefined)
      await file.discard()
    },
  }
}

/** The file and its RIFF header, whose length field is filled in at the end. */
class RiffFile {
  readonly #file: PendingFile
  readonly #path: string
  #position = 12

  constructor(file: PendingFile, path: string) {
    this.#file = file
    this.#path = path
  }

  async append(bytes: Uint8Array): Promise<void> {
    if (this.#position + bytes.length > maxFileBytes) {
      throw new OutputError(`cannot write ${this.#path}: WebP files end at 4 GiB; write an .mp4 or fewer frames`)
    }
    await this.#put(bytes, this.#position)
    this.#position += bytes.length
  }

  async end(): Promise<void> {
    await this.#put(join([ascii('RIFF'), u32(this.#position - 8), ascii('WEBP')]), 0)
    const { size } = await attempt(this.#path, () => this.#file.handle.stat())
    if (size === this.#position) return
    throw new OutputError(`cannot write ${this.#path}: ${size} of ${this.#position} bytes have arrived on the disk`)
  }

  async #put(bytes: Uint8Array, position: number): Promise<void> {
    await attempt(this.#path, async () => {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.handle.write(bytes, done, bytes.length - done, position + done)
        done += bytesWritten
      }
    })
  }
}

/** A picture's VP8 chunk (header and padding included), cut out of a still WebP. */
async function compress({ data, width, height, channels }: RgbFrame): Promise<Uint8Array> {
  const still = await sharp(data, { raw: { width, height, channels } }).webp({ quality, effort: 3 }).toBuffer()
  for (let at = 12; at + 8 <= still.length; ) {
    const length = 8 + still.readUInt32LE(at + 4)
    const padded = length + (length % 2)
    const name = still.toString('latin1', at, at + 4)
    if (name === 'VP8 ' || name === 'VP8L') return still.subarray(at, at + padded)
    at += padded
  }
  throw new OutputError('a compressed picture holds no VP8 chunk')
}

function chunk(name: string, parts: readonly Uint8Array[]): Uint8Array {
  const body = join(parts)
  return join([ascii(name), u32(body.length), body, new Uint8Array(body.length % 2)])
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function u8(value: number): Uint8Array {
  return Uint8Array.of(value)
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8)
}

function u24(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16)
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24)
}
