// pysot's small models: files by its names against PyTorch's outputs in float64, folded and on a tape, and tracking with them.
// pysot-models.json has names and shapes as PyTorch lists them and every `step`th number of the maps; weights and images are hash
// tensors by name (tests/golden/README.md, "Hash generator"), the models narrow and the images small.

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCheckpoint } from '../../src/formats/checkpoint.ts'
import { fromFloat32, type NamedTensor } from '../../src/formats/state-dict.ts'
import { writeTorchZip } from '../../src/formats/torch-writer.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { runOnce } from '../../src/gpu/program.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { Tape } from '../../src/nn/autograd.ts'
import { type Config, type ConfigInput, mapSizes, parseConfig } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { siamrpn_alex_dwxcorr } from '../../src/siamrpn/configs/siamrpn-alex-dwxcorr.ts'
import { siamrpn_mobilev2_l234_dwxcorr } from '../../src/siamrpn/configs/siamrpn-mobilev2-l234-dwxcorr.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import { Network } from '../../src/siamrpn/network.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { TrainableSiamRPN } from '../../src/siamrpn/trainable.ts'
import { hashTensor, noiseImage } from '../golden/check/hash.ts'
import { readMap, uploadMap } from '../golden/check/maps.ts'
import { clipFrame, firstBox } from './helpers.ts'

interface Samples {
  readonly shape: number[]
  readonly largest: number
  readonly step: number
  readonly values: number[]
}

interface Fixture {
  readonly name: string
  readonly exemplar_size: number
  readonly search_size: number
  readonly widen_factor: number
  /** `name:OxIxKxK`, all but the counters of the batch norms. */
  readonly entries: string
  readonly cls: Samples
  readonly loc: Samples
}

/** Of the largest magnitude. */
const tolerance = 1e-4

const fixtures = JSON.parse(
  readFileSync(process.env.PYSOT_FIXTURES ?? new URL('./pysot-models.json', import.meta.url), 'utf8'),
) as Fixture[]

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

/** The weights of a fixture in a file as pysot's training writes it. */
function pysotFile({ name: model, entries }: Fixture): Uint8Array {
  const state = new Map<string, NamedTensor>()
  for (const entry of entries.split(' ')) {
    const [name = '', sizes = ''] = entry.split(':')
    const shape = sizes.split('x').map(Number)
    const count = shape.reduce((product, size) => product * size, 1)
    state.set(`module.${name}`, fromFloat32(hashTensor(`${model}:${name}`, count, ...spread(name, shape)), shape))
    if (!name.endsWith('.running_var')) continue
    const counter = name.replace(/running_var$/, 'num_batches_tracked')
    state.set(`module.${counter}`, { dtype: 'i64', shape: [], data: new Uint8Array(8) })
  }
  return writeTorchZip(
    new Map<string, unknown>([
      ['epoch', 20],
      ['state_dict', state],
    ]) as never,
  )
}

/** Factor and summand of a tensor's uniform numbers. */
function spread(name: string, shape: readonly number[]): [number, number] {
  if (shape.length === 4) {
    const fanIn = shape.slice(1).reduce((product, size) => product * size, 1)
    const first = shape[1] === 3 ? 128 : 1
    const a = (2 * Math.sqrt(6 / fanIn)) / first / (name.includes('.head.0.') ? 32 : 1)
    return [a, -a / 2]
  }
  if (name.endsWith('running_mean')) return [0.2, -0.1]
  if (name.endsWith('running_var')) return [1, 0.5]
  if (name.endsWith('_weight')) return [1, 0]
  return name.endsWith('.weight') ? [1, 0.5] : [0.4, -0.2]
}

/** The shipped configuration at the width and the sizes of a fixture. */
function configOf(fixture: Fixture): Config {
  const sizes = { exemplar_size: fixture.exemplar_size, search_size: fixture.search_size }
  return fixture.name.startsWith('alex') ? alexNetOf(fixture, sizes) : mobileNetOf(fixture, sizes)
}

function mobileNetOf({ name, widen_factor }: Fixture, sizes: object): Config {
  const { model } = siamrpn_mobilev2_l234_dwxcorr
  const [full, weighted_sum] = [name.endsWith('.full'), name.endsWith('.weighted')]
  const width = full ? 256 : 12
  const in_channels = [32, 96, 320].map((channels) => Math.trunc(channels * widen_factor))
  return parseConfig({
    model: {
      ...model,
      backbone: { ...model.backbone, widen_factor },
      neck: { ...model.neck, in_channels, out_channels: width },
      head: { ...model.head, in_channels: [width, width, width], weighted_sum },
      train_cfg: null,
      test_cfg: { ...model.test_cfg, ...sizes, center_size: full ? 7 : 5 },
    },
  })
}

