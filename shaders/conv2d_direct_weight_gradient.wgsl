// Gradient of a convolution's filter, one element per invocation, any kernel size, stride, padding, dilation, groups
// and channel count, NHWC:
//   dw[tap, c, o] = sum over pixels p of x[pixel(p, tap), g(o) * IN_C/groups + c] * dy[p, o]
// in the packed layout [O / panel, kh, kw, I, panel]; output channels that only fill the panel get zeros. The
// fallback where no tiled kernel fits. Sums of rows are added up, so that a long sum in f32 stays accurate. Split z
// sums only its share of the rows of all samples and writes its own copy of dw; sum_partials adds them in order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements of dw; z =
// splits.

alias Stored = f32; // or f16: input and gradient in half precision

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  rows: u32, // of the output, all samples together
  split_rows: u32, // of each split
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
  accumulate: u32, // add to what is there
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read> gradient: array<Stored>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

// The output rows (or columns) from x to y - 1 whose input at an offset lies in an image of that size.
fn inside(offset: i32, size: u32, count: u32) -> vec2u {
  let stride = i32(params.stride);
  let first = max(0, stride - 1 - offset) / stride;
  let last = max(0, i32(size) - offset + stride - 1) / stride;
  return vec2u(u32(first), min(u32(last), count));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let filter_row = index / params.panel;
  let c = filter_row % params.group_inputs;
  let tap = filter_row / params.group_inputs;
  let kx = tap % params.kernel_width;
  let ky = (tap / params.kernel_width) % params.kernel_height;
  let o = tap / (params.kernel_width * params.kernel_height) * params.panel + index % params.panel;

  var total = 0.0;
  if (o < params.out_channels) {
    let channel = params.in_first + (o / params.group_outputs) * params.group_inputs + c;
    let offset_y = i32(ky * params.dilation) - params.padding_y;
    let offset_x = i32(kx * params.dilation) - params.padding_x;
    let rows = inside(offset_y, params.in_height, params.out_height);
    let columns = inside(offset_x, params.in_width, params.out_width);
    let first_row = id.z * params.split_rows;
    let end_row = min(first_row + params.split_rows, params.rows);
    for (var row = first_row; row < end_row; row++) {
      let y = row % params.out_height;
      if (y < rows.x || y >= rows.y) {
        continue;
      }
      let row_in = row / params.out_height * params.in_height + u32(i32(y * params.stride) + offset_y);
      let first_in = i32(row_in * params.in_width) + offset_x;
      let first_out = row * params.out_width;
      var sum = 0.0;
      for (var x = columns.x; x < columns.y; x++) {
        let at = u32(first_in + i32(x * params.stride)) * params.in_stride + channel;
        sum = fma(f32(input[at]), f32(gradient[(first_out + x) * params.out_channels + o]), sum);
      }
      total += sum;
    }
  }
  let to = id.z * params.count + index;
  if (params.accumulate != 0u) {
    total += output[to];
  }
  output[to] = total;
}
