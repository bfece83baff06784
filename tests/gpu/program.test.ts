import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { BindingError, ShaderError } from '../../src/gpu/errors.ts'
import { capture, plan, runOnce } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import { scale, scaleInto, scaleSource } from './scale.ts'

const factors = [2, 3, 4, 5]
const chain = (r: Recorder, input: GpuTensor) => factors.reduce((x, factor) => scale(r, x, factor), input)
const chained = (x: number) => factors.reduce((value, factor) => value * factor + 1, x)

describe('capture and replay', () => {
  let device: Device
  let input: GpuTensor
  beforeAll(async () => {
    device = await openDevice()
    input = device.tensor(new Float32Array([1, 2, 3, 4]), [4], 'input')
  })
  afterAll(() => device.close())

  test('replays with whatever its inputs hold', async () => {
    const own = device.tensor(new Float32Array([1, 2, 3, 4]), [4])
    const program = await capture(device, (r) => chain(r, own))
    program.run()
    expect([...(await device.readF32(program.result))]).toEqual([1, 2, 3, 4].map(chained))
    device.write(own, new Float32Array([5, 6]), 8)
    program.run()
    expect([...(await device.readF32(program.result))]).toEqual([1, 2, 5, 6].map(chained))
    program.destroy()
  })

  test('shares buffers between intermediates, and counts its memory', async () => {
    const before = device.memory.bytes
    const program = await capture(device, (r) => chain(r, input))
    expect(program.stats).toEqual({ dispatches: 4, arenaBytes: 32, parameterBytes: 1024, flops: 32, bytes: 128 })
    expect(device.memory.bytes - before).toBe(32 + 1024)
    program.destroy()
    expect(device.memory.bytes).toBe(before)
    expect(device.memory.peakBytes).toBeGreaterThanOrEqual(before + 1056)
  })

  test('stores equal parameter blocks once', async () => {
    const program = await capture(device, (r) => [scale(r, input, 2), scale(r, input, 2), scale(r, input, 3)])
    expect(program.stats.parameterBytes).toBe(512)
    program.run()
    expect([...(await device.readF32(program.result[1]!))]).toEqual([3, 5, 7, 9])
    program.destroy()
  })

  test('keeps every tensor of a nested result, and what keep() names', async () => {
    let middle: GpuTensor | undefined
    const program = await capture(device, (r) => {
      middle = scale(r, input, 2)
      r.keep(middle)
      const a = scale(r, middle, 3)
      return { a, more: [scale(r, a, 4), { note: 'not a tensor' }] as const }
    })
    program.run()
    expect([...(await device.readF32(middle!))]).toEqual([3, 5, 7, 9])
    expect([...(await device.readF32(program.result.a))]).toEqual([10, 16, 22, 28])
    expect([...(await device.readF32(program.result.more[0]))]).toEqual([41, 65, 89, 113])
    program.destroy()
    await expect(device.read(middle!)).rejects.toThrow('belonged to program `program`, which has been destroyed')
    expect(() => program.run()).toThrow(BindingError)
  })

  test('lets one program read another’s result', async () => {
    const first = await runOnce(device, (r) => scale(r, input, 2))
    const second = await runOnce(device, (r) => scale(r, first.result, 3))
    expect([...(await device.readF32(second.result))]).toEqual([10, 16, 22, 28])
    first.destroy()
    second.destroy()
  })

  test('encodes a run as one pass, one command buffer, one bind group per dispatch, and creates nothing', async () => {
    const program = await capture(device, (r) =>
      Array.from({ length: 130 }, (_, k) => k).reduce((x, k) => scale(r, x, k), input),
    )
    const created = ['createBuffer', 'createBindGroup', 'createShaderModule', 'createComputePipelineAsync'] as const
    const creations = created.map((name) => vi.spyOn(device.gpu, name))
    const encoders = vi.spyOn(device.gpu, 'createCommandEncoder')
    const writes = vi.spyOn(device.gpu.queue, 'writeBuffer')
    const submits = vi.spyOn(device.gpu.queue, 'submit')
    program.run()
    for (const spy of [...creations, writes]) expect(spy).not.toHaveBeenCalled()
    expect(encoders).toHaveBeenCalledTimes(1)
    expect(submits).toHaveBeenCalledTimes(1)
    expect(submits.mock.calls[0]![0]).toHaveLength(1)
    vi.restoreAllMocks()
    expect(program.stats.dispatches).toBe(130)
    program.destroy()
  })

  test('poisons what nobody wrote, in shared memory too', async () => {
    const program = await runOnce(device, (r) => {
      const first = scale(r, input, 2)
      const second = scale(r, first, 3)
      return scale(r, second, 4, 2) // takes over the memory of `first`
    })
    expect(program.stats.arenaBytes).toBe(32)
    expect([...(await device.readF32(program.result))]).toEqual([41, 65, Number.NaN, Number.NaN])
    program.destroy()
    const clean = await runOnce(device, (r) => scale(r, input, 2, 2), { poison: false })
    expect([...(await device.readF32(clean.result))]).toEqual([3, 5, 0, 0])
    clean.destroy()
  })

  test('poisons halves with what is no number either', async () => {
    const source = [
      'alias Stored = f32;',
      '@group(0) @binding(0) var<storage, read_write> output: array<Stored>;',
      '@compute @workgroup_size(3)',
      'fn main(@builtin(global_invocation_id) id: vec3u) { output[id.x + 1u] = Stored(1.5); }',
    ].join('\n')
    const program = await runOnce(device, (r) => {
      const output = r.alloc([7], 'f16')
      const kernel = { name: 'some.wgsl', source, constants: { Stored: 'f16' } } as const
      r.dispatch({ kernel, label: 'some', workgroups: [1], bindings: { output } })
      return output
    })
    const [first = 0, ...rest] = (await device.read(program.result)) as Uint16Array
    expect(rest.slice(0, 3)).toEqual([0x3e00, 0x3e00, 0x3e00])
    expect(rest).toHaveLength(6)
    for (const unwritten of [first, ...rest.slice(3)]) expect(unwritten & 0x7fff).toBeGreaterThan(0x7c00)
    program.destroy()
  })

  test('binds batch slices', async () => {
    const batch = device.tensor(
      Float32Array.from({ length: 192 }, (_, i) => i),
      [3, 64],
    )
    const program = await runOnce(device, (r) => {
      const output = r.alloc([3, 64])
      for (const k of [0, 2]) scaleInto(r, { input: batch.samples(k, 1), output: output.samples(k, 1), factor: k + 1 })
      return output
    })
    const result = await device.readF32(program.result)
    expect([result[0], result[63], result[64], result[128], result[191]]).toEqual([1, 64, Number.NaN, 385, 574])
    expect([...(await device.readF32(program.result.samples(2, 1)))]).toEqual([...result.slice(128)])
    program.destroy()
  })

  test('compiles each specialised text once, in parallel, with progress', async () => {
    const compile = vi.spyOn(device.gpu, 'createComputePipelineAsync')
    const progress: [number, number][] = []
    const record = (r: Recorder) =>
      [7, 8, 7].map((SHIFT) => {
        const output = r.alloc([4])
        const kernel = { name: 'scale.wgsl', source: scaleSource, constants: { SHIFT, WORKGROUP: 32 } }
        r.dispatch({
          kernel,
          label: 'op',
          workgroups: [1],
          bindings: { input, output, params: { count: 4, factor: 1 } },
        })
        return output
      })
    const program = await capture(device, record, { onProgress: (done, total) => progress.push([done, total]) })
    await capture(device, record)
    expect(compile).toHaveBeenCalledTimes(2)
    expect(progress).toEqual([
      [1, 2],
      [2, 2],
    ])
    vi.restoreAllMocks()
    program.run()
    expect((await device.readF32(program.result[1]!))[0]).toBe(9)
  })

  test('shows file, line and source line of a shader that does not compile', async () => {
    const source = scaleSource.replace('params.factor + SHIFT', 'params.count + SHIFT')
    const broken = capture(device, (r) => {
      const output = r.alloc([4])
      const bindings = { input, output, params: { count: 4, factor: 1 } }
      r.dispatch({ kernel: { name: 'broken.wgsl', source }, label: 'op', workgroups: [1], bindings })
      return output
    })
    await expect(broken).rejects.toThrow(ShaderError)
    await expect(broken).rejects.toThrow(
      /^broken\.wgsl:12:\d+: .*\n {2}12 \| {3}output\[id\.x\] = input\[id\.x\] \* params\.count/,
    )
  })

  test('never dispatches a pipeline that the adapter refuses', async () => {
    const tooLarge = capture(device, (r) => {
      const output = r.alloc([4])
      const kernel = { name: 'scale.wgsl', source: scaleSource, constants: { WORKGROUP: 1 << 20 } }
      r.dispatch({ kernel, label: 'op', workgroups: [1], bindings: { input, output, params: { count: 4, factor: 1 } } })
      return output
    })
    await expect(tooLarge).rejects.toThrow(ShaderError)
    await expect(tooLarge).rejects.toThrow(/scale\.wgsl: .*1048576/s)
  })

  test('plans what a capture would take, without allocating or compiling', async () => {
    const compile = vi.spyOn(device.gpu, 'createComputePipelineAsync')
    const create = vi.spyOn(device.gpu, 'createBuffer')
    const record = (r: Recorder) => {
      const first = chain(r, input)
      return { first, more: [scale(r, first, 100)] }
    }
    const planned = plan(device, record)
    for (const spy of [compile, create]) expect(spy).not.toHaveBeenCalled()
    vi.restoreAllMocks()
    expect(planned.result.more[0]!.shape).toEqual([4])
    await expect(device.read(planned.result.first)).rejects.toThrow(BindingError)
    const program = await capture(device, record)
    const { dispatches, arenaBytes, flops } = program.stats
    expect(planned.bufferBytes.reduce((sum, bytes) => sum + bytes, 0)).toBe(arenaBytes)
    expect([planned.dispatches, planned.flops]).toEqual([dispatches, flops])
    program.destroy()
  })

  test('refuses to plan what cannot be captured', () => {
    expect(() => plan(device, (r) => scale(r, r.alloc([4], 'f32', 'unwritten'), 2))).toThrow(
      /`unwritten`, which nothing/,
    )
    expect(() => plan(device, (r) => r.alloc([4], 'f32', 'unwritten'))).toThrow(BindingError)
  })
})
