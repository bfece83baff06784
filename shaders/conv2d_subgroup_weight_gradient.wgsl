// Gradient of a convolution's filter for software adapters with subgroups of 8 lanes (Mesa's lavapipe), NHWC: a
// matrix product whose inner dimension is the pixels,
//   dw[k, o] = sum over p of x[pixel(p, tap(k)), c(k)] * dy[p, o],   k = tap * IN_C + c,
// in the packed layout [O / panel, k, panel]. One subgroup computes 32 rows k x 64 output channels, four pixels at a
// time. Each lane owns two vec4 of output channels (l, and r 8 lanes on) and loads its own four rows of x, at its own
// tap; every lane gets the others' through subgroupBroadcast. As in conv2d_subgroup few loads per multiply decide,
// hence the unrolled rows, and `gl * x` is four pixels' products whose sum joins the accumulator. The loop goes over
// rows of the output image, so that nothing is divided in it; rows of the whole image that no lane needs are left
// out, pixels whose tap lies outside count as zeros. Cin and Cout divisible by 4. Also a plain batched product: one
// tap, and every batch reads at its own offsets (for Winograd).
// Dispatch: x = ceil(taps * IN_C / 32), y = ceil(OUT_C / 64), z = batches * splits of the rows: z writes its own dw.

enable subgroups;

alias Stored = vec4f; // or vec4h: input and gradient in half precision

const ROWS: u32 = 32u;
const LANES: u32 = 8u;
const COLUMNS: u32 = 16u; // vec4 of output channels per workgroup

