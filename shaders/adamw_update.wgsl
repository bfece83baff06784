// One step of AdamW or Adam, in place, as torch.optim.AdamW and torch.optim.Adam:
//   g = clip * gradient + pull * parameter;  m = m + (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2
//   parameter = decay * parameter - rate * m / (sqrt(u) / correction + eps);  u = v, or the largest v so far (AMSGRAD)
// Row params.row of the scalars holds rate = lr / (1 - beta1^t), decay, correction = sqrt(1 - beta2^t) and pull: AdamW
// has decay = 1 - lr * weight_decay and no pull, Adam a decay of 1 and pull = weight_decay. clip[1] is the factor of
// clipping. Unless clip[0], the norm, is finite, nothing changes. Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
const WORKGROUP: u32 = 64u;
const AMSGRAD: bool = false;

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
@group(0) @binding(6) var<storage, read_write> largest_square: array<Value>;
@group(0) @binding(7) var<uniform> params: Params;

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
  let before = parameter[index];
  let g = clip[1] * gradient[index] + scalars[params.row].w * before;
  let m = average[index] + params.one_minus_beta1 * (g - average[index]);
  let v = params.beta2 * average_square[index] + params.one_minus_beta2 * g * g;
  average[index] = m;
  average_square[index] = v;
  var spread = v;
  if (AMSGRAD) {
    spread = max(largest_square[index], v);
    largest_square[index] = spread;
  }
  parameter[index] = decay * before - rate * m / (sqrt(spread) / correction + params.eps);
}
