// The `demo` command with a tracker that needs no GPU.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hasFfmpeg } from '../../src/data/ffmpeg.ts'
import { openFrames } from '../../src/data/frames.ts'
import { SyntheticClip } from '../../src/data/synthetic.ts'
import { emptyPath, pixel, temporaryFolder } from '../data/helpers.ts'
import { runFake } from './fakes.ts'

test('writes the annotated clip, says that the weights are untrained, prints the mean overlap', async () => {
  const folder = await temporaryFolder()
  const { code, out, calls } = await runFake(['demo', '--frames', '5', '--out', join(folder, 'new')])
  expect(code).toBe(0)
  expect(calls.request).toMatchObject({ config: 'small', weights: { seed: '1' } })
  expect(calls.init).toEqual([new SyntheticClip({ seed: '1', frames: 5 }).box(0)])
  expect(out).toMatch(/UNTRAINED/)
  expect(out).toMatch(/mean overlap 0\.\d{3}/)
  const files = (await hasFfmpeg()) ? ['demo.mp4', 'demo.webp'] : ['demo.webp']
  expect((await readdir(join(folder, 'new'))).sort()).toEqual(files)
  const clip = await openFrames(join(folder, 'new', 'demo.webp'))
  expect(clip).toMatchObject({ width: 320, height: 240, count: 5, fps: 25 })
  for await (const frame of clip) expect(Math.max(...pixel(frame, 2, 2)), 'the banner is dark').toBeLessThan(60)
})

test('does without ffmpeg', async () => {
  const folder = await temporaryFolder()
  emptyPath(folder)
  const { code, out } = await runFake(['demo', '--frames', '2', '--seed', 'x', '--out', folder])
  expect(code).toBe(0)
  expect(await readdir(folder)).toEqual(['demo.webp'])
  expect(out).toMatch(/With ffmpeg on the PATH there would be a demo\.mp4/)
})
