// Second stage of a sum over chunks: adds plane PLANE of a workspace [chunks, PLANES, C].
//   total[c] = sum over chunks of partial[chunk, PLANE, c]
// PARTS invocations share a channel: each takes every PARTS-th chunk, then they add up as a tree, in one order always.
// Dispatch: ceil(params.channels * PARTS / WORKGROUP) workgroups over x.

const WORKGROUP: u32 = 64u;
const PARTS: u32 = 1u;
const PLANES: u32 = 1u;
const PLANE: u32 = 0u;

const COLUMNS: u32 = WORKGROUP / PARTS;

struct Params {
  channels: u32,
  chunks: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> total: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

fn across_lanes(local: u32, value: f32) -> f32 {
  if (PARTS == 1u) {
    return value;
  }
  workgroupBarrier();
  sums[local] = value;
  for (var distance = PARTS / 2u; distance > 0u; distance /= 2u) {
    workgroupBarrier();
    if (local < distance * COLUMNS) {
      sums[local] += sums[local + distance * COLUMNS];
    }
  }
  workgroupBarrier();
  return sums[local % COLUMNS];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let channel = group.x * COLUMNS + local % COLUMNS;
  let part = local / COLUMNS;
  let column = min(channel, params.channels - 1u);

  var sum = 0.0;
  for (var k = part; k < params.chunks; k += PARTS) {
    sum += partial[(k * PLANES + PLANE) * params.channels + column];
  }
  let all = across_lanes(local, sum);
  if (channel < params.channels && part == 0u) {
    total[channel] = all;
  }
}
