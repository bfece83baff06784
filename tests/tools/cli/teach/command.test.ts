// `siamrpn teach` with a stand-in for the tracker: which frames it is taught on, what is written, and how wrong input is refused.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DeviceLostError } from '../../../../src/gpu/errors.ts'
import { TeachError } from '../../../../src/siamrpn/teach-examples.ts'
import { runCommand } from '../../../../tools/cli/run.ts'
import type { LoadTracker } from '../../../../tools/cli/track/tracking.ts'
import { fakeLoad, fakeTerminal, fakeTrackers, runFake } from '../fakes.ts'

let folder: string
const at = (name: string) => join(folder, name)
const write = (name: string, text: string) => {
  writeFileSync(at(name), text)
  return at(name)
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'siamrpn-teach-'))
  const picture = { create: { width: 32, height: 24, channels: 3, background: '#808080' } } as const
  for (let index = 0; index < 5; index++)
    await sharp(picture)
      .png()
      .toFile(at(`${index}.png`))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const teach = (...args: string[]) => runFake(['teach', '--video', folder, '--out', at('mine.safetensors'), ...args])

describe('frames', () => {
  test('of a list of corrections, absent ones included', async () => {
    const boxes = write('list.json', '[{"frame": 3, "box": null}, {"frame": 0, "box": [1, 2, 3, 4]}]')
    const { code, out, calls } = await teach('--boxes', boxes, '--steps', '3')
    expect(code).toBe(0)
    expect(calls.taught).toEqual({ boxes: [{ x: 1, y: 2, width: 3, height: 4 }, null], part: 'all', steps: 3, seed: 0 })
    expect([...readFileSync(at('mine.safetensors'))]).toEqual([1, 2, 3])
    expect(out).toContain('1 without the object')
    expect(out).toContain('1.000 to 0.333 in 3 steps')
    expect(calls.closed).toBe(true)
  })

  test('of a project of the page, one of its targets', async () => {
    const mark = (frame: number) => ({ frame, kind: 'box', box: { x: frame, y: 2, width: 3, height: 4 } })
    const targets = [
      { name: 'a', marks: [mark(0)] },
      { name: 'b', marks: [mark(1), { frame: 4, kind: 'absent' }] },
    ]
    const boxes = write('project.json', JSON.stringify({ format: 'siamrpn-project', targets }))
    const { calls } = await teach('--boxes', boxes, '--target', '1', '--head-only', '--seed', '7')
    expect(calls.taught).toMatchObject({ boxes: [{ x: 1 }, null], part: 'head', seed: 7 })
  })

  test('of every so many lines of a ground truth', async () => {
    const gt = write('groundtruth.txt', '1,1,5,5\n2,2,5,5\nNaN,NaN,NaN,NaN\n4,4,5,5\n5,5,5,5\n')
    const { calls } = await teach('--gt', gt, '--every', '2')
    expect(calls.taught?.boxes).toMatchObject([{ x: 1 }, null, { x: 5 }])
  })
})

describe('refusals', () => {
  test.each([
    [['--boxes', 'nothing.json'], 'nothing.json cannot be read as JSON'],
    [[], 'no boxes: give --boxes corrections.json, or --gt with --every'],
    [['--gt', 'x.txt'], '--gt needs --every'],
    [['--gt', 'x.txt', '--boxes', 'y.json'], '--boxes and --gt exclude each other'],
  ])('%j', async (args, message) => {
    const { code, err, calls } = await teach(...args)
    expect([code, err]).toEqual([1, expect.stringContaining(message)])
    expect(calls.request).toBeUndefined()
  })

  test.each([
    ['[]', 'no list of corrections'],
    ['[{"frame": 0, "box": [1, 2, 3]}]', 'no list of corrections'],
    ['[{"frame": 0, "box": [1, 2, -3, 4]}]', 'no list of corrections'],
    ['[{"frame": 1e9, "box": null}]', 'no list of corrections'],
    ['[{"frame": 0, "box": null}, {"frame": 0, "box": [1, 2, 3, 4]}]', 'two boxes for frame 0'],
    ['[{"frame": 9, "box": [1, 2, 3, 4]}]', 'has 5 frames, but a box was given for frame 9'],
  ])('%s', async (text, message) => {
    rmSync(at('mine.safetensors'), { force: true })
    const { code, err } = await teach('--boxes', write('wrong.json', text))
    expect([code, err]).toEqual([1, expect.stringContaining(message)])
    expect(existsSync(at('mine.safetensors'))).toBe(false)
  })

  test('an output of another kind', async () => {
    const { code, err } = await runFake(['teach', '--video', folder, '--out', 'mine.pth', '--boxes', 'x.json'])
    expect([code, err]).toEqual([1, expect.stringContaining('expected a name that ends in .safetensors')])
  })
})

describe('a fit that fails', () => {
  const out = () => at('out/mine.safetensors')

  /** Teaching that fails half way with this error, `--out` in a folder of its own. */
  async function failing(error: Error) {
    const { load, calls } = fakeLoad()
    const losing: LoadTracker = async (request) => ({
      ...(await load(request)),
      teach(_, { onProgress }) {
        onProgress({ stage: 'fitting', done: 1, total: 80, loss: 1 })
        return Promise.reject(error)
      },
    })
    const terminal = fakeTerminal()
    const boxes = write('list.json', '[{"frame": 0, "box": [1, 2, 3, 4]}]')
    const args = ['teach', '--video', folder, '--boxes', boxes, '--out', out()]
    const code = await runCommand(args, { terminal, load: losing, loadTrackers: fakeTrackers().loadTrackers })
    return { code, err: terminal.stderr.text, calls }
  }

  test.each([
    [
      'a lost device',
      new DeviceLostError('The device `GPU 7` was lost (unknown): reset'),
      1,
      'device `GPU 7` was lost',
    ],
    ['a fit that diverges', new TeachError('teach: the fit diverged in step 3 of 80'), 1, 'diverged in step 3 of 80'],
    ['an interruption', new DOMException('stop', 'AbortError'), 130, 'interrupted; nothing was written'],
  ])('%s writes nothing: an older file of that name stays, and none half written', async (_, error, code, message) => {
    rmSync(at('out'), { recursive: true, force: true })
    const absent = await failing(error)
    expect([absent.code, absent.err]).toEqual([code, expect.stringContaining(message)])
    expect(existsSync(at('out')), 'the folder').toBe(false)
    await teach('--boxes', write('list.json', '[{"frame": 0, "box": [1, 2, 3, 4]}]'), '--out', out())
    const older = await failing(error)
    expect(older.code).toBe(code)
    expect(readdirSync(at('out'))).toEqual(['mine.safetensors'])
    expect([...readFileSync(out())]).toEqual([1, 2, 3])
    expect(older.calls.closed, 'the tracker is closed').toBe(true)
  })
})
