// Gradient of a convolution's filter for GPUs, without workgroup memory, NHWC: a matrix product whose inner
// dimension is the pixels of the whole batch,
//   dw[k, o] = sum over p of x[pixel(p, tap(k)), c(k)] * dy[p, o],   k = tap * IN_C + c,
// in the packed layout [O / panel, k, panel]. Each invocation computes 4 rows k x 4 COLUMNS output channels
// over a share of the pixels; operands that neighbours share come from the caches. The geometry is constant. Split z
// sums only its share of the pixels and writes its own copy of dw; sum_partials adds them in order.
// Sums of CHUNK pixels are added up, so that a long sum in f32 stays accurate.
// Dispatch: x = ceil(OUT_C / (4 COLUMNS * THREADS_X)), y = ceil(taps * IN_C / (4 THREADS_Y)), z = splits. Cin and Cout
// divisible by 4.

alias Stored = vec4f; // or vec4h: input and gradient in half precision

const THREADS_X: u32 = 8u;
const THREADS_Y: u32 = 8u;
const COLUMNS: u32 = 1u; // vec4 of output channels of one invocation
const CHUNK: u32 = 1024u; // pixels
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

const ROWS4: u32 = TAPS * IN_CHANNELS4; // vec4 of rows of the filter

struct Params {
  pixels: u32,
  split_pixels: u32, // of each split
  accumulate: u32, // add to what is there
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> gradient: array<Stored>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn gather(pixel: u32, row4: u32) -> vec4f {
  let tap = row4 / IN_CHANNELS4;
  let c = row4 % IN_CHANNELS4;
  let ox = pixel % OUT_WIDTH;
  let oy = (pixel / OUT_WIDTH) % OUT_HEIGHT;
  let n = pixel / (OUT_WIDTH * OUT_HEIGHT);
  let y = i32(oy * STRIDE + (tap / KERNEL_WIDTH) * DILATION) - PADDING_Y;
  let x = i32(ox * STRIDE + (tap % KERNEL_WIDTH) * DILATION) - PADDING_X;
  if (row4 >= ROWS4 || y < 0 || x < 0 || y >= i32(IN_HEIGHT) || x >= i32(IN_WIDTH)) {
    return vec4f();
  }
  let place = (n * IN_HEIGHT + u32(y)) * IN_WIDTH + u32(x);
  return vec4f(input[place * IN_STRIDE4 + IN_FIRST4 + c]);
}

fn gradient_at(pixel: u32, column: u32) -> vec4f {
  if (column >= OUT_CHANNELS4) {
    return vec4f();
  }
  return vec4f(gradient[pixel * OUT_CHANNELS4 + column]);
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

@compute @workgroup_size(THREADS_X, THREADS_Y)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let row4 = group.y * THREADS_Y + thread.y;
  let first_column = group.x * THREADS_X * COLUMNS + thread.x;
  var totals: array<vec4f, 4u * COLUMNS>;

  let begin = group.z * params.split_pixels;
  let end = min(begin + params.split_pixels, params.pixels);
  for (var chunk = begin; chunk < end; chunk += CHUNK) {
    var sums: array<vec4f, 4u * COLUMNS>;
    let last = min(chunk + CHUNK, end);
    for (var pixel = chunk; pixel < last; pixel++) {
      let x = gather(pixel, row4);
      for (var c = 0u; c < COLUMNS; c++) {
        let g = gradient_at(pixel, first_column + c * THREADS_X);
        for (var e = 0u; e < 4u; e++) {
          sums[e * COLUMNS + c] = fma(vec4f(x[e]), g, sums[e * COLUMNS + c]);
        }
      }
    }
    for (var s = 0u; s < 4u * COLUMNS; s++) {
      totals[s] += sums[s];
    }
  }

  for (var e = 0u; e < 4u; e++) {
    for (var c = 0u; c < COLUMNS; c++) {
      store(row4 * 4u + e, first_column + c * THREADS_X, group.z, totals[e * COLUMNS + c]);
    }
  }
}
