// A batch norm's running statistics as a scale and a bias per channel:
//   scale = gamma / sqrt(variance + eps),  bias = beta - mean * scale
// Dispatch: one invocation per channel.

const WORKGROUP: u32 = 64u;

struct Params {
  channels: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> gamma: array<f32>;
@group(0) @binding(1) var<storage, read> beta: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> scale: array<f32>;
@group(0) @binding(5) var<storage, read_write> bias: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= params.channels) {
    return;
  }
  let factor = gamma[c] / sqrt(variance[c] + params.eps);
  scale[c] = factor;
  bias[c] = beta[c] - mean[c] * factor;
}
