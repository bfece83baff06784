// Hostile files of 100 MB for every reader, one after the other: CPU seconds and the most memory beside what was there before, each
// against what SECURITY.md promises. `HOSTILE_BYTES=67108864 node --expose-gc --import tsx tests/fuzz/hostile.ts [READER,READER] [FILE]`. Linux only.

import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concatBytes } from '../../src/formats/bytes.ts'
import { zipChunks } from '../../src/formats/zip-writer.ts'
import { SiamRpnError } from '../../src/gpu/errors.ts'
import { ImportError } from '../../web/src/model/errors.ts'
import { makeReaders } from './readers.ts'

/** 100 MB, or the most that a reader of its kind takes (`HOSTILE_BYTES`): what is refused by its size costs nothing. */
const size = Number(process.env.HOSTILE_BYTES ?? 100_000_000)
const [mostSeconds, mostBytes] = [2, 512 * 2 ** 20]
const [, , onlyReader, onlyFile] = process.argv

/** `piece` as often as it fits between a head and a tail. */
function filled(piece: string | Uint8Array, head: string | Uint8Array = '', tail: string | Uint8Array = ''): Buffer {
  const [a, b] = [Buffer.from(head as string), Buffer.from(tail as string)]
  const bytes = Buffer.alloc(size)
  bytes.fill(piece as string, a.length, size - b.length)
  a.copy(bytes)
  b.copy(bytes, size - b.length)
  return bytes
}

/** Different names, one after the other. */
function named(head: string, entry: (index: number) => string, tail: string, count = Number.POSITIVE_INFINITY): Buffer {
  const bytes = Buffer.alloc(size, 0x20)
  let at = bytes.write(head, 'latin1')
  for (let index = 0; index < count; index++) {
    const text = entry(index)
    if (at + text.length + tail.length > size) break
    at += bytes.write(text, at, 'latin1')
  }
  bytes.write(tail, at, 'latin1')
  return bytes
}

/** A safetensors file whose header is this. */
function safetensors(header: Buffer): Buffer {
  const json = header.subarray(0, size - 8)
  const bytes = Buffer.alloc(8 + json.length)
  bytes.writeBigUInt64LE(BigInt(json.length))
  json.copy(bytes, 8)
  return bytes
}

/** A pickle of protocol 2 in a legacy file or in the archive of torch.save. */
const pickle = (piece: string | Uint8Array, head: string | Uint8Array = '') =>
  filled(piece, Buffer.concat([Buffer.from([0x80, 2]), Buffer.from(head as string)]), '.')
const archived = (data: Uint8Array) =>
  concatBytes(
    zipChunks([
      ['archive/data.pkl', data],
      ['archive/version', Buffer.from('3\n')],
    ]) as never,
  )
const text4 = (length: number) => {
  const head = Buffer.alloc(5)
  head.write('X', 'latin1')
  head.writeUInt32LE(length, 1)
  return head
}

type Files = Readonly<Record<string, () => Uint8Array>>

