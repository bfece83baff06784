// What happens when the GPU fails under a tracker: calls reject with the reason, none hangs, and nothing is kept of them.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Device, type DeviceOptions, openDevice } from '../../src/gpu/device.ts'
import { BindingError, DeviceLostError, FeatureError, OutOfMemoryError } from '../../src/gpu/errors.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { boxes, clipFrame, firstBox, micro, microTracker, microWeights } from './helpers.ts'

const opened: Device[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.all(opened.splice(0).map((device) => device.close()))
})

async function open(options?: DeviceOptions): Promise<Device> {
  const device = await openDevice(options)
  opened.push(device)
  return device
}

describe('a lost device', () => {
  test('rejects the update under way, those behind it and everything after', async () => {
    const device = await open()
    const tracker = await microTracker(device)
    const target = await tracker.init(clipFrame(0), firstBox)
    const before = (await target.update(clipFrame(1))).box
    const pending = [target.update(clipFrame(2)), target.update(clipFrame(3)), tracker.init(clipFrame(0), boxes)]
    const settled = Promise.allSettled(pending)
    await new Promise((resolve) => setTimeout(resolve, 5))
    device.gpu.destroy()
    const reasons = (await settled).map((result) => result.status === 'rejected' && result.reason)
    expect(reasons.map((reason) => reason instanceof DeviceLostError)).toEqual([true, true, true])
    await expect(target.update(clipFrame(2))).rejects.toThrow(device.adapter.description)
    await expect(target.profile(clipFrame(2))).rejects.toThrow(DeviceLostError)
    expect(target.box).toEqual(before)
    await target.release()
    await tracker.close()
  })

  test('rejects a tracker that is being made', async () => {
    const device = await open()
    const loading = SiamRPN.create(microWeights(), {
      config: micro,
      device,
      onProgress: ({ stage, done }) => {
        if (stage === 'weights' && done === 5) device.gpu.destroy()
      },
    })
    await expect(loading).rejects.toThrow(DeviceLostError)
  })

  test('rejects a tracker whose kernels are being compiled', async () => {
    const device = await open()
    const loading = SiamRPN.create(microWeights(), {
      config: micro,
      device,
      onProgress: ({ stage }) => {
        if (stage === 'kernels') device.gpu.destroy()
      },
    })
    await expect(loading).rejects.toThrow(DeviceLostError)
  })
})

/** Makes the driver refuse the buffer with this label. */
function refuse({ gpu }: Device, label: string): void {
  const create = gpu.createBuffer.bind(gpu)
  const pop = gpu.popErrorScope.bind(gpu)
  let refused = false
  vi.spyOn(gpu, 'createBuffer').mockImplementation((descriptor) => {
    refused ||= descriptor.label === label
    return create(descriptor)
  })
  vi.spyOn(gpu, 'popErrorScope').mockImplementation(() => {
    const now = refused
    refused = false
    return now ? pop().then(() => ({ message: 'no room' }) as GPUError) : pop()
  })
}

describe('out of memory', () => {
  test.each([['backbone.conv1'], ['head.reg_weight'], ['window']])(
    'for %s fails loading, and the device is as it was',
    async (label) => {
      const device = await open()
      const before = device.memory.bytes
      refuse(device, label)
      const loading = microTracker(device)
      await expect(loading).rejects.toThrow(OutOfMemoryError)
      await expect(loading).rejects.toThrow(new RegExp(`Buffer \`${label}\` wants \\d+ bytes with \\d+ bytes in use`))
      expect(device.memory.bytes).toBe(before)
      vi.restoreAllMocks()
      await (await microTracker(device)).close()
    },
  )

  test.each([['frame'], ['template.crops'], ['template arena 0'], ['head.cls_heads.0.kernel_convs.conv']])(
    'for %s fails init, which can be tried again',
    async (label) => {
      const device = await open()
      const tracker = await microTracker(device)
      const before = device.memory.bytes
      refuse(device, label)
      await expect(tracker.init(clipFrame(0), firstBox)).rejects.toThrow(OutOfMemoryError)
      expect(device.memory.bytes - before, 'what reads reuse').toBeLessThanOrEqual(4096)
      vi.restoreAllMocks()
      const target = await tracker.init(clipFrame(0), firstBox)
      expect((await target.update(clipFrame(1))).score).toBeGreaterThan(0)
    },
  )

  test.each([['search.crops'], ['search arena 0'], ['search parameters']])(
    'for %s fails update, which can be tried again',
    async (label) => {
      const device = await open()
      const tracker = await microTracker(device)
      const target = await tracker.init(clipFrame(0), firstBox)
      const before = device.memory.bytes
      refuse(device, label)
      await expect(target.update(clipFrame(1))).rejects.toThrow(OutOfMemoryError)
      expect(target.box).toEqual(firstBox)
      expect(device.memory.bytes).toBe(before)
      vi.restoreAllMocks()
      expect((await target.update(clipFrame(1))).score).toBeGreaterThan(0)
    },
  )

  test('for a frame above the largest buffer names the frame and the limit', async () => {
    const device = await open()
    const tracker = await microTracker(device)
    const before = device.memory.bytes
    const width = Math.ceil(device.adapter.maxBufferBytes / 3) + 2
    const data = { length: width * 3, BYTES_PER_ELEMENT: 1 }
    vi.spyOn(ArrayBuffer, 'isView').mockReturnValue(true)
    const frame = { data: data as unknown as Uint8Array, width, height: 1 }
    const failing = tracker.init(frame, { x: 0, y: 0, width: 50, height: 50 })
    await expect(failing).rejects.toThrow(OutOfMemoryError)
    await expect(failing).rejects.toThrow(/Buffer `frame` wants \d+ bytes, but the adapter's largest buffer is \d+/)
    expect(device.memory.bytes).toBe(before)
  })
})

describe("the adapter's limits", () => {
  test('a frame above the binding limit is told with its size and the limit', async () => {
    const device = await open({ bindingLimit: 2_000_000 })
    const tracker = await microTracker(device)
    const before = device.memory.bytes
    const frame = { data: new Uint8Array(1000 * 700 * 3), width: 1000, height: 700 }
    const failing = tracker.init(frame, firstBox)
    await expect(failing).rejects.toThrow(BindingError)
    await expect(failing).rejects.toThrow(/tensor `frame` .* of 2100000 bytes, above .* limit of 2000000 bytes/)
    expect(device.memory.bytes).toBe(before)
    const target = await tracker.init(clipFrame(0), firstBox)
    expect((await target.update(clipFrame(1))).score).toBeGreaterThan(0)
  })

  test('a profile without timestamps is refused', async () => {
    const device = await open({ hideFeatures: ['timestamp-query'] })
    const tracker = await microTracker(device)
    const target = await tracker.init(clipFrame(0), firstBox)
    await expect(target.profile(clipFrame(1))).rejects.toThrow(FeatureError)
    expect((await target.update(clipFrame(1))).score).toBeGreaterThan(0)
  })
})
