// Softmax cross entropy of a sample's logits with its class, its gradient, and one partial sum per workgroup.
//   loss = scale * (log(sum over k of exp(logit[k] - m)) + m - logit[label]),  m = the largest logit
//   d loss / d logit[k] = scale * (softmax(logits)[k] - (1 where k = label, else 0))
// Less the largest logit, so that logits of any finite size are safe (torch.nn.functional.cross_entropy). A sample
// whose label is no class adds nothing. partials[first + workgroup] = sum of the workgroup's losses, in a fixed order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = samples.

const WORKGROUP: u32 = 256u;

struct Params {
  classes: u32,
  scale: f32,
  count: u32,
  first: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> partials: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

fn sample_loss(index: u32) -> f32 {
  let first = index * params.classes;
  var largest = logits[first];
  for (var k = 1u; k < params.classes; k++) {
    largest = max(largest, logits[first + k]);
  }
  var total = 0.0;
  for (var k = 0u; k < params.classes; k++) {
    total += exp(logits[first + k] - largest);
  }
  let label = labels[index];
  let counts = label >= 0.0 && label < f32(params.classes);
  let wanted = select(0u, u32(label), counts);
  let scale = select(0.0, params.scale, counts);
  for (var k = 0u; k < params.classes; k++) {
    let share = exp(logits[first + k] - largest) / total;
    gradient[first + k] = scale * (share - select(0.0, 1.0, k == wanted));
  }
  return scale * (log(total) + largest - logits[first + wanted]);
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
    loss = sample_loss(index);
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
