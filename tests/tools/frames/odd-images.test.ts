// Images that are no images, far too large, slightly broken, or of colors that cannot be shown.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, onTestFinished, test, vi } from 'vitest'
import { UnreadableImageError } from '../../../tools/frames/errors.ts'
import { openFrames } from '../../../tools/frames/frames.ts'
import { readImage } from '../../../tools/frames/image.ts'
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

test('the limit is what SIAMRPN_MAX_PIXELS says', async () => {
  const file = await write('a.jpg', await jpeg())
  vi.stubEnv('SIAMRPN_MAX_PIXELS', String(64 * 48 - 1))
  onTestFinished(() => void vi.unstubAllEnvs())
  await expect(readImage(file)).rejects.toThrow(/more than 3071 pixels/)
  vi.stubEnv('SIAMRPN_MAX_PIXELS', String(64 * 48))
  expect(await readImage(file)).toMatchObject({ width: 64, height: 48 })
})

test('a JPEG with odd scan parameters, or without its end, is read with one warning per folder; a cut one is not', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  onTestFinished(() => void vi.restoreAllMocks())
  const bytes = await jpeg()
  const folder = await temporaryFolder()
  const plain = join(folder, 'plain.jpg')
  await writeFile(plain, bytes)
  const right = await readImage(plain)
  // The scan header: FF DA, length, components, then Ss, Se, Ah/Al of which a baseline JPEG has 0, 63, 0.
  const scan = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda)
  const parameters = scan + 2 + 256 * bytes[scan + 2]! + bytes[scan + 3]! - 3
  const odd = [bytes.with(parameters + 1, 0), bytes.subarray(0, -2)]
  for (const [index, data] of odd.entries()) {
    const file = join(folder, `odd-${index}.jpg`)
    await writeFile(file, data)
    expect((await readImage(file)).data).toEqual(right.data)
  }
  expect(warn).toHaveBeenCalledTimes(1)
  const cut = join(folder, 'cut.jpg')
  await writeFile(cut, bytes.subarray(0, Math.floor(bytes.length / 2)))
  await expect(readImage(cut)).rejects.toThrow(UnreadableImageError)
})

test('a CMYK JPEG is refused rather than shown in wrong colors', async () => {
  const cmyk = await encode(patternFrame(64, 48)).toColorspace('cmyk').jpeg().toBuffer()
  await expect(readImage(await write('a.jpg', cmyk))).rejects.toThrow(/its colors are CMYK/)
})
