// Convolution as an implicit GEMM for software adapters with subgroups of 4 or 8 lanes (SwiftShader, lavapipe), NHWC:
//   y[p, o] = epilogue(sum over tap, c of x[pixel(p, tap), c] * w[tap, c, o]),   p = (n * OH + oy) * OW + ox
// One subgroup computes 4 LANES pixels x 2 LANES vec4 of output channels. Each lane owns two vec4 of channels, l and r
// (or l alone), and loads four pixels' inputs; every lane gets the others' through subgroupBroadcast. Software adapters
// gather lane by lane, so few loads per multiply decide. They cost least from uniform buffers, without tests of the
// execution mask: the filter comes through windows of 64 KiB, l's panels and r's, which see one place of a packed
// filter, or the rows 0, 1, 2, 3 of each four of a filter in quarters. A filter that is larger is taken in parts (taps,
// or channels of one tap), each adding to the output. Workgroup memory and loops over small arrays cost more than they
// save, hence the unrolled rows. `wl * x` is four products whose sum joins the accumulator: fewer passes over spilled
// sums.
// Also a plain batched GEMM: one tap, and batch z reads, multiplies and writes at its own offsets (for Winograd).
// Cin and Cout divisible by 4.
// Dispatch: x = ceil(pixels / (4 LANES)), y = groups of columns, z = batches: those whose filters lie in the windows.

enable subgroups;

alias Stored = vec4f; // or vec4h: input and residual in half precision
alias Output = vec4f; // or vec4h: output in half precision; never of sums that more are added to

const LANES: u32 = 8u; // 4 or 8
const HAS_RIGHT: bool = true; // false where a group of columns has no more than one for each lane

