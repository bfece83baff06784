// Convolution as an implicit GEMM for GPUs, without workgroup memory, NHWC:
//   y[p, o] = epilogue(sum over k of x[pixel(p, tap(k)), c(k)] * w[k, o]),   k = tap * Cin + c
// Each invocation computes PIXELS neighbouring pixels x 4 COLUMNS output channels and reads all operands from storage:
// those that neighbours share come from the caches. No barriers, and few registers beside the sums, so that many
// workgroups are resident: for integrated GPUs, and for layers too small for tiles. The geometry is constant.
// With SPLIT_K > 1, split s sums only its share of the inner dimension and writes raw sums to output[s]; the shader
// conv2d_reduce adds the splits in order and applies the epilogue.
// Dispatch: x = ceil(OUT_C / (4 COLUMNS * THREADS_X)), y = ceil(pixels / (PIXELS * THREADS_Y)), z = SPLIT_K.
// Cin and Cout divisible by 4.

alias Filter = vec4f; // or vec4h: the filter is stored in half precision
alias Stored = vec4f; // or vec4h: input and residual in half precision
alias Output = vec4f; // or vec4h: output in half precision; never of the parts of a sum

const THREADS_X: u32 = 8u;
const THREADS_Y: u32 = 8u;
const PIXELS: u32 = 4u; // of one invocation
const COLUMNS: u32 = 1u; // vec4 of output channels of one invocation
const SPLIT_K: u32 = 1u;
const IN_HEIGHT: u32 = 31u;
const IN_WIDTH: u32 = 31u;
const IN_CHANNELS4: u32 = 64u;
const IN_STRIDE4: u32 = 64u; // vec4 from one pixel to the next
const IN_FIRST4: u32 = 0u; // first vec4 of the channels that are read
const OUT_HEIGHT: u32 = 31u;
const OUT_WIDTH: u32 = 31u;
const OUT_CHANNELS4: u32 = 64u;
const PANEL4: u32 = 64u; // vec4 of output channels that lie together in the filter
const KERNEL_WIDTH: u32 = 1u;
const TAPS: u32 = 1u;
const STRIDE: u32 = 1u;
const PADDING_Y: i32 = 0i;
const PADDING_X: i32 = 0i;
const DILATION: u32 = 1u;
const HAS_SCALE: bool = false;
const HAS_BIAS: bool = false;
const HAS_RESIDUAL: bool = false;
const ACTIVATION_MAX: f32 = 0.0; // upper bound of the activation; 0: none

const DEPTH4: u32 = TAPS * IN_CHANNELS4; // vec4 of the inner dimension
const DEPTH4_PER_SPLIT: u32 = (DEPTH4 + SPLIT_K - 1u) / SPLIT_K;

struct Params {
  pixels: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> weight: array<Filter>;
@group(0) @binding(2) var<storage, read> scale: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<Stored>;
@group(0) @binding(5) var<storage, read_write> output: array<Output>;
@group(0) @binding(6) var<uniform> params: Params;

// Where a pixel's receptive field begins: rows and columns of the input (may be negative), and its sample.
struct Origin {
  y: i32,
  x: i32,
  sample: u32,
  outside: bool, // past the last pixel
}

fn origin(pixel: u32) -> Origin {
  let x = pixel % OUT_WIDTH;
  let y = (pixel / OUT_WIDTH) % OUT_HEIGHT;
  let sample = pixel / (OUT_WIDTH * OUT_HEIGHT);
  return Origin(i32(y * STRIDE) - PADDING_Y, i32(x * STRIDE) - PADDING_X, sample, pixel >= params.pixels);
}

fn gather(at: Origin, k4: u32) -> vec4f {
  let tap = k4 / IN_CHANNELS4;
  let y = at.y + i32(tap / KERNEL_WIDTH * DILATION);
  let x = at.x + i32(tap % KERNEL_WIDTH * DILATION);
  if (at.outside || y < 0 || x < 0 || y >= i32(IN_HEIGHT) || x >= i32(IN_WIDTH)) {
    return vec4f();
  }
  let pixel = (at.sample * IN_HEIGHT + u32(y)) * IN_WIDTH + u32(x);
  return vec4f(input[pixel * IN_STRIDE4 + IN_FIRST4 + k4 % IN_CHANNELS4]);
}

fn filter_at(k: u32, column: u32) -> vec4f {
  if (column >= OUT_CHANNELS4) {
    return vec4f();
  }
  return vec4f(weight[column / PANEL4 * PANEL4 * DEPTH4 * 4u + k * PANEL4 + column % PANEL4]);
}

fn store(pixel: u32, column: u32, part: u32, sum: vec4f) {
  if (pixel >= params.pixels || column >= OUT_CHANNELS4) {
    return;
  }
  let at = pixel * OUT_CHANNELS4 + column;
  var y = sum;
  if (SPLIT_K == 1u) {
    if (HAS_SCALE) {
      y *= scale[column];
    }
    if (HAS_BIAS) {
      y += bias[column];
    }
    if (HAS_RESIDUAL) {
      y += vec4f(residual[at]);
    }
    if (ACTIVATION_MAX > 0.0) {
      y = clamp(y, vec4f(), vec4f(ACTIVATION_MAX));
    }
  }
  output[part * params.pixels * OUT_CHANNELS4 + at] = Output(y);
}

@compute @workgroup_size(THREADS_X, THREADS_Y)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let first_pixel = (group.y * THREADS_Y + thread.y) * PIXELS;
  let first_column = group.x * THREADS_X * COLUMNS + thread.x;
  var origins: array<Origin, PIXELS>;
  for (var p = 0u; p < PIXELS; p++) {
    origins[p] = origin(first_pixel + p);
  }
  var sums: array<vec4f, PIXELS * COLUMNS>;

  let first = group.z * DEPTH4_PER_SPLIT;
  let last = min(first + DEPTH4_PER_SPLIT, DEPTH4);
  for (var k4 = first; k4 < last; k4++) {
    var w: array<mat4x4f, COLUMNS>;
    for (var c = 0u; c < COLUMNS; c++) {
      let column = first_column + c * THREADS_X;
      for (var e = 0u; e < 4u; e++) {
        w[c][e] = filter_at(4u * k4 + e, column);
      }
    }
    for (var p = 0u; p < PIXELS; p++) {
      let x = gather(origins[p], k4);
      for (var c = 0u; c < COLUMNS; c++) {
        sums[p * COLUMNS + c] += w[c] * x;
      }
    }
  }

  for (var p = 0u; p < PIXELS; p++) {
    for (var c = 0u; c < COLUMNS; c++) {
      store(first_pixel + p, first_column + c * THREADS_X, group.z, sums[p * COLUMNS + c]);
    }
  }
}
