// The `report` command on published result files beside a folder of clips.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { temporaryFolder } from '../../frames/helpers.ts'
import { frames, result, truth, writeFrames } from '../../report/made-up.ts'
import { runFake } from '../fakes.ts'

let folder: string
let root: string
const lines = (boxes: readonly { x: number; y: number; width: number; height: number }[]) =>
  boxes.map(({ x, y, width, height }) => `${x},${y},${width},${height}\n`).join('')

function writeResults(name: string, lostAt: number): string {
  const place = join(folder, name)
  mkdirSync(place, { recursive: true })
  const { regions } = result('clip', lostAt)
  writeFileSync(join(place, 'clip.txt'), lines(regions.filter((region) => typeof region === 'object')))
  return place
}

beforeEach(async () => {
  folder = await temporaryFolder()
  root = join(folder, 'clips')
  await writeFrames(join(root, 'clip', 'img'))
  const boxes = Array.from({ length: frames }, (_, frame) => truth(frame))
  writeFileSync(join(root, 'clip', 'groundtruth.txt'), lines(boxes))
})

test('it makes the page of any tracker, with others beside it', async () => {
  const ours = writeResults('first', 10)
  const other = writeResults('second', frames)
  const out = join(folder, 'out')
  const data = ['--dataset', 'folder', '--root', root]
  const {
    code,
    out: said,
    err,
  } = await runFake(['report', ours, ...data, '--compare', `Second=${other}`, '--out', out])
  expect({ code, err }).toEqual({ code: 0, err: expect.not.stringContaining('error') })
  expect(said).toContain(join(out, 'report.html'))
  const page = readFileSync(join(out, 'report.html'), 'utf8')
  expect(page).toContain('<h1>first <span class="on">on</span>')
  expect(page).toContain('Second')
  expect(page).toContain('class="tile is-loss"')
  expect(existsSync(join(out, 'plots', 'success.png'))).toBe(true)
})

test('it says what is missing', async () => {
  const ours = writeResults('first', 10)
  const alone = await runFake(['report', ours])
  expect(alone.code).toBe(1)
  expect(alone.err).toContain('--dataset and --root')
  const gone = await runFake(['report', join(folder, 'gone'), '--dataset', 'folder', '--root', root])
  expect(gone.code).toBe(1)
  const compare = await runFake(['report', ours, '--compare', 'nothing'])
  expect(compare.err).toContain('Expected NAME=FOLDER')
})