struct Params {
  pixels: u32,
  in_height: u32,
  in_width: u32,
  in_channels4: u32, // vec4 that are summed over
  in_stride4: u32, // vec4 from one pixel to the next
  in_first4: u32, // first vec4 of the channels that are read
  out_height: u32,
  out_width: u32,
  out_channels4: u32,
  kernel_width: u32,
  first_tap: u32,
  end_tap: u32,
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  input_batch: u32, // vec4 from one batch to the next
  first_batch: u32, // number of the batch at z = 0
  first_group: u32, // number of the group of columns at y = 0
  group_columns: u32, // vec4 of output channels of a group
  right_column: u32, // the first of them that is r's
  panel4: u32, // vec4 of output channels that lie together in the filter
  panel_right4: u32, // where r's begin in their panel
  first_l4: u32, // where the filter begins in l's window
  first_r4: u32, // and in r's
  row_step4: u32, // from one of four rows to the next; 0 for a filter in quarters
  round_step4: u32, // from four rows to the next four
  group_step4: u32, // from a group of columns to the next in the windows
  batch_step4: u32, // and from a batch
  accumulate: u32, // add to what is there
  has_scale: u32,
  has_bias: u32,
  has_residual: u32,
  activation_max: f32, // 0: no activation
  sums: u32, // always 8 LANES
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<Stored>;
@group(0) @binding(4) var<storage, read_write> output: array<Output>;
@group(0) @binding(5) var<uniform> l_row0: array<vec4f, 4096>;
@group(0) @binding(6) var<uniform> l_row1: array<vec4f, 4096>;
@group(0) @binding(7) var<uniform> l_row2: array<vec4f, 4096>;
@group(0) @binding(8) var<uniform> l_row3: array<vec4f, 4096>;
@group(0) @binding(9) var<uniform> r_row0: array<vec4f, 4096>;
@group(0) @binding(10) var<uniform> r_row1: array<vec4f, 4096>;
@group(0) @binding(11) var<uniform> r_row2: array<vec4f, 4096>;
@group(0) @binding(12) var<uniform> r_row3: array<vec4f, 4096>;
@group(0) @binding(13) var<uniform> params: Params;

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
  return select(vec4f(), vec4f(input[u32(max(index, 0)) + c]), index >= 0);
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

fn finish(at: u32, sum: vec4f, factor: vec4f, summand: vec4f) {
  var y = sum;
  if (params.accumulate != 0u) {
    y += vec4f(output[at]);
  }
  y = y * factor + summand;
  if (params.has_residual != 0u) {
    y += vec4f(residual[at]);
  }
  output[at] = Output(select(y, clamp(y, vec4f(), vec4f(params.activation_max)), params.activation_max > 0.0));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let pixel = group.x * 4u * LANES;
  let pixel0 = pixel + 0u * LANES + lane;
  let origin0 = origin(pixel0);
  let pixel1 = pixel + 1u * LANES + lane;
  let origin1 = origin(pixel1);
  let pixel2 = pixel + 2u * LANES + lane;
  let origin2 = origin(pixel2);
  let pixel3 = pixel + 3u * LANES + lane;
  let origin3 = origin(pixel3);
  let batch = params.first_batch + group.z;
  let input_base = i32(batch * params.input_batch);
  // Copies, because a parameter read in the loop is loaded again in each round.
  let channels4 = params.in_channels4;
  let panel = params.panel4;
  let row = params.row_step4;
  let round = params.round_step4;
  let step = group.y * params.group_step4 + group.z * params.batch_step4;
  var at_l = params.first_l4 + step + min(lane, panel - 1u);
  var at_r = params.first_r4 + step + min(params.panel_right4 + lane, panel - 1u);
  var l00 = vec4f(); var r00 = vec4f(); var l01 = vec4f(); var r01 = vec4f();
  var l02 = vec4f(); var r02 = vec4f(); var l03 = vec4f(); var r03 = vec4f();
  var l04 = vec4f(); var r04 = vec4f(); var l05 = vec4f(); var r05 = vec4f();
  var l06 = vec4f(); var r06 = vec4f(); var l07 = vec4f(); var r07 = vec4f();
  var l10 = vec4f(); var r10 = vec4f(); var l11 = vec4f(); var r11 = vec4f();
  var l12 = vec4f(); var r12 = vec4f(); var l13 = vec4f(); var r13 = vec4f();
  var l14 = vec4f(); var r14 = vec4f(); var l15 = vec4f(); var r15 = vec4f();
  var l16 = vec4f(); var r16 = vec4f(); var l17 = vec4f(); var r17 = vec4f();
  var l20 = vec4f(); var r20 = vec4f(); var l21 = vec4f(); var r21 = vec4f();
  var l22 = vec4f(); var r22 = vec4f(); var l23 = vec4f(); var r23 = vec4f();
  var l24 = vec4f(); var r24 = vec4f(); var l25 = vec4f(); var r25 = vec4f();
  var l26 = vec4f(); var r26 = vec4f(); var l27 = vec4f(); var r27 = vec4f();
  var l30 = vec4f(); var r30 = vec4f(); var l31 = vec4f(); var r31 = vec4f();
  var l32 = vec4f(); var r32 = vec4f(); var l33 = vec4f(); var r33 = vec4f();
  var l34 = vec4f(); var r34 = vec4f(); var l35 = vec4f(); var r35 = vec4f();
  var l36 = vec4f(); var r36 = vec4f(); var l37 = vec4f(); var r37 = vec4f();

  for (var tap = params.first_tap; tap < params.end_tap; tap++) {
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
      let wl = mat4x4f(l_row0[at_l], l_row1[at_l + row], l_row2[at_l + 2u * row], l_row3[at_l + 3u * row]);
      var wr = mat4x4f();
      if (HAS_RIGHT) {
        wr = mat4x4f(r_row0[at_r], r_row1[at_r + row], r_row2[at_r + 2u * row], r_row3[at_r + 3u * row]);
      }
      at_l += round;
      at_r += round;
      { let x = subgroupBroadcast(x0, 0u); l00 += wl * x; if (HAS_RIGHT) { r00 += wr * x; } }
      { let x = subgroupBroadcast(x0, 1u); l01 += wl * x; if (HAS_RIGHT) { r01 += wr * x; } }
      { let x = subgroupBroadcast(x0, 2u); l02 += wl * x; if (HAS_RIGHT) { r02 += wr * x; } }
      { let x = subgroupBroadcast(x0, 3u); l03 += wl * x; if (HAS_RIGHT) { r03 += wr * x; } }
      if (LANES > 4u) {
        { let x = subgroupBroadcast(x0, 4u); l04 += wl * x; if (HAS_RIGHT) { r04 += wr * x; } }
        { let x = subgroupBroadcast(x0, 5u); l05 += wl * x; if (HAS_RIGHT) { r05 += wr * x; } }
        { let x = subgroupBroadcast(x0, 6u); l06 += wl * x; if (HAS_RIGHT) { r06 += wr * x; } }
        { let x = subgroupBroadcast(x0, 7u); l07 += wl * x; if (HAS_RIGHT) { r07 += wr * x; } }
      }
      { let x = subgroupBroadcast(x1, 0u); l10 += wl * x; if (HAS_RIGHT) { r10 += wr * x; } }
      { let x = subgroupBroadcast(x1, 1u); l11 += wl * x; if (HAS_RIGHT) { r11 += wr * x; } }
      { let x = subgroupBroadcast(x1, 2u); l12 += wl * x; if (HAS_RIGHT) { r12 += wr * x; } }
      { let x = subgroupBroadcast(x1, 3u); l13 += wl * x; if (HAS_RIGHT) { r13 += wr * x; } }
      if (LANES > 4u) {
        { let x = subgroupBroadcast(x1, 4u); l14 += wl * x; if (HAS_RIGHT) { r14 += wr * x; } }
        { let x = subgroupBroadcast(x1, 5u); l15 += wl * x; if (HAS_RIGHT) { r15 += wr * x; } }
        { let x = subgroupBroadcast(x1, 6u); l16 += wl * x; if (HAS_RIGHT) { r16 += wr * x; } }
        { let x = subgroupBroadcast(x1, 7u); l17 += wl * x; if (HAS_RIGHT) { r17 += wr * x; } }
      }
      { let x = subgroupBroadcast(x2, 0u); l20 += wl * x; if (HAS_RIGHT) { r20 += wr * x; } }
      { let x = subgroupBroadcast(x2, 1u); l21 += wl * x; if (HAS_RIGHT) { r21 += wr * x; } }
      { let x = subgroupBroadcast(x2, 2u); l22 += wl * x; if (HAS_RIGHT) { r22 += wr * x; } }
      { let x = subgroupBroadcast(x2, 3u); l23 += wl * x; if (HAS_RIGHT) { r23 += wr * x; } }
      if (LANES > 4u) {
        { let x = subgroupBroadcast(x2, 4u); l24 += wl * x; if (HAS_RIGHT) { r24 += wr * x; } }
        { let x = subgroupBroadcast(x2, 5u); l25 += wl * x; if (HAS_RIGHT) { r25 += wr * x; } }
        { let x = subgroupBroadcast(x2, 6u); l26 += wl * x; if (HAS_RIGHT) { r26 += wr * x; } }
        { let x = subgroupBroadcast(x2, 7u); l27 += wl * x; if (HAS_RIGHT) { r27 += wr * x; } }
      }
      { let x = subgroupBroadcast(x3, 0u); l30 += wl * x; if (HAS_RIGHT) { r30 += wr * x; } }
      { let x = subgroupBroadcast(x3, 1u); l31 += wl * x; if (HAS_RIGHT) { r31 += wr * x; } }
      { let x = subgroupBroadcast(x3, 2u); l32 += wl * x; if (HAS_RIGHT) { r32 += wr * x; } }
      { let x = subgroupBroadcast(x3, 3u); l33 += wl * x; if (HAS_RIGHT) { r33 += wr * x; } }
      if (LANES > 4u) {
        { let x = subgroupBroadcast(x3, 4u); l34 += wl * x; if (HAS_RIGHT) { r34 += wr * x; } }
        { let x = subgroupBroadcast(x3, 5u); l35 += wl * x; if (HAS_RIGHT) { r35 += wr * x; } }
        { let x = subgroupBroadcast(x3, 6u); l36 += wl * x; if (HAS_RIGHT) { r36 += wr * x; } }
        { let x = subgroupBroadcast(x3, 7u); l37 += wl * x; if (HAS_RIGHT) { r37 += wr * x; } }
      }
    }
  }

