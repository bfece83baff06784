// Puts one phase of an image in its place: of each STRIDE x STRIDE pixels it is the one at (phase_y, phase_x), NHWC.
//   y[n, j * STRIDE + phase_y, i * STRIDE + phase_x, c] = x[n, j, i, c]      or 0 where EMPTY
// Any channel count. One element per invocation.
// Dispatch: x = ceil(width * channels / WORKGROUP), y = height of x, z = samples.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in the output
alias Phase = f32; // and in the input
const WORKGROUP: u32 = 64u;
const EMPTY: bool = false;

struct Params {
  channels: u32,
  height: u32, // of x
  width: u32,
  out_height: u32,
  out_width: u32,
  stride: u32,
  phase_y: u32,
  phase_x: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Phase>;
@group(0) @binding(1) var<storage, read_write> output: array<Stored>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = params.width * params.channels;
  if (id.x >= row) {
    return;
  }
  let y = id.y * params.stride + params.phase_y;
  let x = id.x / params.channels * params.stride + params.phase_x;
  let to = ((id.z * params.out_height + y) * params.out_width + x) * params.channels + id.x % params.channels;
  var value = Value();
  if (!EMPTY) {
    value = Value(input[(id.z * params.height + id.y) * row + id.x]);
  }
  output[to] = Stored(value);
}
