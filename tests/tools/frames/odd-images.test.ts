// Images that are no images, far too large, slightly broken, or of colors that cannot be shown.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, onTestFinished, test, vi } from 'vitest'
import { readMask } from '../../../tools/augment/cutout.ts'
import { contactSheet } from '../../../tools/benchmarks/contact-sheet.ts'
import { openBenchmark } from '../../../tools/benchmarks/open-benchmark.ts'
import type { Sequence } from '../../../tools/benchmarks/types.ts'
import { runCommand } from '../../../tools/cli/run.ts'
import { buildTrainDataset } from '../../../tools/datasets/build-dataset.ts'
import { DecodePool } from '../../../tools/datasets/decode-pool.ts'
import { UsageError } from '../../../tools/errors.ts'
import { UnreadableImageError } from '../../../tools/frames/errors.ts'
import { openFrames } from '../../../tools/frames/frames.ts'
import { readImage } from '../../../tools/frames/image.ts'
import { oddImages } from '../../../tools/frames/odd-images.ts'
import { fakeLoad, fakeTerminal, fakeTrackers } from '../cli/fakes.ts'
import { encode, patternFrame, temporaryFolder } from './helpers.ts'

const jpeg = async () => new Uint8Array(await encode(patternFrame(64, 48)).jpeg().toBuffer())

async function write(name: string, bytes: Uint8Array | string): Promise<string> {
  const file = join(await temporaryFolder(), name)
  await writeFile(file, bytes)
  return file
}

test.each(['a.png', 'a.jpg', 'a.gif'])('an SVG named %s is refused, not drawn', async (name) => {
  const file = await write(name, '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect/></svg>')
  for (const read of [readImage, openFrames]) {
    await expect(read(file)).rejects.toThrow(UnreadableImageError)
    await expect(read(file)).rejects.toThrow('it is no JPEG, PNG, GIF')
  }
})

test.each(['png', 'gif'] as const)(
  'a %s of more pixels than the limit is refused at once',
  async (format) => {
    const side = 8000
    const blank = sharp({
      create: { width: side, height: side, channels: 3, background: '#000' },
      limitInputPixels: false,
    })
    const file = await write(`a.${format}`, await blank[format]().toBuffer())
    for (const read of [readImage, openFrames]) {
      await expect(read(file)).rejects.toThrow(UnreadableImageError)
      await expect(read(file)).rejects.toThrow(/pixel limit.*SIAMRPN_MAX_PIXELS/)
    }
  },
  60_000,
)

test('a JPEG of comments without end is refused at once, one with some is read', async () => {
  const bytes = await jpeg()
  const comment = [0xff, 0xfe, 0, 4, 1, 1]
  const withComments = (count: number) =>
    Buffer.concat([
      bytes.subarray(0, 2),
      ...Array.from({ length: count }, () => Buffer.from(comment)),
      bytes.subarray(2),
    ])
  expect((await readImage(await write('some.jpg', withComments(200)))).data).toEqual(
    (await readImage(await write('none.jpg', bytes))).data,
  )
  for (const read of [readImage, openFrames]) {
    const file = await write('many.jpg', withComments(5000))
    await expect(read(file)).rejects.toThrow(UnreadableImageError)
    await expect(read(file)).rejects.toThrow(/thousands of segments before its picture/)
  }
})

test('the limit is what SIAMRPN_MAX_PIXELS says', async () => {
  const file = await write('a.jpg', await jpeg())
  vi.stubEnv('SIAMRPN_MAX_PIXELS', String(64 * 48 - 1))
  onTestFinished(() => void vi.unstubAllEnvs())
  await expect(readImage(file)).rejects.toThrow(/more than 3071 pixels/)
  vi.stubEnv('SIAMRPN_MAX_PIXELS', String(64 * 48))
  expect(await readImage(file)).toMatchObject({ width: 64, height: 48 })
})

test.each(['0', '-5', '1.5', 'many', '1e999'])('SIAMRPN_MAX_PIXELS=%s is an error, not the default', async (value) => {
  const file = await write('a.jpg', await jpeg())
  vi.stubEnv('SIAMRPN_MAX_PIXELS', value)
  onTestFinished(() => void vi.unstubAllEnvs())
  for (const read of [readImage, openFrames]) {
    await expect(read(file)).rejects.toThrow(UsageError)
    await expect(read(file)).rejects.toThrow(`SIAMRPN_MAX_PIXELS is "${value}", expected a whole number, 1 or more`)
  }
})

