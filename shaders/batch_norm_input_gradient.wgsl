// Last stage of the gradient of batch normalisation with the batch's statistics, N pixels in all:
//   dx = scale * (g - sum(g) / N - xhat * sum(g * xhat) / N),  xhat = (x - mean) * inv_std,  scale = inv_std * gamma
// coefficients: [5, C] with mean, scale, beta, sum(g) / N and inv_std * sum(g * xhat) / N. g is the gradient of the
// output, zero with RELU where the forward pass clamped: its result before the ReLU is computed again rather than read.
// A chunk is every INTERLEAVE-th pixel of a block of INTERLEAVE * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Any channel count. One invocation takes one chunk of one channel.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * CHANNELS.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const RELU: bool = false;

// As many as needed for neighbouring invocations to fill a workgroup.
const INTERLEAVE: u32 = max(1u, WORKGROUP / CHANNELS);

struct Params {
  count: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> coefficients: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let chunk = index / CHANNELS;
  let begin = chunk / INTERLEAVE * INTERLEAVE * params.run;
  let first = begin + chunk % INTERLEAVE;
  let end = min(begin + INTERLEAVE * params.run, params.pixels);
  let center = coefficients[channel];
  let scale = coefficients[CHANNELS + channel];
  let bias = coefficients[2u * CHANNELS + channel];
  let sum_part = coefficients[3u * CHANNELS + channel];
  let product_part = coefficients[4u * CHANNELS + channel];
  for (var pixel = first; pixel < end; pixel += INTERLEAVE) {
    let at = pixel * CHANNELS + channel;
    let x = input[at] - center;
    var g = gradient[at];
    if (RELU) {
      g = select(0.0, g, fma(x, scale, bias) > 0.0);
    }
    output[at] = scale * (g - sum_part - x * product_part);
  }
}
