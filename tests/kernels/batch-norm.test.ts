import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture, runOnce } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import type { Activation } from '../../src/kernels/activation.ts'
import {
  batchNormTrain,
  batchNormTrainGradient,
  channelSum,
  frozenBatchNormGradient,
} from '../../src/kernels/batch-norm.ts'
import { evaluate, expectClose, type HostTensor, random, upload } from '../helpers/tensors.ts'
import * as reference from '../reference/batch-norm.ts'
import * as elementwise from '../reference/elementwise.ts'
import { finiteDifferences } from '../reference/finite-differences.ts'

const eps = 1e-5
const momentum = 0.1

const shapes = [
  [2, 3, 5, 8],
  [2, 7, 6, 1],
  [3, 5, 3, 3],
  [2, 17, 9, 4],
  [1, 3, 2, 5],
  [2, 9, 7, 260],
  [3, 30, 31, 12],
] as const

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

/** Runs a recording and reads every tensor of its result. */
async function run<K extends string>(
  on: Device,
  record: (r: Recorder) => Record<K, GpuTensor>,
): Promise<Record<K, HostTensor>> {
  const program = await runOnce(on, record)
  const read: Partial<Record<K, HostTensor>> = {}
  for (const [name, tensor] of Object.entries<GpuTensor>(program.result)) {
    read[name as K] = { data: await on.readF32(tensor), shape: tensor.shape }
  }
  program.destroy()
  return read as Record<K, HostTensor>
}

/**
 * A problem: activations away from zero in some channels, as before a ReLU of a trained network.
 * @param gain size of gamma; 8 for results above six
 */
function problem(shape: readonly number[], gain = 1) {
  const channels = shape.at(-1)!
  const offsets = random(`offset ${channels}`, [channels], 5).data
  const noise = random(`x ${shape}`, shape, 2)
  const x = { data: Float32Array.from(noise.data, (value, i) => value + offsets[i % channels]!), shape }
  const vector = (name: string, size = 1) => random(`${name} ${channels}`, [channels], size)
  return {
    x,
    gamma: vector('gamma', gain),
    beta: vector('beta'),
    residual: random(`residual ${shape}`, shape, 2),
    upstream: random(`upstream ${shape}`, shape),
    runningMean: vector('running mean'),
    runningVar: { data: vector('running var').data.map((value) => Math.abs(value) + 0.1), shape: [channels] },
  }
}

function uploadAll<T extends Record<string, HostTensor>>(on: Device, hosts: T): { [K in keyof T]: GpuTensor } {
  const entries = Object.entries(hosts).map(([name, host]) => [name, upload(on, host, name)])
  return Object.fromEntries(entries) as { [K in keyof T]: GpuTensor }
}

describe('batch normalisation in training', () => {
  test.each(shapes)('normalises with the statistics of the batch: [%i, %i, %i, %i]', async (...shape) => {
    const hosts = problem(shape)
    const { x, gamma, beta, runningMean, runningVar, residual } = hosts
    const on = uploadAll(device, hosts)
    const base = { ...on, input: on.x, momentum, eps }
    const plain = await run(device, (r) => ({ ...batchNormTrain(r, { ...base, residual: undefined }) }))
    const affine = { gamma: gamma.data, beta: beta.data }
    expectClose(plain.output, reference.batchNormTrain(x, affine, { eps }))
    const { mean, variance } = reference.moments(x)
    expectClose(plain.mean, { data: mean, shape: gamma.shape })
    expectClose(plain.invStd, { data: variance.map((value) => 1 / Math.sqrt(value + eps)), shape: gamma.shape })
    const count = x.data.length / gamma.data.length
    const mix = (old: HostTensor, now: Float64Array) => ({
      data: now.map((value, c) => (1 - momentum) * old.data[c]! + momentum * value),
      shape: old.shape,
    })
    expectClose({ data: await device.readF32(on.runningMean), shape: gamma.shape }, mix(runningMean, mean))
    const unbiased = variance.map((value) => (value * count) / (count - 1))
    expectClose({ data: await device.readF32(on.runningVar), shape: gamma.shape }, mix(runningVar, unbiased))
    const fused = await run(device, (r) => ({ ...batchNormTrain(r, { ...base, activation: 'relu' }) }))
    expectClose(fused.output, reference.batchNormTrain(x, affine, { eps, residual, activation: 'relu' }))
  })

  test('keeps its precision where the mean is far from zero', async () => {
    const shape = [2, 20, 20, 4]
    const noise = random('far x', shape)
    const x = { data: noise.data.map((value) => value + 300), shape }
    const ones = { data: new Float32Array(4).fill(1), shape: [4] }
    const on = uploadAll(device, { input: x, gamma: ones, beta: ones, runningMean: ones, runningVar: ones })
    const found = await run(device, (r) => ({ ...batchNormTrain(r, { ...on, momentum: 0.1, eps }) }))
    const { variance } = reference.moments(x)
    expectClose(found.invStd, { data: variance.map((value) => 1 / Math.sqrt(value + eps)), shape: [4] })
    expectClose(found.output, reference.batchNormTrain(x, { gamma: ones.data, beta: ones.data }, { eps }), 1e-4)
  })

  test('refuses a single value per channel, and vectors of another length', async () => {
    const vector = device.empty([4])
    const vectors = { gamma: vector, beta: vector, runningMean: vector, runningVar: vector }
    const norm = (input: GpuTensor) =>
      capture(device, (r) => ({ ...batchNormTrain(r, { input, ...vectors, momentum: 0.1, eps }) }))
    await expect(norm(device.empty([1, 1, 1, 4]))).rejects.toThrow(/one value per channel/)
    await expect(norm(device.empty([1, 2, 1, 8]))).rejects.toThrow(ShapeError)
  })
})

