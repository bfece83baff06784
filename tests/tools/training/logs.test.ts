// What a run writes down: text and JSON in mmcv's words, TensorBoard files that a reader of the format understands.

import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { LrSchedule } from '../../../src/train/lr-schedule.ts'
import { type Hook, type Run, Runner } from '../../../tools/training/runner.ts'
import { crc32c, eventRecord, maskedCrc, TensorboardLogger } from '../../../tools/training/tensorboard.ts'
import { duration, fileStamp, stamped, TextLogger } from '../../../tools/training/text-logger.ts'
import { FakeTrainee, fakeSource } from './fakes.ts'
import { temporaryFolder } from './helpers.ts'

function textLogger(interval: number) {
  const lines: string[] = []
  const json: Record<string, unknown>[] = []
  const logger = new TextLogger({
    interval,
    write: (line) => lines.push(line),
    writeJson: (line) => json.push(JSON.parse(line)),
    memory: () => 300 * 2 ** 20,
  })
  return { logger, lines, json }
}

async function run(
  hooks: readonly Hook[],
  iterations: number,
  maxIterations?: number,
  trainer = new FakeTrainee(),
): Promise<Run> {
  const runner = new Runner({
    trainer,
    source: fakeSource(iterations),
    schedule: new LrSchedule(undefined),
    hooks,
    workflow: [['train', 1]],
    maxEpochs: 2,
    maxIterations,
  })
  await runner.run()
  return runner
}

describe('the text log', () => {
  test('has a line per interval, and one for the rest of an epoch', async () => {
    const { logger, lines } = textLogger(2)
    await run([logger], 5)
    expect(lines.map((line) => line.split('\t')[0])).toEqual([
      ...['Epoch [1][2/5]', 'Epoch [1][4/5]', 'Epoch [1][5/5]'],
      ...['Epoch [2][2/5]', 'Epoch [2][4/5]', 'Epoch [2][5/5]'],
    ])
  })

  test("is in mmcv's words", async () => {
    const { logger, lines } = textLogger(2)
    await run([logger], 2)
    expect(lines[0]).toMatch(
      /^Epoch \[1\]\[2\/2\]\tlr: 1\.000e-01, lr_backbone: 1\.000e-02, eta: 0:00:00, time: \d\.\d{3}, data_time: \d\.\d{3}, memory: 300, part: \d\.\d{4}, loss: \d\.\d{4}, grad_norm: \d\.\d{4}$/,
    )
  })

  test('has the loss scale of half precision and the updates left out, whose losses are in no mean', async () => {
    const { logger, lines, json } = textLogger(2)
    const scale = { growth_interval: 100, growth_factor: 2, backoff_factor: 0.5, enabled: true as const }
    const trainer = new FakeTrainee({ skipped: [2, 3, 4], loss_scale: { init_scale: 2 ** 20, ...scale } })
    await run([logger], 5, 5, trainer)
    expect(lines[0]).toMatch(/, loss: \d\.\d{4}, grad_norm: \d\.\d{4}, loss_scale: 1048576, skipped_updates: 1$/)
    expect(json.map(({ loss_scale, skipped_updates }) => [loss_scale, skipped_updates])).toEqual([
      [2 ** 20, 1],
      [2 ** 18, 3],
      [2 ** 17, 3],
    ])
    expect(json.map((entry) => 'loss' in entry)).toEqual([true, false, true])
  })

  test('shows where a run ends in the middle of an interval', async () => {
    const { logger, lines } = textLogger(50)
    await run([logger], 100, 3)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^Epoch \[1\]\[3\/100\]/)
  })

  test('shows means over the interval', async () => {
    const { logger, json } = textLogger(3)
    const losses: number[] = []
    await run([{ afterIteration: ({ log }) => void losses.push(log.means(1).loss!) }, logger], 6)
    const means = [0, 3, 6, 9].map((from) => losses.slice(from, from + 3).reduce((a, b) => a + b) / 3)
    expect(json.map(({ loss }) => loss)).toEqual(means.map((mean) => Number(mean.toFixed(5))))
    expect(json[3]).toMatchObject({ mode: 'train', epoch: 2, iter: 6, lr: 0.1, lr_backbone: 0.01, memory: 300 })
  })

  test('tells evaluations', async () => {
    const { logger, lines, json } = textLogger(2)
    const evaluation = {
      afterEpoch: (one: Run) => logger.afterEvaluation(one, { success: 61.25, precision: 80 }),
    }
    await run([logger, evaluation], 2)
    expect(lines[1]).toBe('Epoch(val) [1]\tsuccess: 61.2500, precision: 80.0000')
    expect(json[1]).toEqual({ mode: 'val', epoch: 1, iter: 2, memory: 300, success: 61.25, precision: 80 })
  })

  test.each([
    [0, '0:00:00'],
    [3723.9, '1:02:03'],
    [90061, '1 day, 1:01:01'],
    [190000, '2 days, 4:46:40'],
  ])('writes %d s as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text)
  })

  test('carries the time', () => {
    const time = new Date(2026, 10, 2, 3, 4, 5, 6)
    expect(stamped('text', time)).toBe('2026-11-02 03:04:05,006 - siamrpn - INFO - text')
    expect(fileStamp(time)).toBe('20261102_030405')
  })
})

