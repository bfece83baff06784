// Winograd F(2x2, 3x3), the image's side: V = B^T d B for each 4x4 tile, laid out as 16 GEMM operands [tile, c].
//   B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1]     Lavin and Gray, Fast Algorithms for CNNs, CVPR 2016, section 4.1
// A convolution of dilation D is D x D dense convolutions on interleaved pixels (phases), so tiles are numbered
// (((n * D + phase_y) * D + phase_x) * tiles_y + ty) * tiles_x + tx, and tile pixel i lies at (2 ty + i) * D + phase_y.
// One invocation per tile and vec4 of channels. The geometry is not constant, so that one pipeline serves all layers: a
// software adapter compiles slowly.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = tiles * in_channels4.

alias Stored = vec4f; // or vec4h: input in half precision

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  in_height: u32,
  in_width: u32,
  in_channels4: u32,
  in_stride4: u32, // vec4 from one pixel to the next
  in_first4: u32, // first vec4 of the channels that are read
  tiles_y: u32,
  tiles_x: u32,
  dilation: u32,
  padding_y: i32,
  padding_x: i32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let c = index % params.in_channels4;
  let tile = index / params.in_channels4;
  let tx = tile % params.tiles_x;
  let ty = (tile / params.tiles_x) % params.tiles_y;
  let phase = tile / (params.tiles_x * params.tiles_y);
  let n = phase / (params.dilation * params.dilation);
  let first_y = i32(2u * ty * params.dilation + (phase / params.dilation) % params.dilation) - params.padding_y;
  let first_x = i32(2u * tx * params.dilation + phase % params.dilation) - params.padding_x;

  // rows: B^T d, one column of d at a time
  var rows: array<array<vec4f, 4>, 4>;
  for (var j = 0u; j < 4u; j++) {
    var d: array<vec4f, 4>;
    for (var i = 0u; i < 4u; i++) {
      let y = first_y + i32(i * params.dilation);
      let x = first_x + i32(j * params.dilation);
      let inside = y >= 0 && x >= 0 && y < i32(params.in_height) && x < i32(params.in_width);
      let pixel = (n * params.in_height + u32(max(y, 0))) * params.in_width + u32(max(x, 0));
      let at = pixel * params.in_stride4 + params.in_first4 + c;
      d[i] = select(vec4f(), vec4f(input[select(0u, at, inside)]), inside);
    }
    rows[0][j] = d[0] - d[2];
    rows[1][j] = d[1] + d[2];
    rows[2][j] = d[2] - d[1];
    rows[3][j] = d[1] - d[3];
  }
  for (var i = 0u; i < 4u; i++) {
    let to = i * 4u * params.count + index;
    output[to] = rows[i][0] - rows[i][2];
    output[to + params.count] = rows[i][1] + rows[i][2];
    output[to + 2u * params.count] = rows[i][2] - rows[i][1];
    output[to + 3u * params.count] = rows[i][1] - rows[i][3];
  }
}
