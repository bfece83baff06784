// Norm of all gradients from their partial sums of squares, and the factor that limits it (clip_grad_norm_ of PyTorch):
//   clip[0] = sqrt(sum of partial);  clip[1] = u * min(1, max_norm / (clip[0] + EPS)), or u without LIMIT
// With SCALED the gradients are those of a loss that was multiplied by a scale, and u is 1 / that scale; or else 1.
// One workgroup; the order of additions is fixed.
// Dispatch: 1 workgroup.

const WORKGROUP: u32 = 256u;
const LIMIT: bool = true;
const SCALED: bool = false;

const EPS: f32 = 1e-6;

struct Params {
  count: u32,
  max_norm: f32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> clip: array<f32>;
@group(0) @binding(2) var<storage, read> unscale: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var index = local; index < params.count; index += WORKGROUP) {
    sum += partial[index];
  }
  sums[local] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (local < half) {
      sums[local] += sums[local + half];
    }
    workgroupBarrier();
  }
  if (local == 0u) {
    let norm = sqrt(sums[0]);
    clip[0] = norm;
    var factor = 1.0;
    if (SCALED) {
      factor = unscale[0];
    }
    clip[1] = factor * select(1.0, min(1.0, params.max_norm / (norm + EPS)), LIMIT);
  }
}
