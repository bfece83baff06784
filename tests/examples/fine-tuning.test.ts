// examples/fine-tuning.ts: some steps on frames in memory give weights that track.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { fineTune, type LabelledFrame } from '../../examples/fine-tuning.ts'
import { type Device, initialWeights, openDevice, SiamRPN, toFloat32 } from '../../src/index.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { random } from '../helpers/tensors.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const config = namedConfig('micro')
const frame = (k: number): LabelledFrame => {
  const [width, height] = [160, 120]
  const data = Uint8Array.from(random(`clip ${k}`, [width * height * 3], 127.5).data, (value) => value + 127.5)
  return { width, height, channels: 3, data, box: [50 + k, 40, 90 + k, 80] }
}

test('trains a checkpoint further on clips in memory', async () => {
  const state = initialWeights(config.model, 1)
  const losses: number[] = []
  const trained = await fineTune(device, config, state, {
    clips: [[frame(0), frame(1), frame(2)]],
    ...{ steps: 2, pairs: 1, seed: 5, rateFactor: 0.1 },
    onStep: (_, loss) => losses.push(loss),
  })
  expect(losses.length).toBe(2)
  expect(losses.every(Number.isFinite)).toBe(true)
  expect([...trained.keys()].sort()).toEqual([...state.keys()].sort())
  const moved = [...trained].filter(([name, tensor]) => {
    return toFloat32(tensor).some((value, i) => value !== toFloat32(state.get(name)!)[i])
  })
  expect(moved.length).toBeGreaterThan(20)
  const tracker = await SiamRPN.create(trained, { config, device })
  await tracker.close()
})
