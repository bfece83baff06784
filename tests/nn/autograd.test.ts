// The tape: what it notes, what it computes and what it costs. That its numbers are right is checked in ops.test.ts.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { ShapeError } from '../../src/gpu/errors.ts'
import { plan, runOnce } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { Tape, type Tensor } from '../../src/nn/autograd.ts'
import * as ops from '../../src/nn/ops.ts'
import { Parameter } from '../../src/nn/parameter.ts'
import { random } from '../helpers/tensors.ts'

let device: Device
let two: GpuTensor
let three: GpuTensor
let map: GpuTensor
let filter: Parameter
beforeAll(async () => {
  device = await openDevice()
  two = device.tensor(Float32Array.of(2), [1, 1, 1, 1], 'two')
  three = device.tensor(Float32Array.of(3), [1, 1, 1, 1], 'three')
  map = device.empty([1, 16, 16, 4], 'f32', 'map')
  filter = parameter('filter', [4, 4, 1, 1])
})
afterAll(() => device.close())

function parameter(name: string, shape: readonly number[]): Parameter {
  return new Parameter(device, { name, shape, values: Float32Array.from(random(name, shape).data) })
}

/** Product of numbers: a correlation of 1x1 maps. */
const times = (tape: Tape, a: Tensor, b: Tensor) => ops.depthwiseCorrelation(tape, a, b)

/** Numbers by name. */
async function numbers(record: (tape: Tape) => Readonly<Record<string, GpuTensor | undefined>>) {
  const program = await runOnce(device, (r) => record(new Tape(r)))
  const found: Record<string, number | undefined> = {}
  for (const [name, tensor] of Object.entries(program.result)) {
    found[name] = tensor && (await device.readF32(tensor))[0]
  }
  program.destroy()
  return found
}

const convolve = (tape: Tape, input: Tensor, trains = true, label = 'conv') => {
  const tensor = tape.parameter(filter, trains)
  return ops.conv2d(tape, { input, filter: { parameter: filter, tensor } }, { label })
}

/** Some number that depends on all of a map. */
const sum = (tape: Tape, input: Tensor) => {
  const one = tape.note([input], input.data.reshape([1, 1, input.data.size, 1]), (gradient) => [gradient])
  return ops.depthwiseCorrelation(tape, one, one)
}

const labelsOf = (record: (tape: Tape) => void) => {
  let labels: string[] = []
  plan(device, (r) => {
    record(new Tape(r))
    labels = r.steps.map(({ label }) => label)
  })
  return labels
}

const arena = (record: (r: Recorder) => unknown) => {
  return plan(device, record).bufferBytes.reduce((total, bytes) => total + bytes, 0)
}

describe('backward', () => {
  test('follows the chain rule, and adds up what comes from several uses', async () => {
    const found = await numbers((tape) => {
      const [x, y] = [tape.variable(two), tape.variable(three)]
      const gradients = tape.backward(ops.add(tape, times(tape, times(tape, x, x), y), x)) // x^2 y + x
      return { x: gradients.of(x), y: gradients.of(y) }
    })
    expect(found).toEqual({ x: 2 * 2 * 3 + 1, y: 4 })
  })

  test('of two losses on one tape gives each its own gradients', async () => {
    const found = await numbers((tape) => {
      const [x, y] = [tape.variable(two), tape.variable(three)]
      const product = times(tape, x, y)
      const first = tape.backward(times(tape, product, x)) // x^2 y
      const second = tape.backward(ops.add(tape, product, product)) // 2 x y
      const third = tape.backward(ops.add(tape, x, x))
      return {
        ...{ x1: first.of(x), y1: first.of(y), x2: second.of(x), y2: second.of(y) },
        ...{ x3: third.of(x), y3: third.of(y), inner: second.of(product) },
      }
    })
    expect(found).toEqual({ x1: 12, y1: 4, x2: 6, y2: 4, x3: 2, y3: undefined, inner: undefined })
  })

  test('of a leaf is one', async () => {
    const found = await numbers((tape) => {
      const x = tape.variable(two)
      return { x: tape.backward(x).of(x) }
    })
    expect(found).toEqual({ x: 1 })
  })

  test('is refused for what is not a number, or depends on nothing that wants a gradient', () => {
    plan(device, (r) => {
      const tape = new Tape(r)
      expect(() => tape.backward(tape.variable(map))).toThrow(ShapeError)
      expect(() => tape.backward(tape.variable(map))).toThrow('the loss `map` is [1,16,16,4], expected one element')
      const constant = ops.add(tape, tape.constant(two), tape.constant(three))
      expect(() => tape.backward(constant)).toThrow('depends on no tensor that wants a gradient')
    })
  })

  test('refuses a rule whose gradient has another size, by name', () => {
    plan(device, (r) => {
      const tape = new Tape(r)
      const wrong = tape.note([tape.variable(map)], two, (gradient) => [gradient])
      expect(() => tape.backward(wrong)).toThrow(/Gradient `.*` \[1,1,1,1\] does not fit tensor `map` \[1,16,16,4\]/)
    })
  })
})

