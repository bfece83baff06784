// One step of AdamW, in place, as torch.optim.AdamW:
//   g = clip * gradient;  m = m + (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2
//   parameter = decay * parameter - rate * m / (sqrt(v) / correction + eps)
// Row params.row of the scalars holds rate = lr / (1 - beta1^t), decay = 1 - lr * weight_decay and correction =
// sqrt(1 - beta2^t) as its third value; clip[1] is the factor of clipping. Unless clip[0], the norm, is finite,
// nothing changes. Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
const WORKGROUP: u32 = 64u;

const EXPONENT_BITS: u32 = 0x7f800000u;

struct Params {
  count: u32,
  row: u32,
  one_minus_beta1: f32,
  beta2: f32,
  one_minus_beta2: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read_write> parameter: array<Value>;
@group(0) @binding(1) var<storage, read_write> average: array<Value>;
@group(0) @binding(2) var<storage, read_write> average_square: array<Value>;
@group(0) @binding(3) var<storage, read> gradient: array<Value>;
@group(0) @binding(4) var<storage, read> scalars: array<vec4f>;
@group(0) @binding(5) var<storage, read> clip: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  let finite = (bitcast<u32>(clip[0]) & EXPONENT_BITS) != EXPONENT_BITS;
  if (index >= params.count || !finite) {
    return;
  }
  let rate = scalars[params.row].x;
  let decay = scalars[params.row].y;
  let correction = scalars[params.row].z;
  let g = clip[1] * gradient[index];
  let m = average[index] + params.one_minus_beta1 * (g - average[index]);
  let v = params.beta2 * average_square[index] + params.one_minus_beta2 * g * g;
  average[index] = m;
  average_square[index] = v;
  parameter[index] = decay * parameter[index] - rate * m / (sqrt(v) / correction + params.eps);
}
