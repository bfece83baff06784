// An op of one's own, Swish: its shader, its rule on the tape, and the check of the rule. Run it: npx tsx examples/own-op.ts

import { fileURLToPath } from 'node:url'
import { type Device, type GpuTensor, openDevice, type Recorder, runOnce } from 'siamrpn/gpu'
import { ops, Parameter, Tape, type Tensor } from 'siamrpn/nn'

const source = `
// Swish, y = x * s with s = 1 / (1 + exp(-x)), or with GRADIENT its gradient, dx = dy * (s + y * (1 - s)).
// Dispatch: ceil(params.count / 64) workgroups, count = elements.
const GRADIENT: bool = false;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.count) {
    return;
  }
  let x = input[id.x];
  let s = 1.0 / (1.0 + exp(-x));
  output[id.x] = select(x * s, gradient[id.x] * (s + x * s * (1.0 - s)), GRADIENT);
}`

/** Records the kernel, forward or, with the gradient of the output, backward. */
function record(r: Recorder, input: GpuTensor, gradient?: GpuTensor): GpuTensor {
  const output = r.alloc(input.shape, 'f32', 'swish')
  r.dispatch({
    kernel: { name: 'swish.wgsl', source, constants: { GRADIENT: gradient !== undefined } },
    label: 'swish',
    workgroups: [Math.ceil(input.size / 64)],
    bindings: { input, gradient: gradient ?? input, output, params: { count: input.size } },
    flops: 5 * input.size,
    bytes: input.bytes + output.bytes,
  })
  return output
}

/** `x / (1 + exp(-x))` of each element: the op and its rule. */
export function swish(tape: Tape, input: Tensor): Tensor {
  const output = record(tape.r, input.data)
  return tape.note([input], output, (gradient) => [record(tape.r, input.saved, gradient)])
}

/** The rule against finite differences, amid a graph: `w . swish(2 x)`. @returns the largest difference */
export async function checkSwish(device: Device, x: Float32Array, w: Float32Array): Promise<number> {
  const size = x.length
  const twice = Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 2 : 0))
  const double = new Parameter(device, { name: 'double', shape: [size, size], values: twice })
  const weights = new Parameter(device, { name: 'weights', shape: [1, size], values: w })
  const input = device.tensor(x, [1, size])
  const program = await runOnce(device, (recorder) => {
    const tape = new Tape(recorder)
    const fixed = (parameter: Parameter) => ({ parameter, tensor: tape.parameter(parameter, false) })
    const variable = tape.variable(input)
    const inner = swish(tape, ops.linear(tape, { input: variable, filter: fixed(double) }))
    const gradients = tape.backward(ops.linear(tape, { input: inner, filter: fixed(weights) }))
    return gradients.of(variable) ?? input
  })
  const found = await device.readF32(program.result)
  const value = (v: number) => (2 * v) / (1 + Math.exp(-2 * v))
  const slopes = Array.from(x, (v, i) => ((w[i] ?? 0) * (value(v + 1e-6) - value(v - 1e-6))) / 2e-6)
  return Math.max(...slopes.map((slope, i) => Math.abs(slope - (found[i] ?? Number.NaN))))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const device = await openDevice()
  console.log(await checkSwish(device, Float32Array.of(-3, -0.5, 0, 1, 4), Float32Array.of(1, -2, 3, 0.5, 1)))
  await device.close()
}
