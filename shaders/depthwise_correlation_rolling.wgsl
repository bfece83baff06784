// Depthwise cross-correlation with a small kernel per sample, the kernel kept in registers.
//   y[n,i,j,c] = sum over u,v of x[n,i+u,j+v,c] * k[n,u,v,c]    (NHWC; OUT_H = IN_H - KERNEL_H + 1, OUT_W likewise)
// With FULL, its gradient with respect to x: the full correlation with the flipped kernel, of the gradient as input,
//   y[n,i,j,c] = sum over u,v of x[n, i - u, j - v, c] * k[n,u,v,c],  x zero outside,  OUT_H = IN_H + KERNEL_H - 1:
// the same walk over an image with KERNEL - 1 pixels of zeros around it.
// One invocation computes a tile of ROWS x STRIP outputs of one channel; neighbouring invocations take neighbouring
// channels, so that loads coalesce. Any channel count. Input rows pass by one at a time and are loaded once: row r adds
// to the output rows r - u that are in flight, with kernel row u. sums[u] holds output row r - u; the finished one,
// sums[KERNEL_H - 1], is stored. Loops over the small arrays have constant bounds, for compilers to unroll.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * ceil(OUT_H / ROWS) * ceil(OUT_W / STRIP) * CHANNELS.

alias Stored = f32; // or f16: input, kernel and output in half precision

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 29u;
const IN_W: u32 = 29u;
const KERNEL_H: u32 = 5u;
const KERNEL_W: u32 = 5u;
const STRIP: u32 = 5u;
const ROWS: u32 = 25u;
const FULL: bool = false;

const OUT_H: u32 = select(IN_H + 1u - KERNEL_H, IN_H + KERNEL_H - 1u, FULL);
const OUT_W: u32 = select(IN_W + 1u - KERNEL_W, IN_W + KERNEL_W - 1u, FULL);
const PADDING_H: u32 = select(0u, KERNEL_H - 1u, FULL);
const PADDING_W: u32 = select(0u, KERNEL_W - 1u, FULL);
const STRIPS: u32 = (OUT_W + STRIP - 1u) / STRIP;
const SEGMENTS: u32 = (OUT_H + ROWS - 1u) / ROWS;
const TAPS: u32 = KERNEL_H * KERNEL_W;
const WINDOW: u32 = STRIP + KERNEL_W - 1u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> kernel: array<Stored>;
@group(0) @binding(2) var<storage, read_write> output: array<Stored>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let tile = index / CHANNELS;
  let j = (tile % STRIPS) * STRIP;
  let first_row = (tile / STRIPS % SEGMENTS) * ROWS;
  let last_row = min(first_row + ROWS, OUT_H);
  let n = tile / (STRIPS * SEGMENTS);

  var k: array<f32, TAPS>;
  for (var t = 0u; t < TAPS; t++) {
    let tap = select(t, TAPS - 1u - t, FULL);
    k[t] = f32(kernel[(n * TAPS + tap) * CHANNELS + channel]);
  }
  var sums: array<array<f32, STRIP>, KERNEL_H>;
  for (var r = first_row; r < last_row + KERNEL_H - 1u; r++) {
    var x: array<f32, WINDOW>;
    for (var s = 0u; s < WINDOW; s++) {
      // The unsigned differences wrap to huge numbers above and left of the image.
      let row = r - PADDING_H;
      let column = j + s - PADDING_W;
      let at = ((n * IN_H + min(row, IN_H - 1u)) * IN_W + min(column, IN_W - 1u)) * CHANNELS + channel;
      x[s] = select(f32(input[at]), 0.0, FULL && (row >= IN_H || column >= IN_W));
    }
    for (var s = 0u; s < STRIP; s++) {
      // From the oldest output row to the newest: each moves one place on.
      for (var age = 0u; age < KERNEL_H; age++) {
        let u = KERNEL_H - 1u - age;
        var sum = 0.0;
        if (u > 0u) {
          sum = sums[u - 1u][s];
        }
        for (var v = 0u; v < KERNEL_W; v++) {
          sum = fma(x[s + v], k[u * KERNEL_W + v], sum);
        }
        sums[u][s] = sum;
      }
    }
    if (r >= first_row + KERNEL_H - 1u) {
      let row = (n * OUT_H + r + 1u - KERNEL_H) * OUT_W + j;
      for (var s = 0u; s < STRIP; s++) {
        if (j + s < OUT_W) {
          output[(row + s) * CHANNELS + channel] = Stored(sums[KERNEL_H - 1u][s]);
        }
      }
    }
  }
}
