// Gradient of the weighted sum with respect to its inputs: dx_l = w[l] * dy,  w = softmax(logits).
// Outputs from LEVELS on are not written. Any element count. One invocation computes one element of each.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> output0: array<f32>;
@group(0) @binding(3) var<storage, read_write> output1: array<f32>;
@group(0) @binding(4) var<storage, read_write> output2: array<f32>;
@group(0) @binding(5) var<storage, read_write> output3: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

// The softmax is shifted by the largest logit, so that no exponential overflows.
fn level_weights() -> vec4f {
  var largest = logits[0];
  for (var l = 1u; l < LEVELS; l++) {
    largest = max(largest, logits[l]);
  }
  var weights = vec4f();
  for (var l = 0u; l < LEVELS; l++) {
    weights[l] = exp(logits[l] - largest);
  }
  return weights / (weights.x + weights.y + weights.z + weights.w);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let weights = level_weights();
  let g = gradient[index];
  output0[index] = weights.x * g;
  if (LEVELS > 1u) {
    output1[index] = weights.y * g;
  }
  if (LEVELS > 2u) {
    output2[index] = weights.z * g;
  }
  if (LEVELS > 3u) {
    output3[index] = weights.w * g;
  }
}
