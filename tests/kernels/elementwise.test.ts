import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture } from '../../src/gpu/program.ts'
import { add, fill, relu, relu6, scale } from '../../src/kernels/elementwise.ts'
import { foldBatchNorm, foldOnDevice, frozenBatchNorm } from '../../src/kernels/norm.ts'
import { weightedSum } from '../../src/kernels/weighted-sum.ts'
import { evaluate, expectClose, random, sizeOf, upload } from '../helpers/tensors.ts'
import * as reference from '../reference/elementwise.ts'

const shapes = [
  [1, 5, 4, 7], // samples divide into fours, channels do not
  [3, 2, 3, 5], // neither does
  [2, 9, 3, 8], // both do
  [3],
] as const

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

describe.each(shapes)('element-wise ops on [%i, %i, %i, %i]', (...dimensions: readonly (number | undefined)[]) => {
  const shape = dimensions.filter((size) => size !== undefined)
  const a = random(`a ${shape}`, shape)
  const b = random(`b ${shape}`, shape, 3)
  const c = random(`c ${shape}`, shape)
  const d = random(`d ${shape}`, shape, 2)

  test('relu keeps positive values only', async () => {
    const input = upload(device, a)
    expectClose(await evaluate(device, (r) => relu(r, input)), reference.activate(a, 'relu'), 0)
  })

  test('relu6 keeps what lies between zero and six', async () => {
    const large = random(`large ${shape}`, shape, 12)
    const input = upload(device, large)
    expectClose(await evaluate(device, (r) => relu6(r, input)), reference.activate(large, 'relu6'), 1e-7)
  })

  test('add sums, and clamps with relu', async () => {
    const args = { a: upload(device, a), b: upload(device, b) }
    expectClose(await evaluate(device, (r) => add(r, args)), reference.add(a, b))
    const clamped = await evaluate(device, (r) => add(r, { ...args, activation: 'relu' }))
    expectClose(clamped, reference.activate(reference.add(a, b), 'relu'))
  })

  test('scale multiplies by a number that lives on the device', async () => {
    const input = upload(device, a)
    const factor = device.tensor(Float32Array.of(-2.5), [1])
    const expected = { data: a.data.map((value) => Math.fround(-2.5 * value)), shape }
    expectClose(await evaluate(device, (r) => scale(r, { input, factor })), expected, 1e-7)
  })

  test('fill writes every element', async () => {
    const expected = { data: new Float32Array(sizeOf(shape)).fill(-0.375), shape }
    expectClose(await evaluate(device, (r) => fill(r, shape, -0.375)), expected, 0)
  })

  test.each([1, 2, 3, 4])('weightedSum of %i levels uses the softmax of the logits, or the average', async (levels) => {
    const hosts = [a, b, c, d].slice(0, levels)
    const inputs = hosts.map((host) => upload(device, host))
    const logits = Float32Array.of(80, 79, 81.5, 77).slice(0, levels)
    const weights = device.tensor(logits, [levels])
    const weighted = await evaluate(device, (r) => weightedSum(r, { inputs, weights }))
    expectClose(weighted, reference.weightedSum(hosts, logits))
    expectClose(await evaluate(device, (r) => weightedSum(r, { inputs })), reference.weightedSum(hosts))
  })
})

