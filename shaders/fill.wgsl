// Fills a tensor with one value: the seed of a backward pass, or a gradient's first zeros.
// Dispatch: one invocation per element; the grid's rows continue its columns.

const WORKGROUP: u32 = 64u;
const VALUE: f32 = 1.0;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read_write> output: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let i = id.y * grid.x * WORKGROUP + id.x;
  if (i < params.count) {
    output[i] = VALUE;
  }
}
