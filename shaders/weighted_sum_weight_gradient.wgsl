// Second stage of the gradient of the weighted sum with respect to its weights: adds the parts of weighted_sum_products
// and goes through the softmax.
//   dlogits[l] = w[l] * (t[l] - sum over k of w[k] * t[k]),  w = softmax(logits)
// Each invocation adds every WORKGROUP-th part, then they add up as a tree, in one order always.
// Dispatch: one workgroup.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;

struct Params {
  parts: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> sums: array<vec4f, WORKGROUP>;

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
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = vec4f();
  for (var k = local; k < params.parts; k += WORKGROUP) {
    sum += partial[k];
  }
  sums[local] = sum;
  for (var distance = WORKGROUP / 2u; distance > 0u; distance /= 2u) {
    workgroupBarrier();
    if (local < distance) {
      sums[local] += sums[local + distance];
    }
  }
  if (local == 0u) {
    let weights = level_weights();
    let products = sums[0];
    let slopes = weights * (products - dot(weights, products));
    for (var l = 0u; l < LEVELS; l++) {
      output[l] = slopes[l];
    }
  }
}