describe('frozen batch norm', () => {
  test.each([3, 8, 17])('normalises %i channels, and clamps with relu', async (channels) => {
    const x = random(`x ${channels}`, [2, 4, 3, channels])
    const vector = (name: string) => random(`${name} ${channels}`, [channels]).data
    const variance = vector('variance').map((value) => Math.abs(value) + 0.01)
    const statistics = { gamma: vector('gamma'), beta: vector('beta'), mean: vector('mean'), variance }
    const folded = foldBatchNorm(statistics, 1e-5)
    const input = upload(device, x)
    const scale = device.tensor(folded.scale, [channels])
    const bias = device.tensor(folded.bias, [channels])
    const expected = reference.batchNorm(x, statistics, 1e-5)
    expectClose(await evaluate(device, (r) => frozenBatchNorm(r, { input, scale, bias })), expected)
    const clamped = await evaluate(device, (r) => frozenBatchNorm(r, { input, scale, bias, activation: 'relu' }))
    expectClose(clamped, reference.activate(expected, 'relu'))
    const large = device.tensor(
      folded.scale.map((value) => 20 * value),
      [channels],
    )
    const six = await evaluate(device, (r) => frozenBatchNorm(r, { input, scale: large, bias, activation: 'relu6' }))
    const [gamma, mean] = [statistics.gamma.map((value) => 20 * value), statistics.mean]
    const beta = statistics.beta.map(
      (value, c) => value + ((gamma[c]! - statistics.gamma[c]!) / Math.sqrt(variance[c]! + 1e-5)) * mean[c]!,
    )
    const wide = reference.batchNorm(x, { gamma, beta, mean, variance }, 1e-5)
    expectClose(six, reference.activate(wide, 'relu6'), 2e-5)
  })

  test.each([1, 64, 100])('folds %i channels on the device as on the host', async (channels) => {
    const vector = (name: string) => random(`${name} ${channels}`, [channels])
    const variance = { ...vector('variance'), data: vector('variance').data.map((value) => Math.abs(value)) }
    const hosts = { gamma: vector('gamma'), beta: vector('beta'), mean: vector('mean'), variance }
    const expected = foldBatchNorm(
      { gamma: hosts.gamma.data, beta: hosts.beta.data, mean: hosts.mean.data, variance: variance.data },
      1e-5,
    )
    const [gamma, beta, mean] = [hosts.gamma, hosts.beta, hosts.mean].map((host) => upload(device, host))
    const args = { gamma: gamma!, beta: beta!, mean: mean!, variance: upload(device, variance), eps: 1e-5 }
    for (const part of ['scale', 'bias'] as const) {
      const found = await evaluate(device, (r) => {
        const folded = foldOnDevice(r, args)
        r.keep(folded[part])
        return folded[part]
      })
      expectClose(found, { data: expected[part], shape: [channels] }, 1e-6)
    }
  })

  test('refuses statistics of other lengths', () => {
    const ones = [1, 1]
    expect(() => foldBatchNorm({ gamma: ones, beta: ones, mean: [1], variance: ones }, 1e-5)).toThrow(ShapeError)
  })
})

describe('shapes', () => {
  test('of a factor, and of folded statistics, are checked', async () => {
    const [two, three] = [device.empty([2], 'f32', 'two'), device.empty([3], 'f32', 'three')]
    await expect(capture(device, (r) => scale(r, { input: three, factor: two }))).rejects.toThrow(
      /`two` is f32 \[2\], expected f32 \[1\]/,
    )
    const args = { gamma: three, beta: three, mean: two, variance: three, eps: 1e-5 }
    await expect(capture(device, (r) => foldOnDevice(r, args).scale)).rejects.toThrow(ShapeError)
  })

  test('must be equal in a sum, and the message names the tensor', async () => {
    const a = device.empty([2, 3])
    const b = device.empty([3, 2], 'f32', 'other')
    await expect(capture(device, (r) => add(r, { a, b }))).rejects.toThrow(
      /`other` is f32 \[3,2\], expected f32 \[2,3\]/,
    )
    await expect(capture(device, (r) => weightedSum(r, { inputs: [a, b] }))).rejects.toThrow(ShapeError)
    await expect(capture(device, (r) => weightedSum(r, { inputs: [] }))).rejects.toThrow(ShapeError)
  })

  test('need as many logits as levels', async () => {
    const inputs = [device.empty([2, 3]), device.empty([2, 3])]
    const weights = device.empty([3])
    await expect(capture(device, (r) => weightedSum(r, { inputs, weights }))).rejects.toThrow(ShapeError)
  })
})

describe('a tensor above the binding limit', () => {
  test('is worked on in batch slices, with equal results', async () => {
    const limited = await openDevice({ bindingLimit: 4096 })
    const a = random('sliced a', [5, 8, 8, 12])
    const b = random('sliced b', [5, 8, 8, 12])
    const args = { a: upload(limited, a), b: upload(limited, b) }
    const result = await evaluate(limited, (r) => add(r, args))
    expect(result.dispatches).toBe(5)
    expectClose(result, reference.add(a, b))
    await limited.close()
  })
})

describe('more workgroups than one dimension takes', () => {
  test('spread over y', async () => {
    const count = 65535 * 64 + 7 // not divisible by four: one invocation per element
    const data = Float32Array.from({ length: count }, (_, i) => (i % 3) - 1)
    const input = device.tensor(data, [1, count])
    const program = await capture(device, (r) => relu(r, input))
    program.run()
    const found = await device.readF32(program.result)
    expect(found.findIndex((value, i) => value !== Math.max(0, data[i]!))).toBe(-1)
    program.destroy()
    device.release(input)
  })
})

describe('cost model', () => {
  test('counts each tensor once, and every element', async () => {
    const inputs = [device.empty([2, 3, 4]), device.empty([2, 3, 4])]
    const program = await capture(device, (r) => weightedSum(r, { inputs }))
    expect(program.stats.bytes).toBe(3 * 24 * 4)
    expect(program.stats.flops).toBe(3 * 24)
    program.destroy()
  })
})
