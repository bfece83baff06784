// One step of stochastic gradient descent with momentum, in place, as torch.optim.SGD:
//   d = clip * gradient + weight_decay * parameter; v = momentum * v + share * d; d = d + momentum * v (NESTEROV) or v
//   parameter = parameter - rate * d
// Rate and share (1 - dampening, 1 at the first step) stand in row params.row of the scalars, the factor of clipping in
// clip[1]. If the norm of all gradients, clip[0], is not finite, nothing changes. Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
const WORKGROUP: u32 = 64u;
const MOMENTUM: bool = true;
const NESTEROV: bool = false;

const EXPONENT_BITS: u32 = 0x7f800000u;

struct Params {
  count: u32,
  row: u32,
  momentum: f32,
  weight_decay: f32,
}

@group(0) @binding(0) var<storage, read_write> parameter: array<Value>;
@group(0) @binding(1) var<storage, read_write> velocity: array<Value>;
@group(0) @binding(2) var<storage, read> gradient: array<Value>;
@group(0) @binding(3) var<storage, read> scalars: array<vec4f>;
@group(0) @binding(4) var<storage, read> clip: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  let finite = (bitcast<u32>(clip[0]) & EXPONENT_BITS) != EXPONENT_BITS;
  if (index >= params.count || !finite) {
    return;
  }
  let rate = scalars[params.row].x;
  let share = scalars[params.row].y;
  let before = parameter[index];
  var direction = clip[1] * gradient[index] + params.weight_decay * before;
  if (MOMENTUM) {
    let moved = params.momentum * velocity[index] + share * direction;
    velocity[index] = moved;
    direction = select(moved, direction + params.momentum * moved, NESTEROV);
  }
  parameter[index] = before - rate * direction;
}