function alexNetOf(fixture: Fixture, sizes: object): Config {
  const { model }: ConfigInput = siamrpn_alex_dwxcorr
  const width = Math.trunc(256 * fixture.widen_factor)
  return parseConfig({
    model: {
      ...model,
      backbone: { ...model.backbone, widen_factor: fixture.widen_factor },
      head: { ...model.head, in_channels: [width] },
      train_cfg: null,
      test_cfg: { ...model.test_cfg, ...sizes, center_size: fixture.exemplar_size === 127 ? 6 : 4 },
    },
  })
}

async function expectSamples(tensor: GpuTensor, { shape, largest, step, values }: Samples): Promise<void> {
  const map = await readMap(device, tensor)
  expect(map.shape).toEqual(shape)
  const found = map.data.filter((_, index) => index % step === 0)
  expect(found).toHaveLength(values.length)
  const difference = found.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0)
  expect(difference / largest).toBeLessThan(tolerance)
}

function image(key: string, size: number): GpuTensor {
  return uploadMap(device, { data: noiseImage(key, 3 * size * size), shape: [1, 3, size, size] }, 4)
}

describe.each(fixtures.map((fixture) => [fixture.name, fixture] as const))('%s', (name, fixture) => {
  const file = pysotFile(fixture)

  test('is read by its names, complete, with its anchors', () => {
    const { stateDict, format, anchors } = readCheckpoint(file)
    expect([format, anchors]).toEqual(['pysot', 'pysot'])
    const shapes = [...stateDict].map(([key, { shape }]): [string, readonly number[]] => [key, shape])
    expect(new Map(shapes.sort())).toEqual(new Map([...stateDictShapes(configOf(fixture).model)].sort()))
  })

  test('gives the numbers of PyTorch, folded and on a tape', async () => {
    const { model } = configOf(fixture)
    const { stateDict } = readCheckpoint(file)
    const network = new Network(model)
    await network.load(device, stateDict)
    const trainable = new TrainableSiamRPN(device, model, stateDict)
    const images = {
      template: image(`${name}:z`, fixture.exemplar_size),
      search: image(`${name}:x`, fixture.search_size),
    }
    const program = await runOnce(device, (r) => {
      const search = network.forwardSearch(r, images.search)
      const folded = network.forwardHead(r, network.forwardTemplate(r, images.template), search)
      const { cls, bbox } = trainable.forward(new Tape(r), images, { trains: () => false, usesBatch: () => false })
      return { folded, tape: { cls: cls.data, bbox: bbox.data } }
    })
    for (const { cls, bbox } of Object.values(program.result)) {
      await expectSamples(cls, fixture.cls)
      await expectSamples(bbox, fixture.loc)
    }
    program.destroy()
    network.release(device)
    trainable.release()
    for (const tensor of Object.values(images)) device.release(tensor)
  })

  test('tracks', async () => {
    const config = configOf(fixture)
    const tracker = await SiamRPN.load({ checkpoint: file, config, device })
    expect(tracker.model.head.anchor_generator.variant).toBe('pysot')
    const target = await tracker.init(clipFrame(0), firstBox)
    const { box, score } = await target.update(clipFrame(1))
    expect(score).toBeGreaterThan(0)
    expect(score).toBeLessThanOrEqual(1)
    expect(box.width * box.height).toBeGreaterThan(0)
    await tracker.close()
  })
})

describe('the maps of pysot', () => {
  test.each([
    ['siamrpn_alex_dwxcorr', { exemplar: [6], search: [26], score: [21] }],
    ['siamrpn_mobilev2_l234_dwxcorr', { exemplar: [15, 15, 15], search: [31, 31, 31], score: [25, 25, 25] }],
  ])('%s', (name, sizes) => {
    expect(mapSizes(namedConfig(name).model)).toEqual(sizes)
  })
})

test("an AlexNet's two ways of writing itself down are one", () => {
  const [alex] = fixtures
  const places = ['0', '1', '4', '5', '8', '9', '11', '12', '14', '15']
  const layered = alex!.entries.replace(/backbone\.features\.(\d+)/g, (_, place: string) => {
    const at = places.indexOf(place)
    return `backbone.layer${Math.floor(at / 2) + 1}.${at % 2}`
  })
  expect(layered).toContain('backbone.layer5.1.running_var')
  const names = (entries: string) => [...readCheckpoint(pysotFile({ ...alex!, entries })).stateDict.keys()]
  expect(names(layered)).toEqual(names(alex!.entries))
})
