// Last stage of the gradient of batch normalisation with the batch's statistics, N pixels in all:
//   dx = scale * (g - sum(g) / N - xhat * sum(g * xhat) / N),  xhat = (x - mean) * inv_std,  scale = inv_std * gamma
// coefficients: [5, C] with mean, scale, beta, sum(g) / N and inv_std * sum(g * xhat) / N. g is the gradient of the
// output, zero where the activation clamped: its result before the activation is computed again rather than read.
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Any channel count. One invocation takes one chunk of one channel.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * channels.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const ACTIVATION_MAX: f32 = 0.0; // upper bound of the activation; 0: none

struct Params {
  count: u32,
  channels: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read> input: array<Stored>;
@group(0) @binding(2) var<storage, read> coefficients: array<Value>;
@group(0) @binding(3) var<storage, read_write> output: array<Stored>;
@group(0) @binding(4) var<uniform> params: Params;

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
  let center = coefficients[channel];
  let scale = coefficients[channels + channel];
  let bias = coefficients[2u * channels + channel];
  let sum_part = coefficients[3u * channels + channel];
  let product_part = coefficients[4u * channels + channel];
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * channels + channel;
    let x = Value(input[at]) - center;
    var g = Value(gradient[at]);
    if (ACTIVATION_MAX > 0.0) {
      let y = fma(x, scale, bias);
      g = select(Value(), g, (y > Value()) & (y < Value(ACTIVATION_MAX)));
    }
    output[at] = Stored(scale * (g - sum_part - x * product_part));
  }
}
