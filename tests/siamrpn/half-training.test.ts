// A training step with maps in half precision against the same step in single precision: losses, gradients, what is stored how,
// and the memory that it takes.

import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSafetensors } from '../../src/formats/safetensors.ts'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { FeatureError } from '../../src/gpu/errors.ts'
import type { Precision } from '../../src/gpu/half.ts'
import { plan, runOnce } from '../../src/gpu/program.ts'
import { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { scale } from '../../src/kernels/elementwise.ts'
import { Tape } from '../../src/nn/autograd.ts'
import type { TrainingMode } from '../../src/nn/trainable-conv.ts'
import type { Config } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { initialWeights } from '../../src/siamrpn/initial-weights.ts'
import { emptyTargets, releaseTargets, type TargetTensors, writeTargets } from '../../src/siamrpn/target-tensors.ts'
import { TargetBuilder } from '../../src/siamrpn/targets.ts'
import { TrainableSiamRPN, type TrainingImages } from '../../src/siamrpn/trainable.ts'
import { epochMode } from '../../src/siamrpn/training-mode.ts'
import { random } from '../helpers/tensors.ts'
import { initialState, config as narrow, releaseImages } from '../train/trainer-helpers.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

/** Everything that a step reads. */
interface Step {
  readonly model: TrainableSiamRPN
  readonly images: TrainingImages
  readonly targets: TargetTensors
}

const everything: TrainingMode = { trains: () => true, usesBatch: () => true }

function rpnOf({ model }: Config) {
  if (model.train_cfg === null) throw new Error('The configuration has no model.train_cfg')
  return model.train_cfg.rpn
}

/** Without values in the images and targets. */
function emptyStep(config: Config, batch: number, weights = initialWeights(config.model, 1)): Step {
  const { exemplar_size, search_size, cross_pairs } = rpnOf(config)
  return {
    model: new TrainableSiamRPN(device, config.model, weights),
    images: {
      template: device.empty([batch, exemplar_size, exemplar_size, 4], 'f32', 'template'),
      search: device.empty([batch, search_size, search_size, 4], 'f32', 'search'),
    },
    targets: emptyTargets(device, batch + (cross_pairs ?? 0), new TargetBuilder(config.model).numAnchors),
  }
}

/** Seeded images from 0 to 255, and targets at about a tenth of the anchors. */
function fill({ images, targets }: Step): void {
  for (const image of [images.template, images.search]) {
    const { data } = random(image.label, image.shape, 127.5)
    device.write(
      image,
      Float32Array.from(data, (value, i) => (i % 4 === 3 ? 0 : value + 127.5)),
    )
  }
  const anchors = targets.labels.size
  const sparse = (name: string) => random(name, [anchors]).data.map((value) => (value > 0.8 ? 30 / anchors : 0))
  const positive = sparse('positive')
  writeTargets(device, targets, {
    labels: Float32Array.from(positive, (weight) => (weight > 0 ? 1 : 0)),
    labelWeights: Float32Array.from(sparse('negative'), (weight, i) => Math.max(weight, positive[i]!)),
    boxTargets: Float32Array.from(random('boxes', [4 * anchors]).data),
    boxWeights: Float32Array.from({ length: 4 * anchors }, (_, i) => positive[Math.floor(i / 4)]!),
  })
}

function release({ model, images, targets }: Step): void {
  model.release()
  releaseImages(device, images)
  releaseTargets(device, targets)
}

/** Losses, and the gradient of each parameter. */
async function run({ model, images, targets }: Step, mode: TrainingMode, precision: Precision) {
  const program = await runOnce(device, (r) => {
    const { cls, bbox, gradients } = record(new Tape(r, { precision }), { model, images, targets }, mode)
    return {
      losses: [cls, bbox],
      gradients: Object.fromEntries([...gradients].map(([{ name }, each]) => [name, each])),
    }
  })
  const { losses, gradients } = program.result
  const read = (list: readonly GpuTensor[]) => Promise.all(list.map((each) => device.readF32(each)))
  const values = await read(Object.values(gradients))
  const found = {
    losses: (await read(losses)).map(([value]) => value!),
    gradients: new Map(Object.keys(gradients).map((name, i) => [name, values[i]!])),
  }
  program.destroy()
  return found
}

function record(tape: Tape, { model, images, targets }: Step, mode: TrainingMode) {
  const { cls, bbox, total } = model.forwardTrain(tape, images, targets, mode)
  return { cls: cls.data, bbox: bbox.data, gradients: tape.backward(total).parameters }
}

function product(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}

function cosine(pairs: readonly (readonly [Float32Array, Float32Array])[]): number {
  const sum = (part: (a: Float32Array, b: Float32Array) => number) => pairs.reduce((all, [a, b]) => all + part(a, b), 0)
  return sum(product) / Math.sqrt(sum((a) => product(a, a)) * sum((_, b) => product(b, b)))
}

/** Losses within a hundredth, all gradients together of one direction. @returns the gradients of both, by parameter */
async function compare(step: Step, mode: TrainingMode) {
  const [single, half] = [await run(step, mode, 'f32'), await run(step, mode, 'f16')]
  for (const [i, loss] of half.losses.entries()) {
    expect(Math.abs(loss / single.losses[i]! - 1)).toBeLessThan(1e-2)
  }
  expect(half.losses).not.toEqual(single.losses)
  expect([...half.gradients.keys()]).toEqual([...single.gradients.keys()])
  const pairs = [...half.gradients].map(([name, gradient]) => [name, gradient, single.gradients.get(name)!] as const)
  expect(cosine(pairs.map(([, a, b]) => [a, b]))).toBeGreaterThan(0.99)
  return pairs
}

describe('a step in half precision', () => {
  // Trained weights: with random ones and the statistics of small batches, a change of the images by 2^-11 alone turns the gradients
  // of single precision, to a cosine of 0.87 for `tiny`.
  test.each(['tiny', 'mobile'])('of the trained model that ships as %s, all of it released', async (name) => {
    const config = namedConfig(name)
    const rpn = { ...rpnOf(config), cross_pairs: 1 }
    const file = await readFile(new URL(`../../models/${name}.safetensors`, import.meta.url))
    const fewer = { ...config, model: { ...config.model, train_cfg: { ...config.model.train_cfg, rpn } } }
    const step = emptyStep(fewer, 2, readSafetensors(file).tensors)
    fill(step)
    await compare(step, epochMode(config, 1000))
    release(step)
  })

  test('of a narrow R50 whose batch norms are frozen: the gradient of each parameter', async () => {
    const rpn = { ...rpnOf(narrow), exemplar_size: 63, search_size: 127 }
    const small = { ...narrow, model: { ...narrow.model, train_cfg: { ...narrow.model.train_cfg, rpn } } }
    const step = emptyStep(small as Config, 2, initialState(narrow))
    fill(step)
    const pairs = await compare(step, { trains: () => true, usesBatch: () => false })
    for (const [name, gradient, twin] of pairs) {
      if (twin.every((value) => value === 0)) continue // logits of a single level
      expect(cosine([[gradient, twin]]), name).toBeGreaterThan(0.99)
    }
    release(step)
  })

  test('of a narrow R50: batch norms with the statistics of the batch', async () => {
    const rpn = { ...rpnOf(narrow), exemplar_size: 63, search_size: 127 }
    const small = { ...narrow, model: { ...narrow.model, train_cfg: { ...narrow.model.train_cfg, rpn } } }
    const step = emptyStep(small as Config, 2, initialState(narrow))
    fill(step)
    await compare(step, { trains: () => true, usesBatch: (name) => !name.startsWith('backbone.') })
    release(step)
  })
})

test.each([1e5, 1e12])('what overflows on the way back shows in the gradients: loss times %f', async (factor) => {
  const step = emptyStep(narrow, 2, initialState(narrow))
  fill(step)
  const scaled = device.tensor(Float32Array.of(factor), [1])
  const program = await runOnce(device, (r) => {
    const tape = new Tape(r, { precision: 'f16' })
    const { total } = step.model.forwardTrain(tape, step.images, step.targets, everything)
    const loss = tape.note([total], total.data, (gradient) => [scale(r, { input: gradient, factor: scaled })])
    return [...tape.backward(loss).parameters.values()]
  })
  const found = await Promise.all(program.result.map((gradient) => device.readF32(gradient)))
  expect(found.some((gradient) => gradient.some((value) => !Number.isFinite(value)))).toBe(true)
  program.destroy()
  device.release(scaled)
  release(step)
})

test('what a step keeps is f16 between the images and the head, and f32 elsewhere', () => {
  const step = emptyStep(narrow, 1, initialState(narrow))
  const recorder = new Recorder(device)
  const { cls, bbox, gradients } = record(new Tape(recorder, { precision: 'f16' }), step, everything)
  for (const tensor of [cls, bbox, ...gradients.values()]) expect(tensor.dtype, tensor.label).toBe('f32')
  for (const parameter of gradients.keys()) expect(parameter.data.dtype, parameter.name).toBe('f32')
  const written = recorder.steps.flatMap(({ tensors }) => tensors.filter(({ access }) => access === 'read_write'))
  const maps = written
    .map(({ tensor }) => tensor)
    .filter(
      ({ label, shape }) =>
        shape.length === 4 && /^(backbone|neck|head)\.[^ ]+(?<!\.(wgrad|sums|tiles|products|gradients))$/.test(label),
    )
  for (const { label, dtype } of maps)
    expect([label, dtype]).toEqual([label, label.endsWith('.single') ? 'f32' : 'f16'])
  expect(maps.length).toBeGreaterThan(50)
  release(step)
})

test('an adapter without shader-f16 is refused and named', async () => {
  const plain = await openDevice({ hideFeatures: ['shader-f16'] })
  const make = () => new Tape(new Recorder(plain), { precision: 'f16' })
  expect(make).toThrow(FeatureError)
  expect(make).toThrow(plain.adapter.description)
  expect(new Tape(new Recorder(plain)).precision).toBe('f32')
  await plain.close()
})

test('R50 with 28 pairs takes 4.2 GB at most, and 1.2 GB with a frozen backbone', () => {
  const config = namedConfig('r50')
  const before = device.memory.bytes
  const step = emptyStep(config, 28)
  const needed = (epoch: number) => {
    const { bufferBytes, result } = plan(device, (r) => {
      return [...record(new Tape(r, { precision: 'f16' }), step, epochMode(config, epoch)).gradients.values()]
    })
    const momentum = result.reduce((sum, { bytes }) => sum + bytes, 0)
    return device.memory.bytes - before + momentum + bufferBytes.reduce((sum, bytes) => sum + bytes, 0)
  }
  expect(needed(19)).toBeLessThanOrEqual(4.2e9)
  expect(needed(0)).toBeLessThanOrEqual(1.2e9)
  release(step)
})