test('a JPEG with odd scan parameters, or without its end, is read, told once, and counted; a cut one is not', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  onTestFinished(() => void vi.restoreAllMocks())
  const bytes = await jpeg()
  const folder = await temporaryFolder()
  const plain = join(folder, 'plain.jpg')
  await writeFile(plain, bytes)
  const right = await readImage(plain)
  const before = oddImages.count
  // The scan header: FF DA, length, components, then Ss, Se, Ah/Al of which a baseline JPEG has 0, 63, 0.
  const scan = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda)
  const parameters = scan + 2 + 256 * bytes[scan + 2]! + bytes[scan + 3]! - 3
  const odd = [bytes.with(parameters + 1, 0), bytes.subarray(0, -2)]
  for (const [index, data] of odd.entries()) {
    const file = join(folder, `odd-${index}.jpg`)
    await writeFile(file, data)
    for (let time = 0; time < 2; time++) expect((await readImage(file)).data).toEqual(right.data)
  }
  expect(oddImages.count).toBe(before + 2)
  expect(warn).toHaveBeenCalledTimes(1)
  // Threads send theirs.
  const pool = new DecodePool(1)
  onTestFinished(() => pool.close())
  for (const index of [0, 2, 2]) {
    const file = join(folder, `odd-${index}.jpg`)
    await writeFile(file, bytes.subarray(0, -2))
    await pool.decode({ kind: 'file', path: file })
  }
  expect(oddImages.count).toBe(before + 3)
  const terminal = fakeTerminal()
  const clip = join(folder, 'clip')
  await mkdir(clip)
  for (const name of ['1.jpg', '2.jpg']) await writeFile(join(clip, name), bytes.subarray(0, -2))
  const { load } = fakeLoad()
  const { loadTrackers } = fakeTrackers()
  const args = ['track', '--video', clip, '--box', '1,1,20,20', '--checkpoint', 'a.pth', '--out', join(folder, 'a.txt')]
  expect(await runCommand(args, { terminal, load, loadTrackers })).toBe(0)
  expect(terminal.stderr.text).toContain('2 damaged images were read all the same')
  expect(warn).toHaveBeenCalledTimes(1)
  const cut = join(folder, 'cut.jpg')
  await writeFile(cut, bytes.subarray(0, Math.floor(bytes.length / 2)))
  await expect(readImage(cut)).rejects.toThrow(UnreadableImageError)
})

test('damaged images are told once and counted for each data set, innermost folders first, and a command says each number', async () => {
  const warnings: string[] = []
  vi.spyOn(process, 'emitWarning').mockImplementation((text) => void warnings.push(String(text)))
  onTestFinished(() => void vi.restoreAllMocks())
  const data = (await jpeg()).subarray(0, -2)
  const root = await temporaryFolder()
  const truth = '1,1,20,20\n2,2,20,20\n'
  for (const set of ['one', 'one-more', 'one/clips/inner']) {
    for (const clip of ['a', 'b']) {
      const folder = join(root, set, clip)
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, 'groundtruth.txt'), truth)
      for (const name of ['1.jpg', '2.jpg']) await writeFile(join(folder, name), data)
    }
  }
  const clips = (set: string) => ({ type: 'ClipFolder', path: join(root, set), include: ['a', 'b'] }) as const
  await buildTrainDataset([clips('one/clips/inner'), clips('one')] as never)
  await openBenchmark({ type: 'folder', root: join(root, 'one-more') })
  const before = oddImages.counts
  const read = async (...files: string[]) => {
    for (const file of files) await readImage(join(root, file))
  }
  await read('one/a/1.jpg', 'one/a/2.jpg', 'one/b/1.jpg', 'one-more/a/1.jpg', 'one/clips/inner/b/1.jpg', 'one/a/1.jpg')
  const found = new Map([...oddImages.counts].map(([place, count]) => [place, count - (before.get(place) ?? 0)]))
  expect(found.get(join(root, 'one'))).toBe(3)
  expect(found.get(join(root, 'one-more'))).toBe(1)
  expect(found.get(join(root, 'one/clips/inner'))).toBe(1)
  expect(warnings).toHaveLength(3)
  const terminal = fakeTerminal()
  const { load } = fakeLoad()
  const { loadTrackers } = fakeTrackers()
  const args = ['track', '--video', join(root, 'one-more/b'), '--box', '1,1,20,20', '--checkpoint', 'a.pth']
  expect(await runCommand([...args, '--out', join(root, 'a.txt')], { terminal, load, loadTrackers })).toBe(0)
  expect(terminal.stderr.text).toContain(`2 damaged images of ${join(root, 'one-more')} were read all the same`)
  expect(warnings).toHaveLength(3)
})