describe('TensorBoard files', () => {
  test('use the CRC-32C of RFC 3720, masked', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(maskedCrc(new Uint8Array(32))).toBe((((0x8a9136aa >>> 15) | (0x8a9136aa << 17)) + 0xa282ead8) >>> 0)
  })

  test('hold the curves', async () => {
    const folder = await temporaryFolder()
    const logger = new TensorboardLogger(`${folder}/tf_logs`, 2)
    const { logger: text, json } = textLogger(2)
    await run([logger, text], 4)
    await logger.afterEvaluation(await run([], 1), { success: 12.5 })
    const [head, ...events] = readEvents(await readFile(logger.file))
    expect(head).toMatchObject({ fileVersion: 'brain.Event:2' })
    expect(events.slice(0, 4).map(({ step }) => step)).toEqual([2, 4, 6, 8])
    expect(Object.keys(events[0]!.scalars)).toEqual([
      ...['learning_rate', 'learning_rate_backbone', 'train/part', 'train/loss', 'train/grad_norm'],
    ])
    for (const [i, { scalars }] of events.slice(0, 4).entries()) {
      expect(scalars['train/loss']).toBeCloseTo(json[i]!.loss as number, 4)
      expect(scalars.learning_rate).toBe(Math.fround(0.1))
    }
    expect(events[4]!.scalars).toEqual({ 'val/success': 12.5 })
    expect(Math.abs(head!.time - Date.now() / 1000)).toBeLessThan(600)
  })

  test('have the loss scale of half precision', async () => {
    const logger = new TensorboardLogger(`${await temporaryFolder()}/tf_logs`, 2)
    await run([logger], 2, 2, new FakeTrainee({ skipped: [1] }))
    const [, event] = readEvents(await readFile(logger.file))
    expect(event!.scalars).toMatchObject({ 'train/loss_scale': 8, 'train/skipped_updates': 1 })
  })

  test('take steps above 2^32 and odd tags', () => {
    const record = eventRecord({ time: 1.5, step: 2 ** 40 + 3, scalars: { 'ä/β': -0.1 } })
    expect(readEvents(record)).toEqual([
      { time: 1.5, step: 2 ** 40 + 3, fileVersion: undefined, scalars: { 'ä/β': Math.fround(-0.1) } },
    ])
  })
})

interface ReadEvent {
  time: number
  step: number
  fileVersion: string | undefined
  scalars: Record<string, number>
}

/** A reader of its own: TFRecords with both checksums, then the fields of the messages. */
function readEvents(bytes: Uint8Array): ReadEvent[] {
  const events: ReadEvent[] = []
  for (let offset = 0; offset < bytes.length; ) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset)
    const length = Number(view.getBigUint64(0, true))
    const data = bytes.subarray(offset + 12, offset + 12 + length)
    expect(view.getUint32(8, true)).toBe(maskedCrc(bytes.subarray(offset, offset + 8)))
    expect(view.getUint32(12 + length, true)).toBe(maskedCrc(data))
    events.push(readEvent(data))
    offset += length + 16
  }
  return events
}

function readEvent(data: Uint8Array): ReadEvent {
  const event: ReadEvent = { time: 0, step: 0, fileVersion: undefined, scalars: {} }
  for (const { field, value } of readFields(data)) {
    if (field === 1) event.time = value as number
    if (field === 2) event.step = value as number
    if (field === 3) event.fileVersion = new TextDecoder().decode(value as Uint8Array)
    if (field !== 5) continue
    for (const entry of readFields(value as Uint8Array)) {
      const parts = new Map(readFields(entry.value as Uint8Array).map((part) => [part.field, part.value]))
      event.scalars[new TextDecoder().decode(parts.get(1) as Uint8Array)] = parts.get(2) as number
    }
  }
  return event
}

function readFields(data: Uint8Array): { field: number; value: number | Uint8Array }[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const fields: { field: number; value: number | Uint8Array }[] = []
  let offset = 0
  const varint = () => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = data[offset++]!
      value += (byte % 128) * scale
      if (byte < 128) return value
    }
  }
  while (offset < data.length) {
    const key = varint()
    const [field, wire] = [Math.floor(key / 8), key % 8]
    if (wire === 0) fields.push({ field, value: varint() })
    else if (wire === 1) {
      fields.push({ field, value: view.getFloat64(offset, true) })
      offset += 8
    } else if (wire === 5) {
      fields.push({ field, value: view.getFloat32(offset, true) })
      offset += 4
    } else {
      const length = varint()
      fields.push({ field, value: data.subarray(offset, offset + length) })
      offset += length
    }
  }
  return fields
}