const jsonFiles: Files = {
  'brackets in each other': () => filled('['),
  'objects in each other': () => filled('{"a":'),
  'empty arrays': () => filled('[],', '[', '[]]'),
  'empty objects': () => filled('{},', '[', '{}]'),
  'empty objects in a value': () => filled('{},', '{"a":[', '{}]}'),
  numbers: () => filled('0,', '[', '0]'),
  'one text': () => filled('a', '"', '"'),
  'wide text': () => filled('\u4e00', '"', '"'),
  escapes: () => filled('\\u0041', '"', '"'),
  digits: () => filled('1'),
  spaces: () => filled(' ', '{', '}'),
  'different names': () => named('{', (index) => `"k${index.toString(36)}":0,`, '"z":0}'),
  'equal names': () => filled('"a":0,', '{', '"a":0}'),
}
const lineFiles: Files = {
  'line ends': () => filled('\n', '1', '2'),
  // Those above are refused for their number alone.
  'as many line ends as are read': () => Buffer.from(`1${'\n'.repeat(199_990)}2`),
  'line ends of old': () => filled('\r', '1', '2'),
  boxes: () => filled('1,2,3,4\n'),
  'decimal boxes': () => filled('1.5,2.25,3.125,4.0625\n'),
  corners: () => filled('1,2,3,4,5,6,7,8\n'),
  commas: () => filled(','),
  'one line of numbers': () => filled('1,'),
  digits: () => filled('1'),
  nines: () => filled('9', '', 'x'),
  spaces: () => filled(' ', '1', '2'),
  letters: () => filled('a'),
  'broken lines': () => filled('a,b\n'),
  zeros: () => Buffer.alloc(size),
  names: () => named('', (index) => `n${index}\n`, ''),
}
const pythonFiles: Files = {
  parentheses: () => filled('('),
  statements: () => filled('x=1\n'),
  names: () => filled('a.'),
  comments: () => filled('#\n'),
  'line ends': () => filled('\r'),
}
const logFiles: Files = {
  lines: () => filled('{"mode":"train","epoch":1,"iter":1,"a":1}\n'),
  'short lines': () => filled('{}\n'),
  'line ends': () => filled('\n', '{}', '{}'),
}
const checkpointFiles: Files = {
  'safetensors of arrays': () => safetensors(filled('[],', '{"a":[', '[]]}')),
  'safetensors of tensors': () =>
    safetensors(
      named(
        '{',
        (i) => `"t${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},`,
        '"z":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
        1_000_000,
      ),
    ),
  'safetensors of the most tensors': () =>
    safetensors(
      named(
        '{',
        (i) => `"t${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},`,
        '"z":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
        49_000,
      ),
    ),
  'safetensors of one name': () => safetensors(filled('a', '{"', '":{}}')),
  'safetensors with a configuration': () => safetensors(filled('{},', '{"__metadata__":{"config":"{', '"}}')),
  'safetensors with a shape': () =>
    safetensors(filled('1,', '{"a":{"dtype":"F32","shape":[', '1],"data_offsets":[0,4]}}')),
  'pickle of marks': () => pickle('('),
  'pickle of dicts': () => pickle('}'),
  'pickle of lists': () => pickle(']'),
  'pickle of lists in each other': () => pickle(']a'),
  'pickle of a text': () => pickle('a', text4(size - 8)),
  'pickle of short texts': () => pickle('X\x01\0\0\0a'),
  'pickle of numbers': () => pickle('K\x01'),
  'pickle of long numbers': () => pickle('\xff', Buffer.from([0x8b, 0xf0, 0xe0, 0xf5, 5])),
  'pickle of memos': () => pickle(Buffer.from([0x4b, 1, 0x94, 0x30])),
  'pickle of duplicates': () => pickle('2', ']'),
  'pickle of digits': () => pickle('1', 'I'),
  'pickle of globals': () => pickle('ccollections\nOrderedDict\n'),
  'archive of dicts': () => archived(pickle('}')),
  'archive of a text': () => archived(pickle('a', text4(size - 8))),
  'archive of entries': () =>
    concatBytes(
      zipChunks(Array.from({ length: 300_000 }, (_, i) => [`archive/data/${i}`, Buffer.alloc(200)])) as never,
    ),
  'archive of the most entries': () =>
    concatBytes(
      zipChunks(Array.from({ length: 49_000 }, (_, i) => [`archive/data/${i}`, Buffer.alloc(1900)])) as never,
    ),
  zeros: () => Buffer.alloc(size),
  'end records': () => filled('PK\x05\x06'),
  'local headers': () => filled('PK\x03\x04'),
}
const imageFiles: Files = {
  'JPEG of comments': () => filled(Buffer.from([0xff, 0xfe, 0, 4, 1, 1]), Buffer.from([0xff, 0xd8])),
  'JPEG of scans': () =>
    filled(
      Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]),
      Buffer.from([0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, 15, 0, 15, 0, 1, 1, 0x11, 0]),
    ),
  'PNG of chunks': () =>
    filled(
      Buffer.from('0000000161417841aa00000000', 'hex'),
      Buffer.from('89504e470d0a1a0a0000000d4948445200000010000000100802000000909168360000', 'hex'),
    ),
  'GIF of pictures': () =>
    filled(
      Buffer.from('2c000000000100010000024c0100', 'hex'),
      Buffer.from('474946383961ff0fff0f80000000000000ffffff', 'hex'),
    ),
  'TIFF of zeros': () => filled('\0', Buffer.from('49492a0008000000ffff', 'hex')),
  'WebP of nothing': () => filled('\0', 'RIFF\xf0\xff\xff\x05WEBPVP8 '),
  'BMP of nothing': () =>
    filled('\0', Buffer.from('424d00e1f505000000003600000028000000ff3f0000ff3f00000100180000000000', 'hex')),
}
const otherFiles: Files = { zeros: () => Buffer.alloc(size), ones: () => filled('\xff'), letters: () => filled('a') }

