// What the public API refuses: frames, boxes and checkpoints. Each refusal has its class, says what was found and what was
// expected, and leaves the tracker as it was.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  BackboneOnlyError,
  type CheckpointError,
  StateDictMismatchError,
  TruncatedCheckpointError,
  UnsafePickleError,
  UnsupportedCheckpointError,
} from '../../src/formats/errors.ts'
import { writeSafetensors } from '../../src/formats/safetensors.ts'
import type { StateDict } from '../../src/formats/state-dict.ts'
import { writeTorchZip } from '../../src/formats/torch-writer.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ArgumentError } from '../../src/gpu/errors.ts'
import type { InitBox } from '../../src/siamrpn/boxes.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { BoxError, ConfigError, FrameError, SourceError } from '../../src/siamrpn/errors.ts'
import type { Frame } from '../../src/siamrpn/frame.ts'
import type { Target } from '../../src/siamrpn/target.ts'
import { type LoadOptions, SiamRPN } from '../../src/siamrpn/tracker.ts'
import { goldenBytes } from '../formats/helpers.ts'
import { temporaryFolder } from '../tools/frames/helpers.ts'
import { clipFrame, firstBox, micro, microTracker, microWeights, withAlpha } from './helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

/** The error that a promise ends with. */
async function failureOf(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => expect.fail('expected a refusal'),
    (error: Error) => error,
  )
}

