// Convolution as an implicit GEMM for software adapters with subgroups of 8 lanes and few output channels, NHWC:
//   y[p, o] = epilogue(sum over tap, c of x[pixel(p, tap), c] * w[tap, c, o])
// One subgroup computes 49 - TAPS neighbouring pixels x 8 Lanes of output channels. Each lane owns one Lane of channels
// and loads 6 of 48 positions; all lanes get them all through subgroupBroadcast. A software adapter gathers lane by
// lane, so loads decide: a position that was loaded serves TAPS taps of a filter row, for TAPS neighbouring outputs.
// For that, outputs are taken in an order in which one tap more is one position on: with g = gcd(stride, dilation),
// columns of one residue modulo dilation / g follow each other (a phase), with TAPS - 1 positions more per row than
// outputs, and taps of a filter row are taken stride / g apart (a group), which needs stride / g passes.
// Cin divisible by 4, Cout by the size of Lane.
// Dispatch: x, y = strips of 49 - TAPS positions, linearised, z = ceil(OUT_C / 8 Lanes).

enable subgroups;
requires uniform_buffer_standard_layout; // arrays of f32 and vec2f in a uniform buffer

// Or f32, vec2f.
alias Lane = vec4f;
alias Stored = vec4f; // or vec4h: input in half precision
alias StoredLane = vec4f; // or f32, vec2f, and f16, vec2h, vec4h: a Lane in residual and output

const WINDOW: u32 = 4096u; // Lanes in 64 KiB
const FROM_WINDOW: bool = true; // whether the filter is read there
const TAPS: u32 = 3u; // 1 to 4: of a filter row, taken together
const CHANNELS: u32 = 4u; // 3 for images, whose fourth channel is zero
const LANES: u32 = 8u;
const POSITIONS: u32 = 48u;

