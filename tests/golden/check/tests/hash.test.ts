import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { goldenDirectory } from '../../../golden-directory.ts'
import { fnv1a, hashStream, hashTensor, noiseImage, smoothImage } from '../hash.ts'
import { readGoldenSection, readKeyPrefix } from '../reader.ts'

interface SectionA {
  hash_salt: string
  hash_examples: { key: string; fnv1a: number; u: number[] }[]
  weight_examples: Record<string, number[]>
  models: { r50: { entries: { name: string; a: number; b: number; shape: number[] }[] } }
}

interface SectionG {
  frames: {
    key: string
    H: number
    W: number
    sha256_of_hwc_u8: string
    first_row_first_8_px: number[][]
    dump?: string
  }[]
}

interface SectionF {
  get_bbox: { cases: { cls: string; cls_rule: { key: string; a: number; b: number } }[] }
}

describe('hash generator', () => {
  test('FNV-1a and the stream equal the examples', async () => {
    const { json } = await readGoldenSection<SectionA>(goldenDirectory, 'A')
    for (const example of json.hash_examples) {
      expect(fnv1a(example.key)).toBe(example.fnv1a)
      expect([...hashStream(example.key, example.u.length)]).toEqual(example.u)
    }
  })

  test('weights of a state dict entry equal the examples, far into the stream too', async () => {
    const { json } = await readGoldenSection<SectionA>(goldenDirectory, 'A')
    const prefix = await readKeyPrefix(goldenDirectory)
    for (const [slice, values] of Object.entries(json.weight_examples)) {
      const [, name, start, end] = /^(.*)\[(\d+):(\d+)\]$/.exec(slice)!
      const entry = json.models.r50.entries.find((e) => e.name === name)!
      const weights = hashTensor(prefix + name, Number(end), entry.a, entry.b)
      expect([...weights.subarray(Number(start))]).toEqual(values)
    }
  })

  test('a tensor follows the rule fround(a u + b)', async () => {
    const section = await readGoldenSection<SectionF>(goldenDirectory, 'F')
    const { cls, cls_rule } = section.json.get_bbox.cases[0]!
    const expected = section.float32(cls)
    expect(hashTensor(cls_rule.key, expected.length, cls_rule.a, cls_rule.b)).toEqual(expected)
  })

  test('smooth images equal the frames of the set byte by byte', async () => {
    const section = await readGoldenSection<SectionG>(goldenDirectory, 'G')
    for (const frame of section.json.frames) {
      const image = smoothImage(frame.key, frame.H, frame.W)
      expect([...image.subarray(0, 24)]).toEqual(frame.first_row_first_8_px.flat())
      expect(createHash('sha256').update(image).digest('hex')).toBe(frame.sha256_of_hwc_u8)
      if (frame.dump !== undefined) expect(Buffer.compare(image, section.tensor(frame.dump).data as Uint8Array)).toBe(0)
    }
  })

  test('noise images stay within a byte', () => {
    const noise = noiseImage('any', 1000)
    expect(Math.min(...noise)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...noise)).toBeLessThanOrEqual(255)
    expect(Math.max(...noise) - Math.min(...noise)).toBeGreaterThan(200)
  })
})
