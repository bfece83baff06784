// Second stage of a split sum: adds partial results in their order, so that the sum does not depend on scheduling.
//   y[i] = (y[i] if accumulate) + sum over s of partial[s * count + i]
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count in vec4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  partials: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  var sum = partial[index];
  for (var s = 1u; s < params.partials; s++) {
    sum += partial[s * params.count + index];
  }
  if (params.accumulate != 0u) {
    sum += output[index];
  }
  output[index] = sum;
}
