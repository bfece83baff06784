// The `track` command with a tracker that needs no GPU: what it writes, prints and refuses.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { defaultModel, defaultModelTitle } from '../../../../tools/cli/default-model.ts'
import { runCommand } from '../../../../tools/cli/run.ts'
import { openFrames } from '../../../../tools/frames/frames.ts'
import { readGroundTruth } from '../../../../tools/frames/ground-truth.ts'
import { collect, encode, pixel, plainFrame, temporaryFolder } from '../../frames/helpers.ts'
import { fakeTerminal, fakeTrackers, runFake } from '../fakes.ts'

const frameCount = 6

/** A folder `frames` with plain images beside an empty place for outputs. */
async function makeFrames(): Promise<{ folder: string; video: string; out: (name: string) => string }> {
  const folder = await temporaryFolder()
  const out = (name: string) => join(folder, name)
  await mkdir(out('frames'))
  for (let index = 0; index < frameCount; index++) {
    await encode(plainFrame(80, 60, [90, 90, 90]))
      .png()
      .toFile(join(folder, 'frames', `${index}.png`))
  }
  return { folder, video: out('frames'), out }
}

const weights = ['--checkpoint', 'weights.pth']

test('without --checkpoint the model that ships is taken, for its own configuration alone', async () => {
  const { video, out } = await makeFrames()
  const box = ['track', '--video', video, '--box', '10,20,30,20', '--out', out('a.txt')]
  const { code, calls, out: text } = await runFake(box)
  expect(code).toBe(0)
  expect(calls.request).toMatchObject({ weights: { checkpoint: defaultModel() } })
  expect(text).toContain(defaultModelTitle)
  const refused = await runFake([...box, '--config', 'r50'])
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('--config r50 has no model of its own: give one with --checkpoint')
})

test('--set reaches the loader and the result file', async () => {
  const { video, out } = await makeFrames()
  const set = ['model.test_cfg.rpn.lr=0.4', 'model.test_cfg.long_term={}']
  const options = set.flatMap((entry) => ['--set', entry])
  const { calls } = await runFake([
    'track',
    '--video',
    video,
    '--box',
    '10,20,30,20',
    ...options,
    '--out',
    out('a.json'),
  ])
  expect(calls.request).toMatchObject({ set, weights: { checkpoint: defaultModel() } })
  expect(JSON.parse(await readFile(out('a.json'), 'utf8'))).toMatchObject({ set })
})

test('boxes of every frame go to every output, the first one as it was given', async () => {
  const { video, out } = await makeFrames()
  const outputs = ['a.webp', 'a.json', 'a.txt'].flatMap((name) => ['--out', out(name)])
  const {
    code,
    out: text,
    calls,
  } = await runFake(['track', '--video', video, '--box', '10,20,30,20', ...weights, ...outputs])
  expect(code).toBe(0)
  expect(calls).toMatchObject({
    updates: frameCount - 1,
    closed: true,
    init: [{ x: 10, y: 20, width: 30, height: 20 }],
  })
  expect(calls.request).toMatchObject({ weights: { checkpoint: 'weights.pth' } })
  expect(await readFile(out('a.txt'), 'utf8')).toBe(
    Array.from({ length: frameCount }, (_, index) => `${10 + index},20,30,20\n`).join(''),
  )
  const json = JSON.parse(await readFile(out('a.json'), 'utf8'))
  expect((await readFile(out('a.json'), 'utf8')).match(/"frames"/g), 'no key comes twice').toHaveLength(1)
  expect(json).toMatchObject({
    config: 'of the checkpoint',
    checkpoint: 'weights.pth',
    adapter: 'fake adapter',
    anchors: 'mmtracking',
    source: video,
    complete: true,
    width: 80,
    height: 60,
  })
  expect(json.frames[1]).toEqual({ frame: 1, targets: [{ box: [11, 20, 30, 20], score: 0.9 }] })
  const pictures = await collect(await openFrames(out('a.webp')))
  expect(pictures.length).toBe(frameCount)
  expect(pixel(pictures[5]!, 15, 30)[0], 'the box is drawn').toBeGreaterThan(180)
  expect(text).toMatch(/fake adapter, ready after \d+\.\d s/)
  expect(text).toMatch(/memory +12\.3 MB on the device, at most 45\.6 MB/)
  expect(text).toMatch(/tracked +6 frames in .* frames per second/)
  expect(text).toMatch(/wrote +.*a\.webp, .*a\.json, .*a\.txt/)
})

