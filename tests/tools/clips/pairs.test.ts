// Training pairs from generated clips: repeatable, in range, mostly visible, and rendered to the frames they name.

import { expect, test } from 'vitest'
import { Random } from '../../../src/siamrpn/random.ts'
import { SyntheticClips } from '../../../tools/clips/clips.ts'
import { renderSynthetic, type SyntheticSource, syntheticPairs } from '../../../tools/clips/pairs.ts'
import type { PixelSource } from '../../../tools/datasets/pair.ts'

const synthetic = (source: PixelSource): SyntheticSource => {
  if (source.kind !== 'synthetic') throw new Error('not synthetic')
  return source
}
const options = { seed: 5, clips: 50, framesPerClip: 60, frameRange: 20, width: 160, height: 120 }

test('a sample depends on its random numbers alone', () => {
  const [a, b] = [syntheticPairs(options), syntheticPairs(options)]
  b.sample(3, new Random('other'))
  expect(a.length).toBe(50)
  expect(a.sample(7, new Random('x', 7))).toEqual(b.sample(7, new Random('x', 7)))
  expect(a.sample(7, new Random('x', 8)).id).not.toBe(a.sample(7, new Random('x', 7)).id)
})

test('positive pairs show one clip within the range, negative ones two clips', () => {
  const pairs = syntheticPairs(options)
  const clips = new SyntheticClips(options)
  let positives = 0
  for (let index = 0; index < 200; index++) {
    const { template, search, positive, id } = pairs.sample(index, new Random('pairs', index))
    const [from, to] = [synthetic(template.source), synthetic(search.source)]
    expect(from.clip).toBe(index % 50)
    expect(from.clip === to.clip, id).toBe(positive)
    if (positive) {
      positives++
      expect(Math.abs(from.frame - to.frame)).toBeLessThanOrEqual(20)
    }
    for (const { source, box } of [template, search]) {
      const { clip, frame } = synthetic(source)
      const { x, y, width, height } = clips.clip(clip).box(frame)
      expect(box).toEqual([x, y, x + width, y + height])
    }
  }
  expect(positives).toBeGreaterThan(140)
  expect(positives).toBeLessThan(180)
})

test('hidden targets are rare', () => {
  const pairs = syntheticPairs(options)
  const clips = new SyntheticClips(options)
  const seen = Array.from({ length: 100 }, (_, index) => {
    const { clip, frame } = synthetic(pairs.sample(index, new Random('seen', index)).search.source)
    return clips.clip(clip).visibility(frame)
  })
  expect(seen.filter((share) => share < 0.4).length).toBeLessThan(3)
})

test('a source renders to its frame, the window exactly where crops look', () => {
  const pairs = syntheticPairs(options)
  const { search } = pairs.sample(1, new Random('render'))
  const source = synthetic(search.source)
  const { window, ...whole } = source
  expect(window).toBeDefined()
  const full = renderSynthetic(whole)
  expect(full).toEqual(new SyntheticClips(options).clip(source.clip).frame(source.frame).frame)
  const part = renderSynthetic(source)
  expect(part.data.length).toBe(full.data.length)
  const [left, top, right, bottom] = search.box
  const at = (Math.floor((top + bottom) / 2) * 160 + Math.floor((left + right) / 2)) * 3
  expect(part.data.subarray(at, at + 3)).toEqual(full.data.subarray(at, at + 3))
})
