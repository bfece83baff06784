// Gradient of a convolution's filter for GPUs, through workgroup memory, NHWC: a matrix product whose inner dimension
// is the pixels of the whole batch,
//   dw[k, o] = sum over p of x[pixel(p, tap(k)), c(k)] * dy[p, o],   k = tap * IN_C + c,
// in the packed layout [O / panel, k, panel]. A workgroup computes TILE_M rows k x TILE_N output channels, TILE_K
// pixels at a time; each invocation keeps 4 ROWS x 4 COLUMNS of them in registers. While a step is computed, the next
// one's operands are fetched into registers; with two BUFFERS they are put beside the step's own, which saves a
// barrier. The gather of the implicit im2col is fused in the fetch; its geometry is constant: divisions are by
// constants. Split s sums only its share of the pixels and writes its own copy of dw; sum_partials adds them in order.
// Sums of CHUNK pixels are added up, so that a long sum in f32 stays accurate.
// Also a plain batched product: every batch reads and writes at its own offsets (for Winograd).
// Dispatch: x = ceil(OUT_C / TILE_N), y = ceil(taps * IN_C / TILE_M), z = batches * splits.
// Cin and Cout divisible by 4.

alias Stored = vec4f; // or vec4h: input and gradient in half precision

const TILE_M: u32 = 64u;
const TILE_N: u32 = 64u;
const TILE_K: u32 = 16u;
const ROWS: u32 = 1u; // vec4 of rows of one invocation
const COLUMNS: u32 = 1u; // vec4 of output channels of one invocation
const BUFFERS: u32 = 1u; // 1 or 2
const CHUNK: u32 = 1024u; // pixels, a multiple of TILE_K
const IN_HEIGHT: u32 = 31u;
const IN_WIDTH: u32 = 31u;
const IN_CHANNELS4: u32 = 64u;
const IN_STRIDE4: u32 = 64u; // vec4 from one pixel to the next
const IN_FIRST4: u32 = 0u; // first vec4 of the channels that are read
const OUT_HEIGHT: u32 = 31u;
const OUT_WIDTH: u32 = 31u;
const OUT_CHANNELS4: u32 = 64u;
const PANEL4: u32 = 16u; // vec4 of output channels that lie together in the filter
const KERNEL_WIDTH: u32 = 1u;
const TAPS: u32 = 1u;
const STRIDE: u32 = 1u;
const PADDING_Y: i32 = 0i;
const PADDING_X: i32 = 0i;
const DILATION: u32 = 1u;

const TILE_M4: u32 = TILE_M / 4u;
const TILE_N4: u32 = TILE_N / 4u;
const THREADS_X: u32 = TILE_N4 / COLUMNS;
const THREADS: u32 = THREADS_X * (TILE_M4 / ROWS);
const ROWS4: u32 = TAPS * IN_CHANNELS4; // vec4 of rows of the filter
const INPUTS: u32 = (TILE_K * TILE_M4 + THREADS - 1u) / THREADS; // vec4 of the input that an invocation fetches
const GRADIENTS: u32 = (TILE_K * TILE_N4 + THREADS - 1u) / THREADS;
const CHUNK_STEPS: u32 = CHUNK / TILE_K;

