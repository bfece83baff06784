// The data-set tools from the command line: what they print, write and answer.

import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { readImage } from '../../../../tools/frames/image.ts'
import { writeBrokenJpeg, writeClip, writeText } from '../../datasets/training-helpers.ts'
import { temporaryFolder } from '../../frames/helpers.ts'
import { runFake } from '../fakes.ts'

const lines = ['4,4,12,14', '5,4,12,14', '6,4,12,14', '7,5,12,14']

/** LaSOT with three sequences in class folders. */
async function writeLasot(): Promise<string> {
  const root = join(await temporaryFolder(), 'lasot')
  for (const name of ['cat-1', 'cat-2', 'dog-1']) {
    const place = join(root, name.slice(0, 3), name)
    await writeClip(place, lines)
    await writeText(join(place, 'full_occlusion.txt'), '0,0,0,0\n')
    await writeText(join(place, 'out_of_view.txt'), '0,0,1,0\n')
  }
  await writeText(join(root, 'testing_set.txt'), 'cat-1\ncat-2\ndog-1\n')
  return root
}

/** GOT-10k's training and validation set. */
async function writeGot10k(): Promise<string> {
  const root = await temporaryFolder()
  for (const [split, name] of [
    ['train', 'GOT-10k_Train_000001'],
    ['val', 'GOT-10k_Val_000001'],
  ] as const) {
    const place = join(root, split, name)
    await writeClip(place, lines, '.')
    await writeText(join(place, 'absence.label'), '0\n0\n0\n0\n')
    await writeText(join(place, 'cover.label'), '8\n8\n4\n8\n')
    await writeText(join(root, split, 'list.txt'), `${name}\n`)
  }
  return root
}

test('check: the layout is found out, all is well, what is published is told', async () => {
  const root = await writeLasot()
  const result = await runFake(['dataset', 'check', '--root', root, '--decode', '2'])
  expect(result.code).toBe(0)
  expect(result.out).toContain(
    'checked   LaSOT (testing set): 3 sequences (280 are published), 12 frames; 6 images decoded',
  )
  expect(result.out).toContain('3 sequences, published are 280: 277 are missing')
  expect(result.out).toContain('found     0 errors, 1 warning')
  expect(result.err).toMatch(/decoding +6\/6/)
  const complete = await runFake(['dataset', 'check', '--root', root, '--complete', '--quiet'])
  expect(complete.code).toBe(1)
  expect(complete.err).toBe('')
})

test('check: errors with file and line, in groups; exit code 1; a report', async () => {
  const root = await writeLasot()
  await writeText(join(root, 'cat/cat-2/groundtruth.txt'), '1,2,3,4\n1,2,x,4\n1,2,3\n')
  await writeBrokenJpeg(join(root, 'dog/dog-1/img/00000002.jpg'))
  for (const frame of [0, 1]) await writeBrokenJpeg(join(root, `cat/cat-1/img/0000000${frame + 3}.jpg`))
  await writeBrokenJpeg(join(root, 'cat/cat-1/img/00000002.jpg'))
  const json = join(root, '..', 'findings.json')
  const args = ['dataset', 'check', '--root', root, '--decode', 'all', '--quiet']
  const result = await runFake([...args, '--json', json])
  expect(result.code).toBe(1)
  expect(result.out).toContain('6 errors:')
  expect(result.out).toContain('cat-2/groundtruth.txt:2: "x" is not a number')
  expect(result.out).toContain('... and 1 more of this kind (--all lists them)')
  const report = JSON.parse(await readFile(json, 'utf8'))
  expect(report).toMatchObject({ dataset: 'lasot', errors: 6, warnings: 1 })
  expect(report.parts).toEqual([expect.objectContaining({ split: 'test', sequences: 2, frames: 8, decoded: 8 })])
  expect(report.groups[2]).toMatchObject({ severity: 'error', count: 4 })
  expect(report.groups[2].findings).toHaveLength(4)
  const all = await runFake([...args, '--all'])
  expect(all.out).not.toContain('of this kind')
  expect(all.out.match(/cannot read the image/g)).toHaveLength(4)
})

