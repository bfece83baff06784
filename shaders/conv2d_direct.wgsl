// Convolution of any kernel size, stride, padding, dilation, groups and channel count, one element per invocation:
//   y[p, o] = epilogue(sum over tap, c of x[pixel(p, tap), g(o) * IN_C/groups + c] * w[tap, c, o]),   NHWC
// The fallback where no tiled kernel fits: channels not divisible by 4, groups, and very few output channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = N * OH * OW * OUT_C.

alias Filter = f32; // or f16: the filter is stored in half precision
alias Stored = f32; // or f16: input, residual and output in half precision

const WORKGROUP: u32 = 64u;
const HAS_SCALE: bool = false;
const HAS_BIAS: bool = false;
const HAS_RESIDUAL: bool = false;
const ACTIVATION_MAX: f32 = 0.0; // upper bound of the activation; 0: none

struct Params {
  count: u32,
  in_height: u32,
  in_width: u32,
  in_stride: u32, // elements from one pixel to the next
  in_first: u32, // first channel that is read
  out_height: u32,
  out_width: u32,
  out_channels: u32,
  panel: u32, // output channels that lie together in the filter
  kernel_height: u32,
  kernel_width: u32,
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  group_inputs: u32, // input channels of one group
  group_outputs: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> weight: array<Filter>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<Stored>;
@group(0) @binding(5) var<storage, read_write> output: array<Stored>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let o = index % params.out_channels;
  let pixel = index / params.out_channels;
  let x = pixel % params.out_width;
  let y = (pixel / params.out_width) % params.out_height;
  let n = pixel / (params.out_width * params.out_height);
  let filter_rows = params.kernel_height * params.kernel_width * params.group_inputs;
  let column = o / params.panel * params.panel * filter_rows + o % params.panel;
  let first = (o / params.group_outputs) * params.group_inputs;

  var sum = 0.0;
  for (var ky = 0u; ky < params.kernel_height; ky++) {
    let iy = i32(y * params.stride + ky * params.dilation) - params.padding_y;
    if (iy < 0 || iy >= i32(params.in_height)) {
      continue;
    }
    for (var kx = 0u; kx < params.kernel_width; kx++) {
      let ix = i32(x * params.stride + kx * params.dilation) - params.padding_x;
      if (ix < 0 || ix >= i32(params.in_width)) {
        continue;
      }
      let pixel_in = (n * params.in_height + u32(iy)) * params.in_width + u32(ix);
      let at = pixel_in * params.in_stride + params.in_first + first;
      let row = (ky * params.kernel_width + kx) * params.group_inputs;
      for (var c = 0u; c < params.group_inputs; c++) {
        sum = fma(f32(input[at + c]), f32(weight[column + (row + c) * params.panel]), sum);
      }
    }
  }
  if (HAS_SCALE) {
    sum *= scale[o];
  }
  if (HAS_BIAS) {
    sum += bias[o];
  }
  if (HAS_RESIDUAL) {
    sum += f32(residual[index]);
  }
  output[index] = Stored(select(sum, clamp(sum, 0.0, ACTIVATION_MAX), ACTIVATION_MAX > 0.0));
}
