// The `demo` command with a tracker that needs no GPU.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { defaultModel } from '../../../../tools/cli/default-model.ts'
import { heldOutSeeds, SyntheticClips } from '../../../../tools/clips/clips.ts'
import { hasFfmpeg } from '../../../../tools/frames/ffmpeg.ts'
import { openFrames } from '../../../../tools/frames/frames.ts'
import { emptyPath, temporaryFolder } from '../../frames/helpers.ts'
import { runFake } from '../fakes.ts'

test('tracks a clip that training has not seen with the model that ships, and writes the annotated clip', async () => {
  const folder = await temporaryFolder()
  const { code, out, calls } = await runFake(['demo', '--frames', '5', '--clip', '2', '--out', join(folder, 'new')])
  expect(code).toBe(0)
  expect(calls.request).toMatchObject({ weights: { checkpoint: defaultModel() } })
  expect(calls.init).toEqual([new SyntheticClips({ seed: heldOutSeeds, clips: 3, framesPerClip: 5 }).clip(2).box(0)])
  expect(out).toMatch(/mean overlap 0\.\d{3}/)
  const files = (await hasFfmpeg()) ? ['demo.mp4', 'demo.webp'] : ['demo.webp']
  expect((await readdir(join(folder, 'new'))).sort()).toEqual(files)
  const clip = await openFrames(join(folder, 'new', 'demo.webp'))
  expect(clip).toMatchObject({ width: 320, height: 240, count: 5, fps: 25 })
})

test('does without ffmpeg', async () => {
  const folder = await temporaryFolder()
  emptyPath(folder)
  const { code, out } = await runFake(['demo', '--frames', '2', '--clip', '1', '--out', folder])
  expect(code).toBe(0)
  expect(await readdir(folder)).toEqual(['demo.webp'])
  expect(out).toMatch(/With ffmpeg on the PATH there would be a demo\.mp4/)
})

test('takes another model', async () => {
  const folder = await temporaryFolder()
  const { calls } = await runFake(['demo', '--frames', '2', '--checkpoint', 'mine.safetensors', '--out', folder])
  expect(calls.request).toMatchObject({ weights: { checkpoint: 'mine.safetensors' } })
})
