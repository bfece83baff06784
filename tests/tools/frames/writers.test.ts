// Outputs: what they hold, that they are complete or absent, and that an existing file survives a failure.

import { execFile, execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { pendingFile, writeWhole } from '../../../tools/frames/atomic.ts'
import { FfmpegError, FfmpegMissingError, OutputError } from '../../../tools/frames/errors.ts'
import { hasFfmpeg } from '../../../tools/frames/ffmpeg.ts'
import { openFrames } from '../../../tools/frames/frames.ts'
import { readGroundTruth } from '../../../tools/frames/ground-truth.ts'
import { type FrameRecord, partialName, type RunFacts } from '../../../tools/frames/writer.ts'
import { openWriter, openWriters, outputProblem } from '../../../tools/frames/writers.ts'
import { collect, largestDifference, patternFrame, plainFrame, temporaryFolder } from './helpers.ts'

const atomic = new URL('../../../tools/frames/atomic.ts', import.meta.url).href
const facts: RunFacts = { width: 32, height: 24, fps: 12.5, targets: 1 }

function record(index: number, picture = plainFrame(32, 24, [40 * index, 100, 50])): FrameRecord {
  const box = { x: index + 0.123456789, y: 2, width: 3.5, height: 4 }
  return { index, targets: [{ box, score: 0.87654321 }], picture }
}

test('an animated WebP holds every picture and the frame rate, and needs no ffmpeg', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'clip.webp')
  const writer = await openWriter(path, facts)
  expect(writer.pictures).toBe(true)
  for (let index = 0; index < 5; index++) await writer.write(record(index))
  expect(await readdir(folder), 'the name appears at the end only').not.toContain('clip.webp')
  expect(await writer.finish()).toEqual([path])
  expect(await readdir(folder)).toEqual(['clip.webp'])
  const source = await openFrames(path)
  expect(source).toMatchObject({ width: 32, height: 24, count: 5, fps: 12.5 })
  for (const [index, frame] of (await collect(source)).entries()) {
    expect(largestDifference(frame, record(index).picture!), `frame ${index}`).toBeLessThan(8)
  }
})

test('durations of an animated WebP add up to the clip for rates that are no whole milliseconds', async () => {
  const path = join(await temporaryFolder(), 'clip.webp')
  const writer = await openWriter(path, { ...facts, fps: 30 })
  for (let index = 0; index < 6; index++) await writer.write(record(index))
  await writer.finish()
  expect((await openFrames(path)).fps).toBeCloseTo(30, 6)
})

test('a folder holds one PNG per frame, bit for bit, named by index', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'frames')
  const writer = await openWriter(path, facts)
  for (const index of [7, 8]) await writer.write(record(index, patternFrame(32, 24, index)))
  await writer.finish()
  expect(await readdir(path)).toEqual(['000007.png', '000008.png'])
  const frames = await collect(await openFrames(path))
  expect(
    frames.map((frame) =>
      largestDifference(frame, frame === frames[0] ? patternFrame(32, 24, 7) : patternFrame(32, 24, 8)),
    ),
  ).toEqual([0, 0])
})

test('a folder is replaced only if nothing but our own frames is in it', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'frames')
  for (const count of [3, 1]) {
    const writer = await openWriter(`${path}/`, facts)
    for (let index = 0; index < count; index++) await writer.write(record(index))
    await writer.finish()
  }
  expect(await readdir(path), 'of the first run nothing remains').toEqual(['000000.png'])
  await writeFile(join(path, 'notes.txt'), 'precious')
  await expect(openWriter(path, facts)).rejects.toThrow(/will not replace.*notes\.txt/)
  expect((await readdir(folder)).sort()).toEqual(['frames'])
})

test('JSON results hold boxes, scores and what is known about the run, and read back as ground truth', async () => {
  const path = join(await temporaryFolder(), 'results.json')
  const writer = await openWriter(path, { ...facts, targets: 2 })
  expect(writer.pictures).toBe(false)
  const other = { box: { x: 9, y: 8, width: 7, height: 6 }, score: 0.5 }
  await writer.write({ index: 3, targets: [...record(3).targets, other] })
  await writer.write({ index: 4, targets: [...record(4).targets, other] })
  await writer.finish({ config: 'r50', adapter: 'some adapter', checkpoint: 'weights.pth' })
  const results = JSON.parse(await readFile(path, 'utf8'))
  expect(results).toMatchObject({
    format: 'siamrpn-results',
    config: 'r50',
    adapter: 'some adapter',
    fps: 12.5,
    targets: 2,
  })
  expect(results.frames[0]).toEqual({
    frame: 3,
    targets: [
      { box: [3.1235, 2, 3.5, 4], score: 0.876543 },
      { box: [9, 8, 7, 6], score: 0.5 },
    ],
  })
  expect(await readGroundTruth(path, 1)).toEqual([undefined, undefined, undefined, other.box, other.box])
  await expect(readGroundTruth(path, 2)).rejects.toThrow(/holds 2 targets, expected 3/)
})

