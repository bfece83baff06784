// The network against golden section C, stage by stage, and what its parts refuse.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CheckpointError } from '../../src/formats/errors.ts'
import type { StateDict } from '../../src/formats/state-dict.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { runOnce } from '../../src/gpu/program.ts'
import { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { CountingLayers } from '../../src/nn/counting-layers.ts'
import { ModuleStateError } from '../../src/nn/errors.ts'
import type { ChannelRange, Observe } from '../../src/nn/folded-layers.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { Network } from '../../src/siamrpn/network.ts'
import { SiameseNetwork } from '../../src/siamrpn/siamese-network.ts'
import { noiseImage } from '../golden/check/hash.ts'
import { type Map4, readMap, uploadMap } from '../golden/check/maps.ts'
import { type GoldenModel, hashWeights } from '../golden/check/models.ts'
import { type GoldenSection, readGoldenSection } from '../golden/check/reader.ts'
import { channels } from '../golden/check/summaries.ts'
import { goldenDirectory } from '../golden-directory.ts'
import { largestDifference } from './compare.ts'

interface GoldenStage {
  phase: 'z' | 'x' | 'head'
  module: string
  shape: number[]
  absmax: number
  idx: string
  val: string
}

interface GoldenCase {
  id: string
  batch: number
  z_key: string
  x_key: string
  stages: GoldenStage[]
  z_feats: string[]
  cls_score: string
  bbox_pred: string
}

/** Of the largest magnitude; float32 against float64 through fifty layers. */
const tolerance = 1e-4

const { model } = namedConfig('small')
let device: Device
let golden: GoldenSection<{ hash_salt: string; cases: GoldenCase[] }>
let weights: StateDict
let network: Network

beforeAll(async () => {
  device = await openDevice()
  golden = await readGoldenSection(goldenDirectory, 'C')
  const { json } = await readGoldenSection<{ models: Record<string, GoldenModel> }>(goldenDirectory, 'A')
  weights = hashWeights(json.models.small!.entries, golden.json.hash_salt)
  network = new Network(model)
  await network.load(device, weights)
})
afterAll(() => device.close())

interface Forward {
  /** By `phase module`. */
  readonly stages: ReadonlyMap<string, Map4>
  readonly template: readonly Map4[]
  readonly cls: Map4
  readonly bbox: Map4
}

function image(key: string, batch: number, size: number): GpuTensor {
  return uploadMap(device, { data: noiseImage(key, batch * 3 * size * size), shape: [batch, 3, size, size] }, 4)
}

async function forward({ batch, z_key, x_key }: GoldenCase): Promise<Forward> {
  const inputs = [
    image(z_key, batch, model.test_cfg.exemplar_size),
    image(x_key, batch, model.test_cfg.search_size),
  ] as const
  const observed = new Map<string, { tensor: GpuTensor; range: ChannelRange | undefined }>()
  const program = await runOnce(device, (r) => {
    const observer =
      (phase: string): Observe =>
      (module, tensor, range) => {
        observed.set(`${phase} ${module}`, { tensor, range })
        r.keep(tensor)
      }
    const template = network.forwardTemplate(r, inputs[0], observer('z'))
    const search = network.forwardSearch(r, inputs[1], observer('x'))
    return { template, ...network.forwardHead(r, template, search, observer('head')) }
  })
  const stages = new Map<string, Map4>()
  for (const [name, { tensor, range }] of observed) {
    const map = await readMap(device, tensor)
    stages.set(name, range ? channels(map, range.count, range.first) : map)
  }
  const template = await Promise.all(program.result.template.map((tensor) => readMap(device, tensor)))
  const cls = await readMap(device, program.result.cls)
  const bbox = await readMap(device, program.result.bbox)
  program.destroy()
  for (const tensor of inputs) device.release(tensor)
  return { stages, template, cls, bbox }
}

describe.each(['small.b1', 'small.b2'])('on golden case %s', (id) => {
  let one: GoldenCase
  let found: Forward
  beforeAll(async () => {
    one = golden.json.cases.find((item) => item.id === id)!
    found = await forward(one)
  })

  test('every stage of backbone, neck and head agrees, and none is missing', () => {
    for (const { phase, module, shape, absmax, idx, val } of one.stages) {
      const name = `${phase} ${module}`
      const map = found.stages.get(name)
      expect(map?.shape, name).toEqual(shape)
      const samples = Array.from(golden.float64(idx), (index) => map!.data[index]!)
      expect(largestDifference(samples, golden.float32(val)) / absmax, name).toBeLessThan(tolerance)
    }
  })

  test('the centre of the template features agrees at every level', () => {
    expect(found.template).toHaveLength(one.z_feats.length)
    for (const [level, key] of one.z_feats.entries()) {
      const { shape } = golden.tensor(key)
      const expected = golden.float32(key)
      const map = channels(found.template[level]!, shape[1]!)
      expect(map.shape).toEqual(shape)
      expect(largestDifference(map.data, expected) / magnitude(expected)).toBeLessThan(tolerance)
    }
  })

  test('logits and deltas agree everywhere', () => {
    for (const [map, key] of [
      [found.cls, one.cls_score],
      [found.bbox, one.bbox_pred],
    ] as const) {
      const expected = golden.float32(key)
      expect(map.shape).toEqual(golden.tensor(key).shape)
      expect(largestDifference(map.data, expected) / Math.max(1, magnitude(expected))).toBeLessThan(tolerance)
    }
  })
})

function magnitude(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

describe('loading weights', () => {
  test('tells of each convolution, and frees everything on release', async () => {
    const before = device.memory.bytes
    const another = new Network(model)
    const seen: [number, number][] = []
    await another.load(device, weights, (done, total) => seen.push([done, total]))
    const total = seen.length
    expect(seen).toEqual(Array.from({ length: total }, (_, index) => [index + 1, total]))
    expect(device.memory.bytes).toBeGreaterThan(before)
    another.release(device)
    expect(device.memory.bytes).toBe(before)
  })

  test('a second load replaces the weights of the first', async () => {
    const before = device.memory.bytes
    const another = new Network(model)
    await another.load(device, weights)
    const once = device.memory.bytes
    await another.load(device, weights)
    expect(device.memory.bytes).toBe(once)
    another.release(device)
    expect(device.memory.bytes).toBe(before)
  })

  test.each(['backbone.layer2.0.conv2.weight', 'backbone.bn1.running_var', 'head.reg_weight'])(
    'a missing %s is named, and nothing stays on the device',
    async (name) => {
      const before = device.memory.bytes
      const partial = new Map([...weights].filter(([key]) => key !== name))
      const loading = new Network(model).load(device, partial)
      await expect(loading).rejects.toThrow(CheckpointError)
      await expect(loading).rejects.toThrow(name)
      expect(device.memory.bytes).toBe(before)
    },
  )

  test('a network without weights cannot be recorded', () => {
    const r = new Recorder(device)
    const bare = new Network(model)
    expect(() => bare.forwardSearch(r, r.alloc([1, 255, 255, 4]))).toThrow(ModuleStateError)
    expect(() => bare.forwardSearch(r, r.alloc([1, 255, 255, 4]))).toThrow('backbone.conv1')
  })
})

describe('recording', () => {
  test('another number of levels than the model has is refused by neck and head', () => {
    const r = new Recorder(device)
    const level = () => r.alloc([1, 31, 31, 16])
    const { neck } = new SiameseNetwork(model)
    expect(() => neck.forward(new CountingLayers(), [[]])).toThrow('neck: found 1 levels, expected 3')
    expect(() => network.forwardKernels(r, [level(), level()])).toThrow(ShapeError)
    const kernels = Array.from({ length: 3 }, () => r.alloc([1, 5, 5, 32]))
    expect(() => network.forwardMaps(r, kernels, [level()])).toThrow('found 1 levels of search features, expected 3')
    expect(() => network.forwardMaps(r, kernels.slice(1), [level(), level(), level()])).toThrow(ShapeError)
  })

  test('an observer costs no dispatch that the plain forward pass has not, but the bare stem', () => {
    const steps = (observe?: Observe) => {
      const r = new Recorder(device)
      network.forwardSearch(r, r.alloc([1, 255, 255, 4]), observe)
      return r.steps.map(({ label }) => label)
    }
    expect(steps(() => undefined).filter((label) => !label.endsWith('.bare'))).toEqual(steps())
  })
})
