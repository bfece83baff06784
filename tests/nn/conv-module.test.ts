// ConvModule against convolution, batch norm and ReLU in float64, one after the other.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import type { Activation } from '../../src/kernels/activation.ts'
import { ConvModule, type ConvSpec, convShapes } from '../../src/nn/conv-module.ts'
import { ModuleStateError } from '../../src/nn/errors.ts'
import { evaluate, expectClose, type HostTensor, random, sizeOf, upload } from '../helpers/tensors.ts'
import { conv2d } from '../reference/conv2d.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

function spec(name: string, changes: Partial<ConvSpec> = {}): ConvSpec {
  return {
    ...{ name, inChannels: 8, outChannels: 12, kernel: 3, stride: 1, padding: 1, dilation: 1, bias: false, eps: 1e-5 },
    ...changes,
  }
}

/** Seeded values of a tensor of the state dict; variances are positive. */
function values(name: string, shape: readonly number[]): HostTensor {
  const { data } = random(name, shape)
  return { data: name.endsWith('running_var') ? data.map((value) => Math.abs(value) + 0.5) : data, shape }
}

function source(...specs: readonly ConvSpec[]): (name: string) => Float32Array {
  const shapes = new Map(specs.flatMap(convShapes))
  return (name) => {
    const shape = shapes.get(name)
    if (!shape) throw new Error(`no tensor ${name}`)
    return Float32Array.from(values(name, shape).data)
  }
}

/** The convolution, its batch norm as PyTorch states it, and the rest. */
function reference(one: ConvSpec, input: HostTensor, options: { residual?: HostTensor; activation?: Activation } = {}) {
  const { name, norm, stride, padding, dilation, groups = 1, eps, outChannels } = one
  const shapes = new Map(convShapes(one))
  const get = (key: string) => values(key, shapes.get(key)!)
  const weight = get(`${name}.weight`)
  if (!norm) {
    const bias = one.bias ? { bias: get(`${name}.bias`) } : {}
    return conv2d({ input, weight, stride, padding, dilation, groups, ...bias, ...options })
  }
  const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(
    (key) => get(`${norm}.${key}`).data,
  )
  const scale = Float64Array.from({ length: outChannels }, (_, c) => gamma![c]! / Math.sqrt(variance![c]! + eps))
  const bias = scale.map((factor, c) => beta![c]! - mean![c]! * factor)
  const vector = (data: Float64Array): HostTensor => ({ data, shape: [outChannels] })
  return conv2d({
    input,
    weight,
    stride,
    padding,
    dilation,
    groups,
    scale: vector(scale),
    bias: vector(bias),
    ...options,
  })
}

