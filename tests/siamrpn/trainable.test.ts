// The network that trains against the one that tracks, and its way to and from a state dict.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CheckpointError } from '../../src/formats/errors.ts'
import { fromFloat32, type StateDict, toFloat32 } from '../../src/formats/state-dict.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { runOnce } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { Tape } from '../../src/nn/autograd.ts'
import type { TrainingMode } from '../../src/nn/trainable-conv.ts'
import type { ModelConfig } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import { Network } from '../../src/siamrpn/network.ts'
import { TrainableSiamRPN } from '../../src/siamrpn/trainable.ts'
import { randomWeights } from '../../tools/cli/random-weights.ts'
import { random, relativeError } from '../helpers/tensors.ts'
import * as reference from '../reference/losses.ts'
import { emptyImages, releaseImages, trainingConfig, writeBatch } from '../train/trainer-helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const weightsOf = (model: ModelConfig, seed = 1) => randomWeights(stateDictShapes(model), seed)
const evaluation: TrainingMode = { trains: () => false, usesBatch: () => false }

async function mapsOf(record: (r: Recorder) => { readonly cls: GpuTensor; readonly bbox: GpuTensor }) {
  const program = await runOnce(device, (r) => {
    const { cls, bbox } = record(r)
    return { cls, bbox }
  })
  const maps = [await device.readF32(program.result.cls), await device.readF32(program.result.bbox)] as const
  program.destroy()
  return maps
}

/** One image of grey levels, its fourth channel zero. */
function noise(key: string, size: number): GpuTensor {
  const { data, shape } = random(key, [1, size, size, 4], 127.5)
  const pixels = Float32Array.from(data, (value, i) => (i % 4 === 3 ? 0 : value + 127.5))
  return device.tensor(pixels, shape, key)
}

function chunks(list: Float32Array, length: number): number[][] {
  return Array.from({ length: list.length / length }, (_, i) => [...list.slice(i * length, (i + 1) * length)])
}

describe('forward with running statistics', () => {
  test.each(['micro', 'small'])('gives the maps of the tracking network: %s', async (name) => {
    const { model } = namedConfig(name)
    const weights = weightsOf(model)
    const images = { template: noise('template', 127), search: noise('search', 255) }
    const network = new Network(model)
    await network.load(device, weights)
    const expected = await mapsOf((r) => {
      return network.forwardHead(
        r,
        network.forwardTemplate(r, images.template),
        network.forwardSearch(r, images.search),
      )
    })
    const trainable = new TrainableSiamRPN(device, model, weights)
    const found = await mapsOf((r) => {
      const output = trainable.forward(new Tape(r), images, evaluation)
      expect(output.updates.size).toBe(0)
      expect(output.cls.requiresGrad).toBe(false)
      return { cls: output.cls.data, bbox: output.bbox.data }
    })
    for (const [i, map] of found.entries()) expect(relativeError(map, expected[i]!)).toBeLessThan(1e-5)
    network.release(device)
    trainable.release()
    releaseImages(device, images)
  })
})

