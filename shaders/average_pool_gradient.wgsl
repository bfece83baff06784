// Gradient of the mean over all pixels: every pixel gets an equal share.
//   dx[n,p,c] = dy[n,c] / PIXELS                                                                               (NHWC)
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = N * PIXELS * CHANNELS.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  channels: u32,
  pixels: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read_write> output: array<Stored>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let n = index / (params.pixels * params.channels);
  output[index] = Stored(Value(gradient[n * params.channels + index % params.channels]) / f32(params.pixels));
}
