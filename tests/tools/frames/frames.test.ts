// Folders of images, single images and animations as frame sources, and what happens when they are damaged.

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import {
  EmptySourceError,
  FrameSizeError,
  SourceNotFoundError,
  UnreadableImageError,
} from '../../../tools/frames/errors.ts'
import { naturalSort } from '../../../tools/frames/folder.ts'
import { openFrames } from '../../../tools/frames/frames.ts'
import { readImage } from '../../../tools/frames/image.ts'
import { collect, encode, patternFrame, pixel, plainFrame, temporaryFolder } from './helpers.ts'

test('a folder yields its images in natural order and leaves other files out', async () => {
  const folder = await temporaryFolder()
  for (const shade of [10, 9, 2]) {
    await encode(plainFrame(6, 4, [shade, 0, 0]))
      .png()
      .toFile(join(folder, `f${shade}.png`))
  }
  await writeFile(join(folder, 'groundtruth.txt'), '1,2,3,4\n')
  await encode(plainFrame(9, 9, [0, 0, 0]))
    .png()
    .toFile(join(folder, '.hidden.png'))
  const source = await openFrames(folder)
  expect(source).toMatchObject({ width: 6, height: 4, count: 3 })
  expect((await collect(source)).map((frame) => pixel(frame, 0, 0)[0])).toEqual([2, 9, 10])
  expect((await collect(source)).length, 'a second iteration starts anew').toBe(3)
})

test('names sort as people number them, whatever order the file system gives', () => {
  expect(naturalSort(['10.jpg', 'B.jpg', '1.jpg', 'a.jpg', '02.jpg', '2.jpg'])).toEqual(
    naturalSort(['2.jpg', 'a.jpg', '02.jpg', '1.jpg', 'B.jpg', '10.jpg']),
  )
  expect(naturalSort(['img10', 'img9', 'img100'])).toEqual(['img9', 'img10', 'img100'])
})

test('start leaves out the first frames', async () => {
  const folder = await temporaryFolder()
  for (const shade of [1, 2, 3])
    await encode(plainFrame(4, 4, [shade, 0, 0]))
      .png()
      .toFile(join(folder, `${shade}.png`))
  const source = await openFrames(folder, { start: 2 })
  expect(source.count).toBe(1)
  expect((await collect(source)).map((frame) => pixel(frame, 0, 0)[0])).toEqual([3])
  await expect(openFrames(folder, { start: 3 })).rejects.toThrow(/frame 3 asked for.*3 images/)
})

test('gray, 16-bit, transparent and EXIF-rotated images become upright 8-bit RGB', async () => {
  const folder = await temporaryFolder()
  const gray = join(folder, 'gray.png')
  await sharp(new Uint8Array([7, 200]), { raw: { width: 2, height: 1, channels: 1 } })
    .toColorspace('b-w')
    .png()
    .toFile(gray)
  expect([...(await readImage(gray)).data]).toEqual([7, 7, 7, 200, 200, 200])

  const deep = join(folder, 'deep.png')
  await sharp(new Uint16Array([0x1234, 0xabcd, 0xff00]), { raw: { width: 1, height: 1, channels: 3 } })
    .toColorspace('rgb16')
    .png()
    .toFile(deep)
  expect([...(await readImage(deep)).data]).toEqual([0x12, 0xab, 0xff])

  const transparent = join(folder, 'transparent.png')
  await sharp(new Uint8Array([90, 80, 70, 0]), { raw: { width: 1, height: 1, channels: 4 } })
    .png()
    .toFile(transparent)
  expect([...(await readImage(transparent)).data]).toEqual([90, 80, 70])

  const turned = join(folder, 'turned.jpg')
  await encode(plainFrame(16, 8, [50, 60, 70]))
    .jpeg()
    .withMetadata({ orientation: 6 })
    .toFile(turned)
  expect(await readImage(turned)).toMatchObject({ width: 8, height: 16 })
})

test('bitmaps are read: 24-bit bottom-up, 32-bit top-down, 8-bit palette', async () => {
  const folder = await temporaryFolder()
  const file = join(folder, 'picture.bmp')
  const red = [0, 0, 255]
  const blue = [255, 0, 0]
  await writeFile(file, bitmap(1, 2, 24, [...red, 0, ...blue, 0]))
  expect([...(await readImage(file)).data], 'the last row comes first').toEqual([0, 0, 255, 255, 0, 0])
  await writeFile(file, bitmap(1, -2, 32, [...red, 9, ...blue, 9]))
  expect([...(await readImage(file)).data]).toEqual([255, 0, 0, 0, 0, 255])
  await writeFile(file, bitmap(2, 1, 8, [1, 0, 0, 0], [...blue, 0, ...red, 0]))
  expect([...(await readImage(file)).data]).toEqual([255, 0, 0, 0, 0, 255])
  await writeFile(file, bitmap(1, 2, 24, [...red, 0]))
  await expect(readImage(file)).rejects.toThrow(/bitmap truncated: 58 bytes, expected 62/)
  await writeFile(file, bitmap(100_000, 2, 24, []))
  await expect(readImage(file)).rejects.toThrow(UnreadableImageError)
})

