// One step of the tracker after the network: picks the best anchor of each target and moves the target's box.
//   score_i   = softmax(cls_i)[object]
//   box_i     = anchor + delta, decoded as DeltaXYWH, |dw|, |dh| <= MAX_LOG_RATIO (search-image pixels from its centre)
//   penalty_i = exp(-(change(size(box_i) / size(previous * scale)) * change(aspect(previous) / aspect(box_i)) - 1) * k)
//               size(w,h) = sqrt((w + p)(h + p)), p = (w + h) / 2,  aspect(w,h) = w / h,  change(r) = max(r, 1 / r)
//   best      = argmax of penalty_i * score_i * (1 - influence) + window_i * influence; the lowest index on a tie
//   centre    = previous + box_best / scale,  size = previous * (1 - rate) + box_best / scale * rate,
//               rate = penalty_best * score_best * lr;  then clipped to the frame
// Follows SiameseRPNHead.get_bbox and SiamRPN._bbox_clip of MMTracking (siamese_rpn_head.py, siamrpn.py).
// Anchors are x1, y1, x2, y2; every other box is cx, cy, w, h. Index = position * ANCHORS + a.
// cls [T, positions, class * ANCHORS + a], bbox [T, positions, coordinate * ANCHORS + a].
// State, STATE vec4 per target: (cx, cy, w, h) in frame pixels, replaced; (scale, frame width, frame height, 0);
// and, if STATE is 3, its own rule: (penalty_k, window_influence, lr, which of the maps is its own). Otherwise the rule
// is the uniform's, and target t has map t.
// Result, three vec4 per target: clipped box, box before clipping, (score, penalised score, index, rate).
// Dispatch: one workgroup per target, over x.

const WORKGROUP: u32 = 256u;
const ANCHORS: u32 = 5u;
const STATE: u32 = 2u;

const CLASSES: u32 = 2u;
const COORDINATES: u32 = 4u;
const RESULT: u32 = 3u;
const MAX_LOG_RATIO: f32 = 4.135166556742356;
const MIN_SIZE: f32 = 10.0;
const LOWEST: f32 = -3.40282346e38;

struct Params {
  means: vec4f,
  deviations: vec4f,
  positions: u32,
  penalty_k: f32,
  window_influence: f32,
  lr: f32,
}

struct Rule {
  penalty_k: f32,
  window_influence: f32,
  lr: f32,
  map: u32,
}

struct Candidate {
  box: vec4f,
  score: f32,
  penalty: f32,
  penalised: f32,
}

@group(0) @binding(0) var<storage, read> cls: array<f32>;
@group(0) @binding(1) var<storage, read> bbox: array<f32>;
@group(0) @binding(2) var<storage, read> anchors: array<vec4f>;
@group(0) @binding(3) var<storage, read> window: array<f32>;
@group(0) @binding(4) var<storage, read_write> state: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> best_scores: array<f32, WORKGROUP>;
var<workgroup> best_indices: array<u32, WORKGROUP>;

fn rule_of(target_index: u32) -> Rule {
  if (STATE > 2u) {
    let own = state[target_index * STATE + 2u];
    return Rule(own.x, own.y, own.z, u32(own.w));
  }
  return Rule(params.penalty_k, params.window_influence, params.lr, target_index);
}

fn change(ratio: f32) -> f32 {
  return max(ratio, 1.0 / ratio);
}

fn enlarged_size(size: vec2f) -> f32 {
  let padding = (size.x + size.y) * 0.5;
  return sqrt((size.x + padding) * (size.y + padding));
}

fn decode(position: u32, anchor: u32, deltas: vec4f) -> vec4f {
  let edges = anchors[position * ANCHORS + anchor];
  let size = edges.zw - edges.xy;
  let centre = (edges.xy + edges.zw) * 0.5;
  let delta = deltas * params.deviations + params.means;
  let log_ratio = clamp(delta.zw, vec2f(-MAX_LOG_RATIO), vec2f(MAX_LOG_RATIO));
  return vec4f(centre + delta.xy * size, size * exp(log_ratio));
}

fn candidate(rule: Rule, index: u32, previous: vec4f, scale: f32) -> Candidate {
  let position = index / ANCHORS;
  let anchor = index % ANCHORS;
  let row = rule.map * params.positions + position;
  let logits = row * CLASSES * ANCHORS + anchor;
  let coordinates = row * COORDINATES * ANCHORS + anchor;

  // The softmax of two logits is the logistic function of their difference.
  let score = 1.0 / (1.0 + exp(cls[logits] - cls[logits + ANCHORS]));
  let box = decode(position, anchor, vec4f(
    bbox[coordinates],
    bbox[coordinates + ANCHORS],
    bbox[coordinates + 2u * ANCHORS],
    bbox[coordinates + 3u * ANCHORS],
  ));
  let size_change = change(enlarged_size(box.zw) / enlarged_size(previous.zw * scale));
  let aspect_change = change((previous.z / previous.w) / (box.z / box.w));
  let penalty = exp(-(aspect_change * size_change - 1.0) * rule.penalty_k);
  let penalised = penalty * score * (1.0 - rule.window_influence) + window[index] * rule.window_influence;
  return Candidate(box, score, penalty, penalised);
}

fn beats(one: u32, other: u32) -> bool {
  let tie = best_scores[one] == best_scores[other];
  return best_scores[one] > best_scores[other] || (tie && best_indices[one] < best_indices[other]);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let previous = state[group.x * STATE];
  let context = state[group.x * STATE + 1u];
  let scale = context.x;
  let rule = rule_of(group.x);

  // One call in the text, because each is compiled by itself. The first candidate is kept even if its score is not a
  // number: where all are not, the result shows it.
  var best: Candidate;
  var best_score = LOWEST;
  var best_index = local;
  for (var index = local; index < params.positions * ANCHORS; index += WORKGROUP) {
    let found = candidate(rule, index, previous, scale);
    let better = found.penalised > best_score;
    if (better || index == local) {
      best = found;
      best_index = index;
    }
    best_score = select(best_score, found.penalised, better);
  }
  best_scores[local] = best_score;
  best_indices[local] = best_index;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half && beats(local + half, local)) {
      best_scores[local] = best_scores[local + half];
      best_indices[local] = best_indices[local + half];
    }
  }
  workgroupBarrier();
  let winner = best_indices[0];
  if (local != winner % WORKGROUP) {
    return;
  }

  let rate = best.penalty * best.score * rule.lr;
  let found = best.box / scale;
  let moved = vec4f(previous.xy + found.xy, previous.zw * (1.0 - rate) + found.zw * rate);
  let limits = context.yzyz;
  let clipped = min(max(moved, vec4f(0.0, 0.0, MIN_SIZE, MIN_SIZE)), limits);
  state[group.x * STATE] = clipped;
  result[group.x * RESULT] = clipped;
  result[group.x * RESULT + 1u] = moved;
  result[group.x * RESULT + 2u] = vec4f(best.score, best_score, f32(winner), rate);
}