const cases: Readonly<Record<string, Files>> = {
  checkpoint: checkpointFiles,
  'training checkpoint': {
    'safetensors of arrays': checkpointFiles['safetensors of arrays']!,
    'safetensors with a configuration': checkpointFiles['safetensors with a configuration']!,
  },
  configuration: {},
  'configuration file': jsonFiles,
  'Python configuration': pythonFiles,
  'ground truth': {
    ...lineFiles,
    ...jsonFiles,
    'result frames': () =>
      filled(
        '{"frame":0,"targets":[{"box":[1,2,3,4]}]},',
        '{"format":"siamrpn-results","frames":[',
        '{"frame":0,"targets":[]}]}',
      ),
  },
  corrections: { ...jsonFiles, list: () => filled('{"frame":0,"box":null},', '[', '{"frame":0,"box":null}]') },
  COCO: {
    ...jsonFiles,
    images: () => filled('{"id":1},', '{"images":[', '{}],"annotations":[]}'),
    annotations: () => filled('{"id":1},', '{"images":[],"annotations":[', '{}]}'),
  },
  'cut-outs of COCO': {
    ...jsonFiles,
    'corners of a polygon': () =>
      filled(
        '1,',
        '{"images":[{"id":1,"file_name":"a.png","width":48,"height":40}],"annotations":[{"segmentation":[[',
        '1]],"image_id":1}]}',
      ),
    categories: () => filled('{"id":1,"name":"a"},', '{"categories":[', '{"id":2,"name":"b"}]}'),
  },
  'COCO benchmark': { images: () => filled('{"id":1},', '{"videos":[],"images":[', '{}],"annotations":[]}') },
  'training log': { ...logFiles, ...jsonFiles },
  evaluation: jsonFiles,
  'stored result': {
    ...jsonFiles,
    regions: () => filled('1,', '{"format":"siamrpn-sequence","name":"a","regions":[', '1],"scores":[],"seconds":[]}'),
  },
  lock: jsonFiles,
  'pointer to the last checkpoint': lineFiles,
  'TFLite model': otherFiles,
  tar: otherFiles,
  infos: lineFiles,
  'results ope': lineFiles,
  'results vot': lineFiles,
  'results got10k': lineFiles,
  'results in an archive': {
    zeros: checkpointFiles.zeros!,
    'end records': checkpointFiles['end records']!,
    'local headers': checkpointFiles['local headers']!,
    'archive of entries': checkpointFiles['archive of entries']!,
    'archive of the most entries': () =>
      concatBytes(zipChunks(Array.from({ length: 49_000 }, (_, i) => [`data/${i}.txt`, Buffer.alloc(1900)])) as never),
    'one long text': () => concatBytes(zipChunks([['a.txt', filled('1,2,3,4\n')]]) as never),
  },
  mask: imageFiles,
  image: imageFiles,
  'frames of an image': imageFiles,
}

const folder = await mkdtemp(join(tmpdir(), 'siamrpn-hostile-'))
const readers = await makeReaders(folder)
const exceeded: string[] = []
try {
  for (const reader of readers) {
    // A data set's text files are read by the readers of lines.
    const files =
      cases[reader.name] ??
      (/^(lasot|otb100|uav123|trackingnet|got10k|vot2018|folder|clips) /.test(reader.name) ? lineFiles : {})
    if (onlyReader !== undefined && !onlyReader.split(',').includes(reader.name)) continue
    for (const [name, make] of Object.entries(files)) {
      if (onlyFile !== undefined && name !== onlyFile) continue
      const input = new Uint8Array(make())
      globalThis.gc?.()
      writeFileSync('/proc/self/clear_refs', '5')
      const before = peak()
      const start = process.cpuUsage()
      let outcome = 'read'
      try {
        await reader.read(input, folder)
      } catch (error) {
        const known = error instanceof SiamRpnError || error instanceof ImportError
        outcome = `${known ? '' : 'RAW '}${error instanceof Error ? `${error.name}: ${error.message}` : error}`.slice(
          0,
          90,
        )
        if (!known || (error instanceof Error && error.message.length > 9000))
          exceeded.push(`${reader.name}, ${name}: ${outcome}`)
      }
      const { user, system } = process.cpuUsage(start)
      const [seconds, bytes] = [(user + system) / 1e6, peak() - before]
      const over = seconds > mostSeconds || bytes > mostBytes
      if (over) exceeded.push(`${reader.name}, ${name}: ${seconds.toFixed(1)} s, ${Math.round(bytes / 2 ** 20)} MB`)
      console.log(
        `${over ? '!' : ' '} ${seconds.toFixed(1).padStart(5)} s ${String(Math.round(bytes / 2 ** 20)).padStart(5)} MB  ${reader.name}, ${name}: ${outcome.replaceAll('\n', ' ')}`,
      )
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
console.log(
  exceeded.length === 0 ? 'nothing exceeds 2 s and 512 MB' : `${exceeded.length} exceed:\n${exceeded.join('\n')}`,
)
process.exitCode = exceeded.length === 0 ? 0 : 1

/** Most resident memory since it was last forgotten, in bytes. */
function peak(): number {
  const [, kilobytes = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return 1024 * Number(kilobytes)
}