describe('frames and boxes', () => {
  let tracker: SiamRPN
  let target: Target
  beforeAll(async () => {
    tracker = await microTracker(device)
    target = await tracker.init(clipFrame(0), firstBox)
  })
  afterAll(() => tracker.close())

  test.each<[string, () => Frame, string]>([
    [
      'of another size',
      () => clipFrame(1, { width: 120, height: 160 }),
      'is 120x160 RGB, expected 160x120 RGB as at init',
    ],
    [
      'with another number of channels',
      () => withAlpha(clipFrame(1)),
      'is 160x120 RGBA, expected 160x120 RGB as at init',
    ],
    ['without area', () => ({ data: new Uint8Array(0), width: 0, height: 120 }), 'is 0x120 pixels'],
    ['with too few bytes', () => ({ ...clipFrame(1), data: clipFrame(1).data.subarray(3) }), 'has 57597 bytes'],
    ['that is none', () => undefined as unknown as Frame, 'The frame is undefined'],
  ])('a frame %s is refused at update, and the target stays where it was', async (_, frame, message) => {
    const before = target.center
    const error = await failureOf(target.update(frame()))
    expect(error).toBeInstanceOf(FrameError)
    expect(error.name).toBe('FrameError')
    expect(error.message).toContain(message)
    expect(target.center).toBe(before)
  })

  test('a frame in shared memory is tracked as any other', async () => {
    const { data, width, height } = clipFrame(1)
    const shared = new Uint8Array(new SharedArrayBuffer(data.length))
    shared.set(data)
    await using plain = await tracker.init(clipFrame(0), firstBox)
    await using other = await tracker.init(clipFrame(0), firstBox)
    expect(await other.update({ data: shared, width, height })).toEqual(await plain.update(clipFrame(1)))
  })

  test('pixels and state dicts of another realm, as test runners and iframes have them, are taken', async () => {
    const { data, width, height } = clipFrame(1)
    const elsewhere = createContext({ bytes: [...data], entries: [...microWeights()] })
    const run = (script: string) => runInContext(script, elsewhere)
    const weights: StateDict = run('new Map(entries)')
    await using other = await SiamRPN.create(weights, { config: micro, device })
    await using target = await other.init(clipFrame(0), firstBox)
    await using plain = await tracker.init(clipFrame(0), firstBox)
    const expected = await plain.update(clipFrame(1))
    for (const memory of ['bytes', 'new SharedArrayBuffer(bytes.length)']) {
      const foreign: Uint8Array = run(`new Uint8Array(${memory})`)
      foreign.set(data)
      await using again = await other.init(clipFrame(0), firstBox)
      expect(await again.update({ data: foreign, width, height })).toEqual(expected)
    }
    expect(await target.update(clipFrame(1))).toEqual(expected)
  })

  test('a bad frame is refused at init, too', async () => {
    await expect(tracker.init({ data: new Uint8Array(5), width: 2, height: 1 }, firstBox)).rejects.toThrow(FrameError)
    await expect(tracker.init({ data: new Uint8Array(0), width: 2, height: 0 }, firstBox)).rejects.toThrow('2x0')
  })

  test.each<[string, unknown, string]>([
    ['NaN', { ...firstBox, x: Number.NaN }, 'box x NaN, y 40, width 40, height 30 is not finite, expected four finite'],
    ['infinity', { ...firstBox, width: Number.POSITIVE_INFINITY }, 'width Infinity, height 30 is not finite'],
    ['no width', { ...firstBox, width: 0 }, 'width 0, height 30 has no area, expected a positive width and height'],
    ['a negative height', { ...firstBox, height: -3 }, 'height -3 has no area'],
    [
      'a place right of the frame',
      { ...firstBox, x: 160 },
      'outside of the frame, expected it to touch 160x120 pixels',
    ],
    ['a place above the frame', { ...firstBox, y: -30 }, 'outside of the frame'],
    ['a centre outside', { cx: -20, cy: 10, width: 40, height: 30 }, 'outside of the frame'],
    ['a size missing', { x: 1, y: 2, width: 3 }, 'height undefined: height is missing, expected a number'],
    ['a list of numbers', [[1, 2, 3, 4]], 'x is missing'],
    ['nothing', undefined, 'The box is undefined'],
    ['texts of a form', { x: '10', y: '10', width: '50', height: '50' }, 'x is a string, expected a number of pixels'],
    ['a text by centre', { cx: 10, cy: '10', width: 5, height: 5 }, 'cy is a string'],
    ['bigints', { ...firstBox, x: 10n }, 'box x 10n, y 40'],
    ['a side of a thousand million', { ...firstBox, width: 1e9 }, 'width is 1000000000, expected at most 1000000'],
    ['a place far away', { ...firstBox, x: -2e6, width: 2e6 + 20 }, 'x is -2000000'],
  ])('a box with %s is refused', async (_, box, message) => {
    const error = await failureOf(tracker.init(clipFrame(0), box as InitBox))
    expect(error).toBeInstanceOf(BoxError)
    expect(error.message).toContain(message)
  })

  test('one bad box among several is refused, and so is an empty list', async () => {
    const several = tracker.init(clipFrame(0), [firstBox, { ...firstBox, width: -1 }])
    await expect(several).rejects.toThrow(BoxError)
    const none = await failureOf(tracker.init(clipFrame(0), []))
    expect(none).toBeInstanceOf(BoxError)
    expect(none.message).toBe('The list of boxes is empty, expected at least one')
  })

  test('after all of that the target goes on', async () => {
    const again = await tracker.init(clipFrame(0), firstBox)
    expect(await target.update(clipFrame(1))).toEqual(await again.update(clipFrame(1)))
  })
})

describe('arguments of programs without types', () => {
  test.each<[string, unknown, string]>([
    ['options that are none', null, 'the options are null, expected an object'],
    ['a path instead of options', 'a.pth', 'the options are "a.pth"'],
    [
      'a device that is none',
      { checkpoint: new Uint8Array(0), device: {} },
      'device is {}, expected a device of openDevice()',
    ],
    ['unknown anchors', { checkpoint: new Uint8Array(0), anchors: 'x' }, 'anchors is "x", expected \'mmtracking\''],
  ])('%s are refused', async (_, options, message) => {
    const error = await failureOf(SiamRPN.load(options as LoadOptions))
    expect(error).toBeInstanceOf(ArgumentError)
    expect(error.message).toContain(message)
  })

  test('a checkpoint that is no source and a state dict that is no Map are refused', async () => {
    await expect(SiamRPN.load({ checkpoint: 7 as unknown as string, device })).rejects.toThrow(ArgumentError)
    await expect(SiamRPN.create({} as unknown as StateDict, { device })).rejects.toThrow(ArgumentError)
  })

  test('a checkpoint in shared memory is read', async () => {
    const bytes = writeSafetensors(microWeights())
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
    shared.set(bytes)
    await (await SiamRPN.load({ checkpoint: shared, config: micro, device })).close()
  })
})

