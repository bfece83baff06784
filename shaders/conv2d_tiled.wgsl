// Convolution as an implicit GEMM for GPUs, through workgroup memory, NHWC:
//   y[p, o] = epilogue(sum over k of x[pixel(p, tap(k)), c(k)] * w[k, o]),   k = tap * Cin + c
// A workgroup computes TILE_M pixels x TILE_N output channels, TILE_K of the inner dimension at a time; each invocation
// keeps PIXELS x 4 COLUMNS of them in registers. While a step is computed, the next one's operands are fetched into
// registers; with two BUFFERS they are put beside the step's own, which saves a barrier. The gather of the implicit
// im2col is fused in the fetch; its geometry is constant, so that divisions are by constants.
// Four pixels' inputs are turned in registers and stored as vec4 of neighbouring pixels. For that, row r of a tile
// holds k = r % TILE_K4 * 4 + r / TILE_K4, and rows are PADDING4 longer than the tile: eight invocations that store
// next to each other then hit different banks.
// With SPLIT_K > 1, split s sums only its share of the inner dimension and writes raw sums to output[s]; the shader
// conv2d_reduce adds the splits in order and applies the epilogue: deterministic, for layers with few tiles.
// Also a plain batched product: without splits, batch z reads, multiplies and writes at its own offsets (for Winograd).
// Dispatch: x = ceil(OUT_C / TILE_N), y = ceil(pixels / TILE_M), z = batches * SPLIT_K. Cin and Cout divisible by 4,
// TILE_K one of 4, 8, 16, 32.

alias Filter = vec4f; // or vec4h: the filter is stored in half precision
alias Stored = vec4f; // or vec4h: input and residual in half precision
alias Output = vec4f; // or vec4h: output in half precision; never of the parts of a sum

const TILE_M: u32 = 64u;
const TILE_N: u32 = 64u;
const TILE_K: u32 = 16u;
const PIXELS: u32 = 4u; // 4 or 8, of one invocation
const COLUMNS: u32 = 1u; // vec4 of output channels of one invocation
const BUFFERS: u32 = 1u; // 1 or 2
const SPLIT_K: u32 = 1u;
const BATCHES: u32 = 1u; // of a product; the filters of more than one lie in quarters (winograd_weight)
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

const THREADS_X: u32 = TILE_N / (4u * COLUMNS);
const THREADS: u32 = THREADS_X * (TILE_M / PIXELS);
const TILE_M4: u32 = TILE_M / 4u;
const TILE_N4: u32 = TILE_N / 4u;
const TILE_K4: u32 = TILE_K / 4u;
const DEPTH4: u32 = TAPS * IN_CHANNELS4; // vec4 of the inner dimension
const STEPS: u32 = (DEPTH4 + TILE_K4 - 1u) / TILE_K4;
const STEPS_PER_SPLIT: u32 = (STEPS + SPLIT_K - 1u) / SPLIT_K;
const PADDING4: u32 = 8u / TILE_K4;
const BLOCKS: u32 = (TILE_M4 * TILE_K4 + THREADS - 1u) / THREADS; // blocks of 4 pixels x 4 k of an invocation
const FILTERS: u32 = (TILE_K * TILE_N4 + THREADS - 1u) / THREADS; // vec4 of the filter of an invocation

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

var<workgroup> tile_x: array<array<vec4f, TILE_M4 + PADDING4>, BUFFERS * TILE_K>;
var<workgroup> tile_w: array<array<vec4f, TILE_N4>, BUFFERS * TILE_K>;

// Where a pixel's receptive field begins: rows and columns of the input (may be negative), and its sample.
struct Origin {
  y: i32,
  x: i32,
  sample: u32,
  outside: bool, // past the last pixel
}

// What one invocation fetches of a step.
struct Operands {
  x: array<mat4x4f, BLOCKS>, // a column per pixel
  w: array<vec4f, FILTERS>,
}

fn origin(pixel: u32) -> Origin {
  let x = pixel % OUT_WIDTH;
  let y = (pixel / OUT_WIDTH) % OUT_HEIGHT;
  let sample = pixel / (OUT_WIDTH * OUT_HEIGHT);
  return Origin(i32(y * STRIDE) - PADDING_Y, i32(x * STRIDE) - PADDING_X, sample, pixel >= params.pixels);
}

