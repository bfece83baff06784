// Gradient of the depthwise cross-correlation with respect to its small kernel, a channel's taps kept in registers.
//   dk[n,u,v,c] = sum over i,j of x[n,i+u,j+v,c] * dy[n,i,j,c]    (NHWC; OUT_H = IN_H - KERNEL_H + 1, OUT_W likewise)
// One invocation takes one channel and one part of dy: a segment of ROWS rows, STRIPS_PER_PART strips of STRIP
// columns. Neighbouring invocations take neighbouring channels, so that loads coalesce. Any channel count. Rows of x
// and dy pass by one at a time and are loaded once per strip: row r of x meets the rows r - u of dy, of which
// slopes[u] holds the strip. Loops over the small arrays have constant bounds, for compilers to unroll. partial:
// [PARTS, N, KERNEL_H, KERNEL_W, C]; the parts are added afterwards, in their order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = N * PARTS * CHANNELS of
// the samples bound.

alias Stored = f32; // or f16: input and gradient in half precision

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 29u;
const IN_W: u32 = 29u;
const KERNEL_H: u32 = 5u;
const KERNEL_W: u32 = 5u;
const STRIP: u32 = 5u;
const STRIPS_PER_PART: u32 = 5u;
const ROWS: u32 = 25u;

const OUT_H: u32 = IN_H - KERNEL_H + 1u;
const OUT_W: u32 = IN_W - KERNEL_W + 1u;
const PART_WIDTH: u32 = STRIP * STRIPS_PER_PART;
const PARTS_ACROSS: u32 = (OUT_W + PART_WIDTH - 1u) / PART_WIDTH;
const SEGMENTS: u32 = (OUT_H + ROWS - 1u) / ROWS;
const PARTS: u32 = PARTS_ACROSS * SEGMENTS;
const TAPS: u32 = KERNEL_H * KERNEL_W;
const WINDOW: u32 = STRIP + KERNEL_W - 1u;

struct Params {
  count: u32,
  // Samples of the whole batch, and the first one bound.
  batch: u32,
  first_sample: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> gradient: array<Stored>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let tile = index / CHANNELS;
  let part = tile % PARTS;
  let n = tile / PARTS;
  let first_row = (part / PARTS_ACROSS) * ROWS;
  let last_row = min(first_row + ROWS, OUT_H);
  let first_column = (part % PARTS_ACROSS) * PART_WIDTH;

  var sums: array<f32, TAPS>;
  for (var j = first_column; j < min(first_column + PART_WIDTH, OUT_W); j += STRIP) {
    var slopes: array<array<f32, STRIP>, KERNEL_H>;
    for (var r = first_row; r < last_row + KERNEL_H - 1u; r++) {
      var x: array<f32, WINDOW>;
      for (var s = 0u; s < WINDOW; s++) {
        x[s] = f32(input[((n * IN_H + r) * IN_W + min(j + s, IN_W - 1u)) * CHANNELS + channel]);
      }
      // From the oldest row of dy to the newest: each moves one place on.
      for (var age = 0u; age < KERNEL_H; age++) {
        let u = KERNEL_H - 1u - age;
        for (var s = 0u; s < STRIP; s++) {
          if (u > 0u) {
            slopes[u][s] = slopes[u - 1u][s];
          } else {
            let at = ((n * OUT_H + min(r, OUT_H - 1u)) * OUT_W + min(j + s, OUT_W - 1u)) * CHANNELS + channel;
            slopes[u][s] = select(0.0, f32(gradient[at]), r < last_row && j + s < OUT_W);
          }
          for (var v = 0u; v < KERNEL_W; v++) {
            sums[u * KERNEL_W + v] = fma(x[s + v], slopes[u][s], sums[u * KERNEL_W + v]);
          }
        }
      }
    }
  }
  let sample = part * params.batch + params.first_sample + n;
  for (var t = 0u; t < TAPS; t++) {
    partial[(sample * TAPS + t) * CHANNELS + channel] = sums[t];
  }
}
