// The network on a MobileNetV2 against float64, folded and on a tape; its layout; and what a training step makes of a batch.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StateDict } from '../../src/formats/state-dict.ts'
import { toFloat32 } from '../../src/formats/state-dict.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { runOnce } from '../../src/gpu/program.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { Tape } from '../../src/nn/autograd.ts'
import { type Config, mapSizes, parseConfig } from '../../src/siamrpn/config.ts'
import { base } from '../../src/siamrpn/configs/base.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { mobile } from '../../src/siamrpn/configs/mobile.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import { MobileNetV2 } from '../../src/siamrpn/mobilenet-v2.ts'
import { Network } from '../../src/siamrpn/network.ts'
import { Random } from '../../src/siamrpn/random.ts'
import { SiameseNetwork } from '../../src/siamrpn/siamese-network.ts'
import { TargetBuilder } from '../../src/siamrpn/targets.ts'
import { TrainableSiamRPN } from '../../src/siamrpn/trainable.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { randomWeights } from '../../tools/cli/random-weights.ts'
import { ReferenceLayers } from '../helpers/reference-layers.ts'
import { expectClose, type HostTensor, random, upload } from '../helpers/tensors.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const sizes = { exemplar_size: 65, search_size: 97 }

/** `mobile` at a quarter of its width and on small images. */
function small(backbone: object = {}, rpn: object = {}): Config {
  const { model } = mobile
  const { train_pipeline: _steps, data: _data, ...rest } = mobile
  return parseConfig({
    ...rest,
    ...sizes,
    model: {
      ...model,
      backbone: { ...model.backbone, widen_factor: 0.25, init_cfg: null, ...backbone },
      neck: { ...model.neck, in_channels: [8, 16, 24], out_channels: 8 },
      head: { ...model.head, in_channels: [8, 8, 8] },
      train_cfg: { rpn: { ...model.train_cfg.rpn, ...sizes, cross_pairs: 1, ...rpn } },
      test_cfg: { ...model.test_cfg, ...sizes },
    },
  })
}

const frozen = { trains: () => false, usesBatch: () => false }

function stateOf({ model }: Config): StateDict {
  return randomWeights(stateDictShapes(model), 7)
}

/** Images as normalisation leaves them: three channels about zero, and a zero. */
function image(key: string, batch: number, size: number): HostTensor {
  const { data, shape } = random(key, [batch, size, size, 4])
  return { data: data.map((value, i) => (i % 4 === 3 ? 0 : value)), shape }
}

describe('the forward pass', () => {
  test.each([
    ['with its own strides', {}],
    ['dilated', { strides: [1, 2, 2, 1, 1, 1, 1], dilations: [1, 1, 1, 2, 2, 1, 1] }],
  ])('%s is that of float64, folded and on a tape', async (_, backbone) => {
    const config = small(backbone)
    const model = { ...config.model, train_cfg: null }
    const state = stateOf(config)
    const images = {
      template: image('template', 2, sizes.exemplar_size),
      search: image('search', 2, sizes.search_size),
    }
    const reference = new ReferenceLayers((name) => toFloat32(state.get(name)!))
    const graph = new SiameseNetwork(model)
    const kernels = graph.head.forwardKernels(reference, graph.forwardTemplate(reference, [images.template]))
    const expected = graph.head.forward(reference, kernels, graph.forwardSearch(reference, [images.search]))

    const network = new Network(model)
    await network.load(device, state)
    const trainable = new TrainableSiamRPN(device, model, state)
    const inputs = { template: upload(device, images.template), search: upload(device, images.search) }
    const program = await runOnce(device, (r) => {
      const template = network.forwardTemplate(r, inputs.template)
      const folded = network.forwardHead(r, template, network.forwardSearch(r, inputs.search))
      const { cls, bbox } = trainable.forward(new Tape(r), inputs, frozen)
      return { folded, tape: { cls: cls.data, bbox: bbox.data } }
    })
    for (const maps of [program.result.folded, program.result.tape]) {
      expectClose(await read(maps.cls), expected.cls[0]!, 5e-5)
      expectClose(await read(maps.bbox), expected.bbox[0]!, 5e-5)
    }
    program.destroy()
    network.release(device)
    trainable.release()
    for (const tensor of Object.values(inputs)) device.release(tensor)
  })
})

