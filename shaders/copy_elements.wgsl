// Copies a run of elements of one tensor into another, at any place of either.
//   output[to + i] = input[from + i] for i < count
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y.

alias Stored = f32; // or f16: input and output in half precision

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  from_element: u32,
  to_element: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read_write> output: array<Stored>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  output[params.to_element + index] = Stored(f32(input[params.from_element + index]));
}
