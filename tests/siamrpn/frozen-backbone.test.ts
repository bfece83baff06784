// A frozen backbone in slices of the batch gives what one pass gives.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toFloat32 } from '../../src/formats/state-dict.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { runOnce } from '../../src/gpu/program.ts'
import { Recorder } from '../../src/gpu/recorder.ts'
import { Tape } from '../../src/nn/autograd.ts'
import { TapeLayers, TapeWeights } from '../../src/nn/tape-layers.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { createBackbone } from '../../src/siamrpn/create-backbone.ts'
import { frozenLevels, imagesAtOnce, isFrozen } from '../../src/siamrpn/frozen-backbone.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import { randomWeights } from '../../tools/cli/random-weights.ts'
import { expectClose, random, upload } from '../helpers/tensors.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const { model } = namedConfig('mobile')
const frozen = { trains: () => false, usesBatch: () => false }

describe('frozenLevels', () => {
  test('has the values of one pass over the batch, whatever is left for the last slice', async () => {
    const config = { ...model.backbone, widen_factor: 0.25, out_indices: [1, 2] }
    const backbone = createBackbone(config)
    const state = randomWeights(stateDictShapes({ ...model, backbone: config }), 2)
    const weights = new TapeWeights(device, {
      ...{ convs: backbone.convs, vectors: [], momentum: () => 0.1 },
      weights: (name) => toFloat32(state.get(name)!),
    })
    const images = upload(device, random('images', [5, 33, 33, 4]))
    const program = await runOnce(device, (r) => {
      const levels = (count: number) =>
        frozenLevels(backbone, new TapeLayers(new Tape(r), weights, frozen), images, count).map(
          ([level]) => level!.data,
        )
      return [levels(5), levels(2), levels(1)]
    })
    const [whole, ...sliced] = program.result
    for (const [level, expected] of whole!.entries()) {
      const data = await device.readF32(expected)
      for (const levels of sliced) {
        const found = { data: await device.readF32(levels[level]!), shape: levels[level]!.shape }
        expectClose(found, { data, shape: expected.shape }, 1e-6)
      }
    }
    program.destroy()
    weights.release(device)
    device.release(images)
  })
})

describe('which backbones go in slices', () => {
  const backbone = createBackbone(model.backbone)
  const images = (r: Recorder) => r.alloc([32, 193, 193, 4])

  test('are those in which nothing trains', () => {
    expect(isFrozen(backbone, frozen)).toBe(true)
    expect(isFrozen(backbone, { ...frozen, usesBatch: (name) => name === 'backbone.layer5.2.conv.2.bn' })).toBe(false)
    expect(isFrozen(backbone, { ...frozen, trains: (name) => name === 'backbone.layer3.0.conv.0.bn.bias' })).toBe(false)
    expect(isFrozen(backbone, { ...frozen, trains: (name) => name.startsWith('neck.') })).toBe(true)
  })

  test('on a processor as many images as fit its cache, on a GPU all', () => {
    const r = new Recorder(device)
    const on = (kind: 'cpu' | 'gpu') => ({ adapter: { ...device.adapter, kind } }) as Recorder
    expect(imagesAtOnce(backbone, images(r), on('cpu'))).toBe(2)
    expect(imagesAtOnce(backbone, images(r), on('gpu'))).toBe(32)
  })
})
