// Convolution as an implicit GEMM for GPUs, through workgroup memory, NHWC:
//   y[p, o] = epilogue(sum over k of x[pixel(p, tap(k)), c(k)] * w[k, o]),   k = tap * Cin + c
// A workgroup of (TILE_M / 4) x (TILE_N / 4) invocations computes TILE_M pixels x TILE_N output channels, TILE_K of the
// inner dimension at a time; each invocation keeps 4 pixels x 4 channels in registers. The gather of the implicit
// im2col is fused in the load of the input tile; its geometry is constant, so that divisions are by constants.
// With SPLIT_K > 1, z-slice s sums only its share of the inner dimension and writes raw sums to output[s]; the shader
// conv2d_reduce adds the slices in order and applies the epilogue: deterministic, for layers with few tiles.
// Dispatch: x = ceil(OUT_C / TILE_N), y = ceil(pixels / TILE_M), z = SPLIT_K. Cin and Cout divisible by 4.

const TILE_M: u32 = 64u;
const TILE_N: u32 = 64u;
const TILE_K: u32 = 16u;
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

const THREADS_X: u32 = TILE_N / 4u;
const THREADS_Y: u32 = TILE_M / 4u;
const THREADS: u32 = THREADS_X * THREADS_Y;
const TILE_K4: u32 = TILE_K / 4u;
const STEPS: u32 = (TAPS * IN_CHANNELS4 + TILE_K4 - 1u) / TILE_K4;
const STEPS_PER_SPLIT: u32 = (STEPS + SPLIT_K - 1u) / SPLIT_K;
const ROW4: u32 = TILE_M / 4u + 1u; // one vec4 of padding against bank conflicts

struct Params {
  pixels: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> scale: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

// Transposed: tile_x[k][pixel], so that one vec4 holds four neighbouring pixels of the same k.
var<workgroup> tile_x: array<array<vec4f, ROW4>, TILE_K>;
var<workgroup> tile_w: array<array<vec4f, THREADS_X>, TILE_K>;

fn gather(pixel: u32, k4: u32) -> vec4f {
  if (pixel >= params.pixels || k4 >= TAPS * IN_CHANNELS4) {
    return vec4f();
  }
  let tap = k4 / IN_CHANNELS4;
  let c = k4 % IN_CHANNELS4;
  let ox = pixel % OUT_WIDTH;
  let oy = (pixel / OUT_WIDTH) % OUT_HEIGHT;
  let n = pixel / (OUT_WIDTH * OUT_HEIGHT);
  let y = i32(oy * STRIDE + (tap / KERNEL_WIDTH) * DILATION) - PADDING_Y;
  let x = i32(ox * STRIDE + (tap % KERNEL_WIDTH) * DILATION) - PADDING_X;
  if (y < 0 || x < 0 || y >= i32(IN_HEIGHT) || x >= i32(IN_WIDTH)) {
    return vec4f();
  }
  return input[((n * IN_HEIGHT + u32(y)) * IN_WIDTH + u32(x)) * IN_STRIDE4 + IN_FIRST4 + c];
}

fn load_tiles(thread: u32, first_pixel: u32, first_column: u32, step: u32) {
  for (var i = thread; i < TILE_M * TILE_K4; i += THREADS) {
    let pixel = i / TILE_K4;
    let k4 = i % TILE_K4;
    let x = gather(first_pixel + pixel, step * TILE_K4 + k4);
    for (var e = 0u; e < 4u; e++) {
      tile_x[k4 * 4u + e][pixel / 4u][pixel % 4u] = x[e];
    }
  }
  for (var i = thread; i < TILE_K * THREADS_X; i += THREADS) {
    let k = step * TILE_K + i / THREADS_X;
    let column = first_column + i % THREADS_X;
    var w = vec4f();
    if (k < TAPS * IN_CHANNELS4 * 4u && column < OUT_CHANNELS4) {
      w = weight[(column / PANEL4 * TAPS * IN_CHANNELS4 * 4u + k) * PANEL4 + column % PANEL4];
    }
    tile_w[i / THREADS_X][i % THREADS_X] = w;
  }
}

fn store(pixel: u32, column: u32, split: u32, sum: vec4f) {
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
      y += residual[at];
    }
    if (ACTIVATION_MAX > 0.0) {
      y = clamp(y, vec4f(), vec4f(ACTIVATION_MAX));
    }
  }
  output[split * params.pixels * OUT_CHANNELS4 + at] = y;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first_pixel = group.y * TILE_M;
  let first_column = group.x * THREADS_X;
  let tx = thread % THREADS_X;
  let ty = thread / THREADS_X;
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();

  let first = group.z * STEPS_PER_SPLIT;
  let last = min(first + STEPS_PER_SPLIT, STEPS);
  for (var step = first; step < last; step++) {
    load_tiles(thread, first_pixel, first_column, step);
    workgroupBarrier();
    for (var k = 0u; k < TILE_K; k++) {
      let x = tile_x[k][ty];
      let w = tile_w[k][tx];
      sum0 = fma(vec4f(x[0]), w, sum0);
      sum1 = fma(vec4f(x[1]), w, sum1);
      sum2 = fma(vec4f(x[2]), w, sum2);
      sum3 = fma(vec4f(x[3]), w, sum3);
    }
    workgroupBarrier();
  }

  let pixel = first_pixel + ty * 4u;
  let column = first_column + tx;
  store(pixel, column, group.z, sum0);
  store(pixel + 1u, column, group.z, sum1);
  store(pixel + 2u, column, group.z, sum2);
  store(pixel + 3u, column, group.z, sum3);
}
