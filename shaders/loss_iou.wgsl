// Weighted loss of the overlap of two boxes x1, y1, x2, y2, its gradient, and one partial sum per workgroup.
//   iou = overlap / max(area_p + area_t - overlap, UNION_EPS)
//   giou = iou - (hull - union) / hull, hull being the area of the box around both
//   MODE 0: 1 - c, 1: 1 - c^2, 2: -log(c) with c = max(iou, eps);  3: 1 - giou, whose union and hull are at least eps
//   loss = scale * mean of the four weights * that (IoULoss and GIoULoss of mmdet)
// Gradients at the kinks are PyTorch's: max and min of equal numbers give each half, a clamp passes at its bound.
// A box whose corners are in the wrong order has a negative area, as it has there.
// prediction, gradient [positions, coordinate * ANCHORS + a]; targets, weights [anchors] of four coordinates at
// position * ANCHORS + a. partials[first + workgroup] = sum of the workgroup's losses, in a fixed order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = anchors.

const WORKGROUP: u32 = 256u;
const ANCHORS: u32 = 5u;
const MODE: u32 = 2u;

const LINEAR: u32 = 0u;
const SQUARE: u32 = 1u;
const GENERALISED: u32 = 3u;
const UNION_EPS: f32 = 1e-6;
const COORDINATES: u32 = 4u;

struct Params {
  scale: f32,
  eps: f32,
  count: u32,
  first: u32,
}

// Value of a loss, and its derivatives by the three areas that it depends on.
struct AreaLoss {
  value: f32,
  by_overlap: f32,
  by_union: f32,
  by_hull: f32,
}

@group(0) @binding(0) var<storage, read> prediction: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

// Share of max(a, b) that is a's.
fn share(a: f32, b: f32) -> f32 {
  return select(select(0.0, 0.5, a == b), 1.0, a > b);
}

fn shares(a: vec2f, b: vec2f) -> vec2f {
  return vec2f(share(a.x, b.x), share(a.y, b.y));
}

fn passes(size: vec2f) -> vec2f {
  return select(vec2f(0.0), vec2f(1.0), size >= vec2f(0.0));
}

fn overlap_loss(overlap: f32, raw_union: f32) -> AreaLoss {
  let whole = max(raw_union, UNION_EPS);
  let iou = overlap / whole;
  let kept = max(iou, params.eps);
  var value = -log(kept);
  var slope = -1.0 / kept;
  if (MODE == LINEAR) {
    value = 1.0 - kept;
    slope = -1.0;
  } else if (MODE == SQUARE) {
    value = 1.0 - kept * kept;
    slope = -2.0 * kept;
  }
  slope = select(0.0, slope, iou >= params.eps);
  return AreaLoss(value, slope / whole, -slope * iou / whole * share(raw_union, UNION_EPS), 0.0);
}

fn generalised_loss(overlap: f32, raw_union: f32, raw_hull: f32) -> AreaLoss {
  let whole = max(raw_union, params.eps);
  let hull = max(raw_hull, params.eps);
  let iou = overlap / whole;
  let by_union = (iou / whole - 1.0 / hull) * share(raw_union, params.eps);
  let by_hull = whole / hull / hull * share(raw_hull, params.eps);
  return AreaLoss(1.0 - iou + (hull - whole) / hull, -1.0 / whole, by_union, by_hull);
}

fn anchor_loss(index: u32) -> f32 {
  let start = index / ANCHORS * ANCHORS * COORDINATES + index % ANCHORS;
  var p = vec4f();
  for (var c = 0u; c < COORDINATES; c++) {
    p[c] = prediction[start + c * ANCHORS];
  }
  let t = targets[index];
  let p_size = p.zw - p.xy;
  let t_size = t.zw - t.xy;
  let shared_span = min(p.zw, t.zw) - max(p.xy, t.xy);
  let shared_size = max(shared_span, vec2f(0.0));
  let hull = max(p.zw, t.zw) - min(p.xy, t.xy);
  let hull_size = max(hull, vec2f(0.0));
  let overlap = shared_size.x * shared_size.y;
  let raw_union = p_size.x * p_size.y + t_size.x * t_size.y - overlap;
  var one = AreaLoss();
  if (MODE == GENERALISED) {
    one = generalised_loss(overlap, raw_union, hull_size.x * hull_size.y);
  } else {
    one = overlap_loss(overlap, raw_union);
  }
  let by_size = one.by_union * p_size.yx;
  let by_shared = (one.by_overlap - one.by_union) * shared_size.yx * passes(shared_span);
  let by_hull = one.by_hull * hull_size.yx * passes(hull);
  let by_low = -by_size - by_shared * shares(p.xy, t.xy) - by_hull * shares(t.xy, p.xy);
  let by_high = by_size + by_shared * shares(t.zw, p.zw) + by_hull * shares(p.zw, t.zw);
  let weight = params.scale * dot(weights[index], vec4f(0.25));
  let slope = weight * vec4f(by_low, by_high);
  for (var c = 0u; c < COORDINATES; c++) {
    gradient[start + c * ANCHORS] = slope[c];
  }
  return weight * one.value;
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
