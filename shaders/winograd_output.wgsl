// Winograd F(2x2, 3x3), back to the image: Y = A^T M A for each tile of 2x2 outputs, then the convolution's epilogue.
//   A^T = [1 1 1 0; 0 1 -1 -1]     Lavin and Gray, Fast Algorithms for CNNs, CVPR 2016, section 4.1
// M is 16 GEMM results [tile, o]; tiles are numbered as in winograd_input. One invocation per tile and vec4 of
// channels of the slice of output channels at params.first4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = tiles * slice4.

alias Stored = vec4f; // or vec4h: residual and output in half precision

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  first4: u32,
  slice4: u32,
  out_height: u32,
  out_width: u32,
  out_channels4: u32,
  tiles_y: u32,
  tiles_x: u32,
  dilation: u32,
  has_scale: u32,
  has_bias: u32,
  has_residual: u32,
  activation_max: f32, // 0: no activation
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<Stored>;
@group(0) @binding(4) var<storage, read_write> output: array<Stored>;
@group(0) @binding(5) var<uniform> params: Params;

fn store(n: u32, y: u32, x: u32, column: u32, sum: vec4f) {
  if (y >= params.out_height || x >= params.out_width) {
    return;
  }
  let at = ((n * params.out_height + y) * params.out_width + x) * params.out_channels4 + column;
  var value = sum;
  if (params.has_scale != 0u) {
    value *= scale[column];
  }
  if (params.has_bias != 0u) {
    value += bias[column];
  }
  if (params.has_residual != 0u) {
    value += vec4f(residual[at]);
  }
  output[at] = Stored(select(value, clamp(value, vec4f(), vec4f(params.activation_max)), params.activation_max > 0.0));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let column = params.first4 + index % params.slice4;
  let tile = index / params.slice4;
  let tx = tile % params.tiles_x;
  let ty = (tile / params.tiles_x) % params.tiles_y;
  let phase = tile / (params.tiles_x * params.tiles_y);
  let n = phase / (params.dilation * params.dilation);
  let y = 2u * ty * params.dilation + (phase / params.dilation) % params.dilation;
  let x = 2u * tx * params.dilation + phase % params.dilation;

  // rows: A^T M, one column of M at a time
  var rows: array<array<vec4f, 4>, 2>;
  for (var j = 0u; j < 4u; j++) {
    let at = j * params.count + index;
    let m0 = input[at];
    let m1 = input[at + 4u * params.count];
    let m2 = input[at + 8u * params.count];
    let m3 = input[at + 12u * params.count];
    rows[0][j] = m0 + m1 + m2;
    rows[1][j] = m1 - m2 - m3;
  }
  for (var i = 0u; i < 2u; i++) {
    let row = y + i * params.dilation;
    store(n, row, x, column, rows[i][0] + rows[i][1] + rows[i][2]);
    store(n, row, x + params.dilation, column, rows[i][1] - rows[i][2] - rows[i][3]);
  }
}
