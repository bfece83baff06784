// Batch normalisation with the batch's statistics, with an optional residual and activation.
//   y = max((x - mean[c]) * inv_std[c] * gamma[c] + beta[c] + residual, 0)    (both last steps if asked for)
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Any channel count. One invocation takes one chunk of one channel.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * channels.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const HAS_RESIDUAL: bool = false;
const ACTIVATION_MAX: f32 = 0.0; // upper bound of the activation; 0: none

struct Params {
  count: u32,
  channels: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> mean: array<Value>;
@group(0) @binding(2) var<storage, read> inv_std: array<Value>;
@group(0) @binding(3) var<storage, read> gamma: array<Value>;
@group(0) @binding(4) var<storage, read> beta: array<Value>;
@group(0) @binding(5) var<storage, read> residual: array<Stored>;
@group(0) @binding(6) var<storage, read_write> output: array<Stored>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channels = params.channels;
  let channel = index % channels;
  let chunk = index / channels;
  let interleave = max(1u, WORKGROUP / channels);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let center = mean[channel];
  let scale = inv_std[channel] * gamma[channel];
  let bias = beta[channel];
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * channels + channel;
    var y = fma(Value(input[at]) - center, scale, bias);
    if (HAS_RESIDUAL) {
      y += Value(residual[at]);
    }
    output[at] = Stored(select(y, clamp(y, Value(), Value(ACTIVATION_MAX)), ACTIVATION_MAX > 0.0));
  }
}
