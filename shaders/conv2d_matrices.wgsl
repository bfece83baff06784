// Convolution as an implicit GEMM on the matrix units of a GPU, through subgroup matrices, NHWC:
//   y[p, o] = epilogue(sum over k of x[pixel(p, tap(k)), c(k)] * w[k, o]),   k = tap * Cin + c
// Both operands are rounded to half precision, sums are of single precision. A workgroup of 2 x 2 subgroups computes
// TILE_M pixels x TILE_N output channels, TILE_K of the inner dimension at a time; each subgroup keeps BLOCKS_M x
// BLOCKS_N matrices of sums, MATRIX_M x MATRIX_N each. While a step is computed, the next one's operands are fetched
// into registers. Rows of the tiles are SKEW longer than needed, so that rows begin in different banks.
// With SPLIT_K > 1, split s sums only its share of the inner dimension and writes raw sums to output[s]; the shader
// conv2d_reduce adds the splits in order and applies the epilogue.
// Invocations of a subgroup are taken to follow each other, SUBGROUP at a time: all subgroups must be that large.
// Dispatch: x = ceil(OUT_C / TILE_N), y = ceil(pixels / TILE_M), z = SPLIT_K. Cin and Cout divisible by 4, MATRIX_N
// too, TILE_K by MATRIX_K and 4.

enable f16;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity); // compilers cannot see that a subgroup shares its `place`

alias Filter = vec4f; // or vec4h: the filter is stored in half precision
alias Stored = vec4f; // or vec4h: input and residual in half precision
alias Output = vec4f; // or vec4h: output in half precision; never of the parts of a sum

const SUBGROUP: u32 = 32u; // lanes
const MATRIX_M: u32 = 8u;
const MATRIX_N: u32 = 8u;
const MATRIX_K: u32 = 8u;
const BLOCKS_M: u32 = 4u;
const BLOCKS_N: u32 = 4u;
const TILE_K: u32 = 32u;
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

const THREADS: u32 = 4u * SUBGROUP;
const TILE_M: u32 = 2u * BLOCKS_M * MATRIX_M;
const TILE_N: u32 = 2u * BLOCKS_N * MATRIX_N;
const TILE_N4: u32 = TILE_N / 4u;
const TILE_K4: u32 = TILE_K / 4u;
const SKEW: u32 = 8u;
const ROW_X: u32 = TILE_K + SKEW;
const ROW_W: u32 = TILE_N + SKEW;
const DEPTH4: u32 = TAPS * IN_CHANNELS4; // vec4 of the inner dimension
const STEPS: u32 = (DEPTH4 + TILE_K4 - 1u) / TILE_K4;
const STEPS_PER_SPLIT: u32 = (STEPS + SPLIT_K - 1u) / SPLIT_K;
const INPUTS: u32 = (TILE_M * TILE_K4 + THREADS - 1u) / THREADS; // vec4 of the input of an invocation
const FILTERS: u32 = (TILE_K * TILE_N4 + THREADS - 1u) / THREADS;
const MATRIX_SUMS: u32 = MATRIX_M * MATRIX_N;
const MATRIX_N4: u32 = MATRIX_N / 4u;

alias Left = subgroup_matrix_left<f16, MATRIX_K, MATRIX_M>; // columns, rows
alias Right = subgroup_matrix_right<f16, MATRIX_N, MATRIX_K>;
alias Sums = subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>;

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

var<workgroup> tile_x: array<f16, TILE_M * ROW_X>;
var<workgroup> tile_w: array<f16, TILE_K * ROW_W>;
var<workgroup> matrix: array<f32, 4u * MATRIX_SUMS>; // one of each subgroup, on its way to the output

// Where a pixel's receptive field begins: rows and columns of the input (may be negative), and its sample.
struct Origin {
  y: i32,
  x: i32,
  sample: u32,
  outside: bool, // past the last pixel
}

// What one invocation fetches of a step.
struct Operands {
  x: array<vec4h, INPUTS>,
  w: array<vec4h, FILTERS>,
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
  if (at.outside || k4 >= DEPTH4 || y < 0 || x < 0 || y >= i32(IN_HEIGHT) || x >= i32(IN_WIDTH)) {
    return vec4f();
  }
  let pixel = (at.sample * IN_HEIGHT + u32(y)) * IN_WIDTH + u32(x);
  return vec4f(input[pixel * IN_STRIDE4 + IN_FIRST4 + k4 % IN_CHANNELS4]);
}

