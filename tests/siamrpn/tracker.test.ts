// Tracking through the public API with the smallest model and seeded weights, on the machine's own adapter.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { DeviceClosedError } from '../../src/gpu/errors.ts'
import { runOnce } from '../../src/gpu/program.ts'
import { SiameseRPNAnchorGenerator } from '../../src/siamrpn/anchors.ts'
import { type CenterBox, centerToBox } from '../../src/siamrpn/boxes.ts'
import { mapSizes } from '../../src/siamrpn/config.ts'
import { exemplarCropSize, searchCrop } from '../../src/siamrpn/crop-geometry.ts'
import { ClosedError } from '../../src/siamrpn/errors.ts'
import type { PixelFrame } from '../../src/siamrpn/frame.ts'
import { Network } from '../../src/siamrpn/network.ts'
import type { TrackResult } from '../../src/siamrpn/target.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { expectClose, type HostTensor, random, upload } from '../helpers/tensors.ts'
import { croppedRectangle, cropResize } from '../reference/crop-resize.ts'
import { getBBox } from '../reference/decode-best.ts'
import { boxes, clipFrame, firstBox, micro, microTracker, microWeights, numbersOf, withAlpha } from './helpers.ts'

const { model } = micro
const { test_cfg } = model
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

/** Tracks through frames 1 .. count. */
async function follow(target: { update(frame: PixelFrame): Promise<TrackResult> }, count: number) {
  const results: TrackResult[] = []
  for (let index = 1; index <= count; index++) results.push(await target.update(clipFrame(index)))
  return results
}

describe('init and update', () => {
  test('give the box that the float64 reference gives, from crop to clipping', async () => {
    const reference = await Reference.create(device)
    const target = await tracker.init(clipFrame(0), firstBox)
    reference.init(clipFrame(0), target.center)
    let before = target.center
    for (const { center, score, anchor } of await follow(target, 3)) {
      const expected = await reference.update(clipFrame(reference.frames), before)
      expect(anchor).toBe(expected.index)
      expect(score).toBeCloseTo(expected.score, 4)
      const found = numbersOf(center)
      for (const [i, value] of numbersOf(expected.box).entries()) expect(found[i]).toBeCloseTo(value, 2)
      before = expected.box
    }
    expect(numbersOf(target.center)).not.toEqual(numbersOf(before).map(() => 0))
    await target.release()
    reference.release()
  })

  test('the given box is the first one, by corner or by centre', async () => {
    const byCorner = await tracker.init(clipFrame(0), firstBox)
    expect(byCorner.box).toEqual(firstBox)
    const byCenter = await tracker.init(clipFrame(0), { cx: 50, cy: 55, width: 40, height: 30 })
    expect(byCenter.box).toEqual(firstBox)
    expect(await follow(byCenter, 2)).toEqual(await follow(byCorner, 2))
    await Promise.all([byCorner.release(), byCenter.release()])
  })

  test('a box that reaches beyond the frame is tracked, and ends within it', async () => {
    const target = await tracker.init(clipFrame(0), boxes[2]!)
    for (const { box } of await follow(target, 2)) {
      expect(box.width).toBeGreaterThanOrEqual(10)
      expect(box.x + box.width / 2).toBeGreaterThanOrEqual(0)
      expect(box.y + box.height / 2).toBeLessThanOrEqual(120)
    }
    await target.release()
  })

  test('a frame with a fourth byte per pixel gives the same boxes', async () => {
    const plain = await tracker.init(clipFrame(0), firstBox)
    const opaque = await tracker.init(withAlpha(clipFrame(0)), firstBox)
    for (let index = 1; index <= 3; index++) {
      expect(await opaque.update(withAlpha(clipFrame(index)))).toEqual(await plain.update(clipFrame(index)))
    }
    await Promise.all([plain.release(), opaque.release()])
  })

  test('a video frame gives the same boxes as its pixels', async () => {
    const video = ({ data, width, height }: PixelFrame) => ({
      ...{ displayWidth: width, displayHeight: height, visibleRect: { width, height } },
      copyTo: (into: Uint8Array) => Promise.resolve(into.set(data)),
    })
    const [pixels, source] = await Promise.all([
      tracker.init(withAlpha(clipFrame(0)), firstBox),
      tracker.init(video(withAlpha(clipFrame(0))) as unknown as VideoFrame, firstBox),
    ])
    const next = withAlpha(clipFrame(1))
    expect(await source.update(video(next) as unknown as VideoFrame)).toEqual(await pixels.update(next))
    await expect(source.update(next), 'rows are elsewhere').rejects.toThrow(
      '160x120 RGBA from an image source as at init',
    )
    await Promise.all([pixels.release(), source.release()])
  })

  test('stated channels, clamped bytes and an ImageData-like object are frames, too', async () => {
    const rgba = withAlpha(clipFrame(1))
    const target = await tracker.init(withAlpha(clipFrame(0)), firstBox)
    const again = await tracker.init(withAlpha(clipFrame(0)), firstBox)
    const expected = await target.update(rgba)
    expect(await again.update({ ...rgba, data: new Uint8ClampedArray(rgba.data), channels: 4 })).toEqual(expected)
    await Promise.all([target.release(), again.release()])
  })
})

