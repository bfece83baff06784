// Gradient of the weighted sum with respect to its inputs: dx_l = w[l] * dy,  w = softmax(logits).
// Outputs from LEVELS on are not written. Any element count.
// A workgroup takes WORKGROUP * params.rounds of them; the softmax of at most four numbers is repeated per invocation.
// Dispatch: ceil(params.count / (WORKGROUP * params.rounds)) workgroups over x, with count in elements.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;

struct Params {
  count: u32,
  rounds: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> output0: array<Stored>;
@group(0) @binding(3) var<storage, read_write> output1: array<Stored>;
@group(0) @binding(4) var<storage, read_write> output2: array<Stored>;
@group(0) @binding(5) var<storage, read_write> output3: array<Stored>;
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
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let weights = level_weights();
  let first = group.x * WORKGROUP * params.rounds;
  let end = min(first + WORKGROUP * params.rounds, params.count);
  for (var i = first + local; i < end; i += WORKGROUP) {
    let g = Value(gradient[i]);
    output0[i] = Stored(weights.x * g);
    if (LEVELS > 1u) {
      output1[i] = Stored(weights.y * g);
    }
    if (LEVELS > 2u) {
      output2[i] = Stored(weights.z * g);
    }
    if (LEVELS > 3u) {
      output3[i] = Stored(weights.w * g);
    }
  }
}
