// Gradient of batch normalisation with frozen statistics: of the input, and sums over each chunk for gamma and beta.
//   dx = g * gamma * inv_std                       inv_std = 1 / sqrt(variance + eps)
//   partial[chunk, 0, c] = sum of g * (x - mean) * inv_std      partial[chunk, 1, c] = sum of g
// g is the gradient of the output, zero where the activation clamped the output. partial: [chunks, 2, C].
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
  // Where the chunks of this batch slice begin in `partial`.
  first_chunk: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read> input: array<Stored>;
@group(0) @binding(2) var<storage, read> output: array<Stored>;
@group(0) @binding(3) var<storage, read> gamma: array<Value>;
@group(0) @binding(4) var<storage, read> mean: array<Value>;
@group(0) @binding(5) var<storage, read> variance: array<Value>;
@group(0) @binding(6) var<storage, read_write> input_gradient: array<Stored>;
@group(0) @binding(7) var<storage, read_write> partial: array<Value>;
@group(0) @binding(8) var<uniform> params: Params;

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
  let deviation = 1.0 / sqrt(variance[channel] + params.eps);
  let scale = deviation * gamma[channel];
  var products = Value();
  var sum = Value();
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * channels + channel;
    var g = Value(gradient[at]);
    if (ACTIVATION_MAX > 0.0) {
      let y = Value(output[at]);
      g = select(Value(), g, (y > Value()) & (y < Value(ACTIVATION_MAX)));
    }
    input_gradient[at] = Stored(g * scale);
    products = fma(g, Value(input[at]) - center, products);
    sum += g;
  }
  let slot = params.first_chunk + chunk;
  partial[2u * slot * channels + channel] = products * deviation;
  partial[(2u * slot + 1u) * channels + channel] = sum;
}