describe('the reference gradients', () => {
  const { x, gamma, beta, upstream, residual } = problem([2, 3, 2, 3])

  test('of batch normalisation agree with finite differences', () => {
    const options = { eps, residual, activation: 'relu' as const }
    const forward = (input: HostTensor, weight: HostTensor, bias: HostTensor) =>
      reference.batchNormTrain(input, { gamma: weight.data, beta: bias.data }, options)
    const output = forward(x, gamma, beta)
    const found = reference.batchNormGradient({ x, upstream, output }, gamma.data, eps)
    const tolerance = 1e-7
    expectClose(
      finiteDifferences((moved) => forward(moved, gamma, beta), x, upstream),
      found.input,
      tolerance,
    )
    expectClose(
      finiteDifferences((moved) => forward(x, moved, beta), gamma, upstream),
      found.gamma,
      tolerance,
    )
    expectClose(
      finiteDifferences((moved) => forward(x, gamma, moved), beta, upstream),
      found.beta,
      tolerance,
    )
  })

  test('of frozen batch normalisation agree with finite differences', () => {
    const frozen = { mean: [0.5, -0.2, 0.1], variance: [1.2, 0.4, 0.9] }
    const forward = (input: HostTensor, weight: HostTensor) =>
      elementwise.batchNorm(input, { gamma: weight.data, beta: beta.data, ...frozen }, eps)
    const found = reference.batchNormGradient({ x, upstream }, gamma.data, eps, frozen)
    expectClose(
      finiteDifferences((moved) => forward(moved, gamma), x, upstream),
      found.input,
      1e-7,
    )
    expectClose(
      finiteDifferences((moved) => forward(x, moved), gamma, upstream),
      found.gamma,
      1e-7,
    )
  })
})

interface Variant {
  readonly activation: Activation
  readonly residual: boolean
  /** With beta, the mask of the activation is computed again. */
  readonly recompute: boolean
}

const variants: readonly Variant[] = [
  { activation: 'none', residual: false, recompute: false },
  { activation: 'relu', residual: false, recompute: false },
  { activation: 'relu', residual: false, recompute: true },
  { activation: 'none', residual: true, recompute: false },
  { activation: 'relu', residual: true, recompute: false },
  { activation: 'relu6', residual: false, recompute: false },
  { activation: 'relu6', residual: false, recompute: true },
  { activation: 'relu6', residual: true, recompute: false },
]

/** Forward and backward in one recording. */
function trainStep(r: Recorder, on: Record<string, GpuTensor>, variant: Variant) {
  const { x, gamma, beta, upstream, residual, runningMean, runningVar } = on as Record<string, GpuTensor> &
    ReturnType<typeof uploadAll<ReturnType<typeof problem>>>
  const forward = batchNormTrain(r, {
    ...{ input: x, gamma, beta, runningMean, runningVar, momentum, eps },
    ...(variant.residual && { residual }),
    activation: variant.activation,
  })
  return batchNormTrainGradient(r, {
    ...{ gradient: upstream, input: x, gamma, activation: variant.activation, residual: variant.residual },
    ...{ mean: forward.mean, invStd: forward.invStd },
    ...(variant.recompute ? { beta } : { output: forward.output }),
  })
}

function expectedGradients(hosts: ReturnType<typeof problem>, { activation, residual }: Variant): reference.Gradients {
  const { x, gamma, beta, upstream } = hosts
  const options = { eps, activation, ...(residual && { residual: hosts.residual }) }
  const output = reference.batchNormTrain(x, { gamma: gamma.data, beta: beta.data }, options)
  return reference.batchNormGradient(
    { x, upstream, activation, output: activation === 'none' ? undefined : output },
    gamma.data,
    eps,
  )
}

describe.each(variants)('gradient of batch normalisation, $activation $residual $recompute', (variant) => {
  test.each(shapes)('[%i, %i, %i, %i]', async (...shape) => {
    const hosts = problem(shape, variant.activation === 'relu6' ? 8 : 1)
    const on = uploadAll(device, hosts)
    const found = await run(device, (r) => {
      const { residual, ...gradients } = trainStep(r, on, variant)
      return { ...gradients, ...(residual && variant.activation !== 'none' && { residual }) } as Record<
        keyof reference.Gradients,
        GpuTensor
      >
    })
    const expected = expectedGradients(hosts, variant)
    for (const name of Object.keys(found) as (keyof reference.Gradients)[]) expectClose(found[name], expected[name])
  })
})