async function read(tensor: GpuTensor): Promise<HostTensor> {
  return { data: await device.readF32(tensor), shape: tensor.shape }
}

describe('the layout of mobile', () => {
  const { model } = namedConfig('mobile')

  test('gives maps of 19x19 on 97 and 193 pixels', () => {
    expect(mapSizes(model)).toEqual({ exemplar: [13, 13, 13], search: [25, 25, 25], score: [19, 19, 19] })
  })

  test("has mmcls's names and shapes", () => {
    const shapes = stateDictShapes(model)
    expect([...shapes.keys()].slice(0, 12)).toEqual([
      'backbone.conv1.conv.weight',
      ...['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map(
        (key) => `backbone.conv1.bn.${key}`,
      ),
      'backbone.layer1.0.conv.0.conv.weight',
      ...['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map(
        (key) => `backbone.layer1.0.conv.0.bn.${key}`,
      ),
    ])
    expect(shapes.get('backbone.layer1.0.conv.0.conv.weight')).toEqual([32, 1, 3, 3])
    expect(shapes.get('backbone.layer1.0.conv.1.conv.weight')).toEqual([16, 32, 1, 1])
    expect(shapes.get('backbone.layer4.0.conv.0.conv.weight')).toEqual([192, 32, 1, 1])
    expect(shapes.get('backbone.layer5.2.conv.2.conv.weight')).toEqual([96, 576, 1, 1])
    expect([...shapes.keys()].some((name) => name.startsWith('backbone.layer6'))).toBe(false)
  })

  test('gives the first block of a dilated layer the dilation of the layer before', () => {
    const { backbone } = small({ strides: [1, 2, 2, 1, 1, 1, 1], dilations: [1, 1, 1, 2, 4, 1, 1] }).model
    if (backbone.type !== 'MobileNetV2') throw new TypeError(backbone.type)
    const { layers, strides } = new MobileNetV2(backbone)
    expect(layers.map((blocks) => blocks.map(({ depthwise }) => depthwise.dilation))).toEqual([
      [1],
      [1, 1],
      [1, 1, 1],
      [1, 2, 2, 2],
      [2, 4, 4],
    ])
    expect(strides).toEqual([8, 8, 8])
  })
})

