// Gradient of a convolution's filter for software adapters with subgroups of 8 lanes and few output channels, NHWC: a
// matrix product whose inner dimension is the pixels,
//   dw[k, o] = sum over p of x[pixel(p, tap(k)), c(k)] * dy[p, o],   k = tap * IN_C + c,
// in the packed layout [O / panel, k, panel]; output channels that only fill the panel get zeros. One subgroup
// computes 32 rows k x 8 Lanes of output channels, four pixels at a time, as conv2d_subgroup_weight_gradient does
// (see there) with two vec4 per lane. Cin divisible by 4, Cout by the size of Lane.
// Dispatch: x = ceil(taps * IN_C / 32), y = ceil(OUT_C padded to the panel / 8 Lanes), z = splits of the rows: z
// writes its own dw.

enable subgroups;

// Or f32, vec2f.
alias Lane = vec4f;
alias Stored = vec4f; // or vec4h: input in half precision
alias StoredLane = vec4f; // or f32, vec2f, and f16, vec2h, vec4h: a Lane in gradient

const CHANNELS: u32 = 4u; // 3 for images, whose fourth channel is zero
const ROWS: u32 = 32u;
const LANES: u32 = 8u;

struct Params {
  pixels: u32, // of the whole batch; only the last row may have fewer than out_width
  rows: u32, // of the whole batch: samples * out_height
  split_rows: u32, // in each
  in_height: u32,
  in_width: u32,
  in_channels4: u32,
  in_stride4: u32, // vec4 from one pixel to the next
  in_first4: u32, // first vec4 of the channels that are read
  out_height: u32,
  out_width: u32,
  out_lanes: u32, // Lanes of all output channels
  padded_lanes: u32, // with those that only fill the panel
  kernel_width: u32,
  taps: u32,
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  panel: u32, // Lanes that lie together in the filter
  accumulate: u32, // add to what is there
  sums: u32, // always ROWS
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> gradient: array<StoredLane>;
@group(0) @binding(2) var<storage, read_write> output: array<Lane>;
@group(0) @binding(3) var<uniform> params: Params;

// The outputs from x to y - 1 along an axis whose input at an offset lies in an image of that size.
fn inside(offset: i32, size: u32, count: u32) -> vec2i {
  let stride = i32(params.stride);
  let first = max(0, stride - 1 - offset) / stride;
  let last = max(0, i32(size) - offset + stride - 1) / stride;
  return vec2i(first, min(last, i32(count)));
}

// Rows and columns from an output pixel (times the stride) to the input pixel at a tap.
fn tap_offset(tap: u32) -> vec2i {
  let y = i32(tap / params.kernel_width * params.dilation) - params.padding_y;
  let x = i32(tap % params.kernel_width * params.dilation) - params.padding_x;
  return vec2i(x, y);
}

fn load(index: i32, is_inside: bool) -> vec4f {
  return select(vec4f(), vec4f(input[u32(select(0, index, is_inside))]), is_inside);
}

// Four pixels of the gradient.
struct Pixels {
  a: Lane,
  b: Lane,
  c: Lane,
  d: Lane,
}

fn gradients(at: u32, n: u32, last: u32) -> Pixels {
  return Pixels(
    Lane(gradient[at]),
    Lane(gradient[min(at + n, last)]),
    Lane(gradient[min(at + 2u * n, last)]),
    Lane(gradient[min(at + 3u * n, last)]),
  );
}

fn times(g: Pixels, x: vec4f) -> Lane {
  return g.a * x.x + g.b * x.y + g.c * x.z + g.d * x.w;
}

fn finish(row: u32, column: u32, split: u32, sum: Lane) {
  let filter_rows = params.taps * params.in_channels4 * 4u;
  if (row >= filter_rows || column >= params.padded_lanes) {
    return;
  }
  let panel = params.panel;
  let at = (split * params.padded_lanes + column / panel * panel) * filter_rows + row * panel + column % panel;
  var total = select(Lane(), sum, column < params.out_lanes);
  if (params.accumulate != 0u) {
    total += output[at];
  }
  output[at] = total;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let k = group.x * LANES + lane;
  let offset = tap_offset(k / params.in_channels4);
  let channel = params.in_first4 + k % params.in_channels4;
  var range_y = inside(offset.y, params.in_height, params.out_height);
  let range_x = inside(offset.x, params.in_width, params.out_width);
  if (k >= params.taps * params.in_channels4) {
    range_y = vec2i();
  }
  // What the whole subgroup goes over: what its only tap needs, or everything.
  var rows_y = vec2i(0, i32(params.out_height));
  var columns_x = vec2i(0, i32(params.out_width));
  let first_tap = group.x * LANES / params.in_channels4;
  if (first_tap == (group.x * LANES + LANES - 1u) / params.in_channels4) {
    rows_y = inside(tap_offset(first_tap).y, params.in_height, params.out_height);
    columns_x = inside(tap_offset(first_tap).x, params.in_width, params.out_width);
  }

  let column = group.y * LANES + lane;
  // Copies, because a parameter read in the loop is loaded again in each round.
  let out_lanes = params.out_lanes;
  let last_gradient = params.pixels * out_lanes - 1u;
  let step = i32(params.stride * params.in_stride4);
  var s0 = Lane(); var s1 = Lane(); var s2 = Lane(); var s3 = Lane();
  var s4 = Lane(); var s5 = Lane(); var s6 = Lane(); var s7 = Lane();
  var s8 = Lane(); var s9 = Lane(); var s10 = Lane(); var s11 = Lane();
  var s12 = Lane(); var s13 = Lane(); var s14 = Lane(); var s15 = Lane();
  var s16 = Lane(); var s17 = Lane(); var s18 = Lane(); var s19 = Lane();
  var s20 = Lane(); var s21 = Lane(); var s22 = Lane(); var s23 = Lane();
  var s24 = Lane(); var s25 = Lane(); var s26 = Lane(); var s27 = Lane();
  var s28 = Lane(); var s29 = Lane(); var s30 = Lane(); var s31 = Lane();

  let first_row = group.z * params.split_rows;
  let end_row = min(first_row + params.split_rows, params.rows);
  for (var row = first_row; row < end_row; row++) {
    let y = i32(row % params.out_height);
    if (y < rows_y.x || y >= rows_y.y) {
      continue;
    }
    let last_x = min(columns_x.y, i32(params.pixels - row * params.out_width));
    let begin = range_x.x;
    let count = select(0u, u32(max(0, min(range_x.y, last_x) - begin)), y >= range_y.x && y < range_y.y);
    let in_y = i32(row / params.out_height * params.in_height) + y * i32(params.stride) + offset.y;
    let in_x = columns_x.x * i32(params.stride) + offset.x;
    var at_x = (in_y * i32(params.in_width) + in_x) * i32(params.in_stride4) + i32(channel);
    let pixel = row * params.out_width + u32(columns_x.x);
    var at_g = pixel * out_lanes + min(column, out_lanes - 1u);
    for (var x = columns_x.x; x < last_x; x += 4) {
      let place = u32(x - begin);
      let x_0 = load(at_x, place < count);
      let x_1 = load(at_x + step, place + 1u < count);
      let x_2 = load(at_x + 2 * step, place + 2u < count);
      let x_3 = load(at_x + 3 * step, place + 3u < count);
      at_x += 4 * step;
      let g = gradients(at_g, out_lanes, last_gradient);
      at_g += 4u * out_lanes;
      let x0 = vec4f(x_0.x, x_1.x, x_2.x, x_3.x);
      let x1 = vec4f(x_0.y, x_1.y, x_2.y, x_3.y);
      let x2 = vec4f(x_0.z, x_1.z, x_2.z, x_3.z);
      let x3 = vec4f(x_0.w, x_1.w, x_2.w, x_3.w);
      { let x = subgroupBroadcast(x0, 0u); s0 += times(g, x); }
      { let x = subgroupBroadcast(x1, 0u); s1 += times(g, x); }
      { let x = subgroupBroadcast(x2, 0u); s2 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 0u); s3 += times(g, x); }
      { let x = subgroupBroadcast(x0, 1u); s4 += times(g, x); }
      { let x = subgroupBroadcast(x1, 1u); s5 += times(g, x); }
      { let x = subgroupBroadcast(x2, 1u); s6 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 1u); s7 += times(g, x); }
      { let x = subgroupBroadcast(x0, 2u); s8 += times(g, x); }
      { let x = subgroupBroadcast(x1, 2u); s9 += times(g, x); }
      { let x = subgroupBroadcast(x2, 2u); s10 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 2u); s11 += times(g, x); }
      { let x = subgroupBroadcast(x0, 3u); s12 += times(g, x); }
      { let x = subgroupBroadcast(x1, 3u); s13 += times(g, x); }
      { let x = subgroupBroadcast(x2, 3u); s14 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 3u); s15 += times(g, x); }
      { let x = subgroupBroadcast(x0, 4u); s16 += times(g, x); }
      { let x = subgroupBroadcast(x1, 4u); s17 += times(g, x); }
      { let x = subgroupBroadcast(x2, 4u); s18 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 4u); s19 += times(g, x); }
      { let x = subgroupBroadcast(x0, 5u); s20 += times(g, x); }
      { let x = subgroupBroadcast(x1, 5u); s21 += times(g, x); }
      { let x = subgroupBroadcast(x2, 5u); s22 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 5u); s23 += times(g, x); }
      { let x = subgroupBroadcast(x0, 6u); s24 += times(g, x); }
      { let x = subgroupBroadcast(x1, 6u); s25 += times(g, x); }
      { let x = subgroupBroadcast(x2, 6u); s26 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 6u); s27 += times(g, x); }
      { let x = subgroupBroadcast(x0, 7u); s28 += times(g, x); }
      { let x = subgroupBroadcast(x1, 7u); s29 += times(g, x); }
      { let x = subgroupBroadcast(x2, 7u); s30 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 7u); s31 += times(g, x); }
    }
  }

  // A loop whose length the compiler does not know: stores are long code on a software adapter; there is one of them.
  var sums = array<Lane, ROWS>(
    s0, s1, s2, s3, s4, s5, s6, s7,
    s8, s9, s10, s11, s12, s13, s14, s15,
    s16, s17, s18, s19, s20, s21, s22, s23,
    s24, s25, s26, s27, s28, s29, s30, s31,
  );
  for (var i = 0u; i < params.sums; i++) {
    finish(group.x * ROWS + i, column, group.z, sums[i]);
  }
}
