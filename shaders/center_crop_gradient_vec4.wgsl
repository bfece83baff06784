// Gradient of the centre crop: the crop's gradient at its place, zeros around it.
//   dx[n,i,j,c] = dy[n, i - TOP, j - LEFT, c] inside the crop, else 0                                          (NHWC)
// Channel counts divisible by 4; GROUPS = C / 4. One invocation computes one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * IN_H * IN_W * GROUPS.

const WORKGROUP: u32 = 64u;
const GROUPS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const OUT_H: u32 = 4u;
const OUT_W: u32 = 4u;
const TOP: u32 = 2u;
const LEFT: u32 = 2u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % GROUPS;
  let pixel = index / GROUPS;
  let n = pixel / (IN_W * IN_H);
  // Positions in the crop; the unsigned difference wraps to a huge number above and left of it.
  let j = pixel % IN_W - LEFT;
  let i = (pixel / IN_W) % IN_H - TOP;
  var value = vec4f();
  if (i < OUT_H && j < OUT_W) {
    value = gradient[((n * OUT_H + i) * OUT_W + j) * GROUPS + channel];
  }
  output[index] = value;
}
