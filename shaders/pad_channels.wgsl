// Appends channels of zeros to an image, NHWC: y[p, c] = x[p, c] if c < channels, else 0; four channels per invocation.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = pixels * out_channels4.

alias Stored = f32; // or f16: input in half precision
alias Padded = vec4f; // or vec4h: output in half precision

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  channels: u32, // of x
  out_channels4: u32, // vec4 of channels of y
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read_write> output: array<Padded>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let pixel = index / params.out_channels4;
  let first = index % params.out_channels4 * 4u;
  var value = vec4f();
  for (var k = 0u; k < 4u; k++) {
    if (first + k < params.channels) {
      value[k] = f32(input[pixel * params.channels + first + k]);
    }
  }
  output[index] = Padded(value);
}
