// Depthwise cross-correlation with a kernel per sample, for any kernel size (kernels that do not fit in registers).
//   y[n,i,j,c] = sum over u,v of x[n,i+u,j+v,c] * k[n,u,v,c]    (NHWC; OUT_H = IN_H - KERNEL_H + 1, OUT_W likewise)
// With FULL, its gradient with respect to x: the full correlation with the flipped kernel, of the gradient as input,
//   y[n,i,j,c] = sum over u,v of x[n, i - u, j - v, c] * k[n,u,v,c],  x zero outside,  OUT_H = IN_H + KERNEL_H - 1.
// Follows depthwise_correlation of MMTracking's CorrelationHead. Any channel count; one element per invocation.
// The loops have bounds that compilers do not know: unrolled, a large kernel would take many seconds to compile.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * OUT_H * OUT_W * CHANNELS.

alias Stored = f32; // or f16: input, kernel and output in half precision

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const KERNEL_H: u32 = 5u;
const KERNEL_W: u32 = 5u;
const FULL: bool = false;

const OUT_H: u32 = select(IN_H + 1u - KERNEL_H, IN_H + KERNEL_H - 1u, FULL);
const OUT_W: u32 = select(IN_W + 1u - KERNEL_W, IN_W + KERNEL_W - 1u, FULL);

struct Params {
  count: u32,
  kernel_height: u32,
  kernel_width: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> kernel: array<Stored>;
@group(0) @binding(2) var<storage, read_write> output: array<Stored>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let pixel = index / CHANNELS;
  let j = pixel % OUT_W;
  let i = (pixel / OUT_W) % OUT_H;
  let n = pixel / (OUT_W * OUT_H);

  var sum = 0.0;
  for (var u = 0u; u < params.kernel_height; u++) {
    let kernel_row = (n * KERNEL_H + u) * KERNEL_W * CHANNELS + channel;
    // The unsigned differences wrap to huge numbers above and left of the image.
    let y = select(i + u, i - u, FULL);
    if (FULL && y >= IN_H) {
      continue;
    }
    let row = (n * IN_H + y) * IN_W * CHANNELS + channel;
    for (var v = 0u; v < params.kernel_width; v++) {
      let x = select(j + v, j - v, FULL);
      let value = f32(input[row + min(x, IN_W - 1u) * CHANNELS]);
      let tap = f32(kernel[kernel_row + v * CHANNELS]);
      sum = fma(select(value, 0.0, FULL && x >= IN_W), tap, sum);
    }
  }
  output[index] = Stored(sum);
}
