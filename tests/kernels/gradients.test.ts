import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { capture, runOnce } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { reluGradient } from '../../src/kernels/elementwise.ts'
import { centerCropGradient, maxPoolGradient } from '../../src/kernels/spatial.ts'
import { weightedSumGradient } from '../../src/kernels/weighted-sum.ts'
import { evaluate, expectClose, type HostTensor, random, upload } from '../helpers/tensors.ts'
import * as elementwise from '../reference/elementwise.ts'
import { finiteDifferences } from '../reference/finite-differences.ts'
import * as gradients from '../reference/gradients.ts'
import * as spatial from '../reference/spatial.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

/** Runs a recording and reads its tensors. */
async function evaluateAll(on: Device, record: (r: Recorder) => readonly GpuTensor[]): Promise<HostTensor[]> {
  const program = await runOnce(on, record)
  const found: HostTensor[] = []
  for (const tensor of program.result) found.push({ data: await on.readF32(tensor), shape: tensor.shape })
  program.destroy()
  return found
}

describe('the reference gradients agree with finite differences', () => {
  const shape = [2, 5, 6, 2]
  const x = random('fd x', shape)

  test('weighted sum', () => {
    const levels = [x, random('fd y', shape), random('fd z', shape)]
    const logits = random('fd logits', [3])
    const upstream = random('fd weighted', shape)
    const found = gradients.weightedSum(upstream, levels, logits.data)
    const moveLogits = (moved: HostTensor) => elementwise.weightedSum(levels, moved.data)
    expectClose(finiteDifferences(moveLogits, logits, upstream), found.weights, 1e-7)
    const moveLevel = (moved: HostTensor) => elementwise.weightedSum([levels[0]!, moved, levels[2]!], logits.data)
    expectClose(finiteDifferences(moveLevel, levels[1]!, upstream), found.inputs[1]!, 1e-7)
  })

  test('max pooling, centre crop', () => {
    const window = { kernel: 3, stride: 2, padding: 1 }
    const pool = (moved: HostTensor) => spatial.maxPool(moved, 3, 2, 1)
    const upstream = random('fd pool', pool(x).shape)
    expectClose(finiteDifferences(pool, x, upstream), gradients.maxPool(upstream, x, window), 1e-7)
    const crop = (moved: HostTensor) => spatial.centerCrop(moved, 3)
    const cropped = random('fd crop', crop(x).shape)
    expectClose(finiteDifferences(crop, x, cropped), gradients.centerCrop(cropped, shape), 1e-7)
  })
})

describe.each([
  [1, 5, 4, 7],
  [3, 2, 3, 5],
  [2, 9, 3, 8],
  [2, 40, 30, 12],
])('gradients of the element-wise ops on [%i, %i, %i, %i]', (...shape: number[]) => {
  const upstream = random(`upstream ${shape}`, shape)

  test.each(['relu', 'relu6'] as const)('%s passes what it did not clamp', async (activation) => {
    const output = elementwise.activate(random(`relu ${shape}`, shape, 12), activation)
    const args = { gradient: upload(device, upstream), output: upload(device, output), activation }
    const expected = gradients.rectifier(upstream, output, activation)
    expectClose(await evaluate(device, (r) => reluGradient(r, args)), expected, 0)
  })

  test.each([1, 2, 3, 4])('weighted sum of %i levels, with respect to maps and logits', async (levels) => {
    const hosts = ['a', 'b', 'c', 'd'].slice(0, levels).map((name) => random(`${name} ${shape}`, shape))
    const logits = Float32Array.of(80, 79, 81.5, 77).slice(0, levels)
    const inputs = hosts.map((host) => upload(device, host))
    const gradient = upload(device, upstream)
    const weights = device.tensor(logits, [levels])
    const found = await evaluateAll(device, (r) => {
      const gradients = weightedSumGradient(r, { gradient, inputs, weights })
      return [...gradients.inputs, gradients.weights!]
    })
    const expected = gradients.weightedSum(upstream, hosts, logits)
    for (const [level, host] of expected.inputs.entries()) expectClose(found[level]!, host)
    const scale = Math.max(...expected.weights.data.map(Math.abs), 1)
    for (const [level, slope] of expected.weights.data.entries()) {
      expect(Math.abs(found.at(-1)!.data[level]! - slope)).toBeLessThan(1e-5 * scale)
    }
  })

  test('an average gives every level the same share', async () => {
    const inputs = [0, 1, 2].map(() => device.empty(shape))
    const gradient = upload(device, upstream)
    let count = 0
    const found = await evaluate(device, (r) => {
      const gradients = weightedSumGradient(r, { gradient, inputs })
      count = new Set(gradients.inputs).size
      expect(gradients.weights).toBeUndefined()
      return gradients.inputs[2]!
    })
    expect(count).toBe(1)
    const third = { data: Float64Array.from(upstream.data, (value) => value / 3), shape }
    expectClose(found, third)
  })
})