describe('several targets', () => {
  test('in one batch get exactly the boxes that each gets alone', async () => {
    const alone: TrackResult[][] = []
    for (const box of boxes) {
      const target = await tracker.init(clipFrame(0), box)
      alone.push(await follow(target, 3))
      await target.release()
    }
    const group = await tracker.init(clipFrame(0), boxes)
    expect(group.centers.map(centerToBox)).toEqual(boxes)
    for (let index = 1; index <= 3; index++) {
      const results = await group.update(clipFrame(index))
      const expected = alone.map((results) => results[index - 1]!)
      expect(results.map(({ anchor }) => anchor)).toEqual(expected.map(({ anchor }) => anchor))
      // A GPU may split sums by the size of the batch; the software adapter's variants do not.
      if (device.adapter.kind === 'cpu') expect(results).toEqual(expected)
      else {
        const close = {
          data: Float64Array.from(results.flatMap(({ box }) => numbersOf(box))),
          shape: [4 * boxes.length],
        }
        expectClose(close, { ...close, data: Float64Array.from(expected.flatMap(({ box }) => numbersOf(box))) }, 1e-4)
      }
      expect(group.boxes).toEqual(results.map(({ box }) => box))
    }
    await group.release()
  })

  test('in two groups whose updates alternate do not disturb each other', async () => {
    const [first, second] = [boxes.slice(0, 2), boxes.slice(1, 3)]
    const expected = []
    for (const some of [first, second]) {
      const group = await tracker.init(clipFrame(0), some)
      const results = []
      for (let index = 1; index <= 3; index++) results.push(await group.update(clipFrame(index)))
      expected.push(results)
      await group.release()
    }
    const a = await tracker.init(clipFrame(0), first)
    const b = await tracker.init(clipFrame(0), second)
    const found: TrackResult[][][] = [[], []]
    for (let index = 1; index <= 3; index++) {
      found[0]!.push(await a.update(clipFrame(index)))
      found[1]!.push(await b.update(clipFrame(index)))
    }
    expect(found).toEqual(expected)
    await Promise.all([a.release(), b.release()])
  })

  test('in frames of different sizes live side by side', async () => {
    const large = { width: 200, height: 90 }
    const small = await tracker.init(clipFrame(0), firstBox)
    const wide = await tracker.init(clipFrame(0, large), firstBox)
    const alone = await tracker.init(clipFrame(0), firstBox)
    const expected = await follow(alone, 2)
    const found: TrackResult[] = []
    for (let index = 1; index <= 2; index++) {
      await wide.update(clipFrame(index, large))
      found.push(await small.update(clipFrame(index)))
    }
    expect(found).toEqual(expected)
    await Promise.all([small, wide, alone].map((target) => target.release()))
  })
})

describe('calls that are not awaited', () => {
  test('take turns: updates of one target start from each other', async () => {
    const target = await tracker.init(clipFrame(0), firstBox)
    const expected = await follow(target, 4)
    const again = await tracker.init(clipFrame(0), firstBox)
    const found = await Promise.all([1, 2, 3, 4].map((index) => again.update(clipFrame(index))))
    expect(found).toEqual(expected)
    await Promise.all([target.release(), again.release()])
  })

  test('take turns across targets, and init among them', async () => {
    const target = await tracker.init(clipFrame(0), firstBox)
    const [first, other, second] = await Promise.all([
      target.update(clipFrame(1)),
      tracker.init(clipFrame(0), boxes[1]!),
      target.update(clipFrame(2)),
    ])
    const [third, moved] = await Promise.all([target.update(clipFrame(3)), other.update(clipFrame(1))])
    const again = await tracker.init(clipFrame(0), firstBox)
    expect([first, second, third]).toEqual(await follow(again, 3))
    const otherAgain = await tracker.init(clipFrame(0), boxes[1]!)
    expect([moved]).toEqual(await follow(otherAgain, 1))
    await Promise.all([target, other, again, otherAgain].map((one) => one.release()))
  })

  test('a call that fails leaves those behind it alone', async () => {
    const target = await tracker.init(clipFrame(0), firstBox)
    const wrong = target.update(clipFrame(1, { width: 80, height: 60 }))
    const right = target.update(clipFrame(1))
    await expect(wrong).rejects.toThrow('80x60')
    const again = await tracker.init(clipFrame(0), firstBox)
    expect(await right).toEqual(await again.update(clipFrame(1)))
    await Promise.all([target.release(), again.release()])
  })

  test('a release waits for the update before it, and refuses the one after it', async () => {
    const target = await tracker.init(clipFrame(0), firstBox)
    const update = target.update(clipFrame(1))
    const release = target.release()
    const late = target.update(clipFrame(2))
    expect((await update).score).toBeGreaterThan(0)
    await expect(late).rejects.toThrow(ClosedError)
    await release
  })
})

