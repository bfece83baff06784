// Gradient of max pooling: each element collects the gradients of the windows whose maximum it is, the first one in
// row-major order where several are equal, as in PyTorch. Padding is never the maximum.
//   dx[n,y,x,c] = sum over the windows that hold (y, x) of dy[window] * (x[n,y,x,c] is its first maximum)       (NHWC)
// An element equal to the window's output looks for an equal one before it; few do.
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * IN_H * IN_W * CHANNELS.

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

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read> input: array<Stored>;
@group(0) @binding(2) var<storage, read> pooled: array<Stored>;
@group(0) @binding(3) var<storage, read_write> output: array<Stored>;
@group(0) @binding(4) var<uniform> params: Params;

// First window along one axis that reaches padded position `at`.
fn first_window(at: u32) -> u32 {
  return (max(at + 1u, KERNEL) - KERNEL + STRIDE - 1u) / STRIDE;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let pixel = index / CHANNELS;
  let n = pixel / (IN_W * IN_H);
  let column = pixel % IN_W + PADDING;
  let row = (pixel / IN_W) % IN_H + PADDING;
  let value = Value(input[index]);

  var sum = Value();
  for (var i = first_window(row); i < OUT_H && i * STRIDE <= row; i++) {
    for (var j = first_window(column); j < OUT_W && j * STRIDE <= column; j++) {
      let window = ((n * OUT_H + i) * OUT_W + j) * CHANNELS + channel;
      var first = value == Value(pooled[window]);
      if (any(first)) {
        let before = (row - i * STRIDE) * KERNEL + column - j * STRIDE;
        for (var t = 0u; t < before; t++) {
          // The unsigned difference wraps to a huge number above and left of the image.
          let y = i * STRIDE + t / KERNEL - PADDING;
          let x = j * STRIDE + t % KERNEL - PADDING;
          if (y < IN_H && x < IN_W) {
            first = first & (Value(input[((n * IN_H + y) * IN_W + x) * CHANNELS + channel]) != value);
          }
        }
        sum += select(Value(), Value(gradient[window]), first);
      }
    }
  }
  output[index] = Stored(sum);
}