test('a truncated image is an UnreadableImageError that names the file', async () => {
  const folder = await temporaryFolder()
  for (const extension of ['jpg', 'png', 'webp'] as const) {
    const whole = join(folder, `whole.${extension}`)
    await encode(patternFrame(64, 64)).toFile(whole)
    const bytes = await readFile(whole)
    const file = join(folder, `cut.${extension}`)
    await writeFile(file, bytes.subarray(0, Math.floor(bytes.length / 2)))
    await expect(readImage(file), extension).rejects.toThrow(UnreadableImageError)
    await expect(openFrames(file), extension).rejects.toThrow(file)
  }
})

test('what is no image, empty or absent is told apart', async () => {
  const folder = await temporaryFolder()
  const text = join(folder, 'text.png')
  await writeFile(text, 'not an image')
  await expect(openFrames(text)).rejects.toThrow(UnreadableImageError)
  const empty = join(folder, 'empty.jpg')
  await writeFile(empty, '')
  await expect(openFrames(empty)).rejects.toThrow(/empty.jpg: the file is empty/)
  await expect(openFrames(join(folder, 'absent.png'))).rejects.toThrow(SourceNotFoundError)
  await expect(readImage(join(folder, 'absent.png'))).rejects.toThrow(SourceNotFoundError)
})

test('a folder without images says what it expects, and where they may be', async () => {
  const folder = await temporaryFolder()
  await expect(openFrames(folder)).rejects.toThrow(EmptySourceError)
  await mkdir(join(folder, 'img'))
  await expect(openFrames(folder)).rejects.toThrow(/did you mean .*img\?/)
})

test('a frame of another size is an error that names the file, its size and the expected one', async () => {
  const folder = await temporaryFolder()
  await encode(plainFrame(8, 6, [0, 0, 0]))
    .png()
    .toFile(join(folder, '1.png'))
  await encode(plainFrame(6, 8, [0, 0, 0]))
    .png()
    .toFile(join(folder, '2.png'))
  const source = await openFrames(folder)
  const error = await collect(source).catch((reason) => reason)
  expect(error).toBeInstanceOf(FrameSizeError)
  expect(error.message).toMatch(/2\.png is 6x8 pixels, expected 8x6/)
})

test('frames before a damaged one are delivered', async () => {
  const folder = await temporaryFolder()
  for (const name of ['1', '2', '4', '5'])
    await encode(plainFrame(8, 6, [1, 2, 3]))
      .png()
      .toFile(join(folder, `${name}.png`))
  await writeFile(join(folder, '3.png'), 'damaged')
  let frames = 0
  const reading = (async () => {
    for await (const _ of await openFrames(folder)) frames++
  })()
  await expect(reading).rejects.toThrow(/3\.png/)
  expect(frames).toBe(2)
})

test('an animated WebP or GIF yields all its pictures with their rate', async () => {
  const folder = await temporaryFolder()
  const shades = [0, 80, 160, 240]
  const roll = { width: 8, height: 6 * shades.length, channels: 3, pageHeight: 6 } as const
  const data = Uint8Array.from({ length: roll.width * roll.height * 3 }, (_, index) => shades[Math.floor(index / 144)]!)
  const delay = shades.map(() => 50)
  const webp = join(folder, 'clip.webp')
  await sharp(data, { raw: roll }).webp({ lossless: true, delay }).toFile(webp)
  const gif = join(folder, 'clip.gif')
  await sharp(data, { raw: roll }).gif({ delay }).toFile(gif)
  for (const file of [webp, gif]) {
    const source = await openFrames(file)
    expect(source, file).toMatchObject({ width: 8, height: 6, count: 4, fps: 20 })
    expect((await collect(source)).map((frame) => pixel(frame, 3, 3)[1])).toEqual(shades)
    expect((await collect(await openFrames(file, { start: 3 }))).length).toBe(1)
  }
})

test('a single image is a source of one frame', async () => {
  const folder = await temporaryFolder()
  const file = join(folder, 'one.png')
  await encode(patternFrame(5, 3)).png().toFile(file)
  const source = await openFrames(file)
  expect(source).toMatchObject({ width: 5, height: 3, count: 1 })
  expect((await collect(source))[0]?.data).toEqual(patternFrame(5, 3).data)
  await source.close()
  expect(await collect(source), 'closed sources yield nothing').toEqual([])
})

/** A bitmap file: BITMAPFILEHEADER, BITMAPINFOHEADER, palette, rows. */
function bitmap(
  width: number,
  height: number,
  bits: number,
  pixels: readonly number[],
  palette: readonly number[] = [],
) {
  const bytes = new Uint8Array(54 + palette.length + pixels.length)
  const view = new DataView(bytes.buffer)
  bytes.set([0x42, 0x4d])
  view.setUint32(10, 54 + palette.length, true)
  view.setUint32(14, 40, true)
  view.setInt32(18, width, true)
  view.setInt32(22, height, true)
  view.setUint16(26, 1, true)
  view.setUint16(28, bits, true)
  bytes.set(palette, 54)
  bytes.set(pixels, 54 + palette.length)
  return bytes
}
