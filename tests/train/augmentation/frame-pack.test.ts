import { describe, expect, test } from 'vitest'
import { meanColor } from '../../../src/train/augmentation/frame-pack.ts'

describe('the mean color of a frame', () => {
  test.each([
    { width: 1, height: 1, start: 0 },
    { width: 7, height: 5, start: 0 },
    { width: 333, height: 17, start: 4 },
    { width: 333, height: 17, start: 3 }, // bytes that begin in the middle of a word
  ])('is exact for $width x $height from byte $start', ({ width, height, start }) => {
    const data = new Uint8Array(start + width * height * 3).subarray(start)
    const sums = [0, 0, 0]
    for (let i = 0; i < data.length; i++) {
      data[i] = (i * i * 7 + i * 13) % 256
      sums[i % 3]! += data[i]!
    }
    const means = sums.map((sum) => sum / (width * height))
    expect(meanColor({ data, width, height, channels: 3 })).toEqual(means)
  })

  test('does not overflow on white', () => {
    const data = new Uint8Array(1000 * 1000 * 3).fill(255)
    expect(meanColor({ data, width: 1000, height: 1000, channels: 3 })).toEqual([255, 255, 255])
  })
})
