// Max pooling; padding counts as minus infinity.
//   y[n,i,j,c] = max over 0 <= u,v < KERNEL of x[n, i * STRIDE + u - PADDING, j * STRIDE + v - PADDING, c]      (NHWC)
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * OUT_H * OUT_W * CHANNELS.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const KERNEL: u32 = 3u;
const STRIDE: u32 = 2u;
const PADDING: u32 = 1u;

const OUT_H: u32 = (IN_H + 2u * PADDING - KERNEL) / STRIDE + 1u;
const OUT_W: u32 = (IN_W + 2u * PADDING - KERNEL) / STRIDE + 1u;
const LOWEST: f32 = -3.40282346e38;

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
  let left = (pixel % OUT_W) * STRIDE;
  let top = ((pixel / OUT_W) % OUT_H) * STRIDE;
  let n = pixel / (OUT_W * OUT_H);

  var largest = Value(LOWEST);
  for (var u = 0u; u < KERNEL; u++) {
    for (var v = 0u; v < KERNEL; v++) {
      // Positions in the padded image; the unsigned difference wraps to a huge number above and left of the image.
      let y = top + u - PADDING;
      let x = left + v - PADDING;
      if (y < IN_H && x < IN_W) {
        largest = max(largest, Value(input[((n * IN_H + y) * IN_W + x) * CHANNELS + channel]));
      }
    }
  }
  output[index] = Stored(largest);
}
