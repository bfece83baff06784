// Convolution as an implicit GEMM for software adapters with subgroups of 8 lanes (Mesa's lavapipe), NHWC:
//   y[p, o] = epilogue(sum over tap, c of x[pixel(p, tap), c] * w[tap, c, o]),   p = (n * OH + oy) * OW + ox
// One subgroup computes 32 pixels x 64 output channels. Each lane owns two vec4 of channels (l, and r 8 lanes on) and
// loads four pixels' inputs; every lane gets the others' through subgroupBroadcast. A software adapter gathers lane
// by lane, so few loads per multiply decide; workgroup memory and loops over small arrays cost more than they save,
// hence the unrolled rows. `wl * x` is four products whose sum joins the accumulator: fewer passes over spilled sums.
// Also a plain batched GEMM: one tap, and batch z reads, multiplies and writes at its own offsets (for Winograd).
// Cin and Cout divisible by 4.
// Dispatch: x = ceil(pixels / 32), y = ceil(OUT_C / 64), z = batches: neighbours share a panel of the filter.

enable subgroups;

const ROWS: u32 = 32u;
const LANES: u32 = 8u;
const COLUMNS: u32 = 16u; // vec4 of output channels per workgroup

struct Params {
  pixels: u32,
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
  input_batch: u32, // vec4 from one z to the next
  filter_rows: u32, // taps * Cin; batch z begins after z such filters
  panel4: u32, // vec4 of output channels that lie together in the filter
  has_scale: u32,
  has_bias: u32,
  has_residual: u32,
  activation_max: f32, // 0: no activation
  sums: u32, // always 2 ROWS
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> scale: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

// Where a pixel's receptive field begins, in the input's rows and columns (may be negative), and its sample.
struct Origin {
  sample: u32,
  y: i32,
  x: i32,
}

fn origin(pixel: u32) -> Origin {
  let x = pixel % params.out_width;
  let rest = pixel / params.out_width;
  let y = rest % params.out_height;
  let first_y = i32(y * params.stride) - params.padding_y;
  let first_x = i32(x * params.stride) - params.padding_x;
  return Origin(rest / params.out_height, first_y, first_x);
}

// Index of the first vec4 of a pixel's input at a tap; -1 outside of the image.
fn tap_index(at: Origin, pixel: u32, dy: i32, dx: i32) -> i32 {
  let y = at.y + dy;
  let x = at.x + dx;
  let inside = pixel < params.pixels && y >= 0 && x >= 0 && y < i32(params.in_height) && x < i32(params.in_width);
  let place = (i32(at.sample * params.in_height) + y) * i32(params.in_width) + x;
  return select(-1, place * i32(params.in_stride4) + i32(params.in_first4), inside);
}

fn load(index: i32, c: u32) -> vec4f {
  return select(vec4f(), input[u32(max(index, 0)) + c], index >= 0);
}

// Four rows of the filter.
fn weights(at: u32, row: u32) -> mat4x4f {
  return mat4x4f(weight[at], weight[at + row], weight[at + 2u * row], weight[at + 3u * row]);
}

// Where a column of filter z begins: panels of neighbouring output channels, one after the other.
fn column_start(z: u32, column: u32) -> u32 {
  let n = params.out_channels4;
  let o = min(column, n - 1u);
  return (z * n + o / params.panel4 * params.panel4) * params.filter_rows + o % params.panel4;
}

// What the sums of a column are multiplied by, and what is added then.
struct Norm {
  scale: vec4f,
  bias: vec4f,
}

fn norm(column: u32) -> Norm {
  var found = Norm(vec4f(1.0), vec4f());
  if (params.has_scale != 0u) {
    found.scale = scale[column];
  }
  if (params.has_bias != 0u) {
    found.bias = bias[column];
  }
  return found;
}

fn finish(pixel: u32, column: u32, base: u32, sum: vec4f) {
  if (pixel >= params.pixels || column >= params.out_channels4) {
    return;
  }
  let at = base + pixel * params.out_channels4 + column;
  var y = sum;
  if (params.has_residual != 0u) {
    y += residual[at];
  }
  output[at] = select(y, clamp(y, vec4f(), vec4f(params.activation_max)), params.activation_max > 0.0);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let column = group.y * COLUMNS + lane;
  let pixel = group.x * ROWS;
  let pixel0 = pixel + 0u * LANES + lane;
  let origin0 = origin(pixel0);
  let pixel1 = pixel + 1u * LANES + lane;
  let origin1 = origin(pixel1);
  let pixel2 = pixel + 2u * LANES + lane;
  let origin2 = origin(pixel2);
  let pixel3 = pixel + 3u * LANES + lane;
  let origin3 = origin(pixel3);
  let input_base = i32(group.z * params.input_batch);
  // Copies, because a parameter read in the loop is loaded again in each round.
  let channels4 = params.in_channels4;
  let panel = params.panel4;
  var at_l = column_start(group.z, column + 0u * LANES);
  var at_r = column_start(group.z, column + 1u * LANES);
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

  for (var tap = 0u; tap < params.taps; tap++) {
    let dy = i32((tap / params.kernel_width) * params.dilation);
    let dx = i32((tap % params.kernel_width) * params.dilation);
    let at0 = tap_index(origin0, pixel0, dy, dx);
    let base0 = select(-1, at0 + input_base, at0 >= 0);
    let at1 = tap_index(origin1, pixel1, dy, dx);
    let base1 = select(-1, at1 + input_base, at1 >= 0);
    let at2 = tap_index(origin2, pixel2, dy, dx);
    let base2 = select(-1, at2 + input_base, at2 >= 0);
    let at3 = tap_index(origin3, pixel3, dy, dx);
    let base3 = select(-1, at3 + input_base, at3 >= 0);
    for (var c = 0u; c < channels4; c++) {
      let x0 = load(base0, c);
      let x1 = load(base1, c);
      let x2 = load(base2, c);
      let x3 = load(base3, c);
      let wl = weights(at_l, panel);
      at_l += 4u * panel;
      let wr = weights(at_r, panel);
      at_r += 4u * panel;
      { let x = subgroupBroadcast(x0, 0u); l0 += wl * x; r0 += wr * x; }
      { let x = subgroupBroadcast(x0, 1u); l1 += wl * x; r1 += wr * x; }
      { let x = subgroupBroadcast(x0, 2u); l2 += wl * x; r2 += wr * x; }
      { let x = subgroupBroadcast(x0, 3u); l3 += wl * x; r3 += wr * x; }
      { let x = subgroupBroadcast(x0, 4u); l4 += wl * x; r4 += wr * x; }
      { let x = subgroupBroadcast(x0, 5u); l5 += wl * x; r5 += wr * x; }
      { let x = subgroupBroadcast(x0, 6u); l6 += wl * x; r6 += wr * x; }
      { let x = subgroupBroadcast(x0, 7u); l7 += wl * x; r7 += wr * x; }
      { let x = subgroupBroadcast(x1, 0u); l8 += wl * x; r8 += wr * x; }
      { let x = subgroupBroadcast(x1, 1u); l9 += wl * x; r9 += wr * x; }
      { let x = subgroupBroadcast(x1, 2u); l10 += wl * x; r10 += wr * x; }
      { let x = subgroupBroadcast(x1, 3u); l11 += wl * x; r11 += wr * x; }
      { let x = subgroupBroadcast(x1, 4u); l12 += wl * x; r12 += wr * x; }
      { let x = subgroupBroadcast(x1, 5u); l13 += wl * x; r13 += wr * x; }
      { let x = subgroupBroadcast(x1, 6u); l14 += wl * x; r14 += wr * x; }
      { let x = subgroupBroadcast(x1, 7u); l15 += wl * x; r15 += wr * x; }
      { let x = subgroupBroadcast(x2, 0u); l16 += wl * x; r16 += wr * x; }
      { let x = subgroupBroadcast(x2, 1u); l17 += wl * x; r17 += wr * x; }
      { let x = subgroupBroadcast(x2, 2u); l18 += wl * x; r18 += wr * x; }
      { let x = subgroupBroadcast(x2, 3u); l19 += wl * x; r19 += wr * x; }
      { let x = subgroupBroadcast(x2, 4u); l20 += wl * x; r20 += wr * x; }
      { let x = subgroupBroadcast(x2, 5u); l21 += wl * x; r21 += wr * x; }
      { let x = subgroupBroadcast(x2, 6u); l22 += wl * x; r22 += wr * x; }
      { let x = subgroupBroadcast(x2, 7u); l23 += wl * x; r23 += wr * x; }
      { let x = subgroupBroadcast(x3, 0u); l24 += wl * x; r24 += wr * x; }
      { let x = subgroupBroadcast(x3, 1u); l25 += wl * x; r25 += wr * x; }
      { let x = subgroupBroadcast(x3, 2u); l26 += wl * x; r26 += wr * x; }
      { let x = subgroupBroadcast(x3, 3u); l27 += wl * x; r27 += wr * x; }
      { let x = subgroupBroadcast(x3, 4u); l28 += wl * x; r28 += wr * x; }
      { let x = subgroupBroadcast(x3, 5u); l29 += wl * x; r29 += wr * x; }
      { let x = subgroupBroadcast(x3, 6u); l30 += wl * x; r30 += wr * x; }
      { let x = subgroupBroadcast(x3, 7u); l31 += wl * x; r31 += wr * x; }
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
  let base = group.z * params.pixels * params.out_channels4;
  let norm_l = norm(min(column, params.out_channels4 - 1u));
  let norm_r = norm(min(column + LANES, params.out_channels4 - 1u));
  for (var i = 0u; i < params.sums; i++) {
    let right = i % 2u == 1u;
    let factor = select(norm_l.scale, norm_r.scale, right);
    let summand = select(norm_l.bias, norm_r.bias, right);
    finish(pixel + i / 2u, column + (i % 2u) * LANES, base, sums[i] * factor + summand);
  }
}
