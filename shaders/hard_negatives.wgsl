// Raises the weights of each pair's hardest negatives: those that look most like the object.
//   margin = logit[object] - logit[background];  negative: label 0 and weight above 0
//   output = weight + extra / chosen for the `most` negatives of largest margin (the first ones of equals), else weight
// Margins become whole numbers of the same order; the smallest one chosen is found bit by bit, by exact counting.
// logits [positions, class * ANCHORS + a]; labels (0, or above 0.5: object), weights, output [pairs, anchors].
// One workgroup per pair. Dispatch: pairs workgroups, linearised over x and y.

const WORKGROUP: u32 = 256u;
const ANCHORS: u32 = 5u;

const CLASSES: u32 = 2u;
const OBJECT: f32 = 0.5;
const SIGN_BIT: u32 = 0x80000000u;

struct Params {
  pairs: u32,
  // Anchors of a pair.
  anchors: u32,
  most: u32,
  extra: f32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> tally: atomic<u32>;
var<workgroup> equals: array<u32, WORKGROUP>;

// Of the same order as the margin, 0 for anchors that are no negatives.
fn rank_key(index: u32) -> u32 {
  if (labels[index] > OBJECT || weights[index] <= 0.0) {
    return 0u;
  }
  let background_at = index / ANCHORS * ANCHORS * CLASSES + index % ANCHORS;
  let bits = bitcast<u32>(logits[background_at + ANCHORS] - logits[background_at]);
  return select(bits | SIGN_BIT, ~bits, (bits & SIGN_BIT) != 0u);
}

// How many of the pair's keys are at least `least`; the same for all invocations.
fn count_from(least: u32, start: u32, local: u32) -> u32 {
  workgroupBarrier();
  if (local == 0u) {
    atomicStore(&tally, 0u);
  }
  workgroupBarrier();
  var own = 0u;
  for (var i = local; i < params.anchors; i += WORKGROUP) {
    own += select(0u, 1u, rank_key(start + i) >= least);
  }
  atomicAdd(&tally, own);
  workgroupBarrier();
  return atomicLoad(&tally);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  let pair = min(id.y * grid.x + id.x, params.pairs - 1u);
  let start = pair * params.anchors;
  // The largest threshold that enough keys reach; 1, which all negatives reach, if there are too few of them.
  var threshold = 0u;
  for (var bit = SIGN_BIT; bit > 0u; bit /= 2u) {
    if (count_from(threshold | bit, start, local) >= params.most) {
      threshold |= bit;
    }
  }
  threshold = max(threshold, 1u);
  let above = count_from(threshold + 1u, start, local);
  let wanted = min(params.most, count_from(threshold, start, local));
  let share = params.extra / f32(max(wanted, 1u));

  // Each invocation owns a run of anchors, so that the first ones of equal keys can be told.
  let run = (params.anchors + WORKGROUP - 1u) / WORKGROUP;
  let first = min(local * run, params.anchors);
  let end = min(first + run, params.anchors);
  var own = 0u;
  for (var i = first; i < end; i++) {
    own += select(0u, 1u, rank_key(start + i) == threshold);
  }
  equals[local] = own;
  workgroupBarrier();
  var place = above;
  for (var i = 0u; i < local; i++) {
    place += equals[i];
  }
  for (var i = first; i < end; i++) {
    let key = rank_key(start + i);
    let chosen = key > threshold || (key == threshold && place < wanted);
    place += select(0u, 1u, key == threshold);
    output[start + i] = weights[start + i] + select(0.0, share, chosen);
  }
}