fn filter_at(k: u32, column: u32) -> vec4h {
  if (k >= DEPTH4 * 4u || column >= OUT_CHANNELS4) {
    return vec4h();
  }
  return vec4h(weight[(column / PANEL4 * DEPTH4 * 4u + k) * PANEL4 + column % PANEL4]);
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
  let subgroup = thread / SUBGROUP;
  let lane = thread % SUBGROUP;
  let top = subgroup / 2u * BLOCKS_M * MATRIX_M;
  let left = subgroup % 2u * BLOCKS_N * MATRIX_N;
  var origins: array<Origin, INPUTS>;
  for (var i = 0u; i < INPUTS; i++) {
    origins[i] = origin(first_pixel + (thread + i * THREADS) / TILE_K4);
  }
  var sums: array<Sums, BLOCKS_M * BLOCKS_N>;

  let first = group.z * STEPS_PER_SPLIT;
  let steps = min(STEPS_PER_SPLIT, max(first, STEPS) - first);
  // One round more than steps: round i fetches step i and computes step i - 1.
  for (var i = 0u; i <= steps; i++) {
    var next: Operands;
    if (i < steps) {
      for (var e = 0u; e < INPUTS; e++) {
        next.x[e] = vec4h(gather(origins[e], (first + i) * TILE_K4 + (thread + e * THREADS) % TILE_K4));
      }
      for (var e = 0u; e < FILTERS; e++) {
        let at = thread + e * THREADS;
        next.w[e] = filter_at((first + i) * TILE_K + at / TILE_N4, first_column + at % TILE_N4);
      }
    }
    if (i > 0u) {
      for (var k = 0u; k < TILE_K; k += MATRIX_K) {
        for (var n = 0u; n < BLOCKS_N; n++) {
          let w = subgroupMatrixLoad<Right, row_major>(&tile_w, k * ROW_W + left + n * MATRIX_N, ROW_W);
          for (var m = 0u; m < BLOCKS_M; m++) {
            let x = subgroupMatrixLoad<Left, row_major>(&tile_x, (top + m * MATRIX_M) * ROW_X + k, ROW_X);
            sums[m * BLOCKS_N + n] = subgroupMatrixMultiplyAccumulate(x, w, sums[m * BLOCKS_N + n]);
          }
        }
      }
      workgroupBarrier();
    }
    if (i < steps) {
      for (var e = 0u; e < INPUTS; e++) {
        let at = thread + e * THREADS;
        let to = at / TILE_K4 * ROW_X + at % TILE_K4 * 4u;
        if (at < TILE_M * TILE_K4) {
          for (var c = 0u; c < 4u; c++) {
            tile_x[to + c] = next.x[e][c];
          }
        }
      }
      for (var e = 0u; e < FILTERS; e++) {
        let at = thread + e * THREADS;
        let to = at / TILE_N4 * ROW_W + at % TILE_N4 * 4u;
        if (at < TILE_K * TILE_N4) {
          for (var c = 0u; c < 4u; c++) {
            tile_w[to + c] = next.w[e][c];
          }
        }
      }
      workgroupBarrier();
    }
  }

  let place = subgroup * MATRIX_SUMS;
  for (var m = 0u; m < BLOCKS_M; m++) {
    for (var n = 0u; n < BLOCKS_N; n++) {
      subgroupMatrixStore<row_major>(&matrix, place, sums[m * BLOCKS_N + n], MATRIX_N);
      workgroupBarrier();
      for (var e = lane; e < MATRIX_M * MATRIX_N4; e += SUBGROUP) {
        let first_sum = place + e * 4u;
        let sum = vec4f(matrix[first_sum], matrix[first_sum + 1u], matrix[first_sum + 2u], matrix[first_sum + 3u]);
        let pixel = first_pixel + top + m * MATRIX_M + e / MATRIX_N4;
        let column = first_column + (left + n * MATRIX_N) / 4u + e % MATRIX_N4;
        store(pixel, column, group.z, sum);
      }
      workgroupBarrier();
    }
  }
}