describe('parameters', () => {
  test('are one tensor however often they are used', () => {
    plan(device, (r) => {
      const tape = new Tape(r)
      expect(tape.parameter(filter, true)).toBe(tape.parameter(filter, true))
    })
  })

  test('have gradients in the order of their first use, if they train and the loss depends on them', () => {
    const names = ['d', 'c', 'b', 'a']
    const parameters = names.map((name) => parameter(name, [4]))
    plan(device, (r) => {
      const tape = new Tape(r)
      const [d, c, b, a] = parameters.map((each) => tape.parameter(each, each.name !== 'c')) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ]
      const row = (x: Tensor) => tape.note([x], x.data.reshape([1, 1, 1, 4]), (gradient) => [gradient])
      const used = ops.add(tape, row(d), ops.add(tape, row(c), row(a)))
      row(b)
      const { parameters: found } = tape.backward(sum(tape, used))
      expect([...found.keys()].map(({ name }) => name)).toEqual(['d', 'a'])
      expect([...found.values()].map(({ shape }) => shape)).toEqual([[4], [4]])
    })
    for (const each of parameters) each.release(device)
  })
})

describe('a gradient of a parameter', () => {
  test('is told once, as soon as nothing that follows adds to it', () => {
    const parameters = ['first', 'twice', 'last', 'unused'].map((name) => parameter(name, [4]))
    plan(device, (r) => {
      const tape = new Tape(r)
      const [first, twice, last, unused] = parameters.map((each) => {
        const tensor = tape.parameter(each, true)
        return () => tape.note([tensor], tensor.data.reshape([1, 1, 1, 4]), (gradient) => [gradient])
      }) as [() => Tensor, () => Tensor, () => Tensor, () => Tensor]
      const early = ops.relu(tape, ops.add(tape, first(), twice()))
      const middle = ops.relu(tape, ops.add(tape, early, last()))
      unused()
      const told: { readonly name: string; readonly gradient: GpuTensor; readonly dispatches: number }[] = []
      const gradients = tape.backward(sum(tape, ops.add(tape, middle, twice())), ({ name }, gradient) =>
        told.push({ name, gradient, dispatches: r.steps.length }),
      )
      expect(told.map(({ name }) => name)).toEqual(['last', 'twice', 'first'])
      expect(told[0]!.dispatches).toBeLessThan(told[1]!.dispatches)
      for (const { name, gradient } of told) {
        const [whole] = [...gradients.parameters].flatMap(([each, found]) => (each.name === name ? [found] : []))
        expect(gradient).toBe(whole)
      }
    })
    for (const each of parameters) each.release(device)
  })
})

describe('what comes last on the way back', () => {
  test('has its gradients after all others, and the same ones', async () => {
    const shared = parameter('shared', [4])
    const own = parameter('own', [4])
    const record = (last: boolean) => (r: Recorder) => {
      const tape = new Tape(r)
      const row = (each: Parameter) => {
        const tensor = tape.parameter(each, true)
        return tape.note([tensor], tensor.data.reshape([1, 1, 1, 4]), (gradient) => [gradient])
      }
      const pass = () => ops.relu(tape, ops.relu(tape, row(shared)))
      const near = ops.relu(tape, ops.add(tape, row(own), row(shared)))
      const far = last ? tape.lastOnTheWayBack(pass) : pass()
      const told: string[] = []
      const gradients = tape.backward(sum(tape, ops.add(tape, near, far)), ({ name }) => told.push(name))
      const early = ops.add(tape, near, near)
      expect(() => tape.lastOnTheWayBack(() => ops.relu(tape, early, 'late'))).toThrow('`late` is last on the way back')
      return { told, gradients: [...gradients.parameters.values()] }
    }
    const found = async (last: boolean) => {
      const { result, destroy } = await runOnce(device, record(last)).then((program) => ({
        result: program.result,
        destroy: () => program.destroy(),
      }))
      const values = await Promise.all(result.gradients.map(async (each) => [...(await device.readF32(each))]))
      destroy()
      return { told: result.told, values }
    }
    const [plain, late] = [await found(false), await found(true)]
    expect(late.values).toEqual(plain.values)
    expect(plain.told).toEqual(['shared', 'own'])
    expect(late.told).toEqual(['own', 'shared'])
    for (const each of [shared, own]) each.release(device)
  })
})