describe('checkpoints', () => {
  const load = (checkpoint: string | URL | Uint8Array, sha256?: string) =>
    SiamRPN.load({ checkpoint, config: micro, device, sha256 })

  test.each<[string, () => Uint8Array, typeof CheckpointError, string]>([
    ['an empty file', () => new Uint8Array(0), TruncatedCheckpointError, 'only 0 bytes'],
    [
      'a truncated safetensors file',
      () => writeSafetensors(microWeights()).slice(0, -1000),
      TruncatedCheckpointError,
      'but there are only',
    ],
    [
      'a truncated file of torch.save',
      () => goldenBytes('mmtrack_frozen.legacy.pth').slice(0, 100_000),
      TruncatedCheckpointError,
      'are left',
    ],
    [
      'a web page',
      () => new TextEncoder().encode('<!DOCTYPE html><html><body>Sign in to download</body></html>'),
      UnsupportedCheckpointError,
      "begins with '<!DOCTYPE html><', which is neither torch.save's nor safetensors'",
    ],
  ])('%s is refused', async (_, bytes, kind, message) => {
    const before = device.memory.bytes
    const error = await failureOf(load(bytes()))
    expect(error).toBeInstanceOf(kind)
    expect(error.message).toContain(message)
    expect(device.memory.bytes).toBe(before)
  })

  test('a hostile pickle is refused by name', async () => {
    const pickle = Uint8Array.from(Buffer.from('\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.', 'latin1'))
    const error = await failureOf(load(pickle))
    expect(error).toBeInstanceOf(UnsafePickleError)
    expect(error.message).toContain('os.system')
  })

  test('a backbone alone is refused, and the message says what to do', async () => {
    const backbone: StateDict = new Map([...microWeights()].filter(([name]) => name.startsWith('backbone.')))
    const error = await failureOf(load(writeSafetensors(backbone)))
    expect(error).toBeInstanceOf(BackboneOnlyError)
    expect(error.message).toMatch(/only a backbone: its \d+ tensors .* give a checkpoint of a whole tracker/s)
  })

  test("another model's checkpoint is refused with the names", async () => {
    const other: StateDict = new Map(
      [...microWeights()].flatMap(([name, tensor]) => {
        if (name === 'head.cls_weight') return []
        return [[name === 'neck.convs.0.bn.bias' ? 'neck.convs.0.gn.bias' : name, tensor] as const]
      }),
    )
    const first = other.get('backbone.conv1.weight')!
    other.set('backbone.conv1.weight', { ...first, shape: [4, 3 * 7, 7, 1] })
    const error = await failureOf(load(writeTorchZip({ meta: {}, state_dict: other })))
    expect(error).toBeInstanceOf(StateDictMismatchError)
    const { missing, unexpected, misshaped } = error as StateDictMismatchError
    expect(missing).toEqual(['neck.convs.0.bn.bias', 'head.cls_weight'])
    expect(unexpected).toEqual(['neck.convs.0.gn.bias'])
    expect(misshaped).toEqual([{ name: 'backbone.conv1.weight', expected: [4, 3, 7, 7], found: [4, 21, 7, 1] }])
    for (const name of [...missing, ...unexpected, 'backbone.conv1.weight: [4, 21, 7, 1], expected [4, 3, 7, 7]']) {
      expect(error.message).toContain(name)
    }
  })

  test('a state dict of another model is refused before anything is uploaded', async () => {
    const before = device.memory.bytes
    const config = namedConfig('small')
    await expect(SiamRPN.create(microWeights(), { config, device })).rejects.toThrow(StateDictMismatchError)
    expect(device.memory.bytes).toBe(before)
  })

  test('a wrong configuration is told before the checkpoint is read', async () => {
    const config = { ...micro, model: { ...micro.model, backbone: { ...micro.model.backbone, base_channel: 2 } } }
    const loading = SiamRPN.load({ checkpoint: 'missing.pth', config: config as typeof micro, device })
    await expect(loading).rejects.toThrow(ConfigError)
    await expect(loading).rejects.toThrow('base_channels')
  })

  describe('from a path', () => {
    test('are read, by name and by file URL, with progress', async () => {
      const path = join(await temporaryFolder(), 'weights #1.safetensors')
      const bytes = writeSafetensors(microWeights())
      await writeFile(path, bytes)
      const seen: string[] = []
      const tracker = await SiamRPN.load({
        checkpoint: path,
        config: micro,
        device,
        onProgress: ({ stage, done, total }) => {
          if (done === total) seen.push(stage)
        },
      })
      expect(seen).toEqual(['reading', 'weights', 'kernels'])
      await tracker.close()
      for (const url of [pathToFileURL(path), pathToFileURL(path).href]) await (await load(url)).close()
    })

    test('that is not there or is a folder is a SourceError that names it', async () => {
      const folder = await temporaryFolder()
      const missing = await failureOf(load(join(folder, 'none.pth')))
      expect(missing).toBeInstanceOf(SourceError)
      expect(missing.message).toContain(`Checkpoint \`${join(folder, 'none.pth')}\` cannot be read: ENOENT`)
      await mkdir(join(folder, 'model.pth'))
      const directory = await failureOf(load(join(folder, 'model.pth')))
      expect(directory).toBeInstanceOf(SourceError)
      expect(directory.message).toContain('EISDIR')
      expect(await failureOf(load('file:///none/model.pth'))).toBeInstanceOf(SourceError)
    })

    test('are named in the message of a broken file', async () => {
      const path = join(await temporaryFolder(), 'broken.pth')
      await writeFile(path, 'no checkpoint at all')
      await expect(load(path)).rejects.toThrow(`${path}: begins with 'no checkpoint at'`)
    })
  })

  test('with the right digest are loaded, with another one refused', async () => {
    const bytes = writeSafetensors(new Map([...microWeights()]))
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))).toString('hex')
    await (await load(bytes, digest.toUpperCase())).close()
    const wrong = `00${digest.slice(2)}`
    const error = await failureOf(load(bytes, wrong))
    expect(error).toBeInstanceOf(SourceError)
    expect(error.message).toContain(`SHA-256 ${digest}, expected ${wrong}`)
  })

  test('in each layout lead to the same tracker, with the anchors that they imply', async () => {
    const weights = microWeights()
    const trackers = await Promise.all(
      [
        { checkpoint: writeTorchZip({ meta: { epoch: 20 }, state_dict: weights }) },
        { checkpoint: writeTorchZip(weights) },
        { checkpoint: writeSafetensors(weights) },
        { checkpoint: writeSafetensors(weights, { 'siamrpn.anchors': 'pysot' }) },
        { checkpoint: writeSafetensors(weights), anchors: 'pysot' as const },
        { checkpoint: writeSafetensors(weights, { 'siamrpn.anchors': 'mmtracking' }), config: pysotAnchors() },
        { checkpoint: writeSafetensors(weights), config: pysotAnchors() },
      ].map((options) => SiamRPN.load({ config: micro, device, ...options })),
    )
    const results = []
    for (const tracker of trackers) {
      const target = await tracker.init(clipFrame(0), firstBox)
      results.push(await target.update(clipFrame(1)))
    }
    expect(trackers.map(({ config }) => config.model.head.anchor_generator.variant)).toEqual([
      ...['mmtracking', 'mmtracking', 'mmtracking'],
      ...['pysot', 'pysot', 'mmtracking', 'pysot'],
    ])
    expect(results[1]).toEqual(results[0])
    expect(results[2]).toEqual(results[0])
    expect(results[4]).toEqual(results[3])
    await Promise.all(trackers.map((tracker) => tracker.close()))
  })
})

function pysotAnchors(): typeof micro {
  const { head } = micro.model
  const anchor_generator = { ...head.anchor_generator, variant: 'pysot' as const }
  return { ...micro, model: { ...micro.model, head: { ...head, anchor_generator } } }
}
