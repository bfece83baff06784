import { describe, expect, test } from 'vitest'
import { chooseRun, chooseTotalParts } from '../../src/kernels/chunks.ts'

describe('pixels per chunk', () => {
  const layer = { pixels: 28 * 31 * 31, channels: 256 }
  const run = (kind: 'cpu' | 'gpu', { pixels, channels } = layer) => chooseRun({ kind }, pixels, channels)

  test('give a GPU far more chunks than a software adapter', () => {
    expect(run('gpu')).toBe(27)
    expect(run('cpu')).toBe(512)
  })

  test('are never so few that the workspace costs as much as the tensor, nor so many that their sum loses digits', () => {
    expect(run('gpu', { pixels: 100, channels: 4 })).toBe(16)
    expect(run('cpu', { pixels: 1e7, channels: 2048 })).toBe(512)
  })

  test('count single channels where they do not come in fours', () => {
    expect(run('cpu', { pixels: 20_000, channels: 7 })).toBe(137)
    expect(run('cpu', { pixels: 20_000, channels: 8 })).toBe(40)
  })
})

describe('invocations per channel that add the chunks', () => {
  test('are a power of two, at most a workgroup', () => {
    expect([1, 5, 40, 1000].map((chunks) => chooseTotalParts({ kind: 'gpu' }, chunks, 256))).toEqual([1, 2, 16, 64])
  })

  test('are one where channels are plenty, or chunks few on a software adapter', () => {
    expect(chooseTotalParts({ kind: 'gpu' }, 10, 28 * 25 * 256)).toBe(1)
    expect(chooseTotalParts({ kind: 'cpu' }, 64, 256)).toBe(1)
    expect(chooseTotalParts({ kind: 'cpu' }, 1000, 3)).toBe(64)
  })
})