describe('only what is wanted is computed', () => {
  test('a convolution of a constant has no gradient of its input, a frozen filter none of its own', () => {
    const steps = (input: 'constant' | 'variable', trains: boolean) =>
      labelsOf((tape) => tape.backward(sum(tape, convolve(tape, tape[input](map), trains)))).filter((label) =>
        label.startsWith('conv.'),
      )
    expect(steps('variable', true).map((label) => label.split(' ')[0])).toEqual(
      expect.arrayContaining(['conv.dgrad', 'conv.wgrad']),
    )
    expect(steps('constant', true).filter((label) => label.includes('dgrad'))).toEqual([])
    expect(steps('variable', false).filter((label) => label.includes('wgrad'))).toEqual([])
  })

  test('the backward pass ends where nothing further back wants a gradient', () => {
    const labels = labelsOf((tape) => {
      let x = tape.constant(map)
      for (const layer of ['one', 'two']) x = ops.relu(tape, convolveWith(tape, x, false, layer))
      tape.backward(sum(tape, convolveWith(tape, x, true, 'three')))
    })
    expect(labels.filter((label) => /^(one|two)\./.test(label))).toEqual([])
    expect(labels.some((label) => label.startsWith('three.wgrad'))).toBe(true)
  })

  /** Each with a filter of its own, so that some may train and others not. */
  function convolveWith(tape: Tape, input: Tensor, trains: boolean, label: string): Tensor {
    const own = parameter(label, [4, 4, 1, 1])
    const tensor = tape.parameter(own, trains)
    return ops.conv2d(tape, { input, filter: { parameter: own, tensor } }, { label })
  }
})

describe('noGrad', () => {
  test('notes nothing: what comes out wants no gradient', async () => {
    const found = await numbers((tape) => {
      const x = tape.variable(two)
      const square = tape.noGrad(() => times(tape, x, x))
      expect(square.requiresGrad).toBe(false)
      expect(() => tape.backward(square)).toThrow(ShapeError)
      const loss = times(tape, square, x)
      return { x: tape.backward(loss).of(x), loss: loss.data }
    })
    expect(found).toEqual({ x: 4, loss: 8 })
  })

  test('ends with its body, also if that throws, and may be nested', () => {
    plan(device, (r) => {
      const tape = new Tape(r)
      const x = tape.variable(two)
      const fail = () => {
        throw new RangeError('no')
      }
      expect(() => tape.noGrad(fail)).toThrow(RangeError)
      expect(tape.tracks([x])).toBe(true)
      tape.noGrad(() => {
        tape.noGrad(() => {})
        expect(tape.tracks([x])).toBe(false)
      })
      expect(tape.tracks([x])).toBe(true)
      expect(tape.tracks([undefined, tape.constant(two)])).toBe(false)
    })
  })

  test('keeps no intermediate: memory does not grow with depth', () => {
    const chain = (tape: Tape, depth: number) => {
      let x = tape.variable(map)
      for (let layer = 0; layer < depth; layer++) x = ops.relu(tape, x)
      return sum(tape, x)
    }
    const forward = (depth: number) =>
      arena((r) => {
        const tape = new Tape(r)
        return tape.noGrad(() => chain(tape, depth).data)
      })
    expect(forward(12)).toBe(forward(3))
    expect(forward(12)).toBe(2 * map.bytes)
  })
})

describe('memory', () => {
  const training = (depth: number) =>
    arena((r) => {
      const tape = new Tape(r)
      const input = tape.variable(map)
      let x = input
      for (let layer = 0; layer < depth; layer++) x = ops.relu(tape, x)
      return tape.backward(sum(tape, x)).of(input)
    })

  test('holds each output until its gradient is known, and each gradient until it has been passed on', () => {
    // Besides the outputs: three gradients at the widest point, where the sum hands back two that are then added.
    expect(training(10) - training(9)).toBe(map.bytes)
    expect(training(10)).toBeLessThan((10 + 4) * map.bytes)
  })

  test('of a sum costs nothing: its gradient is that of both terms', () => {
    const labels = labelsOf((tape) => {
      const [x, y] = [tape.variable(map), tape.variable(map)]
      const gradients = tape.backward(sum(tape, ops.add(tape, x, y)))
      expect(gradients.of(x)?.storage).toBe(gradients.of(y)?.storage)
    })
    expect(labels.filter((label) => label.startsWith('add')).length).toBe(1 + 1) // the sum, and the two parts of `sum`
  })
})
