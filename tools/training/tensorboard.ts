// TensorBoard event files: TFRecords of protocol buffers, scalars only, with CRC-32C (Castagnoli).
// Formats: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, framework/summary.proto. The names of the
// curves are those of mmcv/runner/hooks/logger/tensorboard.py.

import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { concatBytes } from 'siamrpn/formats'
import { Logger, type LogRecord } from './log-record.ts'
import { appendLine } from './work-dir.ts'

export class TensorboardLogger extends Logger {
  readonly file: string

  /** @param folder is made; the file in it is new @param interval iterations between two points */
  constructor(folder: string, interval: number) {
    super(interval)
    mkdirSync(folder, { recursive: true })
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0')
    this.file = join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.0`)
    appendLine(this.file, eventRecord({ time: Date.now() / 1000, fileVersion: 'brain.Event:2' }))
  }

  protected record({ mode, step, rates, values, scaling }: LogRecord): void {
    const { time: _, data_time: __, ...others } = values
    const scalars = Object.fromEntries([
      ...Object.entries(rates).map(([name, rate]) => [name.replace(/^lr/, 'learning_rate'), rate]),
      ...Object.entries({ ...others, ...scaling }).map(([name, value]) => [`${mode}/${name}`, value]),
    ])
    appendLine(this.file, eventRecord({ time: Date.now() / 1000, step, scalars }))
  }
}

export interface TensorboardEvent {
  /** Seconds since 1970. */
  readonly time: number
  readonly step?: number
  readonly fileVersion?: string
  readonly scalars?: Readonly<Record<string, number>>
}

/** An event as a TFRecord. */
export function eventRecord({ time, step = 0, fileVersion, scalars }: TensorboardEvent): Uint8Array {
  const summary = Object.entries(scalars ?? {}).map(([tag, value]) =>
    bytesField(1, concatBytes([bytesField(1, new TextEncoder().encode(tag)), floatField(2, value)])),
  )
  return tfRecord(
    concatBytes([
      doubleField(1, time),
      varintField(2, step),
      ...(fileVersion === undefined ? [] : [bytesField(3, new TextEncoder().encode(fileVersion))]),
      ...(scalars === undefined ? [] : [bytesField(5, concatBytes(summary))]),
    ]),
  )
}

/** Length, checksum of the length, data, checksum of the data. */
function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true)
  record.set(data, 12)
  view.setUint32(12 + data.length, maskedCrc(data), true)
  return record
}

const maskDelta = 0xa282ead8

/** As TensorFlow stores checksums, so that a checksum of checksums is none of trivial value. */
export function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + maskDelta) >>> 0
}

const castagnoli = 0x82f63b78

/** CRC-32C, as an unsigned 32-bit number; bit by bit, the records are short. */
export function crc32c(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ castagnoli : crc >>> 1
  }
  return ~crc >>> 0
}

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

function key(field: number, type: keyof typeof wireTypes): Uint8Array {
  return varint(field * 8 + wireTypes[type])
}

function varintField(field: number, value: number): Uint8Array {
  return concatBytes([key(field, 'varint'), varint(value)])
}

function doubleField(field: number, value: number): Uint8Array {
  return concatBytes([key(field, 'fixed64'), new Uint8Array(Float64Array.of(value).buffer)])
}

function floatField(field: number, value: number): Uint8Array {
  return concatBytes([key(field, 'fixed32'), new Uint8Array(Float32Array.of(value).buffer)])
}

function bytesField(field: number, data: Uint8Array): Uint8Array {
  return concatBytes([key(field, 'bytes'), varint(data.length), data])
}

/** Seven bits per byte, the lowest first. */
function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Uint8Array.from([...bytes, rest])
}
