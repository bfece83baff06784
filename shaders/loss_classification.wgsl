// Weighted loss of two logits per anchor, its gradient, and one partial sum per workgroup. Softmax cross entropy:
//   z = logit[label] - logit[other],  loss = scale * w * log(1 + exp(-z)),  w = weight * class_weight[label]
//   d loss / d logit[other] = scale * w / (1 + exp(z)) = - d loss / d logit[label]
// With FOCAL the sigmoid focal loss, each class a question of its own, answered yes for the label's class, else no:
//   z = logit where yes, -logit where no;  q = 1 / (1 + exp(z)), the probability of the wrong answer
//   loss = scale * weight * alpha_t * q^gamma * log(1 + exp(-z)),  alpha_t = alpha where yes, 1 - alpha where no
//   d loss / dz = -scale * weight * alpha_t * q^gamma * (q + gamma * (1 - q) * log(1 + exp(-z)))
// Written with softplus, q^gamma as exp(-gamma * softplus(z)), so that logits of any finite size are safe
// (CrossEntropyLoss with use_sigmoid=False and py_sigmoid_focal_loss of mmdet).
// logits, gradient [positions, class * ANCHORS + a]; labels (0, or above 0.5: object), weights [anchors] at
// position * ANCHORS + a. partials[first + workgroup] = sum of the workgroup's losses, in a fixed order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = anchors.

const WORKGROUP: u32 = 256u;
const ANCHORS: u32 = 5u;
const FOCAL: bool = false;

const CLASSES: u32 = 2u;
const OBJECT: f32 = 0.5;
const SERIES_BELOW: f32 = 0.01;

struct Params {
  class_weight: vec2f, // of the cross entropy
  gamma: f32, // of the focal loss, as alpha
  alpha: f32,
  scale: f32,
  count: u32,
  first: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

// log(1 + e) for 0 <= e <= 1; the series keeps what adding 1 would round away.
fn log1p(e: f32) -> f32 {
  return select(log(1.0 + e), e * (1.0 - e * (0.5 - e * (1.0 / 3.0 - 0.25 * e))), e < SERIES_BELOW);
}

fn softplus(z: f32) -> f32 {
  return max(z, 0.0) + log1p(exp(-abs(z)));
}

fn cross_entropy(index: u32) -> f32 {
  let background_at = index / ANCHORS * ANCHORS * CLASSES + index % ANCHORS;
  let object_at = background_at + ANCHORS;
  let margin = logits[object_at] - logits[background_at];
  let is_object = labels[index] > OBJECT;
  let z = select(-margin, margin, is_object);
  let weight = params.scale * weights[index] * select(params.class_weight.x, params.class_weight.y, is_object);
  let slope = weight * exp(-softplus(z));
  gradient[object_at] = select(slope, -slope, is_object);
  gradient[background_at] = select(-slope, slope, is_object);
  return weight * softplus(-z);
}

fn focal(index: u32) -> f32 {
  let start = index / ANCHORS * ANCHORS * CLASSES + index % ANCHORS;
  let label_class = select(0u, 1u, labels[index] > OBJECT);
  let weight = params.scale * weights[index];
  var loss = 0.0;
  for (var class_index = 0u; class_index < CLASSES; class_index++) {
    let at = start + class_index * ANCHORS;
    let yes = class_index == label_class;
    let z = select(-logits[at], logits[at], yes);
    let wrong_log = -softplus(z);
    let surprise = softplus(-z);
    let factor = weight * select(1.0 - params.alpha, params.alpha, yes) * exp(params.gamma * wrong_log);
    let slope = factor * (exp(wrong_log) + params.gamma * exp(-surprise) * surprise);
    gradient[at] = select(slope, -slope, yes);
    loss += factor * surprise;
  }
  return loss;
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
    if (FOCAL) {
      loss = focal(index);
    } else {
      loss = cross_entropy(index);
    }
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
