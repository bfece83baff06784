// Teaching with the smallest model and seeded weights: what it changes and what it leaves alone, that it is deterministic, that
// it fits what it is shown, and how it refuses.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fromFloat32, type NamedTensor, toFloat32 } from '../../src/formats/state-dict.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { SiamRpnError } from '../../src/gpu/errors.ts'
import { type ConfigInput, parseConfig } from '../../src/siamrpn/config.ts'
import { BoxError, FrameError } from '../../src/siamrpn/errors.ts'
import { Random } from '../../src/siamrpn/random.ts'
import type { TeachOptions, TeachProgress } from '../../src/siamrpn/teach.ts'
import { TeachError, type TeachExample } from '../../src/siamrpn/teach-examples.ts'
import { exemplarCrop, windowsOf } from '../../src/siamrpn/teach-windows.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { clipFrame, firstBox, micro, microTracker, microWeights } from './helpers.ts'

let device: Device
let tracker: SiamRPN
beforeAll(async () => {
  device = await openDevice()
  tracker = await microTracker(device)
})
afterAll(async () => {
  await tracker.close()
  await device.close()
})

const shown = (index: number): TeachExample => ({ frame: clipFrame(index), box: firstBox })
const examples: TeachExample[] = [shown(0), shown(2), { frame: clipFrame(5), box: null }]

const times = (tensor: NamedTensor, factor: number) =>
  fromFloat32(
    toFloat32(tensor).map((value) => factor * value),
    tensor.shape,
  )

const headOf = (from: SiamRPN) => [...from.weights('head')].map(([name, tensor]) => [name, [...toFloat32(tensor)]])

describe('teach', () => {
  test('fits the head to the frames, changes nothing else, and repeats to the bit', async () => {
    const losses: number[] = []
    const stages = new Set<TeachProgress['stage']>()
    const onProgress = ({ stage, loss }: TeachProgress) => {
      stages.add(stage)
      if (loss !== undefined) losses.push(loss)
    }
    const before = headOf(tracker)
    const mine = await tracker.teach(examples, { steps: 24, lr: 1e-2, onProgress })
    const again = await tracker.teach(examples, { steps: 24, lr: 1e-2 })
    try {
      expect([...stages]).toEqual(['features', 'kernels', 'fitting'])
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
      expect(losses).toHaveLength(24)
      expect(mean(losses.slice(-6))).toBeLessThan(0.9 * mean(losses.slice(0, 6)))
      expect(headOf(tracker)).toEqual(before)
      expect(headOf(mine)).not.toEqual(before)
      expect(headOf(again)).toEqual(headOf(mine))
      for (const [name, tensor] of mine.weights()) {
        const fixed = !name.startsWith('head.') || /running_|num_batches/.test(name)
        if (fixed) expect(tensor, name).toBe(tracker.weights().get(name))
      }
    } finally {
      await mine.close()
      await again.close()
    }
  })

  test('the model that ships is taught, though it trains on pairs across its batch', async () => {
    const shipped = await SiamRPN.load({ device })
    expect(shipped.config.model.train_cfg?.rpn.cross_pairs).toBeGreaterThan(0)
    const losses: number[] = []
    const mine = await shipped.teach(examples, {
      steps: 12,
      onProgress: ({ loss }) => {
        if (loss !== undefined) losses.push(loss)
      },
    })
    try {
      expect(Math.min(...losses.slice(-3))).toBeLessThan(0.8 * Math.max(...losses.slice(0, 3)))
    } finally {
      await mine.close()
      await shipped.close()
    }
  })

  test('a model with normalised images is taught on such: the same head as with the scale in the first filters', async () => {
    const std = 64 // a power of two, so that both ways round alike
    const img_norm_cfg = { mean: [0, 0, 0], std: [std, std, std], to_rgb: false }
    const config = parseConfig({ ...micro, model: { ...micro.model, img_norm_cfg } } as ConfigInput)
    const weights = microWeights()
    const first = 'backbone.conv1.weight'
    const scaled = new Map(weights).set(first, times(weights.get(first)!, std))
    await using normalised = await SiamRPN.create(scaled, { config, device })
    await using mine = await normalised.teach(examples, { steps: 3 })
    await using plain = await tracker.teach(examples, { steps: 3 })
    expect(headOf(mine)).toEqual(headOf(plain))
  })

  test('its weights are saved whole or as a head, and loaded again', async () => {
    const mine = await tracker.teach([shown(0)], { steps: 2 })
    const whole = await SiamRPN.load({ checkpoint: mine.save(), device })
    const joined = await SiamRPN.load({ checkpoint: tracker.save(), head: mine.save('head'), device })
    try {
      expect(mine.save('head').length).toBeLessThan(mine.save().length)
      for (const loaded of [whole, joined]) {
        expect(headOf(loaded)).toEqual(headOf(mine))
        expect(loaded.config).toEqual(mine.config)
      }
    } finally {
      await Promise.all([mine.close(), whole.close(), joined.close()])
    }
  })

  test('a whole checkpoint or another model is no head', async () => {
    const checkpoint = tracker.save()
    await expect(SiamRPN.load({ checkpoint, head: checkpoint, device })).rejects.toThrow('expected a taught head')
    const head = new Map(tracker.weights('head'))
    head.delete('head.cls_weight')
    const { writeSafetensors } = await import('../../src/formats/safetensors.ts')
    await expect(SiamRPN.load({ checkpoint, head: writeSafetensors(head), device })).rejects.toThrow('head.cls_weight')
  })

  test('a cancelled or diverging fit leaves the tracker as it was', async () => {
    const before = headOf(tracker)
    const stop = new AbortController()
    const onProgress = ({ stage }: TeachProgress) => {
      if (stage === 'fitting') stop.abort(new Error('enough'))
    }
    await expect(tracker.teach(examples, { onProgress, signal: stop.signal })).rejects.toThrow('enough')
    const broken = new Map(tracker.weights())
    const bias = broken.get('head.cls_heads.0.head_convs.1.conv.bias')
    if (!bias) throw new Error('no bias')
    broken.set('head.cls_heads.0.head_convs.1.conv.bias', {
      ...bias,
      data: new Uint8Array(new Float32Array(bias.data.byteLength / 4).fill(Number.NaN).buffer),
    })
    const ill = await SiamRPN.create(broken, { device, config: micro })
    await expect(ill.teach([shown(0)], { steps: 2 })).rejects.toThrow(/diverged in step 1 of 2/)
    await ill.close()
    expect(headOf(tracker)).toEqual(before)
    const target = await tracker.init(clipFrame(0), firstBox)
    expect((await target.update(clipFrame(1))).score).toBeGreaterThan(0)
    await target.release()
  })
})