test('text results are one line per frame, and one file per target', async () => {
  const folder = await temporaryFolder()
  const single = await openWriter(join(folder, 'one.txt'), facts)
  for (const index of [0, 1]) await single.write(record(index))
  await single.finish()
  expect(await readFile(join(folder, 'one.txt'), 'utf8')).toBe('0.1235,2,3.5,4\n1.1235,2,3.5,4\n')
  const several = await openWriter(join(folder, 'many.txt'), { ...facts, targets: 2 })
  await several.write({ index: 0, targets: [...record(0).targets, ...record(1).targets] })
  expect(await several.finish()).toEqual([join(folder, 'many-1.txt'), join(folder, 'many-2.txt')])
  expect(await readFile(join(folder, 'many-2.txt'), 'utf8')).toBe('1.1235,2,3.5,4\n')
})

test('aborting leaves nothing behind and keeps what the name held', async () => {
  const folder = await temporaryFolder()
  const names = ['clip.webp', 'results.json', 'results.txt', 'frames', ...((await hasFfmpeg()) ? ['clip.mp4'] : [])]
  for (const name of names) if (name !== 'frames') await writeFile(join(folder, name), 'old')
  const before = await readdir(folder)
  const writer = await openWriters(
    names.map((name) => join(folder, name)),
    facts,
  )
  await writer.write(record(0))
  await writer.abort()
  await writer.abort()
  expect(await readdir(folder)).toEqual(before)
  for (const name of before) expect(await readFile(join(folder, name), 'utf8'), name).toBe('old')
})

test('an error in one output aborts all of them', async () => {
  const folder = await temporaryFolder()
  await writeFile(join(folder, 'results.txt'), 'old')
  const writer = await openWriters([join(folder, 'results.txt'), join(folder, 'clip.webp')], facts)
  const broken = { ...plainFrame(32, 24, [0, 0, 0]), data: new Uint8Array(5) }
  const writing = (async () => {
    await writer.write(record(0, broken))
    await writer.write(record(1))
    await writer.finish()
  })()
  await expect(writing).rejects.toThrow()
  expect(await readdir(folder)).toEqual(['results.txt'])
  expect(await readFile(join(folder, 'results.txt'), 'utf8')).toBe('old')
})

test.skipIf(process.platform !== 'linux').each([
  ['/proc/siamrpn-results/tracks/results.txt', /ENOENT.*mkdir '\/proc\/siamrpn-results'/],
  ['/dev/null/tracks/results.txt', /ENOTDIR.*mkdir '\/dev\/null\/tracks'/],
])('%s: a folder that cannot be made is named at once', async (path, reason) => {
  const writing = async () => {
    const writer = await openWriters([path], facts)
    await writer.write(record(0))
    await writer.finish()
  }
  const error = await writing().catch((found: unknown) => found)
  expect(error).toBeInstanceOf(OutputError)
  expect((error as OutputError).message).toMatch(reason)
})

test('when the second of two outputs cannot be opened, the first one is removed', async () => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'taken.json'))
  const paths = [join(folder, 'results.txt'), join(folder, 'taken.json')]
  await expect(openWriters(paths, facts)).rejects.toThrow(/taken.json: it is a folder/)
  expect(await readdir(folder)).toEqual(['taken.json'])
})

test('an ffmpeg that fails is reported with its own words, and no file is left', async () => {
  const folder = await temporaryFolder()
  const path = join(folder, 'clip.mp4')
  const tooLarge = { ...facts, width: 0, height: 24 }
  if (!(await hasFfmpeg())) return expect(openWriter(path, tooLarge)).rejects.toThrow(FfmpegMissingError)
  const writer = await openWriters([path], tooLarge)
  const writing = (async () => {
    for (let index = 0; index < 200; index++) await writer.write(record(index, plainFrame(320, 240, [0, 0, 0])))
    await writer.finish()
  })()
  const error = await writing.catch((reason) => reason)
  expect(error).toBeInstanceOf(FfmpegError)
  expect(error.message).toMatch(/clip\.mp4: .*(size|Invalid)/i)
  expect(await readdir(folder)).toEqual([])
})