  // A loop whose length the compiler does not know: stores are long code on a software adapter; there is one of them.
  var sums = array<vec4f, 64>(
    l00, r00, l01, r01, l02, r02, l03, r03,
    l04, r04, l05, r05, l06, r06, l07, r07,
    l10, r10, l11, r11, l12, r12, l13, r13,
    l14, r14, l15, r15, l16, r16, l17, r17,
    l20, r20, l21, r21, l22, r22, l23, r23,
    l24, r24, l25, r25, l26, r26, l27, r27,
    l30, r30, l31, r31, l32, r32, l33, r33,
    l34, r34, l35, r35, l36, r36, l37, r37,
  );
  let column = (params.first_group + group.y) * params.group_columns + lane;
  let column_r = column + params.right_column;
  let last = params.out_channels4 - 1u;
  let norm_l = norm(min(column, last));
  let norm_r = norm(min(column_r, last));
  let has_l = lane < panel && column <= last;
  let has_r = HAS_RIGHT && params.panel_right4 + lane < panel && column_r <= last;
  let base = batch * params.pixels * params.out_channels4;
  for (var i = 0u; i < params.sums; i++) {
    let place = i / 2u;
    let right = i % 2u == 1u;
    let factor = select(norm_l.scale, norm_r.scale, right);
    let summand = select(norm_l.bias, norm_r.bias, right);
    let at = base + (pixel + place) * params.out_channels4 + select(column, column_r, right);
    if (pixel + place < params.pixels && select(has_l, has_r, right)) {
      finish(at, sums[place / LANES * 16u + place % LANES * 2u + i % 2u], factor, summand);
    }
  }
}
