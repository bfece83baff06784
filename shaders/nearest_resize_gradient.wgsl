// Gradient of the nearest-neighbour resize: each pixel collects from the outputs that copied it.
//   dx[n,y,x,c] = sum of dy[n,i,j,c] over the i with floor(i * IN_H / OUT_H) = y, the j likewise              (NHWC)
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * IN_H * IN_W * CHANNELS.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const OUT_H: u32 = 8u;
const OUT_W: u32 = 8u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read_write> output: array<Stored>;
@group(0) @binding(2) var<uniform> params: Params;

// First output pixel whose source is `at` or a later one: the smallest d with d * size >= at * resized.
fn first_output(at: u32, size: u32, resized: u32) -> u32 {
  return (at * resized + size - 1u) / size;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let pixel = index / CHANNELS;
  let x = pixel % IN_W;
  let y = pixel / IN_W % IN_H;
  let n = pixel / (IN_W * IN_H);
  let end_row = first_output(y + 1u, IN_H, OUT_H);
  let end_column = first_output(x + 1u, IN_W, OUT_W);

  var sum = Value();
  for (var i = first_output(y, IN_H, OUT_H); i < end_row; i++) {
    for (var j = first_output(x, IN_W, OUT_W); j < end_column; j++) {
      sum += Value(gradient[((n * OUT_H + i) * OUT_W + j) * CHANNELS + channel]);
    }
  }
  output[index] = Stored(sum);
}