test('unknown extensions are told with the known ones', async () => {
  expect(outputProblem('clip.mp4')).toBeUndefined()
  expect(outputProblem('folder/')).toBeUndefined()
  expect(outputProblem('v1.2/')).toBeUndefined()
  expect(outputProblem('clip.avi')).toMatch(/\.avi, expected \.mp4, \.webp, \.json, \.txt/)
  await expect(openWriter('clip.avi', facts)).rejects.toThrow(OutputError)
})

test('missing parent folders are made, and a file in their place is an OutputError', async () => {
  const folder = await temporaryFolder()
  await writeWhole(join(folder, 'a', 'b', 'file.json'), '{}')
  expect(await readFile(join(folder, 'a', 'b', 'file.json'), 'utf8')).toBe('{}')
  await expect(pendingFile(join(folder, 'a', 'b', 'file.json', 'x.json'))).rejects.toThrow(OutputError)
})

test('an .mp4 that ffmpeg has cut short without a word is an error, and nothing gets its name', async () => {
  if (!(await hasFfmpeg())) return
  const folder = await temporaryFolder()
  const shims = await temporaryFolder()
  const real = (await promisify(execFile)('which', ['ffmpeg'])).stdout.trim()
  // As on a full disk: the file is cut, the exit code 0.
  const shim =
    `#!/bin/sh\n"${real}" "$@"\nfor last; do :; done\nf="\${last#file:}"\n` +
    'case "$f" in *.tmp) truncate -s 60% "$f" 2>/dev/null || truncate -s 900 "$f";; esac\nexit 0\n'
  await writeFile(join(shims, 'ffmpeg'), shim, { mode: 0o755 })
  vi.stubEnv('PATH', `${shims}:${process.env.PATH}`)
  onTestFinished(() => void vi.unstubAllEnvs())
  const path = join(folder, 'clip.mp4')
  const writer = await openWriter(path, facts)
  for (let index = 0; index < 5; index++) await writer.write(record(index))
  const error = await writer.finish().catch((reason) => reason)
  expect(error).toBeInstanceOf(OutputError)
  expect(error.message).toMatch(/cannot write .*clip.mp4: (what was written cannot be read|\d of 5 frames)/)
  await writer.abort()
  expect(await readdir(folder)).toEqual([])
})

test('what a killed process was writing is cleared away by the next that writes there', async () => {
  const folder = await temporaryFolder()
  const child = `import { pendingFile, pendingFolder } from ${JSON.stringify(atomic)}
    await pendingFile(${JSON.stringify(join(folder, 'a.txt'))})
    await pendingFile(${JSON.stringify(join(folder, 'two\nlines.txt'))})
    await pendingFolder(${JSON.stringify(join(folder, 'b'))}, () => true)
    process.kill(process.pid, 'SIGKILL')`
  await promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', child]).catch(() => 0)
  await writeFile(join(folder, '.kept.tmp'), '')
  expect(await readdir(folder)).toHaveLength(4)
  await writeWhole(join(folder, 'c.txt'), 'c')
  expect((await readdir(folder)).sort()).toEqual(['.kept.tmp', 'c.txt'])
})

test.runIf(process.platform === 'linux')('a device or a pipe is not replaced by a file', async () => {
  const folder = await temporaryFolder()
  await symlink('/dev/null', join(folder, 'null.json'))
  execFileSync('mkfifo', [join(folder, 'pipe.json')])
  for (const [name, kind] of [
    ['null.json', 'a device'],
    ['pipe.json', 'a pipe'],
  ] as const) {
    await expect(writeWhole(join(folder, name), 'a')).rejects.toThrow(`${name}: it is ${kind}, expected a file name`)
    await expect(openWriter(join(folder, name), facts)).rejects.toThrow(OutputError)
  }
  expect((await stat(join(folder, 'pipe.json'))).isFIFO()).toBe(true)
  expect((await readdir(folder)).sort()).toEqual(['null.json', 'pipe.json'])
})

test('outputs that an error cuts short get a name that says so', async () => {
  const folder = await temporaryFolder()
  for (const name of ['a.webp', 'a.json', 'a.txt', 'pictures']) {
    const writer = await openWriter(join(folder, name), facts)
    await writer.write(record(0))
    await writer.finish({}, partialName)
  }
  expect((await readdir(folder)).sort()).toEqual([
    'a.partial.json',
    'a.partial.txt',
    'a.partial.webp',
    'pictures.partial',
  ])
})
