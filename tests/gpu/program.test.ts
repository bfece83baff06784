import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Device, openDevice } from '../../src/gpu/device.ts'
import { capture, runOnce } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'

const scaleSource = `
const WORKGROUP: u32 = 64u;
const SHIFT: f32 = 0.0;
struct Params { count: u32, factor: f32 }
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.count) { return; }
  output[id.x] = input[id.x] * params.factor + SHIFT;
}
`

function scale(r: Recorder, input: GpuTensor, factor: number, count = input.size): GpuTensor {
  const output = r.alloc(input.shape, 'f32', `x${factor}`)
  r.dispatch({
    kernel: { name: 'scale.wgsl', source: scaleSource, constants: { SHIFT: 1 } },
    label: `scale by ${factor}`,
    workgroups: [Math.ceil(input.size / 64)],
    bindings: { input, output, params: { count, factor } },
    flops: 2 * input.size,
    bytes: 8 * input.size,
  })
  return output
}

describe('capture and replay', () => {
  let device: Device
  beforeAll(async () => {
    device = await openDevice()
  })
  afterAll(() => device.close())

  it('replays with new inputs and shares memory between intermediates', async () => {
    const input = device.tensor(new Float32Array([1, 2, 3, 4]), [4])
    const program = await capture(device, (r) => [2, 3, 4, 5].reduce((x, factor) => scale(r, x, factor), input))
    program.run()
    const chain = (x: number) => [2, 3, 4, 5].reduce((value, factor) => value * factor + 1, x)
    expect([...(await device.readF32(program.result))]).toEqual([1, 2, 3, 4].map(chain))
    device.write(input, new Float32Array([5, 6]), 8)
    program.run()
    expect([...(await device.readF32(program.result))]).toEqual([1, 2, 5, 6].map(chain))
    expect(program.stats.dispatches).toBe(4)
    expect(program.stats.arenaBytes).toBe(2 * 16)
    program.destroy()
  })

  it('shows elements that nobody wrote as NaN', async () => {
    const input = device.tensor(new Float32Array([1, 2, 3, 4]), [4])
    const program = await runOnce(device, (r) => scale(r, scale(r, input, 2), 3, 2))
    expect([...(await device.readF32(program.result))]).toEqual([10, 16, NaN, NaN])
    program.destroy()
  })

  it('profiles', async () => {
    const input = device.tensor(new Float32Array(1 << 20), [1 << 20])
    const program = await capture(device, (r) => scale(r, scale(r, input, 2), 3))
    const profile = await program.profile()
    console.log(profile.table(), JSON.stringify(profile.chromeTrace()))
  })
})
