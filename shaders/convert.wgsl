// Elements from one precision to the other:
//   y[i] = x[i], rounded to the nearest if y is stored in half precision; what is too large becomes an infinity
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count in Values.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias From = f32; // or f16, vec4f, vec4h: a Value as it lies in the input
alias Stored = f32; // and in the output

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<From>;
@group(0) @binding(1) var<storage, read_write> output: array<Stored>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index < params.count) {
    output[index] = Stored(Value(input[index]));
  }
}
