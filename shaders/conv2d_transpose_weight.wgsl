// The filter of the convolution that takes the gradient of a convolution's output to that of its input: input and
// output channels exchanged, taps in reverse order, or only every step-th of them (a stride's phase):
//   t[tap(ky, kx), o, c] = w[tap(first_y + step (kh-1-ky), first_x + step (kw-1-kx)), c, o]
// Both sides are packed, [channels / panel, kh, kw, other channels, panel]; channels that only fill the panel get
// zeros, and so do input channels that t is to have more than there are. One element per invocation, any groups and
// channel counts; conv2d_transpose_weight_blocks is the fast one.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements of t.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  in_channels: u32, // of all groups: the transposed filter's outputs
  group_inputs: u32,
  group_outputs: u32,
  rows: u32, // the transposed filter's inputs: group_outputs, or more
  panel: u32, // of w
  kernel_height: u32, // of w
  kernel_width: u32,
  out_panel: u32, // of t
  out_height: u32, // taps of t
  out_width: u32,
  first_y: u32,
  first_x: u32,
  step: u32,
}

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let row = index / params.out_panel;
  let tap = row / params.rows;
  let y = params.first_y + params.step * (params.out_height - 1u - (tap / params.out_width) % params.out_height);
  let x = params.first_x + params.step * (params.out_width - 1u - tap % params.out_width);
  let c = tap / (params.out_width * params.out_height) * params.out_panel + index % params.out_panel;
  let group_output = row % params.rows;
  let o = c / params.group_inputs * params.group_outputs + group_output;

  var value = 0.0;
  if (c < params.in_channels && group_output < params.group_outputs) {
    let panel_tap = (o / params.panel * params.kernel_height + y) * params.kernel_width + x;
    value = weight[(panel_tap * params.group_inputs + c % params.group_inputs) * params.panel + o % params.panel];
  }
  output[index] = value;
}