test('several boxes are tracked together', async () => {
  const { video, out } = await makeFrames()
  const boxes = ['--box', '1,2,10,10', '--box', '30,30,12,12']
  const { code, calls } = await runFake(['track', '--video', video, ...boxes, ...weights, '--out', out('b.txt')])
  expect(code).toBe(0)
  expect(calls.init?.length).toBe(2)
  expect((await readFile(out('b-2.txt'), 'utf8')).split('\n')[1]).toBe('31,30,12,12')
})

test('--start and --max-frames cut the clip; ground truth is counted from its beginning', async () => {
  const { video, out } = await makeFrames()
  const lines = Array.from({ length: frameCount }, (_, index) => `${10 + index},20,30,20`)
  await writeFile(out('gt.txt'), lines.join('\n'))
  const cut = ['--start', '2', '--max-frames', '3', '--gt', out('gt.txt')]
  const {
    code,
    out: text,
    calls,
  } = await runFake(['track', '--video', video, ...cut, ...weights, '--out', out('c.json')])
  expect(code).toBe(0)
  expect(calls.init, 'the box comes from the ground truth of the first frame').toEqual([
    { x: 12, y: 20, width: 30, height: 20 },
  ])
  expect(JSON.parse(await readFile(out('c.json'), 'utf8')).frames.map(({ frame }: { frame: number }) => frame)).toEqual(
    [2, 3, 4],
  )
  expect(text, 'a perfect track').toMatch(/measures +success 95\.2, precision 100\.0 \(20 px\).*mean overlap 1\.000\n/)
})

test('ground truth that is shorter than the clip, or absent in frames, is said and counted', async () => {
  const { video, out } = await makeFrames()
  await writeFile(out('gt.txt'), '10,20,30,20\nnan,nan,nan,nan\n12,20,30,20\n13,20,30,20\n')
  const { out: text } = await runFake(['track', '--video', video, '--gt', out('gt.txt'), ...weights])
  expect(text).toMatch(/precision 75\.0.*mean overlap 0\.750; the ground truth covers 4 of 6 frames/)
})

test('--quiet leaves only the measures', async () => {
  const { video, out } = await makeFrames()
  await writeFile(out('gt.txt'), '10,20,30,20\n')
  const { out: text, err } = await runFake(['track', '--quiet', '--video', video, '--gt', out('gt.txt'), ...weights])
  expect(text).toMatch(/^measures [^\n]*\n$/)
  expect(err).toBe('')
})

test('--profile writes a Chrome trace and prints the table', async () => {
  const { video, out } = await makeFrames()
  const profile = ['--profile', out('trace.json')]
  const { out: text } = await runFake(['track', '--video', video, '--box', '1,2,10,10', ...weights, ...profile])
  expect(JSON.parse(await readFile(out('trace.json'), 'utf8'))).toEqual({ traceEvents: [{ name: 'conv' }] })
  expect(text).toMatch(/the table/)
})

test('config and anchors reach the loader', async () => {
  const { video } = await makeFrames()
  const model = ['--config', 'small', '--anchors', 'pysot']
  const { calls } = await runFake(['track', '--video', video, '--box', '1,2,10,10', ...weights, ...model])
  expect(calls.request).toMatchObject({ config: 'small', anchors: 'pysot' })
})

