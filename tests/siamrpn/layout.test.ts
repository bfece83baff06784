// The network as a list against the models of golden section A: names, order, shapes, geometry.

import { beforeAll, describe, expect, test } from 'vitest'
import { ChannelMapper } from '../../src/siamrpn/channel-mapper.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import { SiameseNetwork } from '../../src/siamrpn/siamese-network.ts'
import { anchorsPerPosition, SiameseRPNHead } from '../../src/siamrpn/siamese-rpn-head.ts'
import { SOTResNet } from '../../src/siamrpn/sot-resnet.ts'
import { readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'
import { resNetOf } from './helpers.ts'

interface GoldenModel {
  num_entries: number
  num_param_tensors: number
  num_parameters: number
  parameters_per_module: Record<string, number>
  entries: { name: string; shape: number[]; kind: 'param' | 'buffer' }[]
}

interface SectionA {
  models: Record<string, GoldenModel>
  convs_r50: { columns: string[]; rows: [string, number, number, number, number, number, number, boolean][] }
}

/** Our configurations and what the golden files call them. */
const models = [
  ['r50', 'r50'],
  ['small', 'small'],
  ['micro', 'tiny'],
] as const

let golden: SectionA
beforeAll(async () => {
  golden = (await readGoldenSection<SectionA>(goldenDirectory, 'A')).json
})

describe.each(models)('the layout of %s', (name, goldenName) => {
  const shapes = stateDictShapes(namedConfig(name).model)

  test("has MMTracking's names and shapes, in its order", () => {
    const { entries, num_entries } = golden.models[goldenName]!
    expect([...shapes].map(([key, shape]) => ({ key, shape }))).toEqual(
      entries.map((entry) => ({ key: entry.name, shape: entry.shape })),
    )
    expect(shapes.size).toBe(num_entries)
  })

  test('has as many parameters in each module', () => {
    const { entries, num_parameters, num_param_tensors, parameters_per_module } = golden.models[goldenName]!
    const kinds = new Map(entries.map((entry) => [entry.name, entry.kind]))
    const parameters = [...shapes].filter(([key]) => kinds.get(key) === 'param')
    const count = (prefix: string) =>
      parameters
        .filter(([key]) => key.startsWith(prefix))
        .reduce((sum, [, shape]) => sum + shape.reduce((product, size) => product * size, 1), 0)
    expect(parameters).toHaveLength(num_param_tensors)
    expect(count('')).toBe(num_parameters)
    for (const [module, expected] of Object.entries(parameters_per_module)) expect(count(`${module}.`)).toBe(expected)
  })
})

describe('the geometry of r50', () => {
  const { model } = namedConfig('r50')

  test('is that of every convolution of MMTracking, in its order', () => {
    const { columns, rows } = golden.convs_r50
    expect(columns).toEqual(['name', 'in', 'out', 'k', 'stride', 'pad', 'dil', 'bias'])
    const found = new SiameseNetwork(model).convs.map(
      ({ name, inChannels, outChannels, kernel, stride, padding, dilation, bias }) =>
        [name, inChannels, outChannels, kernel, stride, padding, dilation, bias] as const,
    )
    expect(found).toEqual(rows)
  })

  test('halves the dilation in block 0 of a dilated stage, its downsample included', () => {
    const { stages } = new SOTResNet(resNetOf(model))
    const dilations = stages.map((blocks) => blocks.map(({ conv2 }) => conv2.dilation))
    expect(dilations).toEqual([
      [1, 1, 1],
      [1, 1, 1, 1],
      [1, 2, 2, 2, 2, 2],
      [2, 4, 4],
    ])
    const downsamples = stages.map(([first]) => first?.downsample)
    expect(downsamples.map((spec) => [spec?.kernel, spec?.stride, spec?.padding, spec?.dilation])).toEqual([
      [1, 1, 0, 1],
      [3, 2, 0, 1],
      [3, 1, 1, 1],
      [3, 1, 2, 2],
    ])
    expect(stages[1]?.[0]?.conv2).toMatchObject({ stride: 2, padding: 0 })
  })

  test('gives every convolution of the backbone a batch norm, and the last of each branch a bias', () => {
    const specs = new SiameseNetwork(model).convs
    expect(specs.filter(({ name, norm }) => name.startsWith('backbone.') && !norm)).toEqual([])
    expect(specs.filter(({ bias, norm }) => bias === Boolean(norm))).toEqual([])
    expect(specs.filter(({ bias }) => bias).map(({ name }) => name)).toEqual(
      ['cls', 'reg'].flatMap((branch) => [0, 1, 2].map((level) => `head.${branch}_heads.${level}.head_convs.1.conv`)),
    )
  })
})

describe('variations of the configuration', () => {
  const { model } = namedConfig('micro')

  test('a head that averages its levels has no weights for them', () => {
    const names = [...stateDictShapes({ ...model, head: { ...model.head, weighted_sum: false } }).keys()]
    expect(names).not.toContain('head.cls_weight')
    expect(names).not.toContain('head.reg_weight')
    expect(names).toHaveLength(stateDictShapes(model).size - 2)
  })

  test('a neck without batch norm has biases', () => {
    const specs = new ChannelMapper({ ...model.neck!, norm_cfg: null }).convs
    expect(specs.map(({ bias, norm }) => [bias, norm])).toEqual(specs.map(() => [true, undefined]))
  })

  test('the outputs of the head follow the number of anchors', () => {
    const anchor_generator = { ...model.head.anchor_generator, ratios: [0.5, 1], scales: [8, 16] }
    const head = { ...model.head, anchor_generator }
    expect(anchorsPerPosition(head)).toBe(4)
    const { levels } = new SiameseRPNHead(head)
    expect(levels.map(({ cls }) => cls.headConvs[1].outChannels)).toEqual([8, 8, 8])
    expect(levels.map(({ reg }) => reg.headConvs[1].outChannels)).toEqual([16, 16, 16])
  })

  test('a backbone of three stages has no layer4', () => {
    const backbone = { ...resNetOf(model), num_stages: 3, out_indices: [1, 2] }
    expect(new SOTResNet(backbone).stages.map((blocks) => blocks.length)).toEqual([3, 4, 6])
    const names = [...stateDictShapes({ ...model, backbone }).keys()].filter((name) => name.startsWith('backbone.'))
    expect(names.at(-1)).toMatch(/^backbone\.layer3\.5\./)
  })

  test('a stem of its own width feeds the first stage', () => {
    const { stem, stages } = new SOTResNet({ ...resNetOf(model), stem_channels: 12 })
    expect(stem.outChannels).toBe(12)
    expect(stages[0]?.[0]?.conv1.inChannels).toBe(12)
    expect(stages[0]?.[0]?.downsample?.inChannels).toBe(12)
  })
})
