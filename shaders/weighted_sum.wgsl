// Sum of up to four tensors of one shape, weighted by the softmax of learned logits, or their plain average.
//   y = sum over l of w[l] * x_l,  w = softmax(logits), or w[l] = 1 / LEVELS with AVERAGE
// (weighted_sum of MMTracking's SiameseRPNHead). Inputs from LEVELS on, and the logits with AVERAGE, are not read.
// Any element count. One invocation computes one element; the softmax of at most four numbers is repeated in each.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;
const AVERAGE: bool = false;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input0: array<Stored>;
@group(0) @binding(1) var<storage, read> input1: array<Stored>;
@group(0) @binding(2) var<storage, read> input2: array<Stored>;
@group(0) @binding(3) var<storage, read> input3: array<Stored>;
@group(0) @binding(4) var<storage, read> logits: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<Stored>;
@group(0) @binding(6) var<uniform> params: Params;

// The softmax is shifted by the largest logit, so that no exponential overflows.
fn level_weights() -> vec4f {
  if (AVERAGE) {
    return vec4f(1.0 / f32(LEVELS));
  }
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
  var sum = weights.x * Value(input0[index]);
  if (LEVELS > 1u) {
    sum += weights.y * Value(input1[index]);
  }
  if (LEVELS > 2u) {
    sum += weights.z * Value(input2[index]);
  }
  if (LEVELS > 3u) {
    sum += weights.w * Value(input3[index]);
  }
  output[index] = Stored(sum);
}
