// First stage of the gradient of the weighted sum with respect to its weights: each invocation's part of the products
//   t[l] = sum of dy * x_l over every params.invocations-th element of a batch slice
// Inputs from LEVELS on are not read. partial: one vec4f per invocation. Any element count.
// Dispatch: params.invocations / WORKGROUP workgroups over x; params.count is the number of elements.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;

struct Params {
  count: u32,
  invocations: u32,
  // Where the parts of this batch slice begin in `partial`.
  first_part: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> input0: array<f32>;
@group(0) @binding(2) var<storage, read> input1: array<f32>;
@group(0) @binding(3) var<storage, read> input2: array<f32>;
@group(0) @binding(4) var<storage, read> input3: array<f32>;
@group(0) @binding(5) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var t0 = 0.0;
  var t1 = 0.0;
  var t2 = 0.0;
  var t3 = 0.0;
  for (var i = id.x; i < params.count; i += params.invocations) {
    let g = gradient[i];
    t0 = fma(g, input0[i], t0);
    if (LEVELS > 1u) {
      t1 = fma(g, input1[i], t1);
    }
    if (LEVELS > 2u) {
      t2 = fma(g, input2[i], t2);
    }
    if (LEVELS > 3u) {
      t3 = fma(g, input3[i], t3);
    }
  }
  partial[params.first_part + id.x] = vec4f(t0, t1, t2, t3);
}