struct Params {
  pixels: u32,
  split_pixels: u32, // of each split, a multiple of TILE_K
  splits: u32, // of each batch
  accumulate: u32, // add to what is there
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> gradient: array<Stored>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> tile_x: array<array<vec4f, TILE_M4>, BUFFERS * TILE_K>;
var<workgroup> tile_g: array<array<vec4f, TILE_N4>, BUFFERS * TILE_K>;

// What one invocation fetches of a step.
struct Operands {
  x: array<vec4f, INPUTS>,
  g: array<vec4f, GRADIENTS>,
}

fn gather(batch: u32, pixel: u32, last: u32, row4: u32) -> vec4f {
  let tap = row4 / IN_CHANNELS4;
  let c = row4 % IN_CHANNELS4;
  let ox = pixel % OUT_WIDTH;
  let oy = (pixel / OUT_WIDTH) % OUT_HEIGHT;
  let n = pixel / (OUT_WIDTH * OUT_HEIGHT);
  let y = i32(oy * STRIDE + (tap / KERNEL_WIDTH) * DILATION) - PADDING_Y;
  let x = i32(ox * STRIDE + (tap % KERNEL_WIDTH) * DILATION) - PADDING_X;
  if (pixel >= last || row4 >= ROWS4 || y < 0 || x < 0 || y >= i32(IN_HEIGHT) || x >= i32(IN_WIDTH)) {
    return vec4f();
  }
  let place = batch * params.pixels + (n * IN_HEIGHT + u32(y)) * IN_WIDTH + u32(x);
  return vec4f(input[place * IN_STRIDE4 + IN_FIRST4 + c]);
}

fn gradient_at(batch: u32, pixel: u32, last: u32, column: u32) -> vec4f {
  if (pixel >= last || column >= OUT_CHANNELS4) {
    return vec4f();
  }
  return vec4f(gradient[(batch * params.pixels + pixel) * OUT_CHANNELS4 + column]);
}

fn store(row: u32, column: u32, part: u32, sum: vec4f) {
  if (row >= ROWS4 * 4u || column >= OUT_CHANNELS4) {
    return;
  }
  let at = (part * OUT_CHANNELS4 + column / PANEL4 * PANEL4) * ROWS4 * 4u + row * PANEL4 + column % PANEL4;
  var total = sum;
  if (params.accumulate != 0u) {
    total += output[at];
  }
  output[at] = total;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first_row4 = group.y * TILE_M4;
  let first_column = group.x * TILE_N4;
  let batch = group.z / params.splits;
  let tx = thread % THREADS_X;
  let ty = thread / THREADS_X;
  var totals: array<vec4f, 4u * ROWS * COLUMNS>;
  var sums: array<vec4f, 4u * ROWS * COLUMNS>;

  let begin = group.z % params.splits * params.split_pixels;
  let end = min(begin + params.split_pixels, params.pixels);
  let steps = (max(begin, end) - begin + TILE_K - 1u) / TILE_K;
  // One round more than steps: round i fetches step i and computes step i - 1.
  for (var i = 0u; i <= steps; i++) {
    var next: Operands;
    if (i < steps) {
      let first = begin + i * TILE_K;
      for (var n = 0u; n < INPUTS; n++) {
        let at = thread + n * THREADS;
        next.x[n] = gather(batch, first + at / TILE_M4, end, first_row4 + at % TILE_M4);
      }
      for (var n = 0u; n < GRADIENTS; n++) {
        let at = thread + n * THREADS;
        next.g[n] = gradient_at(batch, first + at / TILE_N4, end, first_column + at % TILE_N4);
      }
    }
    if (i > 0u) {
      let buffer = (i - 1u) % BUFFERS * TILE_K;
      for (var k = 0u; k < TILE_K; k++) {
        for (var r = 0u; r < ROWS; r++) {
          let x = tile_x[buffer + k][ty * ROWS + r];
          for (var c = 0u; c < COLUMNS; c++) {
            let g = tile_g[buffer + k][tx + c * THREADS_X];
            for (var e = 0u; e < 4u; e++) {
              let s = (r * 4u + e) * COLUMNS + c;
              sums[s] = fma(vec4f(x[e]), g, sums[s]);
            }
          }
        }
      }
      if (i % CHUNK_STEPS == 0u || i == steps) {
        for (var s = 0u; s < 4u * ROWS * COLUMNS; s++) {
          totals[s] += sums[s];
          sums[s] = vec4f();
        }
      }
      if (BUFFERS == 1u) {
        workgroupBarrier();
      }
    }
    if (i < steps) {
      let buffer = i % BUFFERS * TILE_K;
      for (var n = 0u; n < INPUTS; n++) {
        let at = thread + n * THREADS;
        if (at < TILE_K * TILE_M4) {
          tile_x[buffer + at / TILE_M4][at % TILE_M4] = next.x[n];
        }
      }
      for (var n = 0u; n < GRADIENTS; n++) {
        let at = thread + n * THREADS;
        if (at < TILE_K * TILE_N4) {
          tile_g[buffer + at / TILE_N4][at % TILE_N4] = next.g[n];
        }
      }
      workgroupBarrier();
    }
  }

  for (var r = 0u; r < 4u * ROWS; r++) {
    for (var c = 0u; c < COLUMNS; c++) {
      let row = (first_row4 + ty * ROWS) * 4u + r;
      store(row, first_column + tx + c * THREADS_X, group.z, totals[r * COLUMNS + c]);
    }
  }
}
