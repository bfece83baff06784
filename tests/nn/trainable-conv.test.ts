// A convolution with its batch norm in each of its modes: values against float64, gradients of what trains, and its cost.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { plan, runOnce } from '../../src/gpu/program.ts'
import type { Activation } from '../../src/kernels/activation.ts'
import { Tape, type Tensor } from '../../src/nn/autograd.ts'
import type { ConvSpec } from '../../src/nn/conv-module.ts'
import { TrainableConv, type TrainingMode } from '../../src/nn/trainable-conv.ts'
import { expectClose, type HostTensor, random, upload } from '../helpers/tensors.ts'
import * as batchNorm from '../reference/batch-norm.ts'
import { conv2d } from '../reference/conv2d.ts'
import * as elementwise from '../reference/elementwise.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const spec: ConvSpec = {
  ...{
    name: 'c',
    inChannels: 4,
    outChannels: 6,
    kernel: 3,
    stride: 1,
    padding: 1,
    dilation: 1,
    bias: false,
    eps: 1e-3,
  },
  norm: 'n',
}
const { norm: _, ...bare } = spec

function source(name: string): HostTensor {
  const host = random(name, name === 'c.weight' ? [6, 4, 3, 3] : [6])
  return name.endsWith('var') ? { ...host, data: host.data.map((value) => Math.abs(value) + 0.2) } : host
}
const weights = (name: string) => Float32Array.from(source(name).data)
const input = random('input', [2, 5, 4, 4])
const residual = random('residual', [2, 5, 4, 6])

const frozen: TrainingMode = { trains: () => false, usesBatch: () => false }
const affine: TrainingMode = { trains: () => true, usesBatch: () => false }
const full: TrainingMode = { trains: () => true, usesBatch: () => true }

/** Records a forward pass on a constant, and backward from the sum of squares if something trains. */
async function evaluate(conv: TrainableConv, mode: TrainingMode, activation: Activation, adds: boolean) {
  const [x, y] = [upload(device, input), upload(device, residual)]
  const program = await runOnce(device, (r) => {
    const tape = new Tape(r)
    const added = adds ? { residual: tape.constant(y) } : {}
    const output = conv.forward(tape, tape.constant(x), mode, { activation, ...added })
    const gradients = output.requiresGrad ? gradientsOf(tape, output) : {}
    return { output: output.data, gradients }
  })
  const data = await device.readF32(program.result.output)
  const found = Object.keys(program.result.gradients)
  program.destroy()
  for (const each of [x, y]) device.release(each)
  return { output: { data, shape: program.result.output.shape }, gradients: found }
}

function gradientsOf(tape: Tape, output: Tensor) {
  // A number that stands for half the sum of squares: its gradient is the output.
  const loss = tape.note([output], output.data.reshape([output.data.size]).samples(0, 1), () => [output.data])
  const { parameters } = tape.backward(loss)
  return Object.fromEntries([...parameters].map(([{ name }, gradient]) => [name, gradient]))
}

function expected(mode: TrainingMode, activation: Activation, adds: boolean): HostTensor {
  const convolved = conv2d({ input, weight: source('c.weight'), padding: 1 })
  const vectors = { gamma: source('n.weight').data, beta: source('n.bias').data }
  const running = { mean: source('n.running_mean').data, variance: source('n.running_var').data }
  const normed = mode.usesBatch('n')
    ? batchNorm.batchNormTrain(convolved, vectors, { eps: 1e-3 })
    : elementwise.batchNorm(convolved, { ...vectors, ...running }, 1e-3)
  const summed = adds ? elementwise.add(normed, residual) : normed
  return elementwise.activate(summed, activation)
}

const layers = [
  ['none', false],
  ['relu', false],
  ['relu', true],
  ['relu6', false],
  ['relu6', true],
  ['none', true],
] as const

describe.each(layers)('with a batch norm, activation %s, residual %s', (activation, adds) => {
  test.each([
    ['frozen', frozen, []],
    ['training on running statistics', affine, ['c.weight', 'n.weight', 'n.bias']],
    ['training on the batch’s statistics', full, ['c.weight', 'n.weight', 'n.bias']],
    ['frozen on the batch’s statistics', { ...full, trains: () => false }, []],
    ['with only its batch norm training', { ...affine, trains: (name) => name !== 'c.weight' }, ['n.weight', 'n.bias']],
  ] as const satisfies readonly (readonly [string, TrainingMode, readonly string[]])[])(
    '%s',
    async (_name, mode, trained) => {
      const conv = new TrainableConv(device, spec, weights)
      const { output, gradients } = await evaluate(conv, mode, activation, adds)
      expectClose(output, expected(mode, activation, adds), 2e-5)
      expect(gradients).toEqual(trained)
      conv.release(device)
    },
  )
})

