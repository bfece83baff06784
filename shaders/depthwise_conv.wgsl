// Depthwise convolution, NHWC: every channel has a filter of its own, which stays in registers.
//   y[n,i,j,c] = activation(scale[c] * sum over u,v of x[n, i * stride + u * dilation - padding_y,
//                           j * stride + v * dilation - padding_x, c] * w[u,v,c] + bias[c] + residual[n,i,j,c])
// Source of the layer: Sandler et al., MobileNetV2, CVPR 2018; the walk is that of depthwise_correlation_rolling.wgsl.
// One invocation computes a tile of `rows` x STRIP outputs of one Value, one channel or four. Neighbouring invocations
// take neighbouring channels, so that loads coalesce. With dilation, the outputs of a tile lie `phases` = dilation /
// gcd(stride, dilation) pixels apart, and so share inputs: in units of the dilation, the tile is that of an undilated
// convolution with stride STEP = stride / gcd(stride, dilation). Input rows pass by once: round b brings rows STEP b ..
// STEP b + STEP - 1, which reach AGES output rows. sums[a] holds output row b - a; the finished one, sums[AGES - 1], is
// stored. Loops over the small arrays have constant bounds, for compilers to unroll. Dispatch: ceil(params.count /
// WORKGROUP) workgroups, linearised over x and y, with count = N * phases * segments * phases * strips * values.

alias Value = f32; // or vec4f: four neighbouring channels, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
alias Filter = f32; // or f16, vec4f, vec4h: as wide as a Value; the filter may be stored in half precision

const WORKGROUP: u32 = 64u;
const KERNEL_H: u32 = 3u;
const KERNEL_W: u32 = 3u;
const STEP: u32 = 1u;
const STRIP: u32 = 4u;
const HAS_RESIDUAL: bool = false;

const TAPS: u32 = KERNEL_H * KERNEL_W;
const AGES: u32 = (KERNEL_H + STEP - 1u) / STEP;
const FRESH_ROWS: u32 = min(STEP, KERNEL_H);
const WINDOW: u32 = (STRIP - 1u) * STEP + KERNEL_W;

struct Params {
  count: u32,
  values: u32, // per pixel of the output
  strips: u32,
  phases: u32,
  segments: u32,
  rows: u32,
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
  has_scale: u32,
  has_bias: u32,
  activation_max: f32, // 0: no activation
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> weight: array<Filter>;
@group(0) @binding(2) var<storage, read> scale: array<Value>;
@group(0) @binding(3) var<storage, read> bias: array<Value>;
@group(0) @binding(4) var<storage, read> residual: array<Stored>;
@group(0) @binding(5) var<storage, read_write> output: array<Stored>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % params.values;
  var rest = index / params.values;
  let first_column = rest % params.strips * STRIP;
  rest /= params.strips;
  let phase_x = rest % params.phases;
  rest /= params.phases;
  let first_row = rest % params.segments * params.rows;
  rest /= params.segments;
  let phase_y = rest % params.phases;
  let n = rest / params.phases;
  let phase_rows = (params.out_height + params.phases - 1u - phase_y) / params.phases;
  let last_row = min(first_row + params.rows, phase_rows);

  // Copies, because a parameter read in the loop is loaded again in each round.
  let in_height = i32(params.in_height);
  let in_width = i32(params.in_width);
  let in_stride = params.in_stride;
  let dilation = i32(params.dilation);
  let top = i32(phase_y * params.stride) - params.padding_y;
  let left = i32((phase_x + first_column * params.phases) * params.stride) - params.padding_x;
  let image = n * params.in_height;
  let in_channel = params.in_first + channel;
  let activation_max = params.activation_max;

  var k: array<Value, TAPS>;
  let filter_start = (channel / params.panel) * params.panel * TAPS + channel % params.panel;
  for (var t = 0u; t < TAPS; t++) {
    k[t] = Value(weight[filter_start + t * params.panel]);
  }
  var factor = Value() + 1.0;
  if (params.has_scale != 0u) {
    factor = scale[channel];
  }
  var summand = Value();
  if (params.has_bias != 0u) {
    summand = bias[channel];
  }

  var sums: array<array<Value, STRIP>, AGES>;
  for (var b = first_row; b + 1u < last_row + AGES; b++) {
    // From the oldest output row to the newest: each moves one place on.
    for (var age = AGES - 1u; age > 0u; age--) {
      sums[age] = sums[age - 1u];
    }
    sums[0] = array<Value, STRIP>();
    for (var t = 0u; t < FRESH_ROWS; t++) {
      let y = top + i32(b * STEP + t) * dilation;
      let row_exists = y >= 0 && y < in_height;
      let row = (image + u32(clamp(y, 0, in_height - 1))) * params.in_width;
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
          for (var s = 0u; s < STRIP; s++) {
            for (var v = 0u; v < KERNEL_W; v++) {
              sums[age][s] = fma(x[s * STEP + v], k[u * KERNEL_W + v], sums[age][s]);
            }
          }
        }
      }
    }
    if (b + 1u >= first_row + AGES) {
      let out_row = (n * params.out_height + (b + 1u - AGES) * params.phases + phase_y) * params.out_width;
      for (var s = 0u; s < STRIP; s++) {
        let column = (first_column + s) * params.phases + phase_x;
        if (column < params.out_width) {
          let at = (out_row + column) * params.values + channel;
          var y = fma(sums[AGES - 1u][s], factor, summand);
          if (HAS_RESIDUAL) {
            y += Value(residual[at]);
          }
          output[at] = Stored(select(y, clamp(y, Value(), Value() + activation_max), activation_max > 0.0));
        }
      }
    }
  }
}
