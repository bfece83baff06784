// Winograd F(2x2, 3x3) backwards, the output's side: M = A dY A^T for each tile of 2x2 gradients, laid out as 16 GEMM
// operands [tile, o]: the transpose of winograd_output.
//   A = [1 0; 1 1; 1 -1; 0 -1]        Lavin and Gray, Fast Algorithms for CNNs, CVPR 2016, section 4.1
// Tiles are numbered as in winograd_input. One invocation per tile and vec4 of channels of the slice of output channels
// at params.first4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = tiles * slice4.

alias Stored = vec4f; // or vec4h: gradient in half precision

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
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

fn load(n: u32, y: u32, x: u32, column: u32) -> vec4f {
  let inside = y < params.out_height && x < params.out_width;
  let at = ((n * params.out_height + y) * params.out_width + x) * params.out_channels4 + column;
  return select(vec4f(), vec4f(gradient[select(0u, at, inside)]), inside);
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

  // rows: dY A^T
  var rows: array<array<vec4f, 4>, 2>;
  for (var i = 0u; i < 2u; i++) {
    let d0 = load(n, y + i * params.dilation, x, column);
    let d1 = load(n, y + i * params.dilation, x + params.dilation, column);
    rows[i][0] = d0;
    rows[i][1] = d0 + d1;
    rows[i][2] = d0 - d1;
    rows[i][3] = -d1;
  }
  for (var j = 0u; j < 4u; j++) {
    let to = j * params.count + index;
    output[to] = rows[0][j];
    output[to + 4u * params.count] = rows[0][j] + rows[1][j];
    output[to + 8u * params.count] = rows[0][j] - rows[1][j];
    output[to + 12u * params.count] = -rows[1][j];
  }
}
