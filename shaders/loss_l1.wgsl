// Weighted L1 or smooth L1 loss of box deltas, its gradient, and one partial sum per workgroup.
//   d = prediction - target, per coordinate
//   L1: loss = scale * w * |d|;  with SMOOTH: scale * w * (d^2 / (2 beta) where |d| < beta, else |d| - beta / 2)
// (L1Loss and SmoothL1Loss of mmdet.) The gradient of |d| at 0 is 0.
// prediction, gradient [positions, coordinate * ANCHORS + a]; targets, weights [anchors] of four coordinates at
// position * ANCHORS + a. partials[first + workgroup] = sum of the workgroup's losses, in a fixed order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = anchors.

const WORKGROUP: u32 = 256u;
const ANCHORS: u32 = 5u;
const SMOOTH: bool = false;

const COORDINATES: u32 = 4u;

struct Params {
  scale: f32,
  beta: f32,
  count: u32,
  first: u32,
}

@group(0) @binding(0) var<storage, read> prediction: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

fn anchor_loss(index: u32) -> f32 {
  let start = index / ANCHORS * ANCHORS * COORDINATES + index % ANCHORS;
  var difference = -targets[index];
  for (var c = 0u; c < COORDINATES; c++) {
    difference[c] += prediction[start + c * ANCHORS];
  }
  let distance = abs(difference);
  let weight = params.scale * weights[index];
  var loss = distance;
  var slope = sign(difference);
  if (SMOOTH) {
    let near = distance < vec4f(params.beta);
    loss = select(distance - 0.5 * params.beta, 0.5 * distance * distance / params.beta, near);
    slope = select(slope, difference / params.beta, near);
  }
  slope *= weight;
  for (var c = 0u; c < COORDINATES; c++) {
    gradient[start + c * ANCHORS] = slope[c];
  }
  return dot(weight, loss);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  let group = id.y * grid.x + id.x;
  let index = group * WORKGROUP + local;
  var loss = 0.0;
  if (index < params.count) {
    loss = anchor_loss(index);
  }
  sums[local] = loss;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      sums[local] += sums[local + half];
    }
  }
  if (local == 0u && group * WORKGROUP < params.count) {
    partials[params.first + group] = sums[0];
  }
}
