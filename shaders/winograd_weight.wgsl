// Winograd F(2x2, 3x3), the filter's side: U = G g G^T for each pair of channels, laid out as 16 GEMM operands in
// quarters of c, [c % 4, o / panel, 16, c / 4, panel], as conv2d_subgroup's windows see them.
//   G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]     Lavin and Gray, Fast Algorithms for CNNs, CVPR 2016, section 4.1
// One invocation per input channel and vec4 of output channels, of the slice of output channels at params.first4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = in_channels * slice4.

alias Filter = vec4f; // or vec4h: the filter is stored in half precision

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  in_channels: u32,
  first4: u32, // first vec4 of output channels of the slice
  slice4: u32, // vec4 of output channels in the slice
  panel4: u32, // vec4 of output channels that lie together in the filter
  out_panel4: u32, // and in the result
}

@group(0) @binding(0) var<storage, read> weight: array<Filter>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let c = index / params.slice4;
  let slice_column = index % params.slice4;
  let o = params.first4 + slice_column;
  let panel = params.panel4;
  let at = (o / panel * 9u * params.in_channels + c) * panel + o % panel;
  let tap = params.in_channels * panel;
  let out_panel = params.out_panel4;
  let step = params.in_channels / 4u * out_panel; // from one operand to the next in a panel
  let panel_start = (c % 4u * (params.slice4 / out_panel) + slice_column / out_panel) * 16u * step;
  let to = panel_start + c / 4u * out_panel + slice_column % out_panel;

  // columns: G g, row by row of g's columns
  var column: array<array<vec4f, 3>, 4>;
  for (var x = 0u; x < 3u; x++) {
    let g0 = vec4f(weight[at + x * tap]);
    let g1 = vec4f(weight[at + (3u + x) * tap]);
    let g2 = vec4f(weight[at + (6u + x) * tap]);
    let outer = g0 + g2;
    column[0][x] = g0;
    column[1][x] = 0.5 * (outer + g1);
    column[2][x] = 0.5 * (outer - g1);
    column[3][x] = g2;
  }
  for (var y = 0u; y < 4u; y++) {
    let outer = column[y][0] + column[y][2];
    let row = to + y * 4u * step;
    output[row] = column[y][0];
    output[row + step] = 0.5 * (outer + column[y][1]);
    output[row + 2u * step] = 0.5 * (outer - column[y][1]);
    output[row + 3u * step] = column[y][2];
  }
}