describe('forward', () => {
  test.each<[string, ConvSpec]>([
    ['a batch norm', spec('a', { norm: 'a.bn' })],
    ['a bias', spec('b', { bias: true })],
    ['neither', spec('c')],
    ['a stride', spec('d', { norm: 'd.bn', stride: 2, padding: 0 })],
    ['a dilation', spec('e', { norm: 'e.bn', dilation: 2, padding: 2 })],
    ['kept Winograd filters where they pay', spec('f', { norm: 'f.bn', inChannels: 96, outChannels: 96 })],
    ['a filter per channel', spec('h', { norm: 'h.bn', inChannels: 12, groups: 12 })],
    ['an odd number of outputs', spec('g', { bias: true, kernel: 1, padding: 0, outChannels: 10 })],
  ])('with %s equals the reference, with and without residual and ReLU', async (_, one) => {
    const module = new ConvModule([one], { inputSizes: [17] })
    await module.load(device, source(one))
    const input = random('input', [2, 17, 17, one.inChannels])
    const plain = reference(one, input)
    const tensor = upload(device, input)
    expectClose(await evaluate(device, (r) => module.forward(r, tensor)), plain)
    const residual = random('residual', plain.shape, 3)
    const added = upload(device, residual)
    const whole = await evaluate(device, (r) => module.forward(r, tensor, { residual: added, activation: 'relu' }))
    expectClose(whole, reference(one, input, { residual, activation: 'relu' }))
    for (const used of [tensor, added]) device.release(used)
    module.release(device)
  })

  test('without batch norm and bias is the bare convolution', async () => {
    const one = spec('bare', { norm: 'bare.bn' })
    const module = new ConvModule([one])
    await module.load(device, source(one))
    const input = random('input', [1, 9, 9, 8])
    const tensor = upload(device, input)
    const { padding } = one
    const expected = conv2d({ input, weight: values('bare.weight', [12, 8, 3, 3]), padding })
    expectClose(await evaluate(device, (r) => module.convolve(r, tensor)), expected)
    device.release(tensor)
    module.release(device)
  })

  test('of parts gives their outputs side by side, in one dispatch', async () => {
    const parts = [spec('p.0', { norm: 'p.0.bn' }), spec('p.1', { norm: 'p.1.bn', outChannels: 4 })] as const
    const module = new ConvModule(parts)
    await module.load(device, source(...parts))
    expect(module.outChannels).toBe(16)
    const input = random('input', [1, 10, 10, 8])
    const tensor = upload(device, input)
    const found = await evaluate(device, (r) => module.forward(r, tensor, { activation: 'relu' }))
    expect(found.dispatches).toBe(1)
    const [first, second] = parts.map((part) => reference(part, input, { activation: 'relu' }))
    const pixels = sizeOf(found.shape) / 16
    const data = Float64Array.from({ length: pixels * 16 }, (_, i) => {
      const [pixel, channel] = [Math.floor(i / 16), i % 16]
      return channel < 12 ? first!.data[pixel * 12 + channel]! : second!.data[pixel * 4 + channel - 12]!
    })
    expectClose(found, { data, shape: [1, 10, 10, 16] })
    device.release(tensor)
    module.release(device)
  })

  test('reads some of the channels of a wider input', async () => {
    const one = spec('part', { norm: 'part.bn', kernel: 1, padding: 0 })
    const module = new ConvModule([one])
    await module.load(device, source(one))
    const wide = random('wide', [1, 6, 6, 24])
    const data = Float64Array.from({ length: 36 * 8 }, (_, i) => wide.data[Math.floor(i / 8) * 24 + 8 + (i % 8)]!)
    const tensor = upload(device, wide)
    const found = await evaluate(device, (r) => module.forward(r, tensor, { firstChannel: 8 }))
    expectClose(found, reference(one, { data, shape: [1, 6, 6, 8] }))
    device.release(tensor)
    module.release(device)
  })

  test('takes an image of four channels with a filter of three', async () => {
    const one = spec('stem', { norm: 'stem.bn', inChannels: 3, kernel: 7, stride: 2, padding: 0, padInput: 4 })
    const module = new ConvModule([one])
    await module.load(device, source(one))
    const image = random('image', [1, 21, 21, 3], 255)
    const padded = Float32Array.from({ length: 21 * 21 * 4 }, (_, i) =>
      i % 4 === 3 ? 0 : image.data[Math.floor(i / 4) * 3 + (i % 4)]!,
    )
    const tensor = device.tensor(padded, [1, 21, 21, 4])
    expectClose(await evaluate(device, (r) => module.forward(r, tensor)), reference(one, image))
    device.release(tensor)
    module.release(device)
  })
})

describe('weights', () => {
  test('are freed on release and on a failed load, and replaced by the next load', async () => {
    const one = spec('w', { norm: 'w.bn', inChannels: 96, outChannels: 96 })
    const module = new ConvModule([one], { inputSizes: [17, 5] }) // both forms of the filter
    const before = device.memory.bytes
    await module.load(device, source(one))
    const loaded = device.memory.bytes
    expect(loaded).toBeGreaterThan(before)
    await module.load(device, source(one))
    expect(device.memory.bytes).toBe(loaded)
    const broken = module.load(device, (name) => {
      if (name === 'w.bn.running_var') throw new Error('no such tensor')
      return source(one)(name)
    })
    await expect(broken).rejects.toThrow('no such tensor')
    module.release(device)
    module.release(device)
    expect(device.memory.bytes).toBe(before)
  })

  test('that are not there are told by the name of the module', async () => {
    const module = new ConvModule([spec('lonely')])
    const input = device.empty([1, 5, 5, 8])
    await expect(evaluate(device, (r) => module.forward(r, input))).rejects.toThrow(ModuleStateError)
    await expect(evaluate(device, (r) => module.forward(r, input))).rejects.toThrow('Module `lonely` has no weights')
    device.release(input)
  })
})

test("names and shapes are PyTorch's, in its order", () => {
  expect(convShapes(spec('x.conv', { norm: 'x.bn', inChannels: 4, outChannels: 6 }))).toEqual([
    ['x.conv.weight', [6, 4, 3, 3]],
    ['x.bn.weight', [6]],
    ['x.bn.bias', [6]],
    ['x.bn.running_mean', [6]],
    ['x.bn.running_var', [6]],
    ['x.bn.num_batches_tracked', []],
  ])
  expect(convShapes(spec('y', { bias: true })).map(([name]) => name)).toEqual(['y.weight', 'y.bias'])
})
