// Gradient of a depthwise convolution's filter, NHWC, a Value's taps kept in registers:
//   dw[u,v,c] = sum over n,i,j of x[n, i * stride + u * dilation - padding_y, j * stride + v * dilation - padding_x, c]
//                                * dy[n,i,j,c]
// A Value is one channel or four. One invocation takes one Value and one part of dy: a run of samples, and of each a
// segment of rows. Neighbouring invocations take neighbouring channels, so that loads coalesce. With dilation, outputs
// `phases` pixels apart share inputs: see depthwise_conv.wgsl, whose walk this is. In round b come row b of dy and rows
// STEP b .. STEP b + STEP - 1 of x, which meet the rows b - a of dy, of which slopes[a] holds the strip. Loops over the
// small arrays have constant bounds, for compilers to unroll. partial: a filter for each part, which are added
// afterwards, in their order; Values that only fill the filter's last panel get zeros. Dispatch: ceil(params.count /
// WORKGROUP) workgroups, linearised over x and y, with count = parts * filter_values.

alias Value = f32; // or vec4f: four neighbouring channels, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory

const WORKGROUP: u32 = 64u;
const KERNEL_H: u32 = 3u;
const KERNEL_W: u32 = 3u;
const STEP: u32 = 1u;
const STRIP: u32 = 4u;

const TAPS: u32 = KERNEL_H * KERNEL_W;
const AGES: u32 = (KERNEL_H + STEP - 1u) / STEP;
const FRESH_ROWS: u32 = min(STEP, KERNEL_H);
const WINDOW: u32 = (STRIP - 1u) * STEP + KERNEL_W;

struct Params {
  count: u32,
  filter_values: u32, // per tap, those that fill a panel included
  values: u32, // per pixel of dy
  strips: u32,
  phases: u32,
  segments: u32,
  rows: u32, // of a segment, in a phase
  samples: u32, // of a part
  batch: u32,
  in_height: u32,
  in_width: u32,
  in_stride: u32, // Values per pixel of the input, and the first one that is read
  in_first: u32,
  out_height: u32,
  out_width: u32,
  panel: u32, // Values of the filter that lie together
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> gradient: array<Stored>;
@group(0) @binding(2) var<storage, read_write> output: array<Value>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let filler = index % params.filter_values;
  let channel = min(filler, params.values - 1u);
  let part = index / params.filter_values;
  let first_row = part % params.segments * params.rows;
  let first_sample = part / params.segments * params.samples;
  let end_sample = min(first_sample + params.samples, params.batch);

  // Copies, because a parameter read in the loop is loaded again in each round.
  let in_height = i32(params.in_height);
  let in_width = i32(params.in_width);
  let in_stride = params.in_stride;
  let in_channel = params.in_first + channel;
  let dilation = i32(params.dilation);
  let phases = params.phases;
  let out_height = params.out_height;
  let out_width = params.out_width;

  var sums: array<Value, TAPS>;
  let tiles = (end_sample - first_sample) * phases * phases * params.strips;
  for (var tile = 0u; tile < tiles; tile++) {
    let first_column = tile % params.strips * STRIP;
    var rest = tile / params.strips;
    let phase_x = rest % phases;
    rest /= phases;
    let phase_y = rest % phases;
    let n = first_sample + rest / phases;
    let phase_rows = (out_height + phases - 1u - phase_y) / phases;
    let last_row = min(first_row + params.rows, phase_rows);
    let top = i32(phase_y * params.stride) - params.padding_y;
    let left = i32((phase_x + first_column * phases) * params.stride) - params.padding_x;

    var slopes: array<array<Value, STRIP>, AGES>;
    for (var b = first_row; b + 1u < last_row + AGES; b++) {
      // From the oldest row of dy to the newest: each moves one place on.
      for (var age = AGES - 1u; age > 0u; age--) {
        slopes[age] = slopes[age - 1u];
      }
      let out_row = (n * out_height + min(b * phases + phase_y, out_height - 1u)) * out_width;
      for (var s = 0u; s < STRIP; s++) {
        let column = (first_column + s) * phases + phase_x;
        let slope = Value(gradient[(out_row + min(column, out_width - 1u)) * params.values + channel]);
        slopes[0][s] = select(Value(), slope, b < last_row && column < out_width);
      }
      for (var t = 0u; t < FRESH_ROWS; t++) {
        let y = top + i32(b * STEP + t) * dilation;
        let row_exists = y >= 0 && y < in_height;
        let row = (n * params.in_height + u32(clamp(y, 0, in_height - 1))) * params.in_width;
        var x: array<Value, WINDOW>;
        for (var s = 0u; s < WINDOW; s++) {
          let column = left + i32(s) * dilation;
          let near = u32(clamp(column, 0, in_width - 1));
          let value = Value(input[(row + near) * in_stride + in_channel]);
          x[s] = select(Value(), value, row_exists && column >= 0 && column < in_width);
        }
        for (var age = 0u; age < AGES; age++) {
          let u = age * STEP + t;
          if (u < KERNEL_H) {
            for (var v = 0u; v < KERNEL_W; v++) {
              for (var s = 0u; s < STRIP; s++) {
                sums[u * KERNEL_W + v] = fma(x[s * STEP + v], slopes[age][s], sums[u * KERNEL_W + v]);
              }
            }
          }
        }
      }
    }
  }
  let panel = params.panel;
  let filter_start = (part * params.filter_values + filler / panel * panel) * TAPS + filler % panel;
  for (var t = 0u; t < TAPS; t++) {
    let at = filter_start + t * panel;
    var sum = select(Value(), sums[t], filler < params.values);
    if (params.accumulate != 0u) {
      sum += output[at];
    }
    output[at] = sum;
  }
}