describe.each([
  { activation: 'none', residual: false },
  { activation: 'relu', residual: false },
  { activation: 'relu', residual: true },
  { activation: 'relu6', residual: false },
  { activation: 'relu6', residual: true },
] as const)(
  'gradient of frozen batch normalisation, activation $activation, residual $residual',
  ({ activation, residual }) => {
    test.each(shapes)('[%i, %i, %i, %i]', async (...shape) => {
      const hosts = problem(shape)
      const { x, gamma, beta, upstream, runningMean, runningVar } = hosts
      const frozen = { mean: runningMean.data, variance: runningVar.data }
      const normalised = elementwise.batchNorm(x, { gamma: gamma.data, beta: beta.data, ...frozen }, eps)
      const output = elementwise.activate(
        residual ? elementwise.add(normalised, hosts.residual) : normalised,
        activation,
      )
      const on = uploadAll(device, { ...hosts, output })
      const found = await run(device, (r) => {
        const { residual: passed, ...gradients } = frozenBatchNormGradient(r, {
          ...{ gradient: on.upstream, input: on.x, gamma: on.gamma, mean: on.runningMean, variance: on.runningVar },
          ...{ eps, activation, residual, ...(activation !== 'none' && { output: on.output }) },
        })
        return { ...gradients, ...(passed && { residual: passed }) } as Record<keyof reference.Gradients, GpuTensor>
      })
      const expected = reference.batchNormGradient(
        { x, upstream, activation, output: activation === 'none' ? undefined : output },
        gamma.data,
        eps,
        frozen,
      )
      for (const name of Object.keys(found) as (keyof reference.Gradients)[]) expectClose(found[name], expected[name])
    })
  },
)

describe('a gradient through a ReLU', () => {
  test('needs to know what the ReLU clamped', async () => {
    const image = device.empty([1, 2, 2, 4])
    const vector = device.empty([4])
    const shared = { gradient: image, input: image, gamma: vector, mean: vector, activation: 'relu' as const }
    const train = capture(device, (r) => ({ ...batchNormTrainGradient(r, { ...shared, invStd: vector }) }))
    await expect(train).rejects.toThrow(/without the output/)
    const residual = { ...shared, invStd: vector, beta: vector, residual: true }
    await expect(capture(device, (r) => ({ ...batchNormTrainGradient(r, residual) }))).rejects.toThrow(ShapeError)
    const frozen = { ...shared, variance: vector, eps }
    await expect(capture(device, (r) => ({ ...frozenBatchNormGradient(r, frozen) }))).rejects.toThrow(ShapeError)
  })
})

describe('sum over pixels', () => {
  test.each(shapes)('[%i, %i, %i, %i]', async (...shape) => {
    const { x, gamma } = problem(shape)
    const input = upload(device, x)
    const expected = reference.batchNormGradient({ x, upstream: x }, gamma.data, eps).beta
    expectClose(await evaluate(device, (r) => channelSum(r, input)), expected)
  })
})

describe('batch slices', () => {
  test('have one set of statistics and one gradient', async () => {
    const limited = await openDevice({ bindingLimit: 40_000 })
    const hosts = problem([7, 12, 10, 16])
    const on = uploadAll(limited, hosts)
    const variant: Variant = { activation: 'relu', residual: true, recompute: false }
    const program = await runOnce(limited, (r) => ({ ...trainStep(r, on, variant) }))
    expect(program.stats.dispatches).toBeGreaterThan(8)
    const expected = expectedGradients(hosts, variant)
    for (const [name, tensor] of Object.entries(program.result)) {
      const found = { data: await limited.readF32(tensor), shape: tensor.shape }
      expectClose(found, expected[name as keyof reference.Gradients])
    }
    program.destroy()
    await limited.close()
  })
})

describe('determinism', () => {
  test('two runs give the same bits, and a GPU takes more chunks with equal results', async () => {
    const hosts = problem([3, 30, 31, 12])
    const on = uploadAll(device, hosts)
    const variant: Variant = { activation: 'relu', residual: false, recompute: true }
    const once = (kind: 'cpu' | 'gpu') =>
      run(device, (r) => {
        Object.defineProperty(r, 'adapter', { value: { ...device.adapter, kind } })
        const { input, gamma, beta } = trainStep(r, on, variant)
        return { input, gamma, beta }
      })
    for (const kind of ['cpu', 'gpu'] as const) {
      const found = await once(kind)
      expect(await once(kind)).toEqual(found)
      const expected = expectedGradients(hosts, variant)
      for (const name of ['input', 'gamma', 'beta'] as const) expectClose(found[name], expected[name])
    }
  })
})
