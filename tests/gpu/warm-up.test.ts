// The driver compiles before the first run, with help of further devices, whatever becomes of these. Each text is new, so
// that no cache of the driver knows it.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Device, openDevice } from '../../src/gpu/device.ts'
import type { KernelSpec } from '../../src/gpu/kernel.ts'
import { runOnce } from '../../src/gpu/program.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

/** A kernel that takes a software driver a while: many loads, written out. */
function slowKernel(name: string, loads = 12): KernelSpec {
  const seed = `${Date.now() % 1e6}.${Math.floor(Math.random() * 1e6)}`
  const sums = Array.from({ length: loads }, (_, k) => `  sum += input[(i * ${k + 1}u) % ${k + 7}u] * ${k}.5;`)
  const source = `
@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var sum = vec4f(${seed});
  for (var i = id.x; i < arrayLength(&input); i++) {
${sums.join('\n')}
  }
  output[id.x] = sum;
}
`
  return { name, source }
}

/** The test's device again, helped by `openTwin`. */
function helpedBy(openTwin: () => Promise<Device>): Device {
  return new Device(device.gpu, device.adapter, { gpu: device.provider, openTwin })
}

/** Compiles new kernels on `helped` and returns what was told. */
async function compileAll(helped: Device, count: number): Promise<{ told: [number, number][]; names: string[] }> {
  const kernels = Array.from({ length: count }, (_, k) => helped.kernels.prepare(slowKernel(`slow ${k}`)))
  const told: [number, number][] = []
  const names: string[] = []
  const compiled = await helped.kernels.compile(kernels, (done, total, name) => {
    told.push([done, total])
    names.push(name)
  })
  expect(new Set(compiled.keys())).toEqual(new Set(kernels))
  return { told, names: names.sort() }
}

const counted = { told: [1, 2, 3, 4].map((done) => [done, 4]), names: [0, 1, 2, 3].map((k) => `slow ${k}`) }

test('a kernel that has been compiled is compiled for its first run, too', async () => {
  const cpu = async (work: () => Promise<unknown>) => {
    const { user, system } = process.cpuUsage()
    await work()
    const since = process.cpuUsage({ user, system })
    return (since.user + since.system) / 1000
  }
  const spec = slowKernel('slow', 32)
  const compiling = await cpu(() => device.kernels.compile([device.kernels.prepare(spec)]))
  const running = await cpu(async () => {
    const input = device.tensor(new Float32Array(32), [32])
    const { result } = await runOnce(device, (r) => {
      const output = r.alloc([32])
      r.dispatch({ kernel: spec, label: 'slow', workgroups: [1], bindings: { input, output } })
      return output
    })
    expect((await device.readF32(result))[0]).not.toBeNaN()
  })
  if (device.adapter.kind === 'cpu') expect(running).toBeLessThan(compiling / 3)
})

describe('with help', () => {
  test('each kernel is told once, and the helpers are closed', async () => {
    const twins: Device[] = []
    const helped = helpedBy(async () => {
      const twin = await openDevice({ gpu: device.provider })
      twins.push(twin)
      return twin
    })
    expect(await compileAll(helped, 4)).toEqual(counted)
    for (const twin of twins) expect(twin.ended).toBeDefined()
    if (device.adapter.kind === 'cpu') expect(twins.length).toBeGreaterThan(0)
  })

  test('a helper that does not come, or that fails, costs nothing but its help', async () => {
    const absent = helpedBy(async () => {
      throw new Error('no second device')
    })
    expect(await compileAll(absent, 4)).toEqual(counted)
    const failing = helpedBy(async () => {
      const twin = await openDevice({ gpu: device.provider })
      await twin.close()
      return twin
    })
    expect(await compileAll(failing, 4)).toEqual(counted)
  })

  test('what is compiled already is told at once', async () => {
    const kernel = device.kernels.prepare(slowKernel('again', 4))
    await device.kernels.compile([kernel])
    const told: number[][] = []
    await device.kernels.compile([kernel], (done, total) => told.push([done, total]))
    expect(told).toEqual([[1, 1]])
  })
})