describe('refusals', () => {
  const frame = clipFrame(0)
  const smaller = { data: new Uint8Array(12), width: 2, height: 2 }
  test.each([
    ['no frames', [], TeachError, 'found no frames'],
    ['only frames without the object', [{ frame, box: null }], TeachError, 'absent from all 1 frames'],
    ['frames of other sizes', [shown(0), { frame: smaller, box: null }], FrameError, 'frame 1 is 2x2 pixels, expected'],
    ['a box outside', [{ frame, box: { x: 9999, y: 0, width: 5, height: 5 } }], BoxError, 'outside of the frame'],
    [
      'two boxes for a frame',
      [
        { frame, box: firstBox },
        { frame, box: firstBox },
      ],
      BoxError,
      'frames 0 and 1 are the same picture',
    ],
    [
      'frames that lie in one memory, one after the other',
      [
        { frame: { ...frame }, box: firstBox },
        { frame: { ...frame }, box: null },
      ],
      BoxError,
      'frames 0 and 1 are the same picture',
    ],
    ['no example', [null], TeachError, 'example 0 is null, expected { frame, box }'],
    ['no frame', [{ box: firstBox }], FrameError, 'The frame is undefined'],
    ['no box', [{ frame }], BoxError, 'The box is undefined'],
    ['no list', { frame, box: firstBox }, TeachError, 'found no frames'],
  ] as const)('%s', async (_, given, type, message) => {
    const taught = tracker.teach(given as readonly TeachExample[])
    await expect(taught).rejects.toBeInstanceOf(type)
    await expect(taught).rejects.toThrow(message)
  })

  test.each([
    [{ steps: 0 }, '`steps` is 0'],
    [{ pairs: 1.5 }, '`pairs` is 1.5'],
    [{ lr: -1 }, '`lr` is -1'],
    [{ lr: '1e-3' }, '`lr` is "1e-3"'],
    [{ steps: 10n }, '`steps` is 10n'],
    [{ seed: 0.5 }, '`seed` is 0.5'],
    [{ signal: {} }, '`signal` is {}'],
    [{ onProgress: 'x' }, '`onProgress` is "x"'],
    [null, 'the options are null'],
  ] as const)('options %#', async (options, message) => {
    const taught = tracker.teach(examples, options as TeachOptions)
    await expect(taught).rejects.toBeInstanceOf(SiamRpnError)
    await expect(taught).rejects.toThrow(message)
  })

  test('windows of one memory are frames of their own', async () => {
    const { data, width, height } = frame
    const memory = new Uint8Array(2 * data.length)
    memory.set(data)
    memory.set(clipFrame(4).data, data.length)
    const [first, second] = [memory.subarray(0, data.length), memory.subarray(data.length)]
    const given = [
      { frame: { data: first, width, height }, box: firstBox },
      { frame: { data: second, width, height }, box: null },
    ]
    await using mine = await tracker.teach(given, { steps: 1 })
    expect(mine.weights('head').size).toBeGreaterThan(0)
  })
})

describe('windows', () => {
  const shape = { width: 320, height: 240 }
  const box = { cx: 150, cy: 100, width: 40, height: 30 }
  const { test_cfg } = micro.model

  test('near ones hold the whole object where they say, far ones none of it', () => {
    const windows = windowsOf({ box, near: box, shape }, test_cfg, new Random('windows'))
    const near = windows.filter(({ positive }) => positive)
    expect([near.length, windows.length]).toEqual([16, 20])
    for (const { crop, box: seen } of near) {
      // Back from the search image to the frame: within the pixel that the crop's edges are cut to.
      const scale = crop.width / test_cfg.search_size
      expect(crop.x + ((seen[0] + seen[2]) / 2) * scale).toBeCloseTo(box.cx, -0.5)
      expect(Math.abs((seen[2] - seen[0]) * scale - box.width)).toBeLessThan(1.5)
    }
    for (const { crop } of windows.slice(near.length)) {
      const apart =
        crop.x > box.cx + 20 ||
        crop.x + crop.width < box.cx - 20 ||
        crop.y > box.cy + 15 ||
        crop.y + crop.height < box.cy - 15
      expect(apart).toBe(true)
    }
  })

  test('a frame without the object has no exemplar, and only negative windows', () => {
    const frame = { box: undefined, near: box, shape }
    expect(exemplarCrop(frame, test_cfg)).toBeUndefined()
    expect(windowsOf(frame, test_cfg, new Random('absent')).some(({ positive }) => positive)).toBe(false)
  })
})
