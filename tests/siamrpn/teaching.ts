// What every model must keep to when it is taught, with seeded weights.

import { expect } from 'vitest'
import { fromFloat32, type NamedTensor, type StateDict, toFloat32 } from '../../src/formats/state-dict.ts'
import type { Device } from '../../src/gpu/device.ts'
import type { Config, ModelConfig } from '../../src/siamrpn/config.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'
import type { TeachOptions } from '../../src/siamrpn/teach.ts'
import type { TeachExample } from '../../src/siamrpn/teach-examples.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { randomWeights } from '../../tools/cli/random-weights.ts'
import { clipFrame, firstBox } from './helpers.ts'

const examples: TeachExample[] = [
  { frame: clipFrame(0), box: firstBox },
  { frame: clipFrame(3), box: { ...firstBox, x: firstBox.x - 6, y: firstBox.y - 3 } },
  { frame: clipFrame(9), box: null },
]

/** How much is done, for models that take long. */
interface Extent {
  /** Frames that are given. */
  readonly given?: number
  /** Frames followed to compare boxes. */
  readonly followed?: number
}

/** Teaches a model of this configuration. The loss must fall, nothing but parameters of the head change, and saved weights be equal. */
export async function expectTeaching(
  device: Device,
  config: Config,
  { given = examples.length, followed = 3, ...options }: TeachOptions & Extent = {},
): Promise<void> {
  const losses: number[] = []
  await using tracker = await SiamRPN.create(seededWeights(config.model), { config, device })
  const before = new Map([...tracker.weights()].map(([name, { data }]) => [name, data.slice()]))
  await using mine = await tracker.teach(examples.slice(0, given), {
    ...options,
    onProgress: ({ loss }) => void (loss !== undefined && losses.push(loss)),
  })
  const part = Math.max(1, Math.floor(losses.length / 4))
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  expect(mean(losses.slice(-part)), `losses ${losses}`).toBeLessThan(mean(losses.slice(0, part)))
  for (const [name, { data }] of tracker.weights())
    expect(same(data, before.get(name)), `${name} of the tracker`).toBe(true)
  for (const [name, { data }] of mine.weights()) {
    const fixed = !name.startsWith('head.') || /running_|num_batches/.test(name)
    expect(same(data, before.get(name)), name).toBe(fixed)
  }
  const expected = await follow(mine, followed)
  await using whole = await SiamRPN.load({ checkpoint: mine.save(), device })
  await using joined = await SiamRPN.load({ checkpoint: tracker.save(), head: mine.save('head'), device })
  for (const loaded of [whole, joined]) {
    expect(loaded.config).toEqual(mine.config)
    expect(await follow(loaded, followed)).toEqual(expected)
  }
}

/** Random weights; where the first filters are not ResNet's, they are as small as images in 0..255 ask for. */
function seededWeights(model: ModelConfig): StateDict {
  const weights = randomWeights(stateDictShapes(model), 1)
  const isFirst = (name: string, { shape }: NamedTensor) =>
    shape.length === 4 && shape[1] === 3 && name !== 'backbone.conv1.weight'
  const scaled = (tensor: NamedTensor) =>
    fromFloat32(
      toFloat32(tensor).map((value) => value / 128),
      tensor.shape,
    )
  return new Map([...weights].map(([name, tensor]) => [name, isFirst(name, tensor) ? scaled(tensor) : tensor]))
}

function same(a: NamedTensor['data'], b: NamedTensor['data'] | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0
}

async function follow(tracker: SiamRPN, followed: number) {
  const target = await tracker.init(clipFrame(0), firstBox)
  const results = []
  for (let index = 1; index <= followed; index++) {
    const { box, score } = await target.update(clipFrame(index))
    results.push({ box, score })
  }
  await target.release()
  return results
}
