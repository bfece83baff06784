// The filter of the convolution that takes the gradient of a convolution's output to that of its input: input and
// output channels exchanged, taps in reverse order, or only every step-th of them (a stride's phase):
//   t[tap(ky, kx), o, c] = w[tap(first_y + step (kh-1-ky), first_x + step (kw-1-kx)), c, o]
// Both sides are packed, [channels / panel, kh, kw, other channels, panel]. One group, channels divisible by 4: each
// invocation turns a block of 4x4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = taps * Cin/4 * Cout/4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  in_channels: u32,
  out_channels4: u32,
  panel4: u32, // vec4 of output channels that lie together in w
  kernel_height: u32, // of w
  kernel_width: u32,
  out_panel4: u32, // vec4 of input channels that lie together in t
  out_height: u32, // taps of t
  out_width: u32,
  first_y: u32,
  first_x: u32,
  step: u32,
}

@group(0) @binding(0) var<storage, read> weight: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let row = index / params.out_panel4;
  let o = row % params.out_channels4;
  let tap = row / params.out_channels4;
  let y = params.first_y + params.step * (params.out_height - 1u - (tap / params.out_width) % params.out_height);
  let x = params.first_x + params.step * (params.out_width - 1u - tap % params.out_width);
  let c = (tap / (params.out_width * params.out_height) * params.out_panel4 + index % params.out_panel4) * 4u;

  let panel = params.panel4;
  let panel_tap = (o / panel * params.kernel_height + y) * params.kernel_width + x;
  let at = (panel_tap * params.in_channels + c) * panel + o % panel;
  let w = transpose(mat4x4f(weight[at], weight[at + panel], weight[at + 2u * panel], weight[at + 3u * panel]));
  let to = row * 4u * params.out_panel4 + index % params.out_panel4;
  output[to] = w[0];
  output[to + params.out_panel4] = w[1];
  output[to + 2u * params.out_panel4] = w[2];
  output[to + 3u * params.out_panel4] = w[3];
}
