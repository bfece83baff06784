// Second stage of a split convolution: adds the partial sums of conv2d_tiled in slice order and applies the epilogue.
//   y[i] = epilogue(sum over s of partial[s * ELEMENTS + i]),   i over N * OH * OW * OUT_C / 4
// Deterministic: the order of the sum does not depend on scheduling.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count in vec4.

alias Stored = vec4f; // or vec4h: residual and output in half precision

const WORKGROUP: u32 = 64u;
const SPLIT_K: u32 = 2u;
const OUT_CHANNELS4: u32 = 64u;
const HAS_SCALE: bool = false;
const HAS_BIAS: bool = false;
const HAS_RESIDUAL: bool = false;
const ACTIVATION_MAX: f32 = 0.0; // upper bound of the activation; 0: none

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<Stored>;
@group(0) @binding(4) var<storage, read_write> output: array<Stored>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  var y = partial[index];
  for (var s = 1u; s < SPLIT_K; s++) {
    y += partial[s * params.count + index];
  }
  let column = index % OUT_CHANNELS4;
  if (HAS_SCALE) {
    y *= scale[column];
  }
  if (HAS_BIAS) {
    y += bias[column];
  }
  if (HAS_RESIDUAL) {
    y += vec4f(residual[index]);
  }
  output[index] = Stored(select(y, clamp(y, vec4f(), vec4f(ACTIVATION_MAX)), ACTIVATION_MAX > 0.0));
}