fn gather(at: Origin, batch: u32, k4: u32) -> vec4f {
  let tap = k4 / IN_CHANNELS4;
  let y = at.y + i32(tap / KERNEL_WIDTH * DILATION);
  let x = at.x + i32(tap % KERNEL_WIDTH * DILATION);
  if (at.outside || k4 >= DEPTH4 || y < 0 || x < 0 || y >= i32(IN_HEIGHT) || x >= i32(IN_WIDTH)) {
    return vec4f();
  }
  let pixel = batch * params.pixels + (at.sample * IN_HEIGHT + u32(y)) * IN_WIDTH + u32(x);
  return vec4f(input[pixel * IN_STRIDE4 + IN_FIRST4 + k4 % IN_CHANNELS4]);
}

fn filter_at(batch: u32, k: u32, column: u32) -> vec4f {
  if (k >= DEPTH4 * 4u || column >= OUT_CHANNELS4) {
    return vec4f();
  }
  let panel = column / PANEL4;
  if (BATCHES > 1u) {
    let part = (k % 4u * (OUT_CHANNELS4 / PANEL4) + panel) * BATCHES + batch;
    return vec4f(weight[(part * DEPTH4 + k / 4u) * PANEL4 + column % PANEL4]);
  }
  return vec4f(weight[(panel * DEPTH4 * 4u + k) * PANEL4 + column % PANEL4]);
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

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first_pixel = group.y * TILE_M;
  let first_column = group.x * TILE_N4;
  let batch = group.z / SPLIT_K;
  let tx = thread % THREADS_X;
  let ty = thread / THREADS_X;
  var origins: array<Origin, BLOCKS * 4u>;
  for (var i = 0u; i < BLOCKS * 4u; i++) {
    origins[i] = origin(first_pixel + (thread + i / 4u * THREADS) / TILE_K4 * 4u + i % 4u);
  }
  var sums: array<vec4f, PIXELS * COLUMNS>;

  let first = group.z % SPLIT_K * STEPS_PER_SPLIT;
  let steps = min(STEPS_PER_SPLIT, max(first, STEPS) - first);
  // One round more than steps: round i fetches step i and computes step i - 1.
  for (var i = 0u; i <= steps; i++) {
    var next: Operands;
    if (i < steps) {
      for (var b = 0u; b < BLOCKS; b++) {
        let k4 = (first + i) * TILE_K4 + (thread + b * THREADS) % TILE_K4;
        for (var e = 0u; e < 4u; e++) {
          next.x[b][e] = gather(origins[b * 4u + e], batch, k4);
        }
      }
      for (var f = 0u; f < FILTERS; f++) {
        let at = thread + f * THREADS;
        next.w[f] = filter_at(batch, (first + i) * TILE_K + at / TILE_N4, first_column + at % TILE_N4);
      }
    }
    if (i > 0u) {
      let buffer = (i - 1u) % BUFFERS * TILE_K;
      for (var r = 0u; r < TILE_K; r++) {
        for (var p = 0u; p < PIXELS / 4u; p++) {
          let x = tile_x[buffer + r][ty * (PIXELS / 4u) + p];
          for (var c = 0u; c < COLUMNS; c++) {
            let w = tile_w[buffer + r][tx + c * THREADS_X];
            for (var e = 0u; e < 4u; e++) {
              let s = (p * 4u + e) * COLUMNS + c;
              sums[s] = fma(vec4f(x[e]), w, sums[s]);
            }
          }
        }
      }
      if (BUFFERS == 1u) {
        workgroupBarrier();
      }
    }
    if (i < steps) {
      let buffer = i % BUFFERS * TILE_K;
      for (var b = 0u; b < BLOCKS; b++) {
        let at = thread + b * THREADS;
        if (at < TILE_M4 * TILE_K4) {
          let rows = transpose(next.x[b]);
          for (var e = 0u; e < 4u; e++) {
            tile_x[buffer + e * TILE_K4 + at % TILE_K4][at / TILE_K4] = rows[e];
          }
        }
      }
      for (var f = 0u; f < FILTERS; f++) {
        let at = thread + f * THREADS;
        let k = at / TILE_N4;
        if (k < TILE_K) {
          tile_w[buffer + k % 4u * TILE_K4 + k / 4u][at % TILE_N4] = next.w[f];
        }
      }
      workgroupBarrier();
    }
  }

  for (var p = 0u; p < PIXELS; p++) {
    for (var c = 0u; c < COLUMNS; c++) {
      store(first_pixel + ty * PIXELS + p, first_column + tx + c * THREADS_X, group.z, sums[p * COLUMNS + c]);
    }
  }
}
