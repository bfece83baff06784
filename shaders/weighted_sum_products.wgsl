// First stage of the gradient of the weighted sum with respect to its weights: each invocation's part of the products
//   t[l] = sum of dy * x_l
// A workgroup takes WORKGROUP * params.rounds elements (of four), an invocation every WORKGROUP-th of them.
// Inputs from LEVELS on are not read. partial: one vec4f per invocation. Any element count.
// Dispatch: ceil(params.count / (WORKGROUP * params.rounds)) workgroups over x, with count in elements.

alias Value = f32; // or vec4f: WIDTH neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WIDTH: u32 = 1u;
const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;

struct Params {
  count: u32,
  rounds: u32,
  // Where the parts of this batch slice begin in `partial`.
  first_part: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read> input0: array<Stored>;
@group(0) @binding(2) var<storage, read> input1: array<Stored>;
@group(0) @binding(3) var<storage, read> input2: array<Stored>;
@group(0) @binding(4) var<storage, read> input3: array<Stored>;
@group(0) @binding(5) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

// The elements of a Value together; a single one is four times in the vec4f.
fn total(t: Value) -> f32 {
  return dot(vec4f(t), vec4f(f32(WIDTH) / 4.0));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let first = group.x * WORKGROUP * params.rounds;
  let end = min(first + WORKGROUP * params.rounds, params.count);
  var t0 = Value();
  var t1 = Value();
  var t2 = Value();
  var t3 = Value();
  for (var i = first + local; i < end; i += WORKGROUP) {
    let g = Value(gradient[i]);
    t0 = fma(g, Value(input0[i]), t0);
    if (LEVELS > 1u) {
      t1 = fma(g, Value(input1[i]), t1);
    }
    if (LEVELS > 2u) {
      t2 = fma(g, Value(input2[i]), t2);
    }
    if (LEVELS > 3u) {
      t3 = fma(g, Value(input3[i]), t3);
    }
  }
  let part = params.first_part + group.x * WORKGROUP + local;
  partial[part] = vec4f(total(t0), total(t1), total(t2), total(t3));
}
