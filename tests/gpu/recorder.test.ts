import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { BindingError, ShaderError, ShapeError } from '../../src/gpu/errors.ts'
import { capture } from '../../src/gpu/program.ts'
import { type Dispatch, Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { scale, scaleInto, scaleSource } from './scale.ts'

describe('Recorder.dispatch', () => {
  let device: Device
  let input: GpuTensor
  beforeAll(async () => {
    device = await openDevice({ backend: 'null', bindingLimit: 1024 })
    input = device.empty([2, 128], 'f32', 'image')
  })
  afterAll(() => device.close())

  function record(changes: Partial<Dispatch>, bindings: Dispatch['bindings'] = {}): () => void {
    const r = new Recorder(device)
    const output = r.alloc([2, 128], 'f32', 'result')
    const kernel = { name: 'scale.wgsl', source: scaleSource }
    const all = { input, output, params: { count: 1, factor: 1 }, ...bindings }
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
    return () => r.dispatch({ kernel, label: 'op', workgroups: [1], bindings: given, ...changes })
  }

  function without(name: string): Dispatch['bindings'] {
    return { [name]: undefined } as unknown as Dispatch['bindings']
  }

  test('accepts what fits', () => {
    expect(record({})).not.toThrow()
  })

  test('names the op, the shader and the variable in every binding error', () => {
    const cases: [() => void, string][] = [
      [record({}, { inptu: input }), 'op (scale.wgsl): the shader has no variable `inptu`; did you mean `input`?'],
      [record({}, without('input')), 'op (scale.wgsl): `input` (array<f32>) is missing'],
      [record({}, without('params')), 'op (scale.wgsl): uniform `params` is missing'],
      [record({}, { params: input }), 'op (scale.wgsl): uniform `params` takes values, not a tensor'],
      [record({}, { input: { count: 1 } }), 'op (scale.wgsl): `input` (array<f32>) takes a tensor'],
      [
        record({}, { input: device.empty([4], 'u32', 'ids') }),
        'op (scale.wgsl): `input` is array<f32>, found tensor `ids` u32 [4]',
      ],
      [record({}, { params: { count: 1 } }), 'op (scale.wgsl): `params.factor` (f32) is missing'],
      [
        record({}, { input: device.empty([257], 'f32', 'large') }),
        "`input` is tensor `large` f32 [257] of 1028 bytes, above the adapter's binding limit of 1024 bytes",
      ],
      [record({}, { output: input }), 'the memory of `image` is bound twice, at least once for writing'],
      [record({}, { output: input.samples(1, 1) }), 'the memory of `image` is bound twice, at least once for writing'],
    ]
    for (const [dispatch, message] of cases) {
      expect(dispatch).toThrow(BindingError)
      expect(dispatch).toThrow(message)
    }
  })

  test('refuses a tensor that leaves a vector element incomplete', () => {
    const source = scaleSource.replaceAll('array<f32>', 'array<vec4<f32>>')
    const kernel = { name: 'scale4.wgsl', source }
    expect(record({ kernel }, { input: device.empty([6], 'f32', 'six') })).toThrow(
      '`input` is array<vec4f> and wants a multiple of 16 bytes, at least 16, found 24 in tensor `six` f32 [6]',
    )
  })

  test('binds a uniform array as a window on a tensor, whose memory must go as far', () => {
    const source = `
@group(0) @binding(0) var<uniform> input: array<vec4f, 32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@compute @workgroup_size(1) fn main() { output[0] = input[1].x; }`
    const kernel = { name: 'window.wgsl', source }
    const look = (input: GpuTensor | { count: number } | undefined) => {
      const r = new Recorder(device)
      const output = r.alloc([1])
      const bindings: Dispatch['bindings'] = input ? { input, output } : { output }
      return () => r.dispatch({ kernel, label: 'op', workgroups: [1], bindings })
    }
    expect(look(device.empty([128], 'f32', 'whole'))).not.toThrow()
    expect(look(device.empty([4], 'f32', 'with margin', 512))).not.toThrow()
    expect(look(device.empty([192], 'f32', 'part', 512).from(256))).not.toThrow()
    expect(look(device.empty([127], 'f32', 'short'))).toThrow(
      'op (window.wgsl): `input` is array<vec4f, 32> and wants 512 bytes from byte 0 of tensor `short` f32 [127], ' +
        'whose memory ends at 508',
    )
    expect(look(device.empty([128], 'u32', 'ids'))).toThrow('`input` is array<vec4f, 32>, found tensor `ids` u32 [128]')
    expect(look({ count: 1 })).toThrow('`input` (array<vec4f, 32>) takes a tensor')
    expect(look(undefined)).toThrow('`input` (array<vec4f, 32>) is missing')
  })

  test('refuses workgroup counts that WebGPU cannot dispatch', () => {
    for (const workgroups of [[0], [65536], [1, 65536], [1.5], [Number.NaN]] as const) {
      const [x, y] = workgroups as readonly [number, number?]
      expect(record({ workgroups: [x, y] })).toThrow(ShapeError)
    }
    expect(record({ workgroups: [65536] })).toThrow('workgroup counts [65536, 1, 1] must be integers from 1 to 65535')
  })

  test('names the shader file of a constant that does not exist', () => {
    const kernel = { name: 'scale.wgsl', source: scaleSource, constants: { SHITF: 1 } }
    expect(record({ kernel })).toThrow(ShaderError)
    expect(record({ kernel })).toThrow('scale.wgsl: The shader has no constant or alias `SHITF`')
  })

  test('refuses released tensors and intermediates of other captures', async () => {
    const released = device.empty([4], 'f32', 'old')
    device.release(released)
    expect(record({}, { input: released })).toThrow('Tensor `old` has been released')
    const foreign = new Recorder(device).alloc([4], 'f32', 'foreign')
    expect(record({}, { input: foreign })).toThrow('Tensor `foreign` has no memory before its capture ends')
    let middle: GpuTensor | undefined
    const program = await capture(device, (r) => {
      middle = scale(r, input, 2)
      return scale(r, middle, 3)
    })
    expect(record({}, { input: middle! })).toThrow('was an intermediate of program `program`')
    expect(record({}, { input: program.result })).not.toThrow()
  })

  test('refuses to capture a read of memory that nothing wrote', async () => {
    const unwritten = (r: Recorder) => scale(r, r.alloc([4], 'f32', 'ghost'), 2)
    await expect(capture(device, unwritten)).rejects.toThrow(
      'scale 2 (scale.wgsl) reads tensor `ghost`, which nothing has written',
    )
    const result = (r: Recorder) => r.alloc([4], 'f32', 'ghost')
    await expect(capture(device, result)).rejects.toThrow('`ghost` is in the result, but nothing has written it')
  })

  test('counts a write through a view as a write of the whole storage', async () => {
    const program = await capture(device, (r) => {
      const both = r.alloc([2, 64], 'f32', 'both')
      scaleInto(r, { input: both.samples(0, 1), output: r.alloc([64]), factor: 1 })
      return both
    }).catch((error: unknown) => error)
    expect(program).toBeInstanceOf(BindingError)
    const fine = await capture(device, (r) => {
      const both = r.alloc([2, 64], 'f32', 'both')
      scaleInto(r, { input: input.samples(0, 1).reshape([128]), output: both.reshape([128]), factor: 1 })
      return scale(r, both.samples(1, 1), 3)
    })
    expect(fine.stats.dispatches).toBe(2)
  })
})