test('Ctrl-C finishes the files with what there is', async () => {
  const { video, out } = await makeFrames()
  const before = process.listeners('SIGINT').length
  const interrupt = (updates: number) => {
    if (updates === 2) process.listeners('SIGINT').at(-1)?.('SIGINT')
  }
  const args = [
    'track',
    '--video',
    video,
    '--box',
    '1,2,10,10',
    ...weights,
    '--out',
    out('d.txt'),
    '--out',
    out('d.json'),
  ]
  const { code, err, calls } = await runFake(args, interrupt)
  expect(code).toBe(130)
  expect(err).toMatch(/interrupted after 3 frames/)
  expect((await readFile(out('d.txt'), 'utf8')).trim().split('\n').length).toBe(3)
  expect(JSON.parse(await readFile(out('d.json'), 'utf8'))).toMatchObject({ complete: false })
  expect(calls.closed).toBe(true)
  expect(process.listeners('SIGINT').length, 'the handler is gone').toBe(before)
})

test('Ctrl-C while loading writes nothing', async () => {
  const { video, out, folder } = await makeFrames()
  const terminal = fakeTerminal()
  const load = () => {
    process.listeners('SIGINT').at(-1)?.('SIGINT')
    return new Promise<never>(() => undefined)
  }
  const args = ['track', '--video', video, '--box', '1,2,10,10', ...weights, '--out', out('d.txt')]
  expect(await runCommand(args, { terminal, load, loadTrackers: fakeTrackers().loadTrackers })).toBe(130)
  expect(terminal.stderr.text).toMatch(/interrupted; nothing was written/)
  expect(await readdir(folder)).toEqual(['frames'])
})

test('an error in mid-clip keeps what was tracked under a name that says so, closes the tracker and exits with 1', async () => {
  const { video, out, folder } = await makeFrames()
  await writeFile(join(video, '4.png'), 'damaged')
  const args = [
    'track',
    '--video',
    video,
    '--box',
    '1,2,10,10',
    ...weights,
    '--out',
    out('e.webp'),
    '--out',
    out('e.txt'),
  ]
  const { code, err, calls } = await runFake(args)
  expect(code).toBe(1)
  expect(err).toMatch(/error: cannot read the image .*4\.png/)
  expect(err).not.toMatch(/ at /)
  expect(calls.closed).toBe(true)
  expect(err).toMatch(/4 frames, is kept in .*e\.partial\.webp, .*e\.partial\.txt/)
  expect((await readdir(folder)).sort()).toEqual(['e.partial.txt', 'e.partial.webp', 'frames'])
  expect(await readGroundTruth(out('e.partial.txt'))).toHaveLength(4)
})

test('an unexpected error exits with 2 and shows its stack', async () => {
  const { video } = await makeFrames()
  const { code, err, calls } = await runFake(['track', '--video', video, '--box', '1,2,10,10', ...weights], () => {
    throw new TypeError('defect')
  })
  expect(code).toBe(2)
  expect(err).toMatch(/TypeError: defect\n +at /)
  expect(calls.closed).toBe(true)
})

