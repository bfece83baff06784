// Optimizer kernels against float64, and against what torch.optim.SGD made of the golden cases.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture, runOnce } from '../../src/gpu/program.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import {
  accumulateGradient,
  adamWRow,
  adamWUpdate,
  clipFactor,
  sgdRow,
  sgdUpdate,
  squaredSums,
} from '../../src/kernels/optimizer.ts'
import { readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'
import { expectClose, random, relativeError, sizeOf, upload } from '../helpers/tensors.ts'
import * as reference from '../reference/optimizer.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const shapes = [[1], [3, 5], [8, 3, 3, 4], [2, 3, 7]].map((shape) => ({ shape }))

describe.each([
  { momentum: 0.9, dampening: 0, weightDecay: 0.05, nesterov: false },
  { momentum: 0.9, dampening: 0, weightDecay: 0.05, nesterov: true },
  { momentum: 0.8, dampening: 0.3, weightDecay: 0, nesterov: false },
  { momentum: 0, dampening: 0, weightDecay: 0.1, nesterov: false },
])('SGD with $momentum, $dampening, $weightDecay, $nesterov', (settings) => {
  test.each(shapes)('moves a parameter of shape $shape as float64 does', async ({ shape }) => {
    const start = random(`start ${shape}`, shape)
    const parameter = upload(device, start)
    const velocity = device.empty(shape)
    const gradient = device.empty(shape)
    const scalars = device.empty([3, 4])
    const clip = device.tensor(Float32Array.of(2, 0.5), [2])
    const program = await capture(device, (r) => {
      const moving = settings.momentum > 0 ? { velocity } : {}
      sgdUpdate(r, { parameter, gradient, ...moving, scalars, row: 1, clip, ...settings })
    })
    const expected = reference.slot(start.data)
    for (let step = 1; step <= 3; step++) {
      const lr = 0.1 / step
      const g = random(`gradient ${step}`, shape, 2)
      device.write(gradient, Float32Array.from(g.data))
      device.write(scalars, Float32Array.from([9, 9, 9, 9, ...sgdRow(lr, step, settings.dampening), 9, 9, 9, 9]))
      program.run()
      reference.sgd(expected, g.data, { lr, ...settings }, 0.5)
    }
    expectClose({ data: await device.readF32(parameter), shape }, { data: expected.value, shape })
    expectClose({ data: await device.readF32(velocity), shape }, { data: expected.first, shape })
    program.destroy()
  })
})

const variants = [
  { name: 'AdamW', coupled: false, amsgrad: false },
  { name: 'AdamW with AMSGrad', coupled: false, amsgrad: true },
  { name: 'Adam', coupled: true, amsgrad: false },
  { name: 'Adam with AMSGrad', coupled: true, amsgrad: true },
]

describe.each(variants)('$name', ({ coupled, amsgrad }) => {
  test.each(shapes)('moves a parameter of shape $shape as float64 does', async ({ shape }) => {
    const settings = { betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0.1 } as const
    const start = random(`start ${shape}`, shape)
    const parameter = upload(device, start)
    const [average, averageSquare, gradient] = [device.empty(shape), device.empty(shape), device.empty(shape)]
    const largestSquare = device.empty(shape)
    const scalars = device.empty([1, 4])
    const clip = device.tensor(Float32Array.of(2, 0.5), [2])
    const program = await capture(device, (r) => {
      const state = { average, averageSquare, ...(amsgrad && { largestSquare }) }
      adamWUpdate(r, { parameter, gradient, ...state, scalars, row: 0, clip, ...settings })
    })
    const expected = reference.slot(start.data)
    for (let step = 1; step <= 4; step++) {
      const lr = 0.01 * step
      const g = random(`gradient ${step}`, shape, 3 - 0.6 * step) // smaller and smaller: the largest square is an earlier one
      device.write(gradient, Float32Array.from(g.data))
      device.write(scalars, Float32Array.from(adamWRow({ lr, step, coupled, ...settings })))
      program.run()
      const follow = coupled ? reference.adam : reference.adamW
      follow(expected, g.data, { lr, amsgrad, ...settings }, 0.5)
    }
    expectClose({ data: await device.readF32(parameter), shape }, { data: expected.value, shape })
    expectClose({ data: await device.readF32(average), shape }, { data: expected.first, shape })
    expectClose({ data: await device.readF32(averageSquare), shape }, { data: expected.second, shape })
    const largest = amsgrad ? expected.third : new Float64Array(expected.third.length)
    expectClose({ data: await device.readF32(largestSquare), shape }, { data: largest, shape })
    program.destroy()
  })
})

interface SgdCase {
  readonly op: string
  readonly id: string
  readonly params: { momentum: number; weight_decay: number; lr: Record<string, number>; steps: number }
  readonly inputs: Readonly<Record<string, string>>
  readonly outputs: Readonly<Record<string, string>>
}

test('SGD follows torch.optim.SGD through the golden cases, a parameter without gradient left alone', async () => {
  const section = await readGoldenSection<{ cases: SgdCase[] }>(goldenDirectory, 'B')
  const cases = section.json.cases.filter(({ op }) => op === 'sgd')
  expect(cases.length).toBeGreaterThan(0)
  for (const { params, inputs, outputs, id } of cases) {
    const clip = device.tensor(Float32Array.of(1, 1), [2])
    for (const name of Object.keys(params.lr)) {
      const initial = section.tensor(inputs[name]!)
      const parameter = device.tensor(section.float32(inputs[name]!), initial.shape)
      const velocity = device.empty(initial.shape)
      const gradient = device.empty(initial.shape)
      const scalars = device.empty([1, 4])
      const { momentum, weight_decay: weightDecay } = params
      const program = await capture(device, (r) =>
        sgdUpdate(r, { parameter, gradient, velocity, scalars, row: 0, clip, momentum, weightDecay }),
      )
      let made = 0
      let lr = params.lr[name]!
      for (let step = 0; step < params.steps; step++) {
        if (step % 2 === 1) lr *= 0.5
        const key = inputs[`g.${name}.${step}`]
        if (key !== undefined) {
          device.write(gradient, section.float32(key))
          device.write(scalars, Float32Array.from(sgdRow(lr, ++made)))
          program.run()
        }
        const error = relativeError(await device.readF32(parameter), section.float32(outputs[`${name}.${step}`]!))
        expect(error, `${id} ${name} step ${step}`).toBeLessThanOrEqual(1e-6)
      }
      program.destroy()
    }
  }
})

describe('the norm of all gradients', () => {
  const hosts = [[5], [3, 3, 7, 4], [1], [130, 257], [64, 1024]].map((shape) => random(`norm ${shape}`, shape))
  const norm = reference.gradientNorm(hosts.map(({ data }) => data))

  /** @param scale what the gradients are multiplied by */
  async function measure(target: Device, maxNorm?: number, scale = 1): Promise<Float32Array> {
    const gradients = hosts.map(({ data, shape }) => upload(target, { data: data.map((x) => x * scale), shape }))
    const unscale = scale === 1 ? undefined : target.tensor(Float32Array.of(1 / scale), [1])
    const program = await runOnce(target, (r) =>
      clipFactor(r, squaredSums(r, gradients, 'norm', unscale), maxNorm, 'clip', unscale),
    )
    const found = await target.readF32(program.result)
    program.destroy()
    return found
  }

  test('is that of float64, and clips only above the limit', async () => {
    const unlimited = await measure(device)
    expect(unlimited[0]! / norm).toBeCloseTo(1, 5)
    expect(unlimited[1]).toBe(1)
    expect((await measure(device, 2 * norm))[1]).toBe(1)
    expect((await measure(device, norm / 4))[1]! / (norm / 4 / (norm + 1e-6))).toBeCloseTo(1, 5)
  })

  test('is what it is without the scale of the loss, bit for bit where that is a power of two', async () => {
    const found = (scale: number, maxNorm?: number) => measure(device, maxNorm, scale)
    for (const limit of [undefined, norm / 4]) {
      const [norm1, clip1] = await found(1, limit)
      for (const scale of [2 ** 16, 2 ** -10, 2 ** 70]) {
        const [norm2, clip2] = await found(scale, limit)
        expect([norm2, clip2! * scale]).toEqual([norm1, clip1])
      }
      const [norm3, clip3] = await found(1000, limit)
      expect(norm3! / norm1!).toBeCloseTo(1, 6)
      expect((clip3! * 1000) / clip1!).toBeCloseTo(1, 6)
    }
  })

  test('has the same bits every time, and in slices of the binding limit nearly so', async () => {
    expect(await measure(device)).toEqual(await measure(device))
    const limited = await openDevice({ bindingLimit: 4096 })
    expect((await measure(limited))[0]! / norm).toBeCloseTo(1, 5)
    await limited.close()
  })

  test('refuses an empty list', async () => {
    await expect(capture(device, (r) => squaredSums(r, []))).rejects.toThrow(ShapeError)
  })
})

describe.each([Number.NaN, Number.POSITIVE_INFINITY])('a gradient with %d', (bad) => {
  test('leaves parameters and state as they were', async () => {
    const size = 12
    const gradients = [device.tensor(new Float32Array(size).fill(1), [size]), device.empty([size])]
    device.write(gradients[1]!, Float32Array.of(bad))
    const clean = () => device.tensor(new Float32Array(size).fill(3), [size])
    const state = Array.from({ length: 5 }, clean)
    const [first, velocity, second, average, averageSquare] = state as [GpuTensor, ...GpuTensor[]]
    const scalars = device.tensor(Float32Array.of(0.1, 1, 1, 0), [1, 4])
    const program = await runOnce(device, (r) => {
      const clip = clipFactor(r, squaredSums(r, gradients), 1)
      const common = { scalars, row: 0, clip }
      sgdUpdate(r, { parameter: first, gradient: gradients[0]!, velocity: velocity!, momentum: 0.9, ...common })
      const averages = { average: average!, averageSquare: averageSquare! }
      adamWUpdate(r, {
        ...common,
        ...averages,
        parameter: second!,
        gradient: gradients[0]!,
        betas: [0.9, 0.9],
        eps: 1e-8,
      })
      return clip
    })
    expect(Number.isFinite((await device.readF32(program.result))[0])).toBe(false)
    for (const tensor of state) expect(new Set(await device.readF32(tensor))).toEqual(new Set([3]))
    program.destroy()
  })
})

test('updates above the binding limit are worked on in slices', async () => {
  const limited = await openDevice({ bindingLimit: 1024 })
  const shape = [7, 5, 33]
  const [start, g] = [random('sliced start', shape), random('sliced gradient', shape)]
  const parameter = upload(limited, start)
  const velocity = limited.empty(shape)
  const scalars = limited.tensor(Float32Array.from(sgdRow(0.1, 1)), [1, 4])
  const clip = limited.tensor(Float32Array.of(1, 1), [2])
  const gradient = upload(limited, g)
  const settings = { momentum: 0.9, weightDecay: 0.01, nesterov: false }
  const program = await runOnce(limited, (r) =>
    sgdUpdate(r, { parameter, gradient, velocity, scalars, row: 0, clip, ...settings }),
  )
  expect(program.stats.dispatches).toBe(Math.ceil((sizeOf(shape) * 4) / 1024))
  const expected = reference.slot(start.data)
  reference.sgd(expected, g.data, { lr: 0.1, dampening: 0, ...settings })
  expectClose({ data: await limited.readF32(parameter), shape }, { data: expected.value, shape })
  await limited.close()
})

test.each([{ shape: [7] }, { shape: [4, 3] }])('accumulation begins anew or goes on: $shape', async ({ shape }) => {
  const [a, b] = [random('a', shape), random('b', shape)]
  const sum = device.tensor(new Float32Array(sizeOf(shape)).fill(Number.NaN), shape)
  const gradient = upload(device, a)
  const scalars = device.tensor(Float32Array.of(0, 0.25), [2])
  const program = await capture(device, (r) => accumulateGradient(r, { sum, gradient, scalars }))
  program.run()
  device.write(gradient, Float32Array.from(b.data))
  device.write(scalars, Float32Array.of(1, 0.75))
  program.run()
  const expected = Float64Array.from(a.data, (value, i) => 0.25 * value + 0.75 * b.data[i]!)
  expectClose({ data: await device.readF32(sum), shape }, { data: expected, shape })
  program.destroy()
})

test('refuses tensors that do not fit one another', async () => {
  const [four, five] = [device.empty([4]), device.empty([5], 'f32', 'five')]
  const common = { scalars: device.empty([2, 4]), clip: device.empty([2]) }
  const wrong = [
    { parameter: four, gradient: five, row: 0, ...common },
    { parameter: four, gradient: four, velocity: five, row: 0, ...common },
    { parameter: four, gradient: four, row: 2, ...common },
    { parameter: four, gradient: four, row: 0, momentum: 0.9, ...common },
    { parameter: four, gradient: four, row: 0, ...common, clip: four },
  ]
  for (const args of wrong) await expect(capture(device, (r) => sgdUpdate(r, args))).rejects.toThrow(ShapeError)
})
