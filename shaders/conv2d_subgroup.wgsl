enable subgroups;

// Convolution as an implicit GEMM for software adapters with subgroups of 8 lanes (Mesa's lavapipe), NHWC:
//   y[p, o] = epilogue(sum over tap, c of x[pixel(p, tap), c] * w[tap, c, o]),   p = (n * OH + oy) * OW + ox
// One subgroup computes 24 pixels x 64 output channels: each lane owns two vec4 of channels (l, 8 lanes apart from r), loads
// three pixels' inputs, and every lane gets the others' through subgroupBroadcast. A software adapter gathers lane by
// lane, so few loads per multiply decide; workgroup memory and loops over small arrays cost more than they save, hence the
// unrolled rows. `wl * x` is four products whose sum joins the accumulator: fewer passes over spilled accumulators.
// Also a plain batched GEMM: one tap, and batch z reads, multiplies and writes at its own offsets (Winograd's 16 products).
// Dispatch: x = ceil(OUT_C / 64), y = ceil(pixels / 24), z = batches. Cin and Cout divisible by 4.

const ROWS: u32 = 24u;
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
  weight_batch: u32,
  has_scale: u32,
  has_bias: u32,
  has_residual: u32,
  relu: u32,
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

struct Tile {
  pixel: u32, // of row 0
  column: u32, // this lane's left vec4 of channels
  base: u32, // of batch z in the output
  scale_left: vec4f,
  scale_right: vec4f,
  bias_left: vec4f,
  bias_right: vec4f,
}

fn origin(pixel: u32) -> Origin {
  let x = pixel % params.out_width;
  let rest = pixel / params.out_width;
  let y = rest % params.out_height;
  return Origin(rest / params.out_height, i32(y * params.stride) - params.padding_y, i32(x * params.stride) - params.padding_x);
}

// Index of the first vec4 of a pixel's input at a tap; -1 outside of the image.
fn tap_index(at: Origin, pixel: u32, dy: i32, dx: i32) -> i32 {
  let y = at.y + dy;
  let x = at.x + dx;
  let inside = pixel < params.pixels && y >= 0 && x >= 0 && y < i32(params.in_height) && x < i32(params.in_width);
  let index = ((i32(at.sample * params.in_height) + y) * i32(params.in_width) + x) * i32(params.in_stride4) + i32(params.in_first4);
  return select(-1, index, inside);
}

fn load(index: i32, c: u32) -> vec4f {
  return select(vec4f(), input[u32(max(index, 0)) + c], index >= 0);
}

fn weights(row: u32, column: u32) -> mat4x4f {
  let n = params.out_channels4;
  let at = row * n + min(column, n - 1u);
  return mat4x4f(weight[at], weight[at + n], weight[at + 2u * n], weight[at + 3u * n]);
}

fn finish(pixel: u32, column: u32, base: u32, sum: vec4f) {
  if (column >= params.out_channels4) {
    return;
  }
  let at = base + pixel * params.out_channels4 + column;
  var y = sum;
  if (params.has_residual != 0u) {
    y += residual[at];
  }
  output[at] = select(y, max(y, vec4f()), params.relu != 0u);
}

fn store(row: u32, left: vec4f, right: vec4f, tile: Tile) {
  let pixel = tile.pixel + row;
  if (pixel < params.pixels) {
    finish(pixel, tile.column, tile.base, left * tile.scale_left + tile.bias_left);
    finish(pixel, tile.column + LANES, tile.base, right * tile.scale_right + tile.bias_right);
  }
}

fn epilogue(pixel: u32, column: u32, base: u32) -> Tile {
  let left = min(column, params.out_channels4 - 1u);
  let right = min(column + LANES, params.out_channels4 - 1u);
  var tile = Tile(pixel, column, base, vec4f(1.0), vec4f(1.0), vec4f(), vec4f());
  if (params.has_scale != 0u) {
    tile.scale_left = scale[left];
    tile.scale_right = scale[right];
  }
  if (params.has_bias != 0u) {
    tile.bias_left = bias[left];
    tile.bias_right = bias[right];
  }
  return tile;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let column = group.x * COLUMNS + lane;
  let pixel = group.y * ROWS;
  let pixel0 = pixel + lane;
  let pixel1 = pixel + LANES + lane;
  let pixel2 = pixel + 2u * LANES + lane;
  let origin0 = origin(pixel0);
  let origin1 = origin(pixel1);
  let origin2 = origin(pixel2);
  let input_base = i32(group.z * params.input_batch);
  var row = group.z * params.weight_batch;
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

  for (var tap = 0u; tap < params.taps; tap++) {
    let dy = i32((tap / params.kernel_width) * params.dilation);
    let dx = i32((tap % params.kernel_width) * params.dilation);
    let at0 = tap_index(origin0, pixel0, dy, dx);
    let at1 = tap_index(origin1, pixel1, dy, dx);
    let at2 = tap_index(origin2, pixel2, dy, dx);
    let base0 = select(-1, at0 + input_base, at0 >= 0);
    let base1 = select(-1, at1 + input_base, at1 >= 0);
    let base2 = select(-1, at2 + input_base, at2 >= 0);
    for (var c = 0u; c < params.in_channels4; c++) {
      let x0 = load(base0, c);
      let x1 = load(base1, c);
      let x2 = load(base2, c);
      let wl = weights(row, column);
      let wr = weights(row, column + LANES);
      row += 4u;
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
    }
  }

  let tile = epilogue(pixel, column, group.z * params.pixels * params.out_channels4);
  store(0u, l0, r0, tile);
  store(1u, l1, r1, tile);
  store(2u, l2, r2, tile);
  store(3u, l3, r3, tile);
  store(4u, l4, r4, tile);
  store(5u, l5, r5, tile);
  store(6u, l6, r6, tile);
  store(7u, l7, r7, tile);
  store(8u, l8, r8, tile);
  store(9u, l9, r9, tile);
  store(10u, l10, r10, tile);
  store(11u, l11, r11, tile);
  store(12u, l12, r12, tile);
  store(13u, l13, r13, tile);
  store(14u, l14, r14, tile);
  store(15u, l15, r15, tile);
  store(16u, l16, r16, tile);
  store(17u, l17, r17, tile);
  store(18u, l18, r18, tile);
  store(19u, l19, r19, tile);
  store(20u, l20, r20, tile);
  store(21u, l21, r21, tile);
  store(22u, l22, r22, tile);
  store(23u, l23, r23, tile);
}
