// Sums of squares of runs of elements; the order of additions is fixed, so that the same input gives the same bits.
//   partial[params.base + k] = sum of (u * input[i])^2 over run k: WORKGROUP * params.rounds elements
// With SCALED, u is 1 / the scale of the loss, in float32, or else 1.
// Each invocation adds up `rounds` elements, a workgroup's width apart; then the workgroup's sums are folded in half
// until one is left. Any element count.
// Dispatch: ceil(params.count / (WORKGROUP * params.rounds)) workgroups, linearised over x and y, with
// count = elements.

alias Value = f32; // or vec4f: WIDTH neighbouring elements, counted as one
const WIDTH: u32 = 1u;
const WORKGROUP: u32 = 256u;
const SCALED: bool = false;

struct Params {
  count: u32,
  rounds: u32,
  base: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Value>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<storage, read> unscale: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  let run = group.y * grid.x + group.x;
  let start = run * WORKGROUP * params.rounds;
  var factor = 1.0;
  if (SCALED) {
    factor = unscale[0];
  }
  var sum = 0.0;
  for (var round = 0u; round < params.rounds; round++) {
    let index = start + round * WORKGROUP + local;
    if (index < params.count) {
      let x = factor * vec4f(input[index]);
      sum += dot(x, x) * (f32(WIDTH) / 4.0);
    }
  }
  sums[local] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (local < half) {
      sums[local] += sums[local + half];
    }
    workgroupBarrier();
  }
  if (local == 0u && start < params.count) {
    partial[params.base + run] = sums[0];
  }
}