describe('profile', () => {
  test('times every dispatch and leaves the targets where they were', async () => {
    const target = await tracker.init(clipFrame(0), firstBox)
    const again = await tracker.init(clipFrame(0), firstBox)
    const first = await target.update(clipFrame(1))
    const profile = await target.profile(clipFrame(2))
    expect(target.box).toEqual(first.box)
    expect(profile.entries.length).toBeGreaterThan(70)
    expect(profile.entries.at(-1)?.label).toBe('search.decode')
    expect(profile.table()).toContain('backbone.conv1')
    expect([first, await target.update(clipFrame(2))]).toEqual(await follow(again, 2))
    await Promise.all([target.release(), again.release()])
  })
})

describe('a captured frame', () => {
  test('is one command buffer and one submission, and makes nothing on the device', async () => {
    const target = await tracker.init(clipFrame(0), firstBox)
    await target.update(clipFrame(1))
    const { gpu } = device
    const made = ['createBuffer', 'createBindGroup', 'createComputePipelineAsync', 'createShaderModule'] as const
    const spies = made.map((name) => vi.spyOn(gpu, name))
    const submit = vi.spyOn(gpu.queue, 'submit')
    const encoders = vi.spyOn(gpu, 'createCommandEncoder')
    const before = device.memory.bytes
    await target.update(clipFrame(2))
    expect(spies.map((spy) => spy.mock.calls.length)).toEqual([0, 0, 0, 0])
    expect(device.memory.bytes).toBe(before)
    const labels = encoders.mock.calls.map(([descriptor]) => descriptor?.label)
    expect(labels, 'the frame, and the copy of its 48 bytes to the host').toEqual(['search', 'read'])
    expect(submit.mock.calls.map(([buffers]) => [...buffers].length)).toEqual([1, 1])
    vi.restoreAllMocks()
    await target.release()
  })
})

describe('memory', () => {
  test('returns to that of the weights when the targets are released, and to nothing when the tracker is closed', async () => {
    await using own = await openDevice()
    const one = await microTracker(own)
    const weights = own.memory.bytes
    const target = await one.init(clipFrame(0), firstBox)
    const group = await one.init(withAlpha(clipFrame(0)), boxes)
    await target.update(clipFrame(1))
    await group.update(withAlpha(clipFrame(1)))
    const staging = 4096 + 256
    const all = own.memory.bytes
    expect(all).toBeGreaterThan(weights + 2 * 160 * 120 * 3)
    await group.release()
    expect(own.memory.bytes).toBeLessThan(all)
    await target.update(clipFrame(2))
    await target.release()
    await target.release()
    expect(own.memory.bytes - weights, 'what reads reuse').toBeLessThanOrEqual(staging)
    await one.close()
    expect(own.memory.bytes).toBeLessThanOrEqual(staging)
    await own.close()
    expect(own.memory.bytes).toBe(0)
  })

  test('of one size serves any number of targets in turn', async () => {
    const levels: number[] = []
    for (let round = 0; round < 3; round++) {
      const target = await tracker.init(clipFrame(0), firstBox)
      await target.update(clipFrame(1))
      levels.push(device.memory.bytes)
      await target.release()
    }
    expect(new Set(levels).size).toBe(1)
  })

  test('of a failed init is given back', async () => {
    const before = device.memory.bytes
    const failing = tracker.init(clipFrame(0, { width: 64, height: 48 }), [
      { x: 0, y: 0, width: 10, height: 10 },
      { x: 1e7, y: 0, width: 2e7, height: 10 },
    ])
    await expect(failing).rejects.toThrow()
    expect(device.memory.bytes).toBe(before)
  })
})

