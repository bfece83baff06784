// Gradient of the average of LEVELS tensors with respect to each of them: dx = dy / LEVELS.
// Any element count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 2u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read_write> output: array<Stored>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  output[index] = Stored(Value(gradient[index]) / f32(LEVELS));
}
