// Adds a share of one tensor to a running sum, in place: gradients of several batches, or a moving average of weights.
//   sum = keep * sum + share * gradient; with keep = 0 the sum begins anew, whatever it held
// The scalars are keep and share. Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read_write> sum: array<Value>;
@group(0) @binding(1) var<storage, read> gradient: array<Value>;
@group(0) @binding(2) var<storage, read> scalars: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let keep = scalars[0];
  let share = scalars[1] * gradient[index];
  if (keep != 0.0) {
    sum[index] = keep * sum[index] + share;
  } else {
    sum[index] = share;
  }
}
