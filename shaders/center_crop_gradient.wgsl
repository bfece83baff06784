// Gradient of the centre crop: the crop's gradient at its place, zeros around it.
//   dx[n,i,j,c] = dy[n, i - TOP, j - LEFT, c] inside the crop, else 0                                          (NHWC)
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * IN_H * IN_W * CHANNELS.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const OUT_H: u32 = 4u;
const OUT_W: u32 = 4u;
const TOP: u32 = 2u;
const LEFT: u32 = 2u;

struct Params {
  count: u32,
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
  let channel = index % CHANNELS;
  let pixel = index / CHANNELS;
  let n = pixel / (IN_W * IN_H);
  // Positions in the crop; the unsigned difference wraps to a huge number above and left of it.
  let j = pixel % IN_W - LEFT;
  let i = (pixel / IN_W) % IN_H - TOP;
  var value = Value();
  if (i < OUT_H && j < OUT_W) {
    value = Value(gradient[((n * OUT_H + i) * OUT_W + j) * CHANNELS + channel]);
  }
  output[index] = Stored(value);
}
