import { describe, expect, test } from 'vitest'
import { toFloat32 } from '../../src/formats/state-dict.ts'
import { type ConfigInput, parseConfig } from '../../src/siamrpn/config.ts'
import { small } from '../../src/siamrpn/configs/small.ts'
import { initialWeights } from '../../src/siamrpn/initial-weights.ts'
import { stateDictShapes } from '../../src/siamrpn/layout.ts'

const { model } = parseConfig(small)
const drawn = initialWeights(model, 1)
const values = (name: string, from = drawn) => toFloat32(from.get(name)!)

/** Mean and standard deviation, and fourth moment over that of a normal distribution with the same variance. */
function statistics(data: Float32Array) {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length
  const moment = (order: number) => data.reduce((sum, value) => sum + (value - mean) ** order, 0) / data.length
  return { mean, deviation: Math.sqrt(moment(2)), tails: moment(4) / (3 * moment(2) ** 2) }
}

const normalSpread = 1
const uniformSpread = 0.6

describe('initial weights', () => {
  test('have the names, shapes and order of the state dict', () => {
    expect([...drawn].map(([name, { shape }]) => [name, shape])).toEqual([...stateDictShapes(model)])
  })

  test.each([
    ['backbone.layer3.0.conv2.weight', Math.sqrt(2 / (32 * 9)), normalSpread],
    ['backbone.layer4.0.downsample.0.weight', Math.sqrt(2 / (256 * 9)), normalSpread],
    ['neck.convs.2.conv.weight', Math.sqrt(2 / (16 + 256)), uniformSpread],
    ['head.cls_heads.1.search_convs.conv.weight', Math.sqrt(2 / (16 * 9)), normalSpread],
  ])('of %s have standard deviation %d', (name, expected, tails) => {
    const data = values(name)
    const found = statistics(data)
    const error = 5 / Math.sqrt(data.length) // five standard errors, or more
    expect(Math.abs(found.mean / expected)).toBeLessThan(error)
    expect(Math.abs(found.deviation / expected - 1)).toBeLessThan(error)
    expect(Math.abs(found.tails - tails)).toBeLessThan(4 * error)
  })

  test('of a uniform distribution stay within its bounds', () => {
    const bound = Math.sqrt(6 / (16 + 128))
    const data = values('neck.convs.1.conv.weight')
    expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(bound)
    expect(Math.max(...data)).toBeGreaterThan(0.98 * bound)
    expect(Math.min(...data)).toBeLessThan(-0.98 * bound)
  })

  test('of the neck follow its init_cfg', () => {
    const neck = { ...small.model.neck, init_cfg: { type: 'Xavier', gain: 2, distribution: 'normal' } }
    const normal = parseConfig({ ...small, model: { ...small.model, neck } } as ConfigInput).model
    const found = statistics(values('neck.convs.2.conv.weight', initialWeights(normal, 1)))
    expect(found.deviation / Math.sqrt(8 / (16 + 256))).toBeCloseTo(1, 1)
    expect(found.tails).toBeCloseTo(normalSpread, 0)
    const bare = parseConfig({
      ...small,
      model: { ...small.model, neck: { ...neck, init_cfg: null } },
    } as ConfigInput).model
    const kaiming = statistics(values('neck.convs.2.conv.weight', initialWeights(bare, 1)))
    expect(kaiming.deviation / Math.sqrt(2 / 16)).toBeCloseTo(1, 1)
  })

  test('of the head follow its init_cfg', () => {
    const init_cfg = {
      type: 'Kaiming',
      a: Math.sqrt(5),
      mode: 'fan_in',
      nonlinearity: 'leaky_relu',
      distribution: 'uniform',
    }
    const head = { ...small.model.head, init_cfg }
    const bare = parseConfig({ ...small, model: { ...small.model, head } } as ConfigInput).model
    const found = initialWeights(bare, 1)
    const { deviation, tails } = statistics(values('head.cls_heads.1.search_convs.conv.weight', found))
    expect(deviation / Math.sqrt(1 / (3 * 16 * 9))).toBeCloseTo(1, 1)
    expect(tails).toBeCloseTo(uniformSpread, 1)
    expect(values('backbone.conv1.weight', found)).toEqual(values('backbone.conv1.weight'))
  })

  test('of everything else are ones and zeros', () => {
    for (const [name, tensor] of drawn) {
      if (tensor.shape.length === 4) continue
      const one = /weight$|running_var$/.test(name)
      if (tensor.dtype === 'f32') expect([name, new Set(toFloat32(tensor))]).toEqual([name, new Set([one ? 1 : 0])])
      else expect([name, tensor.dtype, [...tensor.data]]).toEqual([name, 'i64', new Array(8).fill(0)])
    }
  })

  test('are a function of the seed and the tensor’s name', () => {
    const again = initialWeights(model, 1)
    for (const [name, { data }] of drawn) expect(Buffer.compare(again.get(name)!.data, data)).toBe(0)
    const other = values('backbone.conv1.weight', initialWeights(model, 2))
    expect(other.some((value, i) => value !== values('backbone.conv1.weight')[i])).toBe(true)
    const [first, second] = ['cls', 'reg'].map((branch) => values(`head.${branch}_heads.0.kernel_convs.conv.weight`))
    expect(first!.some((value, i) => value !== second![i])).toBe(true)
  })
})
