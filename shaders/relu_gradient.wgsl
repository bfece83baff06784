// Gradient of the rectifier: dx = dy where 0 < y < ACTIVATION_MAX, else 0 (as in PyTorch); y is the forward output.
// Any element count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const ACTIVATION_MAX: f32 = 3.4028234663852886e38; // 6 for ReLU6

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read> activation: array<Stored>;
@group(0) @binding(2) var<storage, read_write> output: array<Stored>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let y = Value(activation[index]);
  output[index] = Stored(select(Value(), Value(gradient[index]), (y > Value()) & (y < Value(ACTIVATION_MAX))));
}
