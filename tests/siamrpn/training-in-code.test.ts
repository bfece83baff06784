// The loop that docs/training-in-code.md shows, run for two steps; and that the page shows this very loop.

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  capture,
  type Device,
  emptyTargets,
  focalLoss,
  initialWeights,
  openDevice,
  ops,
  Random,
  readCheckpoint,
  SiamRPN,
  smoothL1Loss,
  Tape,
  TargetBuilder,
  TrainableSiamRPN,
  writeSafetensors,
} from '../../src/index.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { epochMode } from '../../src/siamrpn/training-mode.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { random } from '../helpers/tensors.ts'
import { type Batch, train } from '../types/training-loop.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const config = namedConfig('micro')
const state = initialWeights(config.model, 1)
const page = readFileSync(new URL('../../docs/training-in-code.md', import.meta.url), 'utf8')

function pixels(key: string, size: number): Float32Array {
  const { data } = random(key, [size * size * 4], 127.5)
  return Float32Array.from(data, (value, i) => (i % 4 === 3 ? 0 : value + 127.5))
}

const batches = (): Batch[] =>
  [0, 1].map((k) => ({
    template: pixels(`template ${k}`, 127),
    search: pixels(`search ${k}`, 255),
    samples: [{ box: [90, 100, 160, 150], positive: true, random: new Random('targets', 1, k) }],
  }))

describe('docs/training-in-code.md', () => {
  test('shows the loop that is tested here', () => {
    const source = readFileSync(new URL('../types/training-loop.ts', import.meta.url), 'utf8')
    const loop = source.slice(source.indexOf('import {')).replace("'../../src/index.ts'", "'siamrpn'")
    expect(page).toContain(`\`\`\`ts\n${loop}\`\`\`\n`)
  })

  test('gives the losses and the weights of the trainer, in weights that track, and leaves no memory behind', async () => {
    const losses: number[] = []
    const options = { batches: batches(), pairs: 1, epoch: 0 }
    const trained = await train(device, config, state, options, (loss) => losses.push(loss))

    const images = { template: device.empty([1, 127, 127, 4]), search: device.empty([1, 255, 255, 4]) }
    const trainer = new Trainer({ device, config, state, images })
    await trainer.startEpoch(0)
    const builder = new TargetBuilder(config.model)
    for (const [k, { template, search, samples }] of batches().entries()) {
      device.write(images.template, template)
      device.write(images.search, search)
      const rates = trainer.optimizer.groups.map(({ lr }) => lr)
      const result = await trainer.step({ ids: [], targets: builder.build(samples) }, rates)
      expect(losses[k]).toBe(result.losses.loss)
    }
    expect(losses.length).toBe(2)
    const expected = await trainer.modelState()
    trainer.release()
    for (const [name, { data }] of expected)
      expect([name, Buffer.compare(trained.get(name)!.data, data)]).toEqual([name, 0])

    const file = writeSafetensors(trained)
    const tracker = await SiamRPN.create(readCheckpoint(file).stateDict, { config, device })
    await tracker.close()
    for (const image of [images.template, images.search]) device.release(image)
    const before = device.memory.bytes
    await train(device, config, state, { ...options, batches: [] }, () => {})
    expect(device.memory.bytes).toBe(before)
  })

  test('shows losses that can be put on the tape', async () => {
    const snippet = page.slice(page.indexOf('const output = model.forward'))
    for (const part of ['focalLoss(recorder, { cls: output.cls.data, ...targets,', 'ops.add(tape, cls, bbox)']) {
      expect(snippet).toContain(part)
    }
    const images = { template: device.empty([1, 127, 127, 4]), search: device.empty([1, 255, 255, 4]) }
    const model = new TrainableSiamRPN(device, config.model, state)
    const targets = emptyTargets(device, 1, new TargetBuilder(config.model).numAnchors)
    const mode = epochMode(config, 0)
    const program = await capture(device, (recorder) => {
      const tape = new Tape(recorder)
      const output = model.forward(tape, images, mode)
      const cls = ops.loss(tape, output.cls, focalLoss(recorder, { cls: output.cls.data, ...targets, gamma: 1.5 }))
      const bbox = ops.loss(
        tape,
        output.bbox,
        smoothL1Loss(recorder, { bbox: output.bbox.data, ...targets, beta: 0.1 }),
      )
      const gradients = tape.backward(ops.add(tape, cls, bbox)).parameters
      return [...gradients.values()]
    })
    expect(program.result.length).toBe(77)
    program.destroy()
    model.release()
  })
})