struct Params {
  positions: u32, // of all rows, phases and samples
  row_positions: u32, // outputs of a row and a phase, and TAPS - 1
  phases: u32,
  in_height: u32,
  in_width: u32,
  in_channels4: u32,
  in_stride4: u32, // vec4 from one pixel to the next
  in_first4: u32, // first vec4 of the channels that are read
  out_height: u32,
  out_width: u32,
  out_lanes: u32, // Lanes of all output channels
  panel: u32, // Lanes that lie together in the filter
  kernel_height: u32,
  kernel_width: u32,
  groups: u32, // passes over a filter row
  tap_step: u32, // from one tap of a group to the next
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  has_scale: u32,
  has_bias: u32,
  has_residual: u32,
  activation_max: f32, // 0: no activation
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> weight: array<Lane>;
@group(0) @binding(2) var<storage, read> scale: array<Lane>;
@group(0) @binding(3) var<storage, read> bias: array<Lane>;
@group(0) @binding(4) var<storage, read> residual: array<StoredLane>;
@group(0) @binding(5) var<storage, read_write> output: array<StoredLane>;
@group(0) @binding(6) var<uniform> window: array<Lane, WINDOW>; // the same filter
@group(0) @binding(7) var<uniform> params: Params;

// Where a position lies: `row` counts the output's rows of all samples.
struct Place {
  row: u32,
  phase: u32,
  column: u32,
}

// Where a position's receptive field begins: rows and columns of the input (may be negative), its sample's first row.
struct Origin {
  first: i32,
  y: i32,
  x: i32,
}

// Four rows of the filter.
struct Tap {
  a: Lane,
  b: Lane,
  c: Lane,
  d: Lane,
}

struct Taps {
  first: Tap,
  second: Tap,
  third: Tap,
  fourth: Tap,
}

fn place(position: u32) -> Place {
  let rest = position / params.row_positions;
  let row = rest / params.phases;
  return Place(row, rest - row * params.phases, position - rest * params.row_positions);
}

fn origin(position: u32) -> Origin {
  let at = place(position);
  let sample = at.row / params.out_height;
  let y = at.row - sample * params.out_height;
  let x = at.column * params.phases + at.phase;
  // Beyond the last position: a row that no image has.
  let first_y = select(-0x40000000, i32(y * params.stride) - params.padding_y, position < params.positions);
  return Origin(i32(sample * params.in_height), first_y, i32(x * params.stride) - params.padding_x);
}

// Index of the first vec4 of a position's input at a tap; -1 outside of the image.
fn tap_index(at: Origin, dy: i32, dx: i32) -> i32 {
  let y = at.y + dy;
  let x = at.x + dx;
  let inside = y >= 0 && x >= 0 && y < i32(params.in_height) && x < i32(params.in_width);
  let pixel = (at.first + y) * i32(params.in_width) + x;
  return select(-1, pixel * i32(params.in_stride4) + i32(params.in_first4), inside);
}

fn load(index: i32, c: u32) -> vec4f {
  return select(vec4f(), vec4f(input[u32(max(index, 0)) + c]), index >= 0);
}

// From a uniform buffer, without a test of the execution mask, vectors cost less; single numbers do not.
fn filter_at(at: u32) -> Lane {
  if (FROM_WINDOW) {
    return window[at];
  }
  return weight[at];
}

fn load_tap(at: u32, row: u32, exists: bool) -> Tap {
  let a = filter_at(at);
  let b = filter_at(at + row);
  let c = filter_at(at + 2u * row);
  let d = filter_at(at + 3u * row);
  return Tap(
    select(Lane(), a, exists), select(Lane(), b, exists), select(Lane(), c, exists), select(Lane(), d, exists));
}

fn times(w: Tap, x: vec4f) -> Lane {
  let y = w.a * x.x + w.b * x.y + w.c * x.z;
  if (CHANNELS == 3u) {
    return y;
  }
  return y + w.d * x.w;
}

// What four neighbouring positions add to an output.
fn dot(w: Taps, x0: vec4f, x1: vec4f, x2: vec4f, x3: vec4f) -> Lane {
  var y = times(w.first, x0);
  if (TAPS > 1u) {
    y += times(w.second, x1);
  }
  if (TAPS > 2u) {
    y += times(w.third, x2);
  }
  if (TAPS > 3u) {
    y += times(w.fourth, x3);
  }
  return y;
}

fn finish(at: u32, factor: Lane, summand: Lane, sum: Lane) {
  var y = sum * factor + summand;
  if (params.has_residual != 0u) {
    y += Lane(residual[at]);
  }
  output[at] = StoredLane(select(y, clamp(y, Lane(), Lane(params.activation_max)), params.activation_max > 0.0));
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let first = (group.y * grid.x + group.x) * (POSITIONS + 1u - TAPS);
  let column = group.z * LANES + lane;
  let near = min(column, params.out_lanes - 1u);
  let filter_rows = params.kernel_height * params.kernel_width * params.in_channels4 * 4u;
  let filter_start = near / params.panel * params.panel * filter_rows + near % params.panel;
  // Copies, because a parameter read in the loop is loaded again in each round.
  let channels4 = params.in_channels4;
  let panel = params.panel;
  let origin0 = origin(first + 0u * LANES + lane);
  let origin1 = origin(first + 1u * LANES + lane);
  let origin2 = origin(first + 2u * LANES + lane);
  let origin3 = origin(first + 3u * LANES + lane);
  let origin4 = origin(first + 4u * LANES + lane);
  let origin5 = origin(first + 5u * LANES + lane);
  var s0 = Lane(); var s1 = Lane(); var s2 = Lane(); var s3 = Lane();
  var s4 = Lane(); var s5 = Lane(); var s6 = Lane(); var s7 = Lane();
  var s8 = Lane(); var s9 = Lane(); var s10 = Lane(); var s11 = Lane();
  var s12 = Lane(); var s13 = Lane(); var s14 = Lane(); var s15 = Lane();
  var s16 = Lane(); var s17 = Lane(); var s18 = Lane(); var s19 = Lane();
  var s20 = Lane(); var s21 = Lane(); var s22 = Lane(); var s23 = Lane();
  var s24 = Lane(); var s25 = Lane(); var s26 = Lane(); var s27 = Lane();
  var s28 = Lane(); var s29 = Lane(); var s30 = Lane(); var s31 = Lane();
  var s32 = Lane(); var s33 = Lane(); var s34 = Lane(); var s35 = Lane();
  var s36 = Lane(); var s37 = Lane(); var s38 = Lane(); var s39 = Lane();
  var s40 = Lane(); var s41 = Lane(); var s42 = Lane(); var s43 = Lane();
  var s44 = Lane(); var s45 = Lane(); var s46 = Lane(); var s47 = Lane();
  let none = vec4f();

  for (var ky = 0u; ky < params.kernel_height; ky++) {
    let dy = i32(ky * params.dilation);
    for (var g = 0u; g < params.groups; g++) {
      // Groups of neighbouring taps where TAPS is not enough for a whole filter row, and of each every tap_step-th.
      let kx = g / params.tap_step * params.tap_step * TAPS + g % params.tap_step;
      let dx = i32(kx * params.dilation);
      let has_first = kx < params.kernel_width;
      let has_second = kx + params.tap_step < params.kernel_width;
      let has_third = kx + 2u * params.tap_step < params.kernel_width;
      let has_fourth = kx + 3u * params.tap_step < params.kernel_width;
      let tap_rows = channels4 * 4u * panel;
      let next = select(0u, params.tap_step * tap_rows, TAPS > 1u);
      var at = filter_start + (ky * params.kernel_width + kx) * tap_rows;
      let base0 = tap_index(origin0, dy, dx);
      let base1 = tap_index(origin1, dy, dx);
      let base2 = tap_index(origin2, dy, dx);
      let base3 = tap_index(origin3, dy, dx);
      let base4 = tap_index(origin4, dy, dx);
      let base5 = tap_index(origin5, dy, dx);
      for (var c = 0u; c < channels4; c++) {
        let x0 = load(base0, c);
        let x1 = load(base1, c);
        let x2 = load(base2, c);
        let x3 = load(base3, c);
        let x4 = load(base4, c);
        let x5 = load(base5, c);
        var w = Taps();
        w.first = load_tap(at, panel, has_first);
        if (TAPS > 1u) {
          w.second = load_tap(at + next, panel, has_second);
        }
        if (TAPS > 2u) {
          w.third = load_tap(at + 2u * next, panel, has_third);
        }
        if (TAPS > 3u) {
          w.fourth = load_tap(at + 3u * next, panel, has_fourth);
        }
        at += 4u * panel;
        let b0 = subgroupBroadcast(x0, 0u);
        let b1 = subgroupBroadcast(x0, 1u);
        let b2 = subgroupBroadcast(x0, 2u);
        let b3 = subgroupBroadcast(x0, 3u); s0 += dot(w, b0, b1, b2, b3);
        let b4 = subgroupBroadcast(x0, 4u); s1 += dot(w, b1, b2, b3, b4);
        let b5 = subgroupBroadcast(x0, 5u); s2 += dot(w, b2, b3, b4, b5);
        let b6 = subgroupBroadcast(x0, 6u); s3 += dot(w, b3, b4, b5, b6);
        let b7 = subgroupBroadcast(x0, 7u); s4 += dot(w, b4, b5, b6, b7);
        let b8 = subgroupBroadcast(x1, 0u); s5 += dot(w, b5, b6, b7, b8);
        let b9 = subgroupBroadcast(x1, 1u); s6 += dot(w, b6, b7, b8, b9);
        let b10 = subgroupBroadcast(x1, 2u); s7 += dot(w, b7, b8, b9, b10);
        let b11 = subgroupBroadcast(x1, 3u); s8 += dot(w, b8, b9, b10, b11);
        let b12 = subgroupBroadcast(x1, 4u); s9 += dot(w, b9, b10, b11, b12);
        let b13 = subgroupBroadcast(x1, 5u); s10 += dot(w, b10, b11, b12, b13);
        let b14 = subgroupBroadcast(x1, 6u); s11 += dot(w, b11, b12, b13, b14);
        let b15 = subgroupBroadcast(x1, 7u); s12 += dot(w, b12, b13, b14, b15);
        let b16 = subgroupBroadcast(x2, 0u); s13 += dot(w, b13, b14, b15, b16);
        let b17 = subgroupBroadcast(x2, 1u); s14 += dot(w, b14, b15, b16, b17);
        let b18 = subgroupBroadcast(x2, 2u); s15 += dot(w, b15, b16, b17, b18);
        let b19 = subgroupBroadcast(x2, 3u); s16 += dot(w, b16, b17, b18, b19);
        let b20 = subgroupBroadcast(x2, 4u); s17 += dot(w, b17, b18, b19, b20);
        let b21 = subgroupBroadcast(x2, 5u); s18 += dot(w, b18, b19, b20, b21);
        let b22 = subgroupBroadcast(x2, 6u); s19 += dot(w, b19, b20, b21, b22);
        let b23 = subgroupBroadcast(x2, 7u); s20 += dot(w, b20, b21, b22, b23);
        let b24 = subgroupBroadcast(x3, 0u); s21 += dot(w, b21, b22, b23, b24);
        let b25 = subgroupBroadcast(x3, 1u); s22 += dot(w, b22, b23, b24, b25);
        let b26 = subgroupBroadcast(x3, 2u); s23 += dot(w, b23, b24, b25, b26);
        let b27 = subgroupBroadcast(x3, 3u); s24 += dot(w, b24, b25, b26, b27);
        let b28 = subgroupBroadcast(x3, 4u); s25 += dot(w, b25, b26, b27, b28);
        let b29 = subgroupBroadcast(x3, 5u); s26 += dot(w, b26, b27, b28, b29);
        let b30 = subgroupBroadcast(x3, 6u); s27 += dot(w, b27, b28, b29, b30);
        let b31 = subgroupBroadcast(x3, 7u); s28 += dot(w, b28, b29, b30, b31);
        let b32 = subgroupBroadcast(x4, 0u); s29 += dot(w, b29, b30, b31, b32);
        let b33 = subgroupBroadcast(x4, 1u); s30 += dot(w, b30, b31, b32, b33);
        let b34 = subgroupBroadcast(x4, 2u); s31 += dot(w, b31, b32, b33, b34);
        let b35 = subgroupBroadcast(x4, 3u); s32 += dot(w, b32, b33, b34, b35);
        let b36 = subgroupBroadcast(x4, 4u); s33 += dot(w, b33, b34, b35, b36);
        let b37 = subgroupBroadcast(x4, 5u); s34 += dot(w, b34, b35, b36, b37);
        let b38 = subgroupBroadcast(x4, 6u); s35 += dot(w, b35, b36, b37, b38);
        let b39 = subgroupBroadcast(x4, 7u); s36 += dot(w, b36, b37, b38, b39);
        let b40 = subgroupBroadcast(x5, 0u); s37 += dot(w, b37, b38, b39, b40);
        let b41 = subgroupBroadcast(x5, 1u); s38 += dot(w, b38, b39, b40, b41);
        let b42 = subgroupBroadcast(x5, 2u); s39 += dot(w, b39, b40, b41, b42);
        let b43 = subgroupBroadcast(x5, 3u); s40 += dot(w, b40, b41, b42, b43);
        let b44 = subgroupBroadcast(x5, 4u); s41 += dot(w, b41, b42, b43, b44);
        let b45 = subgroupBroadcast(x5, 5u); s42 += dot(w, b42, b43, b44, b45);
        let b46 = subgroupBroadcast(x5, 6u); s43 += dot(w, b43, b44, b45, b46);
        let b47 = subgroupBroadcast(x5, 7u); s44 += dot(w, b44, b45, b46, b47);
        s45 += dot(w, b45, b46, b47, none);
        s46 += dot(w, b46, b47, none, none);
        s47 += dot(w, b47, none, none, none);
      }
    }
  }

  // A loop whose length the compiler does not know: stores are long code on a software adapter; there is one of them.
  var sums = array<Lane, POSITIONS>(
    s0, s1, s2, s3, s4, s5, s6, s7,
    s8, s9, s10, s11, s12, s13, s14, s15,
    s16, s17, s18, s19, s20, s21, s22, s23,
    s24, s25, s26, s27, s28, s29, s30, s31,
    s32, s33, s34, s35, s36, s37, s38, s39,
    s40, s41, s42, s43, s44, s45, s46, s47,
  );
  var factor = Lane() + 1.0;
  if (params.has_scale != 0u) {
    factor = scale[near];
  }
  var summand = Lane();
  if (params.has_bias != 0u) {
    summand = bias[near];
  }
  var at = place(first);
  let count = select(0u, min(POSITIONS + 1u - TAPS, params.positions - first), first < params.positions);
  for (var i = 0u; i < count; i++) {
    let x = at.column * params.phases + at.phase;
    let inside = at.column < params.row_positions + 1u - TAPS && x < params.out_width && column < params.out_lanes;
    if (inside) {
      finish((at.row * params.out_width + x) * params.out_lanes + column, factor, summand, sums[i]);
    }
    at.column++;
    if (at.column == params.row_positions) {
      at.column = 0u;
      at.phase++;
      if (at.phase == params.phases) {
        at.phase = 0u;
        at.row++;
      }
    }
  }
}