describe('closing', () => {
  test('`await using` closes the tracker and the device that it opened', async () => {
    let own: SiamRPN
    {
      await using one = await SiamRPN.create(microWeights(), { config: micro })
      await using target = await one.init(clipFrame(0), firstBox)
      await target.update(clipFrame(1))
      own = one
    }
    expect(own.device.ended).toBeInstanceOf(DeviceClosedError)
    expect(own.device.memory.bytes).toBe(0)
  })

  test('waits for calls under way, refuses those after it, and can be repeated', async () => {
    const one = await microTracker(device)
    const target = await one.init(clipFrame(0), firstBox)
    const update = target.update(clipFrame(1))
    const closing = one.close()
    await expect(target.update(clipFrame(2))).rejects.toThrow(ClosedError)
    await expect(one.init(clipFrame(0), firstBox)).rejects.toThrow('The tracker has been closed')
    expect((await update).score).toBeGreaterThan(0)
    await closing
    await one.close()
    await target.release()
    expect(target.box).toEqual((await update).box)
    await expect(target.profile(clipFrame(2))).rejects.toThrow(ClosedError)
  })

  test('leaves a device that was passed in open, and all of its other work', async () => {
    const before = device.memory.bytes
    const one = await microTracker(device)
    await (await one.init(clipFrame(0), firstBox)).update(clipFrame(1))
    await one.close()
    expect(device.ended).toBeUndefined()
    expect(device.memory.bytes).toBe(before)
    const tensor = device.tensor(new Float32Array([1, 2]), [2])
    expect(await device.readF32(tensor)).toEqual(new Float32Array([1, 2]))
    device.release(tensor)
  })

  test('the device under a tracker makes its calls fail as closed', async () => {
    const own = await openDevice()
    const one = await microTracker(own)
    const target = await one.init(clipFrame(0), firstBox)
    await own.close()
    await expect(target.update(clipFrame(1))).rejects.toThrow(DeviceClosedError)
    await expect(one.init(clipFrame(0), firstBox)).rejects.toThrow(DeviceClosedError)
    await expect(microTracker(own)).rejects.toThrow(DeviceClosedError)
    await one.close()
  })
})

/** MMTracking's step in float64, but for the network: crops and the choice of the box are the references' of this folder. */
class Reference {
  frames = 1
  readonly #network: Network
  #template: HostTensor = random('unused', [1, 1, 1, 4])
  #padding: readonly number[] = []

  static async create(on: Device): Promise<Reference> {
    const network = new Network(model)
    await network.load(on, microWeights())
    return new Reference(network)
  }

  private constructor(network: Network) {
    this.#network = network
  }

  init(frame: PixelFrame, box: CenterBox): void {
    const image = bgr(frame)
    this.#padding = [0, 1, 2].map((c) => {
      const values = Array.from(image.data).filter((_, i) => i % 3 === c)
      return Math.fround(values.reduce((sum, value) => sum + value, 0) / values.length)
    })
    const rectangle = croppedRectangle([box.cx, box.cy], exemplarCropSize(box, test_cfg), frame)
    this.#template = cropResize(image, rectangle, this.#padding, test_cfg.exemplar_size)
  }

  async update(frame: PixelFrame, previous: CenterBox) {
    this.frames++
    const { size, scale } = searchCrop(previous, test_cfg)
    const rectangle = croppedRectangle([previous.cx, previous.cy], size, frame)
    const search = cropResize(bgr(frame), rectangle, this.#padding, test_cfg.search_size)
    const inputs = [upload(device, this.#template), upload(device, search)] as const
    const program = await runOnce(device, (r) =>
      this.#network.forwardHead(
        r,
        this.#network.forwardTemplate(r, inputs[0]),
        this.#network.forwardSearch(r, inputs[1]),
      ),
    )
    const [cls, bbox] = [await device.readF32(program.result.cls), await device.readF32(program.result.bbox)]
    program.destroy()
    for (const tensor of inputs) device.release(tensor)
    const generator = new SiameseRPNAnchorGenerator(model.head.anchor_generator)
    const [side = 0] = mapSizes(model).score
    return getBBox({
      ...{ cls, bbox, previous, scale, frame },
      anchors: generator.headAnchors(side, side),
      window: generator.genWindow(side, side),
      anchorsPerPosition: generator.numBaseAnchors,
      penaltyK: test_cfg.rpn.penalty_k,
      windowInfluence: test_cfg.rpn.window_influence,
      lr: test_cfg.rpn.lr,
    })
  }

  release(): void {
    this.#network.release(device)
  }
}

/** `[1, H, W, 3]`, blue first. */
function bgr({ data, width, height }: PixelFrame): HostTensor {
  const pixels = Float64Array.from(data, (_, i) => data[i - (i % 3) + 2 - (i % 3)]!)
  return { data: pixels, shape: [1, height, width, 3] }
}
