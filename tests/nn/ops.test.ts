// Every differentiable op in the middle of a graph, against finite differences in float64.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { capture } from '../../src/gpu/program.ts'
import { Tape } from '../../src/nn/autograd.ts'
import { ModuleStateError } from '../../src/nn/errors.ts'
import * as ops from '../../src/nn/ops.ts'
import { Parameter } from '../../src/nn/parameter.ts'
import { checkGradients, type GradientCase, type Graph } from '../helpers/gradcheck.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const conv = (name: string, shape: readonly number[], options: object, filter: readonly number[]) => {
  const one: GradientCase = {
    inputs: { x: shape, bias: [filter[0]!] },
    filters: { filter },
    build: (g, input) => g.conv2d(input('x'), 'filter', { bias: 'bias', ...options }),
  }
  return [name, one] as const
}

const map = [2, 5, 4, 3]
const other = { x: map, y: map }
const norm = { x: map, gamma: [3], beta: [3] }

const cases: readonly (readonly [string, GradientCase])[] = [
  conv('a convolution', [2, 5, 6, 3], { padding: 1 }, [5, 3, 3, 3]),
  conv('a convolution of stride 2', [2, 7, 6, 3], { stride: 2, padding: 1 }, [4, 3, 3, 3]),
  conv('a convolution of stride 2 that leaves a row over', [1, 8, 7, 2], { stride: 2 }, [6, 2, 3, 3]),
  conv('a convolution of dilation 2', [1, 7, 6, 4], { padding: 2, dilation: 2 }, [3, 4, 3, 3]),
  conv('a convolution of dilation 2 and stride 2', [1, 9, 8, 2], { padding: 1, dilation: 2, stride: 2 }, [3, 2, 3, 3]),
  conv('a 1x1 convolution', [2, 3, 5, 5], {}, [7, 5, 1, 1]),
  conv('a convolution in groups', [2, 5, 5, 4], { padding: 1, groups: 2 }, [6, 2, 3, 3]),
  conv('a depthwise convolution', [2, 5, 6, 3], { padding: 1, groups: 3 }, [3, 1, 3, 3]),
  conv('a depthwise convolution of stride 2', [1, 6, 5, 4], { padding: 1, stride: 2, groups: 4 }, [4, 1, 3, 3]),
  ['a batch norm', { inputs: norm, build: (g, at) => g.batchNorm(normOf(at)) }],
  ['a batch norm with ReLU', { inputs: norm, build: (g, at) => g.batchNorm(normOf(at), { activation: 'relu' }) }],
  [
    'a batch norm with residual and ReLU',
    { inputs: { ...norm, y: map }, build: (g, at) => g.batchNorm(normOf(at, at('y')), { activation: 'relu' }) },
  ],
  ['a batch norm with residual', { inputs: { ...norm, y: map }, build: (g, at) => g.batchNorm(normOf(at, at('y'))) }],
  ['a frozen batch norm', { inputs: norm, build: (g, at) => g.frozenBatchNorm(normOf(at)) }],
  [
    'a frozen batch norm with ReLU',
    { inputs: norm, build: (g, at) => g.frozenBatchNorm(normOf(at), { activation: 'relu' }) },
  ],
  [
    'a frozen batch norm with residual and ReLU',
    { inputs: { ...norm, y: map }, build: (g, at) => g.frozenBatchNorm(normOf(at, at('y')), { activation: 'relu' }) },
  ],
  [
    'a frozen batch norm with residual',
    { inputs: { ...norm, y: map }, build: (g, at) => g.frozenBatchNorm(normOf(at, at('y'))) },
  ],
  ['a ReLU', { inputs: { x: map }, build: (g, at) => g.relu(at('x')) }],
  ['a ReLU6', { inputs: { x: map }, build: (g, at) => g.relu6(eightfold(g, at('x'))) }],
  [
    'a sum with ReLU6',
    { inputs: other, build: (g, at) => g.add(eightfold(g, at('x')), at('y'), { activation: 'relu6' }) },
  ],
  [
    'a batch norm with ReLU6',
    {
      inputs: norm,
      build: (g, at) => g.batchNorm({ ...normOf(at), gamma: eightfold(g, at('gamma')) }, { activation: 'relu6' }),
    },
  ],
  ['a sigmoid', { inputs: { x: map }, build: (g, at) => g.sigmoid(at('x')) }],
  ['a global average pool', { inputs: { x: map }, build: (g, at) => g.globalAveragePool(at('x')) }],
  [
    'a linear layer',
    {
      inputs: { x: [3, 1, 1, 5], bias: [4] },
      filters: { filter: [4, 5] },
      build: (g, at) => g.linear(at('x'), 'filter', 'bias'),
    },
  ],
  [
    'a classifier: pool, linear layer and softmax cross entropy',
    {
      inputs: { x: [3, 2, 3, 4] },
      filters: { filter: [5, 4] },
      build: (g, at) => g.softmaxCrossEntropy(g.linear(g.globalAveragePool(at('x')), 'filter')),
    },
  ],
  ['a sum', { inputs: other, build: (g, at) => g.add(at('x'), at('y')) }],
  ['a sum with ReLU', { inputs: other, build: (g, at) => g.add(at('x'), at('y'), { activation: 'relu' }) }],
  [
    'a max pooling',
    { inputs: { x: [2, 7, 6, 3] }, build: (g, at) => g.maxPool(at('x'), { kernel: 3, stride: 2, padding: 1 }) },
  ],
  [
    'samples once more behind their batch',
    { inputs: { x: [3, 2, 3, 2] }, build: (g, at) => g.appendSamples(at('x'), { first: 1, count: 2 }) },
  ],
  ['a centre crop', { inputs: { x: [2, 6, 6, 3] }, build: (g, at) => g.centerCrop(at('x'), 3) }],
  [
    'a bilinear resize with aligned corners',
    { inputs: { x: [2, 3, 4, 3] }, build: (g, at) => g.bilinearResize(at('x'), { size: 5, alignCorners: true }) },
  ],
  ['a bilinear resize', { inputs: { x: [1, 4, 3, 4] }, build: (g, at) => g.bilinearResize(at('x'), { size: 5 }) }],
  ['a nearest resize', { inputs: { x: [2, 4, 3, 3] }, build: (g, at) => g.nearestResize(at('x'), { size: 5 }) }],
  [
    'a correlation',
    { inputs: { x: [2, 5, 4, 3], k: [2, 3, 2, 3] }, build: (g, at) => g.depthwiseCorrelation(at('x'), at('k')) },
  ],
  [
    'a correlation with itself',
    { inputs: { x: [2, 2, 3, 2] }, build: (g, at) => g.depthwiseCorrelation(at('x'), at('x')) },
  ],
  [
    'a weighted sum',
    {
      inputs: { ...other, z: map, weights: [3] },
      build: (g, at) => g.weightedSum([at('x'), at('y'), at('z')], at('weights')),
    },
  ],
  ['an average', { inputs: { ...other, z: map }, build: (g, at) => g.weightedSum([at('x'), at('y'), at('z')]) }],
  ['a loss', { inputs: { x: [2, 3, 2, 4] }, build: (g, at) => g.loss(at('x')) }],
  [
    'a loss that counts three times',
    {
      inputs: { x: [2, 3, 2, 4] },
      build: (g, at) => {
        const loss = g.loss(at('x'))
        return g.add(g.add(loss, loss), loss)
      },
    },
  ],
  [
    'a map that goes three ways',
    { inputs: { x: map }, build: (g, at) => g.add(g.relu(at('x')), g.add(at('x'), g.weightedSum([at('x'), at('x')]))) },
  ],
  [
    'a filter that is used twice',
    {
      inputs: { x: [1, 5, 4, 3] },
      filters: { filter: [3, 3, 3, 3] },
      build: (g, at) => g.conv2d(g.conv2d(at('x'), 'filter', { padding: 1 }), 'filter', { padding: 1 }),
    },
  ],
  [
    'a filter and a bias on two inputs',
    {
      inputs: { x: [1, 5, 4, 3], y: [1, 2, 2, 3], bias: [2] },
      filters: { filter: [2, 3, 1, 1] },
      build: (g, at) => {
        const [search, template] = [at('x'), at('y')].map((x) => g.conv2d(x, 'filter', { bias: 'bias' }))
        return g.depthwiseCorrelation(search!, template!)
      },
    },
  ],
]

