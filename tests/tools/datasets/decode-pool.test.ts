// Threads give the same pixels as this thread, keep their errors' classes, and never leave anybody waiting.
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test, vi } from 'vitest'
import { DecodePool } from '../../../tools/datasets/decode-pool.ts'
import { DecodeWorkerError } from '../../../tools/datasets/errors.ts'
import type { PixelSource } from '../../../tools/datasets/pair.ts'
import { SourceNotFoundError, UnreadableImageError } from '../../../tools/frames/errors.ts'
import { encode, patternFrame, temporaryFolder } from '../frames/helpers.ts'
import { writeBrokenJpeg, writeJpeg } from './training-helpers.ts'

function makePool(workers: number): DecodePool {
  const pool = new DecodePool(workers)
  onTestFinished(() => pool.close())
  return pool
}

const file = (path: string): PixelSource => ({ kind: 'file', path })
const rendered: PixelSource = { kind: 'synthetic', seed: 3, clip: 1, frame: 2, width: 64, height: 64, frames: 10 }

test.each([0, 2])('%i threads: files of every format, rendered clips, many orders at once', async (workers) => {
  const folder = await temporaryFolder()
  const image = encode(patternFrame(40, 30))
  const paths = ['jpg', 'png', 'webp'].map((extension) => join(folder, `a.${extension}`))
  for (const path of paths) await image.toFile(path)
  const sources = [...paths.map(file), rendered]
  const alone = await Promise.all(sources.map((source) => makePool(0).decode(source)))
  const pool = makePool(workers)
  const orders = [3, ...Array.from({ length: 30 }, (_, k) => k % paths.length)]
  const frames = await Promise.all(orders.map((k) => pool.decode(sources[k]!)))
  for (const [k, frame] of frames.entries()) expect(frame).toEqual(alone[orders[k]!])
  expect(alone[1]).toEqual(patternFrame(40, 30))
})

test.each([0, 1])('%i threads: what cannot be read fails alone, by its class', async (workers) => {
  const folder = await temporaryFolder()
  await writeBrokenJpeg(join(folder, 'broken.jpg'))
  await writeJpeg(join(folder, 'good.jpg'), [1, 2, 3])
  const pool = makePool(workers)
  const [broken, missing, good] = await Promise.allSettled(
    ['broken.jpg', 'missing.jpg', 'good.jpg'].map((name) => pool.decode(file(join(folder, name)))),
  )
  expect(broken).toMatchObject({ reason: expect.any(UnreadableImageError) })
  expect(broken).toMatchObject({ reason: { message: expect.stringContaining('broken.jpg') } })
  expect(missing).toMatchObject({ reason: expect.any(SourceNotFoundError) })
  expect(missing).toMatchObject({ reason: { message: `no such file or folder: ${join(folder, 'missing.jpg')}` } })
  expect(good!.status).toBe('fulfilled')
})

test('a thread that dies fails what it was asked for, and everything after', async () => {
  const post = vi.spyOn(Worker.prototype, 'postMessage')
  onTestFinished(() => post.mockRestore())
  const pool = makePool(1)
  const orders = Promise.allSettled(Array.from({ length: 9 }, () => pool.decode(rendered)))
  await (post.mock.contexts[0] as Worker).terminate()
  for (const { status } of await orders) expect(status).toBe('rejected')
  await expect(pool.decode(rendered)).rejects.toThrow(DecodeWorkerError)
  await expect(pool.decode(rendered)).rejects.toThrow(/a decoding worker ended with code \d/)
})

test('closing twice is allowed, closing fails what waits', async () => {
  const pool = makePool(1)
  const waiting = pool.decode(rendered)
  waiting.catch(() => undefined)
  await pool.close()
  await pool.close()
  await expect(waiting).rejects.toThrow('the decoding workers are closed')
  await expect(pool.decode(rendered)).rejects.toThrow(DecodeWorkerError)
  expect(() => new DecodePool(-1)).toThrow(RangeError)
})
