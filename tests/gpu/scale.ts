// The smallest useful kernel, for tests of the runtime: output = input * factor + SHIFT for the first `count` elements.

import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'

export const scaleSource = `
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

export function scale(r: Recorder, input: GpuTensor, factor: number, count = input.size): GpuTensor {
  const output = r.alloc(input.shape, 'f32', `scaled by ${factor}`)
  scaleInto(r, { input, output, factor, count })
  return output
}

interface ScaleArgs {
  readonly input: GpuTensor
  readonly output: GpuTensor
  readonly factor: number
  readonly count?: number
}

export function scaleInto(r: Recorder, { input, output, factor, count = input.size }: ScaleArgs): void {
  r.dispatch({
    kernel: { name: 'scale.wgsl', source: scaleSource, constants: { SHIFT: 1 } },
    label: `scale ${factor}`,
    workgroups: [Math.ceil(input.size / 64)],
    bindings: { input, output, params: { count, factor } },
    flops: 2 * input.size,
    bytes: 8 * input.size,
  })
}
