// A device that is lost while a tracker is taught: the promise rejects and says what happened, nothing hangs, the weights that were
// to be taught are whole, and the same fit on a new device gives what it always gives.

import { afterEach, describe, expect, test } from 'vitest'
import { toFloat32 } from '../../src/formats/state-dict.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { DeviceLostError } from '../../src/gpu/errors.ts'
import type { TeachProgress } from '../../src/siamrpn/teach.ts'
import type { TeachExample } from '../../src/siamrpn/teach-examples.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { clipFrame, firstBox, micro, microTracker, microWeights } from './helpers.ts'

const opened: Device[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((device) => device.close()))
})

async function open(): Promise<Device> {
  const device = await openDevice()
  opened.push(device)
  return device
}

const examples: TeachExample[] = [
  { frame: clipFrame(0), box: firstBox },
  { frame: clipFrame(4), box: null },
]
const options = { steps: 4, lr: 1e-2 }

const headOf = (tracker: SiamRPN) =>
  [...tracker.weights('head')].map(([name, tensor]) => [name, [...toFloat32(tensor)]])

/** Where in the course of teaching the device goes. */
const places: readonly (readonly [string, (progress: TeachProgress) => boolean])[] = [
  ['while the backbone runs over the windows', ({ stage }) => stage === 'features'],
  ['while the step is compiled', ({ stage }) => stage === 'kernels'],
  ['between two steps', ({ stage, done }) => stage === 'fitting' && done === 2],
  ['after the last step', ({ stage, done }) => stage === 'fitting' && done === options.steps],
]

describe('a device that is lost', () => {
  test.each(places)('%s', async (_, reached) => {
    const device = await open()
    const tracker = await microTracker(device)
    const before = headOf(tracker)
    const saved = tracker.save()
    let lost = false
    const teaching = tracker.teach(examples, {
      ...options,
      onProgress: (progress) => {
        if (lost || !reached(progress)) return
        lost = true
        device.gpu.destroy()
      },
    })
    await expect(teaching).rejects.toBeInstanceOf(DeviceLostError)
    await expect(teaching).rejects.toThrow(device.adapter.description)
    expect(lost).toBe(true)
    expect(headOf(tracker)).toEqual(before)
    expect(tracker.save()).toEqual(saved)
    await expect(tracker.teach(examples, options), 'the tracker of a lost device').rejects.toBeInstanceOf(
      DeviceLostError,
    )
    await tracker.close()
  })

  test('takes nothing with it: the weights load on another device and are taught what they would have been', async () => {
    const device = await open()
    const tracker = await microTracker(device)
    const expected = await tracker.teach(examples, options)
    const teaching = tracker.teach(examples, {
      ...options,
      onProgress: ({ stage }) => {
        if (stage === 'fitting') device.gpu.destroy()
      },
    })
    await expect(teaching).rejects.toBeInstanceOf(DeviceLostError)
    const again = await SiamRPN.load({ checkpoint: tracker.save(), device: await open() })
    const mine = await again.teach(examples, options)
    expect(headOf(mine)).toEqual(headOf(expected))
    const target = await mine.init(clipFrame(0), firstBox)
    expect((await target.update(clipFrame(1))).score).toBeGreaterThan(0)
    await Promise.all([mine.close(), again.close(), expected.close(), tracker.close()])
  })

  test('at any moment of it', async () => {
    for (const delay of [0, 20, 150]) {
      const device = await open()
      const tracker = await microTracker(device)
      const teaching = tracker.teach(examples, { ...options, steps: 100_000 })
      const settled = Promise.allSettled([teaching])
      await new Promise((resolve) => setTimeout(resolve, delay))
      device.gpu.destroy()
      const [result] = await settled
      expect(result.status === 'rejected' && result.reason, `after ${delay} ms`).toBeInstanceOf(DeviceLostError)
      await tracker.close()
    }
  })

  test('while a tracker of its own device is taught: closing it frees that device', async () => {
    const tracker = await SiamRPN.create(microWeights(), { config: micro })
    const teaching = tracker.teach(examples, {
      ...options,
      onProgress: ({ stage }) => {
        if (stage === 'fitting') tracker.device.gpu.destroy()
      },
    })
    await expect(teaching).rejects.toBeInstanceOf(DeviceLostError)
    await tracker.close()
    expect(tracker.device.memory.bytes).toBe(0)
  })
})
