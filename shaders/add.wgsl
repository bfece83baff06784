// Sum of two tensors of one shape, with an optional activation (the end of a residual block).
//   y = a + b, or clamp(a + b, 0, ACTIVATION_MAX), element by element. Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const ACTIVATION_MAX: f32 = 0.0; // upper bound of the activation; 0: none

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> a: array<Stored>;
@group(0) @binding(1) var<storage, read> b: array<Stored>;
@group(0) @binding(2) var<storage, read_write> output: array<Stored>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let sum = Value(a[index]) + Value(b[index]);
  output[index] = Stored(select(sum, clamp(sum, Value(), Value(ACTIVATION_MAX)), ACTIVATION_MAX > 0.0));
}