struct Params {
  pixels: u32, // of the whole batch; only the last row may have fewer than out_width
  rows: u32, // of the whole batch: samples * out_height
  splits: u32,
  split_rows: u32, // in each
  in_height: u32,
  in_width: u32,
  in_channels4: u32,
  in_stride4: u32, // vec4 from one pixel to the next
  in_first4: u32, // first vec4 of the channels that are read
  out_height: u32,
  out_width: u32,
  out_channels4: u32,
  kernel_width: u32,
  taps: u32,
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  panel4: u32, // vec4 of output channels that lie together in the filter
  input_batch: u32, // vec4 from one batch to the next
  gradient_batch: u32,
  accumulate: u32, // add to what is there
  sums: u32, // always 2 ROWS
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> gradient: array<Stored>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
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

// Four pixels of the gradient, n apart.
fn gradients(at: u32, n: u32, last: u32) -> mat4x4f {
  return mat4x4f(
    vec4f(gradient[at]),
    vec4f(gradient[min(at + n, last)]),
    vec4f(gradient[min(at + 2u * n, last)]),
    vec4f(gradient[min(at + 3u * n, last)]),
  );
}

fn finish(row: u32, column: u32, split: u32, sum: vec4f) {
  let filter_rows = params.taps * params.in_channels4 * 4u;
  if (row >= filter_rows || column >= params.out_channels4) {
    return;
  }
  let panel = params.panel4;
  let at = (split * params.out_channels4 + column / panel * panel) * filter_rows + row * panel + column % panel;
  var total = sum;
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

  let column = group.y * COLUMNS + lane;
  let column_l = min(column, params.out_channels4 - 1u);
  let column_r = min(column + LANES, params.out_channels4 - 1u);
  let batch = group.z / params.splits;
  let input_base = i32(batch * params.input_batch + channel);
  let gradient_base = batch * params.gradient_batch;
  // Copies, because a parameter read in the loop is loaded again in each round.
  let last_gradient = gradient_base + params.pixels * params.out_channels4 - 1u;
  let out_channels4 = params.out_channels4;
  let step = i32(params.stride * params.in_stride4);
  var l0 = vec4f(); var r0 = vec4f();
  var l1 = vec4f(); var r1 = vec4f();
  var l2 = vec4f(); var r2 = vec4f();
  var l3 = vec4f(); var r3 = vec4f();
  var l4 = vec4f(); var r4 = vec4f();
  var l5 = vec4f(); var r5 = vec4f();
  var l6 = vec4f(); var r6 = vec4f();
  var l7 = vec4f(); var r7 = vec4f();
  var l8 = vec4f(); var r8 = vec4f();
  var l9 = vec4f(); var r9 = vec4f();
  var l10 = vec4f(); var r10 = vec4f();
  var l11 = vec4f(); var r11 = vec4f();
  var l12 = vec4f(); var r12 = vec4f();
  var l13 = vec4f(); var r13 = vec4f();
  var l14 = vec4f(); var r14 = vec4f();
  var l15 = vec4f(); var r15 = vec4f();
  var l16 = vec4f(); var r16 = vec4f();
  var l17 = vec4f(); var r17 = vec4f();
  var l18 = vec4f(); var r18 = vec4f();
  var l19 = vec4f(); var r19 = vec4f();
  var l20 = vec4f(); var r20 = vec4f();
  var l21 = vec4f(); var r21 = vec4f();
  var l22 = vec4f(); var r22 = vec4f();
  var l23 = vec4f(); var r23 = vec4f();
  var l24 = vec4f(); var r24 = vec4f();
  var l25 = vec4f(); var r25 = vec4f();
  var l26 = vec4f(); var r26 = vec4f();
  var l27 = vec4f(); var r27 = vec4f();
  var l28 = vec4f(); var r28 = vec4f();
  var l29 = vec4f(); var r29 = vec4f();
  var l30 = vec4f(); var r30 = vec4f();
  var l31 = vec4f(); var r31 = vec4f();

  let first_row = group.z % params.splits * params.split_rows;
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
    var at_x = (in_y * i32(params.in_width) + in_x) * i32(params.in_stride4) + input_base;
    let pixel = row * params.out_width + u32(columns_x.x);
    var at_l = gradient_base + pixel * out_channels4 + column_l;
    var at_r = gradient_base + pixel * out_channels4 + column_r;
    for (var x = columns_x.x; x < last_x; x += 4) {
      let place = u32(x - begin);
      let x_0 = load(at_x, place < count);
      let x_1 = load(at_x + step, place + 1u < count);
      let x_2 = load(at_x + 2 * step, place + 2u < count);
      let x_3 = load(at_x + 3 * step, place + 3u < count);
      at_x += 4 * step;
      let gl = gradients(at_l, out_channels4, last_gradient);
      at_l += 4u * out_channels4;
      let gr = gradients(at_r, out_channels4, last_gradient);
      at_r += 4u * out_channels4;
      let x0 = vec4f(x_0.x, x_1.x, x_2.x, x_3.x);
      let x1 = vec4f(x_0.y, x_1.y, x_2.y, x_3.y);
      let x2 = vec4f(x_0.z, x_1.z, x_2.z, x_3.z);
      let x3 = vec4f(x_0.w, x_1.w, x_2.w, x_3.w);
      { let x = subgroupBroadcast(x0, 0u); l0 += gl * x; r0 += gr * x; }
      { let x = subgroupBroadcast(x1, 0u); l1 += gl * x; r1 += gr * x; }
      { let x = subgroupBroadcast(x2, 0u); l2 += gl * x; r2 += gr * x; }
      { let x = subgroupBroadcast(x3, 0u); l3 += gl * x; r3 += gr * x; }
      { let x = subgroupBroadcast(x0, 1u); l4 += gl * x; r4 += gr * x; }
      { let x = subgroupBroadcast(x1, 1u); l5 += gl * x; r5 += gr * x; }
      { let x = subgroupBroadcast(x2, 1u); l6 += gl * x; r6 += gr * x; }
      { let x = subgroupBroadcast(x3, 1u); l7 += gl * x; r7 += gr * x; }
      { let x = subgroupBroadcast(x0, 2u); l8 += gl * x; r8 += gr * x; }
      { let x = subgroupBroadcast(x1, 2u); l9 += gl * x; r9 += gr * x; }
      { let x = subgroupBroadcast(x2, 2u); l10 += gl * x; r10 += gr * x; }
      { let x = subgroupBroadcast(x3, 2u); l11 += gl * x; r11 += gr * x; }
      { let x = subgroupBroadcast(x0, 3u); l12 += gl * x; r12 += gr * x; }
      { let x = subgroupBroadcast(x1, 3u); l13 += gl * x; r13 += gr * x; }
      { let x = subgroupBroadcast(x2, 3u); l14 += gl * x; r14 += gr * x; }
      { let x = subgroupBroadcast(x3, 3u); l15 += gl * x; r15 += gr * x; }
      { let x = subgroupBroadcast(x0, 4u); l16 += gl * x; r16 += gr * x; }
      { let x = subgroupBroadcast(x1, 4u); l17 += gl * x; r17 += gr * x; }
      { let x = subgroupBroadcast(x2, 4u); l18 += gl * x; r18 += gr * x; }
      { let x = subgroupBroadcast(x3, 4u); l19 += gl * x; r19 += gr * x; }
      { let x = subgroupBroadcast(x0, 5u); l20 += gl * x; r20 += gr * x; }
      { let x = subgroupBroadcast(x1, 5u); l21 += gl * x; r21 += gr * x; }
      { let x = subgroupBroadcast(x2, 5u); l22 += gl * x; r22 += gr * x; }
      { let x = subgroupBroadcast(x3, 5u); l23 += gl * x; r23 += gr * x; }
      { let x = subgroupBroadcast(x0, 6u); l24 += gl * x; r24 += gr * x; }
      { let x = subgroupBroadcast(x1, 6u); l25 += gl * x; r25 += gr * x; }
      { let x = subgroupBroadcast(x2, 6u); l26 += gl * x; r26 += gr * x; }
      { let x = subgroupBroadcast(x3, 6u); l27 += gl * x; r27 += gr * x; }
      { let x = subgroupBroadcast(x0, 7u); l28 += gl * x; r28 += gr * x; }
      { let x = subgroupBroadcast(x1, 7u); l29 += gl * x; r29 += gr * x; }
      { let x = subgroupBroadcast(x2, 7u); l30 += gl * x; r30 += gr * x; }
      { let x = subgroupBroadcast(x3, 7u); l31 += gl * x; r31 += gr * x; }
    }
  }

  // A loop whose length the compiler does not know: stores are long code on a software adapter; there is one of them.
  var sums = array<vec4f, 2u * ROWS>(
    l0, r0,
    l1, r1,
    l2, r2,
    l3, r3,
    l4, r4,
    l5, r5,
    l6, r6,
    l7, r7,
    l8, r8,
    l9, r9,
    l10, r10,
    l11, r11,
    l12, r12,
    l13, r13,
    l14, r14,
    l15, r15,
    l16, r16,
    l17, r17,
    l18, r18,
    l19, r19,
    l20, r20,
    l21, r21,
    l22, r22,
    l23, r23,
    l24, r24,
    l25, r25,
    l26, r26,
    l27, r27,
    l28, r28,
    l29, r29,
    l30, r30,
    l31, r31,
  );
  for (var i = 0u; i < params.sums; i++) {
    finish(group.x * ROWS + i / 2u, column + (i % 2u) * LANES, group.z, sums[i]);
  }
}
