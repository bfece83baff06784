// Gradient of the average of LEVELS tensors with respect to each of them: dx = dy / LEVELS.
// Element counts divisible by 4. One invocation computes four elements.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements / 4.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 2u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  output[index] = gradient[index] / f32(LEVELS);
}
