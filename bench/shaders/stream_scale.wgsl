// Bandwidth of memory: reads an array and writes another, each element once. ITEMS vec4 per invocation, a workgroup apart, so
// that neighbouring invocations touch neighbouring addresses.
// Dispatch: x * y workgroups, linearised over y, cover count / (WORKGROUP * ITEMS).

const WORKGROUP: u32 = 64u;
const ITEMS: u32 = 1u;

struct Params {
  count: u32, // vec4
  factor: f32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let first = (group.y * grid.x + group.x) * WORKGROUP * ITEMS + local;
  for (var item = 0u; item < ITEMS; item++) {
    let at = first + item * WORKGROUP;
    if (at < params.count) {
      output[at] = input[at] * params.factor;
    }
  }
}
