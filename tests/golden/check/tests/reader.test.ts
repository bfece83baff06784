import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { goldenDirectory } from '../../../golden-directory.ts'
import { GoldenDataError, readGoldenSection, readKeyPrefix } from '../reader.ts'

describe('golden reader', () => {
  test('reads every tensor with the shape and dtype that the section describes', async () => {
    const names = { float32: 'f32', float64: 'f64', uint8: 'u8', int8: 'i8', int32: 'i32', int64: 'i64' }
    for (const name of ['B', 'F', 'G', 'J']) {
      type Json = { tensors: Record<string, { dtype: keyof typeof names; shape: number[] }> }
      const section = await readGoldenSection<Json>(goldenDirectory, name)
      expect([...section.keys].sort()).toEqual(Object.keys(section.json.tensors).sort())
      for (const [key, { shape, dtype }] of Object.entries(section.json.tensors)) {
        const tensor = section.tensor(key)
        expect(tensor.shape).toEqual(shape)
        expect(tensor.dtype).toBe(names[dtype])
        expect(tensor.data.length).toBe(shape.reduce((a, b) => a * b, 1))
      }
    }
  })

  test('reads a section without tensors', async () => {
    const section = await readGoldenSection<{ title: string }>(goldenDirectory, 'I')
    expect(section.json.title).toBe('schedules and metrics')
    expect(section.keys).toEqual([])
  })

  test('takes the key prefix from the set', async () => {
    expect(await readKeyPrefix(goldenDirectory)).toBe('open:')
    const directory = await mkdtemp(join(tmpdir(), 'golden-'))
    await writeFile(join(directory, 'A.json'), '{"hash_salt": "other:"}')
    expect(await readKeyPrefix(directory)).toBe('other:')
  })

  test('names what is missing', async () => {
    const section = await readGoldenSection(goldenDirectory, 'F')
    expect(section.has('nothing')).toBe(false)
    expect(() => section.tensor('nothing')).toThrow(/section F .* 'nothing'/)
    await expect(readGoldenSection(goldenDirectory, 'Z')).rejects.toThrow(GoldenDataError)
    await expect(readGoldenSection(goldenDirectory, 'Z')).rejects.toThrow(/Z\.json/)
  })

  test('refuses a section whose tensors are no safetensors file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'golden-'))
    await writeFile(join(directory, 'B.json'), '{"tensors_file": "B.safetensors"}')
    await writeFile(join(directory, 'B.safetensors'), 'short')
    await expect(readGoldenSection(directory, 'B')).rejects.toThrow(GoldenDataError)
  })
})
