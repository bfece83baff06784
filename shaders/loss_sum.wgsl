// Sum of the partial sums of a loss, in a fixed order, so that every run gives the same bits: loss = sum of partials.
// One workgroup; invocation i adds every WORKGROUP-th partial from i on, then a tree adds the invocations.
// Dispatch: one workgroup.

const WORKGROUP: u32 = 256u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> loss: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var i = local; i < params.count; i += WORKGROUP) {
    sum += partials[i];
  }
  sums[local] = sum;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      sums[local] += sums[local + half];
    }
  }
  if (local == 0u) {
    loss[0] = sums[0];
  }
}