/** 8x5 pixels, and what OpenCV 4.6 reads of them, RGB: as they are; with Adobe's marker for YCCK; turned by EXIF; as TIFF. */
const cmyk = {
  jpeg: '/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAGBAUGBQQGBgUGBwcGCAoQCgoJCQoUDg8MEBcUGBgXFBYWGh0lHxobIxwWFiAsICMmJykqKRkfLTAtKDAlKCko/8AAFAgABQAIBEMRAE0RAFkRAEsRAP/EABcAAAMBAAAAAAAAAAAAAAAAAAQFBwj/xAAlEAACAQIEBgMAAAAAAAAAAAABAgMEBQAGBxETIkFRcYEIEjP/2gAOBEMATQBZAEsAAD8AL0Isduy9mETCnNVNJyo7sV4Z7gdfeKJcfjrkmsR2cV/HI5XMw2U+NhhrqvrheralVbrXRU9MZFKCoDlpE8dMaSu1LXy/R47isMKHd40g/QdiSdx6x//Z',
  read: 'FTz8EjT/FSf+Jhf2SQf4gQH/wAH34wnUDlL/FkT7HjD8LSD/Vhr+jhbtvxK81w+CMnz9KXn/J3T+RGjhbVarhkd7rUti4k01PNTQQtG1Ss2YW8R4c61ZipdErJQxy5UXafiwcPePefJoffpFhf8onv8hv/Ig1t4Y',
  ycck: 'Pf39Pf//Ov7+M/z8EeP/Aa//AWf3ASXKQv//Pf39Nf7+Iv//AeH+AZPtATbIAQGoHf3UJ//mKf7wAuGvAXxBASwHAQQYWwFIHN0BMNYBSMwBUZwBOVoBIiQBOgEBfAEBVuMBbsABlZgB0IAB+WgB6koBtR4BlAEB',
  turned:
    'afiwPNTQMnz9DlL/FTz8cPePQtG1KXn/FkT7EjT/efJoSs2YJ3T+HjD8FSf+ffpFW8R4RGjhLSD/Jhf2hf8oc61ZbVarVhr+SQf4nv8hipdEhkd7jhbtgQH/v/IgrJQxrUtivxK8wAH31t4Yy5UX4k011w+C4wnU',
  tiff: 'SUkqAKgAAADuwwAA780AAOnbAADe7AAAufoAAHv/AABB/gAGAvsWFeq1AADuwAAA6c0AAM/aAACn6gABa+8ADxXuGy4B7nMc13oAANqDAADOjAAFsJAAFmqEAFMAdRl3AJh+SQCmuyG5FwobrwYkLaEARTaJAGU+YgCATRwIl2AAI7hVAE7gLJEAWQCPAHUAiQCVAH4AuABwAMwAYADgAT8A5w4YBusYEAAAAQMAAQAAAAgAAAABAQMAAQAAAAUAAAACAQMABAAAAH4BAAADAQMAAQAAAAEAAAAGAQMAAQAAAAUAAAARAQQAAQAAAAgAAAASAQMAAQAAAAEAAAAVAQMAAQAAAAQAAAAWAQMAAQAAAAABAAAXAQQAAQAAAKAAAAAaAQUAAQAAAG4BAAAbAQUAAQAAAHYBAAAcAQMAAQAAAAEAAAAoAQMAAQAAAAIAAABMAQMAAQAAAAEAAABTAQMABAAAAIYBAAAAAAAAMzPLAAAACAAzM8sAAAAIAAgACAAIAAgAAQABAAEAAQA=',
  tiffRead:
    'ETz/EDL/FiT/IRP/RgX/hAD/uQD56APVFUr/ET//FjL/MCX/VxT+iw/wvw264g98KIX/JXz/MHD6SGXpZFKsiEl6tklc3k07Ps/bQc20SsmSWcF0bbJYjZpAqpIv05IZbv+mcP+Kdv9qgf9Hj/8znv4etfEW0eES',
}

test('CMYK and YCCK images are read bit for bit as OpenCV reads them', async () => {
  const bytes = Buffer.from(cmyk.jpeg, 'base64')
  const adobe = bytes.indexOf('Adobe')
  const exif = Buffer.from('ffe100224578696600004d4d002a00000008000101120003000000010006000000000000', 'hex')
  const cases: [name: string, bytes: Uint8Array, right: string, width: number][] = [
    ['a.jpg', bytes, cmyk.read, 8],
    ['without-marker.jpg', Buffer.concat([bytes.subarray(0, adobe - 4), bytes.subarray(adobe + 12)]), cmyk.read, 8],
    ['without-end.jpg', bytes.subarray(0, -2), cmyk.read, 8],
    ['ycck.jpg', Buffer.from(bytes).fill(2, adobe + 11, adobe + 12), cmyk.ycck, 8],
    ['turned.jpg', Buffer.concat([bytes.subarray(0, 2), exif, bytes.subarray(2)]), cmyk.turned, 5],
    ['a.tif', Buffer.from(cmyk.tiff, 'base64'), cmyk.tiffRead, 8],
  ]
  vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  onTestFinished(() => void vi.restoreAllMocks())
  for (const [name, data, right, width] of cases) {
    const frame = await readImage(await write(name, data))
    expect([name, frame.width, frame.height]).toEqual([name, width, 40 / width])
    expect(Buffer.from(frame.data).toString('base64'), name).toBe(right)
  }
})

test('a contact sheet shows CMYK images in the same colors, and a mask in CMYK is refused', async () => {
  const file = await write('a.jpg', Buffer.from(cmyk.jpeg, 'base64'))
  const png = await write(
    'a.png',
    await encode(await readImage(file))
      .png()
      .toBuffer(),
  )
  const sheet = (image: string) => {
    const sequence: Sequence = { name: 'one', images: [image], boxes: [], visible: [], attributes: [] }
    return contactSheet([sequence], { title: 'x', frames: 1, cellWidth: 96 })
  }
  expect((await sheet(file)).data).toEqual((await sheet(png)).data)
  await expect(readMask(file)).rejects.toThrow(/its colors are CMYK, expected the gray of a mask/)
})
