// Which parameters and batch norms of r50 train, epoch by epoch: the numbers of MMTracking itself (BEHAVIOUR.md, 14).

import { describe, expect, test } from 'vitest'
import { type ConfigInput, parseConfig } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { r50 as input } from '../../src/siamrpn/configs/r50.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import { SiameseNetwork } from '../../src/siamrpn/siamese-network.ts'
import { epochMode } from '../../src/siamrpn/training-mode.ts'

const r50 = namedConfig('r50')
const parameters = [...stateDictShapes(r50.model).keys()].filter((name) => !/running|num_batches/.test(name))
const norms = new SiameseNetwork(r50.model).convs.flatMap(({ norm }) => norm ?? [])

function withBackbone(changes: object, optimizer_config: ConfigInput['optimizer_config'] = input.optimizer_config) {
  const { model } = input
  return parseConfig({
    ...input,
    optimizer_config,
    model: { ...model, backbone: { ...model.backbone, ...changes } },
  } as ConfigInput)
}

const counts = (config = r50, epoch = 0) => {
  const mode = epochMode(config, epoch)
  return [
    mode.name,
    parameters.filter((name) => mode.trains(name)).length,
    norms.filter((name) => mode.usesBatch(name)).length,
  ]
}

describe('r50', () => {
  test('has 236 parameters; 77 train before the backbone is released, 203 from epoch 10 on', () => {
    expect(parameters.length).toBe(236)
    expect(counts(r50, 0)).toEqual(['frozen', 77, 21])
    expect(counts(r50, 9)).toEqual(['frozen', 77, 21])
    expect(counts(r50, 10)).toEqual(['unfrozen', 203, 63])
    expect(counts(r50, 19)).toEqual(['unfrozen', 203, 63])
  })

  test('keeps stem and first stage frozen to the end', () => {
    const { trains, usesBatch } = epochMode(r50, 19)
    const still = parameters.filter((name) => !trains(name))
    expect(still.every((name) => /^backbone\.(conv1|bn1|layer1)\./.test(name))).toBe(true)
    expect(norms.filter((name) => !usesBatch(name)).every((name) => /^backbone\.(bn1$|layer1\.)/.test(name))).toBe(true)
  })
})

describe('other configurations', () => {
  test('without the hook train what frozen_stages leaves, with the statistics that norm_eval says', () => {
    const plain = { type: 'OptimizerHook', grad_clip: null } as const
    expect(counts(withBackbone({ frozen_stages: 4 }, plain), 19)).toEqual(['frozen', 77, 21])
    expect(counts(withBackbone({ frozen_stages: 1 }, plain), 0)).toEqual(['unfrozen', 203, 21])
    expect(counts(withBackbone({ frozen_stages: 1, norm_eval: false }, plain), 0)).toEqual(['unfrozen', 203, 63])
    expect(counts(withBackbone({ frozen_stages: 0 }, plain), 0)).toEqual(['unfrozen', 233, 21])
    expect(counts(withBackbone({ frozen_stages: -1, norm_eval: false }, plain), 0)).toEqual(['unfrozen', 236, 74])
  })

  test('are one phase where the hook changes nothing, two where it changes statistics alone', () => {
    const scratch = withBackbone({ frozen_stages: -1, norm_eval: false })
    expect(counts(scratch, 9)).toEqual(['unfrozen', 236, 74])
    expect(counts(scratch, 10)).toEqual(['unfrozen', 236, 74])
    const fixed = withBackbone({ frozen_stages: -1, norm_eval: true })
    expect(counts(fixed, 9)).toEqual(['partly frozen', 236, 21])
    expect(counts(fixed, 10)).toEqual(['unfrozen', 236, 63])
  })

  test('name the phase in which some stages train already', () => {
    const half = withBackbone({ frozen_stages: 3 })
    expect(counts(half, 0)[0]).toBe('partly frozen')
    expect(counts(half, 10)[0]).toBe('unfrozen')
    expect(counts(half, 10)).toEqual(['unfrozen', 203, 63])
  })
})
