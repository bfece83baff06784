// Gradient of append_samples: each sample's gradient, and that of its repetition if it has one.
//   result[i] = gradient[i] + gradient[i + back] where i + back lies behind the batch and within the gradient
// Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements of the result.

alias Stored = f32; // or f16: gradient and result in half precision

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  // Elements of the gradient.
  gradient_count: u32,
  // From an element to its repetition.
  back: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read_write> result: array<Stored>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let again = index + params.back;
  let repeated = again >= params.count && again < params.gradient_count;
  let second = f32(gradient[min(again, params.gradient_count - 1u)]);
  result[index] = Stored(f32(gradient[index]) + select(0.0, second, repeated));
}
