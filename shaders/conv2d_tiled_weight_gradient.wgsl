// Gradient of a convolution's filter for GPUs, through workgroup memory, NHWC: a matrix product whose inner dimension
// is the pixels of the whole batch,
//   dw[k, o] = sum over p of x[pixel(p, tap(k)), c(k)] * dy[p, o],   k = tap * IN_C + c,
// in the packed layout [O / panel, k, panel]. A workgroup of (TILE_M / 4) x (TILE_N / 4) invocations computes TILE_M
// rows k x TILE_N output channels, TILE_K pixels at a time; each invocation keeps 4 x 4 of them in registers. The
// gather of the implicit im2col is fused in the load of the input tile; its geometry is constant: divisions are by
// constants. Split z sums only its share of the pixels and writes its own copy of dw; sum_partials adds them in
// order.
// Sums of CHUNK pixels are added up, so that a long sum in f32 stays accurate.
// Dispatch: x = ceil(OUT_C / TILE_N), y = ceil(taps * IN_C / TILE_M), z = splits. Cin and Cout divisible by 4.

const TILE_M: u32 = 64u;
const TILE_N: u32 = 64u;
const TILE_K: u32 = 16u;
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

const THREADS_X: u32 = TILE_N / 4u;
const THREADS_Y: u32 = TILE_M / 4u;
const THREADS: u32 = THREADS_X * THREADS_Y;
const ROWS4: u32 = TAPS * IN_CHANNELS4; // vec4 of rows

struct Params {
  pixels: u32,
  split_pixels: u32, // of each split, a multiple of TILE_K
  accumulate: u32, // add to what is there
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> tile_x: array<array<vec4f, THREADS_Y>, TILE_K>;
var<workgroup> tile_g: array<array<vec4f, THREADS_X>, TILE_K>;

fn gather(pixel: u32, last: u32, row4: u32) -> vec4f {
  if (pixel >= last || row4 >= ROWS4) {
    return vec4f();
  }
  let tap = row4 / IN_CHANNELS4;
  let c = row4 % IN_CHANNELS4;
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

fn load_tiles(thread: u32, first_row4: u32, first_column: u32, first: u32, last: u32) {
  for (var i = thread; i < TILE_K * THREADS_Y; i += THREADS) {
    let k = i / THREADS_Y;
    tile_x[k][i % THREADS_Y] = gather(first + k, last, first_row4 + i % THREADS_Y);
  }
  for (var i = thread; i < TILE_K * THREADS_X; i += THREADS) {
    let pixel = first + i / THREADS_X;
    let column = first_column + i % THREADS_X;
    var g = vec4f();
    if (pixel < last && column < OUT_CHANNELS4) {
      g = gradient[pixel * OUT_CHANNELS4 + column];
    }
    tile_g[i / THREADS_X][i % THREADS_X] = g;
  }
}

fn store(row: u32, column: u32, split: u32, sum: vec4f) {
  if (row >= ROWS4 * 4u || column >= OUT_CHANNELS4) {
    return;
  }
  let at = (split * OUT_CHANNELS4 + column / PANEL4 * PANEL4) * ROWS4 * 4u + row * PANEL4 + column % PANEL4;
  var total = sum;
  if (params.accumulate != 0u) {
    total += output[at];
  }
  output[at] = total;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first_row4 = group.y * THREADS_Y;
  let first_column = group.x * THREADS_X;
  let tx = thread % THREADS_X;
  let ty = thread / THREADS_X;
  var total0 = vec4f();
  var total1 = vec4f();
  var total2 = vec4f();
  var total3 = vec4f();

  let begin = group.z * params.split_pixels;
  let end = min(begin + params.split_pixels, params.pixels);
  for (var chunk = begin; chunk < end; chunk += CHUNK) {
    var sum0 = vec4f();
    var sum1 = vec4f();
    var sum2 = vec4f();
    var sum3 = vec4f();
    let last = min(chunk + CHUNK, end);
    for (var first = chunk; first < last; first += TILE_K) {
      load_tiles(thread, first_row4, first_column, first, last);
      workgroupBarrier();
      for (var k = 0u; k < TILE_K; k++) {
        let x = tile_x[k][ty];
        let g = tile_g[k][tx];
        sum0 = fma(vec4f(x[0]), g, sum0);
        sum1 = fma(vec4f(x[1]), g, sum1);
        sum2 = fma(vec4f(x[2]), g, sum2);
        sum3 = fma(vec4f(x[3]), g, sum3);
      }
      workgroupBarrier();
    }
    total0 += sum0;
    total1 += sum1;
    total2 += sum2;
    total3 += sum3;
  }

  let row = (first_row4 + ty) * 4u;
  let column = first_column + tx;
  store(row, column, group.z, total0);
  store(row + 1u, column, group.z, total1);
  store(row + 2u, column, group.z, total2);
  store(row + 3u, column, group.z, total3);
}
