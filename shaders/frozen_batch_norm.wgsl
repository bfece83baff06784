// Batch normalisation with frozen statistics, folded into one scale and one bias per channel, and an activation.
//   y[..., c] = x[..., c] * scale[c] + bias[c],  scale = gamma / sqrt(variance + eps),  bias = beta - mean * scale
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const ACTIVATION_MAX: f32 = 0.0; // upper bound of the activation; 0: none

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> scale: array<Value>;
@group(0) @binding(2) var<storage, read> bias: array<Value>;
@group(0) @binding(3) var<storage, read_write> output: array<Stored>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let value = fma(Value(input[index]), scale[channel], bias[channel]);
  output[index] = Stored(select(value, clamp(value, Value(), Value(ACTIVATION_MAX)), ACTIVATION_MAX > 0.0));
}