function normOf<T>(at: (name: string) => T, residual?: T) {
  return { input: at('x'), gamma: at('gamma'), beta: at('beta'), ...(residual !== undefined && { residual }) }
}

describe('gradients agree with finite differences through', () => {
  test.each(cases)('%s', async (_, one) => {
    await checkGradients(device, one)
  })

  test.each(cases)('%s, maps in half precision', async (_, one) => {
    await checkGradients(device, one, { precision: 'f16' })
  })

  test('nothing, if the tolerance is beyond float32', async () => {
    const [, relu] = cases.find(([name]) => name === 'a ReLU')!
    await expect(checkGradients(device, relu, { tolerance: 1e-12 })).rejects.toThrow(/relative error .* above 1e-12/)
  })
})

describe('conv2d', () => {
  test('refuses a parameter that is no filter', async () => {
    const parameter = new Parameter(device, { name: 'head.cls_weight', shape: [3], values: new Float32Array(3) })
    const input = device.empty([1, 4, 4, 3])
    const recorded = capture(device, (r) => {
      const tape = new Tape(r)
      const filter = { parameter, tensor: tape.parameter(parameter, true) }
      return ops.conv2d(tape, { input: tape.constant(input), filter }).data
    })
    await expect(recorded).rejects.toThrow(ModuleStateError)
    await expect(recorded).rejects.toThrow('parameter `head.cls_weight` is no filter')
    parameter.release(device)
    device.release(input)
  })
})

/** Values that a ReLU6 clamps on both sides. */
function eightfold<T>(g: Graph<T>, x: T): T {
  const twice = (value: T) => g.add(value, value)
  return twice(twice(twice(x)))
}