describe('with a bias', () => {
  test.each(layers)('activation %s, residual %s', async (activation, adds) => {
    const conv = new TrainableConv(device, { ...bare, bias: true }, weights)
    const convolved = conv2d({ input, weight: source('c.weight'), bias: source('c.bias'), padding: 1 })
    const summed = adds ? elementwise.add(convolved, residual) : convolved
    for (const mode of [frozen, full]) {
      const { output, gradients } = await evaluate(conv, mode, activation, adds)
      expectClose(output, elementwise.activate(summed, activation))
      expect(gradients).toEqual(mode === full ? ['c.weight', 'c.bias'] : [])
    }
    conv.release(device)
  })
})

describe('with a filter per channel', () => {
  const layer: ConvSpec = { ...spec, outChannels: 4, groups: 4 }
  const shapes: Readonly<Record<string, readonly number[]>> = { 'c.weight': [4, 1, 3, 3] }
  const depthwise = (name: string) => {
    const host = random(`depthwise ${name}`, shapes[name] ?? [4])
    return name.endsWith('var') ? { ...host, data: host.data.map((value) => Math.abs(value) + 0.2) } : host
  }

  test.each([
    ['frozen', frozen, []],
    ['training on running statistics', affine, ['c.weight', 'n.weight', 'n.bias']],
  ] as const)('%s', async (_name, mode, trained) => {
    const conv = new TrainableConv(device, layer, (name) => Float32Array.from(depthwise(name).data))
    const x = upload(device, input)
    const program = await runOnce(device, (r) => {
      const tape = new Tape(r)
      const output = conv.forward(tape, tape.constant(x), mode, { activation: 'relu6' })
      return { output: output.data, gradients: output.requiresGrad ? gradientsOf(tape, output) : {} }
    })
    const convolved = conv2d({ input, weight: depthwise('c.weight'), padding: 1, groups: 4 })
    const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(
      (name) => depthwise(`n.${name}`).data,
    )
    const normed = elementwise.batchNorm(
      convolved,
      { gamma: gamma!, beta: beta!, mean: mean!, variance: variance! },
      1e-3,
    )
    const { output, gradients } = program.result
    const found = { data: await device.readF32(output), shape: output.shape }
    expectClose(found, elementwise.activate(normed, 'relu6'), 2e-5)
    expect(Object.keys(gradients)).toEqual(trained)
    program.destroy()
    device.release(x)
    conv.release(device)
  })
})

describe('what it costs', () => {
  const steps = (mode: TrainingMode, grad = true) => {
    const conv = new TrainableConv(device, spec, weights)
    const x = upload(device, input)
    const record = (tape: Tape) => conv.forward(tape, tape.constant(x), mode, { activation: 'relu' })
    const { dispatches } = plan(device, (r) => {
      const tape = new Tape(r)
      return (grad ? record(tape) : tape.noGrad(() => record(tape))).data
    })
    conv.release(device)
    device.release(x)
    return dispatches
  }

  test('is one convolution, and the folding of its batch norm, where no gradient flows', () => {
    expect(steps(frozen)).toBe(2)
    expect(steps(affine, false)).toBe(2)
    expect(steps(affine)).toBe(3)
    expect(steps(full)).toBeGreaterThan(3)
  })
})

describe('its parameters', () => {
  test('are weight, bias, and those of the batch norm, in PyTorch’s order; all memory is given back', () => {
    const before = device.memory.bytes
    const plain = new TrainableConv(device, { ...bare, bias: true }, weights)
    const normed = new TrainableConv(device, spec, weights, { momentum: 0.25 })
    expect([...plain.parameters, ...normed.parameters].map(({ name }) => name)).toEqual([
      ...['c.weight', 'c.bias'],
      ...['c.weight', 'n.weight', 'n.bias'],
    ])
    expect(normed.norm?.statistics).toMatchObject({ eps: 1e-3, momentum: 0.25 })
    for (const conv of [plain, normed]) conv.release(device)
    expect(device.memory.bytes).toBe(before)
  })
})