describe('forwardTrain', () => {
  test('gives the losses of the maps, whether anything trains or not', async () => {
    const { model } = trainingConfig()
    const trainable = new TrainableSiamRPN(device, model, weightsOf(model))
    const images = emptyImages(device, 2)
    const { targets } = writeBatch(device, images, [0, 1])
    const tensor = (data: Float32Array, ...elements: number[]) => device.tensor(data, [2, 405, ...elements])
    const tensors = {
      ...{ labels: tensor(targets.labels), labelWeights: tensor(targets.labelWeights) },
      ...{ boxTargets: tensor(targets.boxTargets, 4), boxWeights: tensor(targets.boxWeights, 4) },
    }
    const [cls, bbox] = await mapsOf((r) => {
      const { cls, bbox } = trainable.forward(new Tape(r), images, evaluation)
      return { cls: cls.data, bbox: bbox.data }
    })
    const { labels, labelWeights, boxTargets, boxWeights } = targets
    const classes = {
      prediction: reference.toRows({ data: cls, shape: [2, 9, 9, 10] }, 2),
      target: chunks(labels, 1),
      weight: chunks(labelWeights, 1),
    }
    const boxes = {
      prediction: reference.toRows({ data: bbox, shape: [2, 9, 9, 20] }, 4),
      target: chunks(boxTargets, 4),
      weight: chunks(boxWeights, 4),
    }
    const expected = [
      reference.evaluateLoss(reference.crossEntropy(), classes, 'sum').loss,
      reference.evaluateLoss(reference.l1, boxes, 'sum', 1.2).loss,
    ]
    for (const trains of [false, true]) {
      const mode = { ...evaluation, trains: () => trains }
      const program = await runOnce(device, (r) => {
        const { cls, bbox, total } = trainable.forwardTrain(new Tape(r), images, tensors, mode)
        expect(total.requiresGrad).toBe(trains)
        return [cls.data, bbox.data, total.data]
      })
      const found: number[] = []
      for (const loss of program.result) found.push((await device.readF32(loss))[0]!)
      expect(relativeError(found, [...expected, expected[0]! + expected[1]!])).toBeLessThan(1e-5)
      program.destroy()
    }
    for (const each of Object.values(tensors)) device.release(each)
    releaseImages(device, images)
    trainable.release()
  })

  test('counts the batches that each batch norm sees in a run', () => {
    const { model } = trainingConfig()
    const trainable = new TrainableSiamRPN(device, model, weightsOf(model))
    const images = emptyImages(device, 1)
    return runOnce(device, (r) => {
      const { updates, cls } = trainable.forward(new Tape(r), images, {
        ...evaluation,
        usesBatch: (name) => !name.endsWith('bn3'),
      })
      expect(updates.get('neck.convs.0.bn')).toBe(2)
      expect(updates.get('backbone.bn1')).toBe(2)
      expect(updates.get('head.reg_heads.0.kernel_convs.bn')).toBe(1)
      expect(updates.has('backbone.layer2.0.bn3')).toBe(false)
      return cls.data
    }).then((program) => {
      program.destroy()
      releaseImages(device, images)
      trainable.release()
    })
  })
})

describe('the state dict', () => {
  const { model } = namedConfig('small')
  const bits = (state: StateDict) =>
    [...state].map(([name, { dtype, shape, data }]) => [name, dtype, `${shape}`, Buffer.from(data).toString('base64')])

  test('comes back with its bits, names, shapes and order, from the constructor and from load', async () => {
    const before = device.memory.bytes
    const [first, second] = [weightsOf(model, 1), weightsOf(model, 2)]
    second.set('neck.convs.0.bn.num_batches_tracked', {
      ...{ dtype: 'i64', shape: [], data: new Uint8Array(BigInt64Array.of(2n ** 40n + 3n).buffer) },
    })
    const trainable = new TrainableSiamRPN(device, model, first)
    expect(bits(await trainable.stateDict())).toEqual(bits(first))
    trainable.load(second)
    expect(bits(await trainable.stateDict())).toEqual(bits(second))
    expect(trainable.parameters.map(({ name }) => name)).toEqual(
      [...first.keys()].filter((name) => !/running_|num_batches/.test(name)),
    )
    trainable.release()
    expect(device.memory.bytes - before).toBeLessThan(4 << 20) // what reading back keeps
  })

  test('is refused as a whole if a tensor is missing or has another shape', async () => {
    const good = weightsOf(model, 1)
    const trainable = new TrainableSiamRPN(device, model, good)
    const lacking = new Map(weightsOf(model, 2))
    lacking.delete('head.reg_weight')
    const other = new Map(weightsOf(model, 2)).set('head.reg_weight', fromFloat32(new Float32Array(2), [2]))
    for (const bad of [lacking, other]) {
      expect(() => trainable.load(bad)).toThrow(CheckpointError)
      const before = device.memory.bytes
      expect(() => new TrainableSiamRPN(device, model, bad)).toThrow(/`head.reg_weight`/)
      expect(device.memory.bytes).toBe(before)
    }
    expect(toFloat32((await trainable.stateDict()).get('backbone.conv1.weight')!)).toEqual(
      toFloat32(good.get('backbone.conv1.weight')!),
    )
    trainable.release()
  })
})