describe('a training step', () => {
  test('lets exemplars meet the search image of the sample before', async () => {
    const config = small()
    const trainable = new TrainableSiamRPN(device, config.model, stateOf(config))
    const hosts = { template: image('template', 2, sizes.exemplar_size), search: image('search', 2, sizes.search_size) }
    const both = { template: upload(device, hosts.template), search: upload(device, hosts.search) }
    const alone = new TrainableSiamRPN(device, { ...config.model, train_cfg: null }, stateOf(config))
    const sample = ({ data, shape: [, ...rest] }: HostTensor, index: number): HostTensor => {
      const size = data.length / 2
      return { data: data.slice(index * size, (index + 1) * size), shape: [1, ...rest] }
    }
    const crossed = {
      template: upload(device, sample(hosts.template, 1)),
      search: upload(device, sample(hosts.search, 0)),
    }
    const program = await runOnce(device, (r) => {
      const [all, one] = [trainable.forward(new Tape(r), both, frozen), alone.forward(new Tape(r), crossed, frozen)]
      return { all: all.cls.data, one: one.cls.data }
    })
    const [all, one] = [await read(program.result.all), await read(program.result.one)]
    expect(all.shape).toEqual([3, 7, 7, 10])
    expectClose({ data: all.data.slice(-one.data.length), shape: one.shape }, one)
    program.destroy()
    for (const model of [trainable, alone]) model.release()
    for (const tensor of [...Object.values(both), ...Object.values(crossed)]) device.release(tensor)
  })

  test('trains neck and head, has a target for every pair, and lowers the loss', async () => {
    const config = small()
    const images = {
      template: upload(device, image('template', 3, sizes.exemplar_size)),
      search: upload(device, image('search', 3, sizes.search_size)),
    }
    const builder = new TargetBuilder(config.model)
    const box = [30, 32, 66, 60] as const
    const random = new Random('mobile')
    const targets = builder.build([true, true, false].map((positive) => ({ box, positive, random })))
    expect(targets.labels.length).toBe(4 * builder.numAnchors)
    const sumOf = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0)
    const negatives = sumOf(targets.labelWeights.filter((_, i) => targets.labels[i] === 0))
    expect(negatives).toBeCloseTo(config.model.train_cfg!.rpn.neg_weight, 5)
    expect(sumOf(targets.labelWeights) - negatives).toBeCloseTo(config.model.train_cfg!.rpn.pos_weight / 2, 5)

    const trainer = new Trainer({ device, config, state: stateOf(config), images, keepGradients: true })
    await trainer.startEpoch(0)
    const losses: number[] = []
    for (let step = 0; step < 6; step++) losses.push((await trainer.step({ ids: [], targets }, [0.002])).losses.loss)
    expect(losses.at(-1)).toBeLessThan(losses[0]!)
    const trained = [...(await trainer.gradients()).keys()]
    expect(trained.filter((name) => name.startsWith('backbone.'))).toEqual([])
    const rest = trainer.model.parameters.filter(({ name }) => !name.startsWith('backbone.'))
    expect(trained).toEqual(rest.map(({ name }) => name))
    trainer.release()
    for (const tensor of Object.values(images)) device.release(tensor)
  })

  test('fine-tunes the late layers of the backbone on their running statistics, as base does', async () => {
    const { backbone } = base.model
    const config = small({ ...backbone, widen_factor: 0.25, init_cfg: null })
    const { paramwise_cfg } = namedConfig('base').optimizer!
    const tuned = { ...config, optimizer: { ...config.optimizer!, paramwise_cfg } }
    const images = {
      template: upload(device, image('template', 2, sizes.exemplar_size)),
      search: upload(device, image('search', 2, sizes.search_size)),
    }
    const random = new Random('base')
    const samples = [true, false].map((positive) => ({ box: [30, 32, 66, 60] as const, positive, random }))
    const targets = new TargetBuilder(config.model).build(samples)
    const state = stateOf(config)
    const trainer = new Trainer({ device, config: tuned, state, images, keepGradients: true })
    expect(trainer.optimizer.groups.map(({ key, lr }) => [key, lr])).toEqual([
      [null, 0.002],
      ['backbone', 0.0002],
    ])
    await trainer.startEpoch(0)
    const losses: number[] = []
    for (let step = 0; step < 4; step++)
      losses.push((await trainer.step({ ids: [], targets }, [0.002, 0.0002])).losses.loss)
    expect(losses.at(-1)).toBeLessThan(losses[0]!)
    const trained = [...(await trainer.gradients()).keys()].filter((name) => name.startsWith('backbone.'))
    expect(new Set(trained.map((name) => name.split('.')[1]))).toEqual(new Set(['layer3', 'layer4', 'layer5']))
    const after = await trainer.model.stateDict()
    const same = (name: string) => `${after.get(name)!.data}` === `${state.get(name)!.data}`
    const backboneNames = [...state.keys()].filter((name) => name.startsWith('backbone.'))
    expect(backboneNames.filter((name) => !same(name)).sort()).toEqual([...trained].sort())
    trainer.release()
    for (const tensor of Object.values(images)) device.release(tensor)
  })
})
