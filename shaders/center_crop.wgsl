// Copies a window out of each image.
//   y[n,i,j,c] = x[n, TOP + i, LEFT + j, c]      (NHWC)
// Any channel count. One invocation copies one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * OUT_H * OUT_W * CHANNELS.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 15u;
const IN_W: u32 = 15u;
const OUT_H: u32 = 7u;
const OUT_W: u32 = 7u;
const TOP: u32 = 4u;
const LEFT: u32 = 4u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
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
  let x = pixel % OUT_W + LEFT;
  let y = (pixel / OUT_W) % OUT_H + TOP;
  let n = pixel / (OUT_W * OUT_H);
  output[index] = Stored(Value(input[((n * IN_H + y) * IN_W + x) * CHANNELS + channel]));
}