describe('gradient of max pooling', () => {
  test.each([
    { shape: [1, 9, 9, 2], kernel: 3, stride: 2, padding: 1 },
    { shape: [2, 8, 11, 8], kernel: 3, stride: 2, padding: 1 },
    { shape: [3, 5, 4, 3], kernel: 2, stride: 1, padding: 0 },
    { shape: [1, 7, 6, 4], kernel: 4, stride: 3, padding: 2 },
    { shape: [2, 7, 9, 5], kernel: 2, stride: 3, padding: 0 }, // some elements lie in no window
  ])('goes to the first maximum: $shape, kernel $kernel, stride $stride, padding $padding', async (problem) => {
    const { shape, ...window } = problem
    const { kernel, stride, padding } = window
    for (const levels of [1e9, 2]) {
      // Few distinct values make many ties.
      const noise = random(`pool ${shape}`, shape)
      const host = { data: noise.data.map((value) => Math.round(value * levels) / levels), shape }
      const pooled = spatial.maxPool(host, kernel, stride, padding)
      const upstream = random(`pool upstream ${shape}`, pooled.shape)
      const args = { gradient: upload(device, upstream), input: upload(device, host), output: upload(device, pooled) }
      const found = await evaluate(device, (r) => maxPoolGradient(r, { ...args, ...window }))
      expectClose(found, gradients.maxPool(upstream, host, window))
    }
  })

  test('refuses shapes of another pooling', async () => {
    const gradient = device.empty([1, 4, 4, 4])
    const args = { gradient, input: device.empty([1, 9, 9, 4]), output: gradient, kernel: 3, stride: 2, padding: 1 }
    await expect(capture(device, (r) => maxPoolGradient(r, args))).rejects.toThrow(ShapeError)
  })
})

describe('gradient of the centre crop', () => {
  test.each([
    { shape: [1, 15, 15, 8], size: 7 },
    { shape: [3, 8, 9, 5], size: 3 },
    { shape: [2, 4, 4, 4], size: 4 },
  ])('lies in the middle of zeros: $size of $shape', async ({ shape, size }) => {
    const upstream = random(`crop ${shape}`, [shape[0]!, size, size, shape[3]!])
    const gradient = upload(device, upstream)
    const found = await evaluate(device, (r) => centerCropGradient(r, { gradient, inputShape: shape }))
    expectClose(found, gradients.centerCrop(upstream, shape), 0)
  })

  test('refuses an image smaller than the crop', async () => {
    const gradient = device.empty([1, 5, 5, 4])
    const crop = (inputShape: readonly number[]) =>
      capture(device, (r) => centerCropGradient(r, { gradient, inputShape }))
    await expect(crop([1, 4, 9, 4])).rejects.toThrow(ShapeError)
    await expect(crop([2, 9, 9, 4])).rejects.toThrow(ShapeError)
  })
})

describe('batches above the binding limit', () => {
  test('are worked on in slices, with equal results and the same bits each time', async () => {
    const limited = await openDevice({ bindingLimit: 20_000 })
    const shape = [5, 16, 16, 16]
    const levels = ['a', 'b'].map((name) => random(`sliced ${name}`, shape))
    const upstream = random('sliced upstream', shape)
    const inputs = levels.map((host) => upload(limited, host))
    const gradient = upload(limited, upstream)
    const weights = limited.tensor(Float32Array.of(0.3, -0.4), [2])
    const once = () =>
      evaluateAll(limited, (r) => {
        const found = weightedSumGradient(r, { gradient, inputs, weights })
        return [...found.inputs, found.weights!]
      })
    const found = await once()
    expect(await once()).toEqual(found)
    const expected = gradients.weightedSum(upstream, levels, Float32Array.of(0.3, -0.4))
    for (const [index, host] of [...expected.inputs, expected.weights].entries()) expectClose(found[index]!, host)
    const pooled = spatial.maxPool(levels[0]!, 3, 2, 1)
    const small = random('sliced pool', pooled.shape)
    const args = { gradient: upload(limited, small), input: inputs[0]!, output: upload(limited, pooled) }
    const window = { kernel: 3, stride: 2, padding: 1 }
    const pool = await evaluate(limited, (r) => maxPoolGradient(r, { ...args, ...window }))
    expect(pool.dispatches).toBe(5)
    expectClose(pool, gradients.maxPool(small, levels[0]!, window))
    await limited.close()
  })
})