test('check: every part that is there, or the one that is asked for', async () => {
  const root = await writeGot10k()
  const both = await runFake(['dataset', 'check', '--root', root, '--quiet'])
  expect(both.out).toMatch(/GOT-10k \(val\): 1 sequence \(180 are.*\n.*GOT-10k \(train\): 1 sequence \(9335 are/)
  const one = await runFake(['dataset', 'check', '--root', root, '--quiet', '--split', 'train', '--limit', '1'])
  expect(one.out).toBe('checked   GOT-10k (train): 1 sequence, 4 frames\nfound     0 errors, 0 warnings\n')
  const none = await runFake(['dataset', 'check', '--root', root, '--quiet', '--split', 'test'])
  expect(none.code).toBe(1)
  expect(none.err).toContain('test/list.txt')
  const unknown = await runFake(['dataset', 'check', '--root', await temporaryFolder()])
  expect(unknown.code).toBe(1)
  expect(unknown.err).toMatch(
    /none of the layouts.*--dataset lasot\|otb100\|uav123\|trackingnet\|got10k\|vot2018\|folder/,
  )
})

test('convert: a file for training and evaluation that check approves of, never overwritten unasked', async () => {
  const root = await writeLasot()
  const out = join(root, '..', 'a.json')
  const args = ['dataset', 'convert', '--root', root, '--out', out]
  const result = await runFake(args)
  expect(result.code).toBe(0)
  expect(result.out).toContain(`${out}: LaSOT (testing set), 3 videos, 12 images, 12 annotations`)
  expect(result.out).toContain(`ann_file: '${out}', img_prefix: '${root}'`)
  expect(JSON.parse(await readFile(out, 'utf8')).annotations[2].out_of_view).toBe(true)
  const before = await stat(out)
  const again = await runFake(args)
  expect(again.code).toBe(1)
  expect(again.err).toContain(`${out} is there already; --force replaces it`)
  expect((await stat(out)).mtimeMs).toBe(before.mtimeMs)
  const forced = await runFake([...args, '--force', '--skip-hidden', '--quiet', '--image-root', join(root, '..')])
  expect(forced.out).toContain('9 annotations')
  expect(JSON.parse(await readFile(out, 'utf8')).images[0].file_name).toBe('lasot/cat/cat-1/img/00000001.jpg')
  const checked = await runFake(['dataset', 'check', '--ann-file', out, '--root', join(root, '..'), '--quiet'])
  expect(checked.out).toBe(
    `checked   ${out}: 3 videos, 12 images (3 without an annotation), 9 annotations of 3 instances\n` +
      'found     0 errors, 0 warnings\n',
  )
  const wrong = await runFake(['dataset', 'check', '--ann-file', out, '--root', root, '--quiet'])
  expect(wrong.code).toBe(1)
  expect(wrong.out).toContain('no such folder; 4 images are named in it')
})

test('convert: the first error ends the work and leaves no file; broken sequences may be skipped', async () => {
  const root = await writeLasot()
  await writeText(join(root, 'cat/cat-2/groundtruth.txt'), '1,2,3,4\n1,2,x,4\n')
  const out = join(root, '..', 'a.json')
  const args = ['dataset', 'convert', '--root', root, '--out', out, '--quiet']
  const result = await runFake(args)
  expect(result.code).toBe(1)
  expect(result.err).toContain('cat-2/groundtruth.txt:2')
  expect(await readdir(join(root, '..'))).toEqual(['lasot'])
  const skipped = await runFake([...args, '--skip-broken'])
  expect(skipped.out).toMatch(/2 videos, 8 images[\s\S]*left out +what 1 error concern/)
})

test('stats: a table, and the same numbers in a file', async () => {
  const root = await writeLasot()
  const json = join(root, '..', 'stats.json')
  const result = await runFake(['dataset', 'stats', '--root', root, '--json', json, '--quiet'])
  expect(result.code).toBe(0)
  expect(result.out).toContain('frames    12; 75.0 % of the boxes show the object')
  expect(result.out).toContain('size      32x32 (3)')
  const length = result.out.split('\n').find((line) => line.startsWith('length (frames)'))
  expect(length?.split(/ +/).slice(2, 9)).toEqual(['4', '4', '4', '4', '4', '4', '|█'])
  const stats = JSON.parse(await readFile(json, 'utf8'))
  expect(stats).toMatchObject({ title: 'LaSOT (testing set)', sequences: 3, frames: 12, visible: 9 })
  expect(stats.distributions.motion.count).toBe(3)
})

test('preview: a picture in the format of its name', async () => {
  const root = await writeLasot()
  const folder = join(root, '..')
  const args = ['dataset', 'preview', '--root', root, '--quiet', '--frames', '3', '--width', '96']
  const png = join(folder, 'sheet.png')
  const result = await runFake([...args, '--out', png, '--sequences', '2'])
  expect(result.code).toBe(0)
  const { width, height } = await readImage(png)
  expect(width).toBe(2 * 14 + 3 * 96 + 2 * 6)
  expect(result.out).toBe(`wrote     ${png}: 2 sequences, ${width}x${height} pixels\n`)
  const webp = join(folder, 'sheet.webp')
  await runFake([...args, '--out', webp, '--only', 'dog-1'])
  expect((await sharp(webp).metadata()).format).toBe('webp')
  const unknown = await runFake([...args, '--out', png, '--only', 'bird-1'])
  expect(unknown.code).toBe(1)
  expect(unknown.err).toContain('--only bird-1: no such sequence; there are cat-1, cat-2, dog-1')
  const wrong = await runFake([...args, '--out', 'sheet.tiff'])
  expect(wrong.err).toContain('.png, .webp, .jpg')
})

test.each(['check', 'stats', 'convert', 'preview'])('%s: help with examples', async (name) => {
  const help = await runFake(['dataset', name, '--help'])
  expect(help.code).toBe(0)
  expect(help.out).toContain(`Examples:\n  siamrpn dataset ${name} `)
  const without = await runFake(['dataset', name])
  expect(without.code).not.toBe(0)
  expect(without.err).toContain("required option '--root <folder>' not specified")
})