test.each([
  [['--box', '1,2,3'], /--box.*Found 3 values, expected 4/],
  [['--box', '1,2,3,x'], /--box.*four finite numbers/],
  [['--box', '1,NaN,3,4'], /--box.*four finite numbers/],
  [['--box', '1,,3,4'], /--box.*four finite numbers/],
  [['--box', '1,2,Infinity,4'], /--box.*four finite numbers/],
  [['--box', '1,2,0,4'], /--box.*size is 0x4/],
  [['--box', '1,2,5,-4'], /--box.*size is 5x-4/],
  [['--box', '80,10,5,5'], /the box \(x 80, y 10, 5x5\) lies outside the frame, which is 80x60/],
  [['--box', '-9,-9,5,5'], /lies outside the frame/],
  [[], /no target: give --box/],
  [['--box', '1,2,3,4', '--start', '-1'], /--start.*0 or more/],
  [['--box', '1,2,3,4', '--start', '99'], /frame 99 asked for/],
  [['--box', '1,2,3,4', '--max-frames', '0'], /--max-frames.*1 or more/],
  [['--box', '1,2,3,4', '--max-frames', '2.5'], /--max-frames.*whole number/],
  [['--box', '1,2,3,4', '--anchors', 'other'], /--anchors.*mmtracking, pysot/],
  [['--box', '1,2,3,4', '--out', 'clip.avi'], /--out.*\.avi, expected \.mp4/],
  [['--box', '1,2,3,4', '--out', 'weights.pth/../weights.pth/'], /both an input and an output/],
  [['--box', '1,2,3,4', '--out', 'x.txt', '--out', './x.txt'], /x\.txt is given as an output twice/],
  [['--box', '1,2,3,4', '--gt', 'absent.txt'], /no such file or folder: absent\.txt/],
  [['--box', '1,2,3,4', '--bogus'], /unknown option '--bogus'/],
])('%j is refused', async (extra, message) => {
  const { video } = await makeFrames()
  const { code, err, calls } = await runFake(['track', '--video', video, ...weights, ...extra])
  expect(code).toBe(1)
  expect(err).toMatch(message)
  expect(calls.request, 'nothing was loaded').toBeUndefined()
})

test('a box partly inside the frame is fine', async () => {
  const { video } = await makeFrames()
  expect((await runFake(['track', '--video', video, ...weights, '--box', '-5,-5,20,20'])).code).toBe(0)
})

test('the source is never overwritten', async () => {
  const { video } = await makeFrames()
  const { code, err } = await runFake(['track', '--video', video, ...weights, '--box', '1,2,3,4', '--out', video])
  expect(code).toBe(1)
  expect(err).toMatch(/both an input and an output/)
  expect((await readdir(video)).length).toBe(frameCount)
})

test('a missing source is told', async () => {
  const { code, err } = await runFake(['track', '--video', 'absent.mp4', '--box', '1,2,3,4', ...weights])
  expect(code).toBe(1)
  expect(err).toMatch(/no such file or folder: absent\.mp4/)
})

test('without arguments, and with --help, the commands and examples are shown', async () => {
  const bare = await runFake([])
  expect(bare.code).toBe(1)
  expect(bare.err).toMatch(/Commands:[\s\S]*track[\s\S]*demo/)
  for (const args of [['--help'], ['track', '--help'], ['demo', '--help']]) {
    const { code, out } = await runFake(args)
    expect(code, args.join(' ')).toBe(0)
    expect(out).toMatch(/Usage: siamrpn/)
    expect(out).toMatch(/Examples:\n {2}siamrpn/)
  }
})

test('without --config the checkpoint’s own configuration is taken, else the one that is named', async () => {
  const { video } = await makeFrames()
  const request = async (...options: string[]) => {
    const { calls } = await runFake(['track', '--video', video, '--box', '10,20,30,20', ...weights, ...options])
    return calls.request
  }
  expect(await request()).not.toHaveProperty('config')
  expect(await request('--config', 'tiny')).toMatchObject({ config: 'tiny' })
})

test('--max-pixels refuses larger images, before or after the command, and every --help names it', async () => {
  const { video, out } = await makeFrames()
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('SIAMRPN_MAX_PIXELS', '') // Put back when the test ends: the option sets it.
  const track = ['track', '--video', video, '--box', '10,20,30,20', ...weights, '--out', out('a.txt')]
  for (const args of [
    [...track, '--max-pixels', '4799'],
    ['--max-pixels', '4799', ...track],
  ]) {
    const { code, err } = await runFake(args)
    expect(code).toBe(1)
    expect(err).toMatch(/pixel limit.*more than 4799 pixels are read with --max-pixels/)
  }
  expect((await runFake([...track, '--max-pixels', '4800'])).code).toBe(0)
  expect((await runFake([...track, '--max-pixels', '0'])).err).toContain('Expected a whole number, 1 or more')
  expect((await runFake(['dataset', 'preview', '--help'])).out).toContain('--max-pixels <count>')
})
