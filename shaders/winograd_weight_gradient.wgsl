// Winograd F(2x2, 3x3) backwards, the filter's side: dw = G^T U G for each pair of channels, where U is 16 GEMM results
// [c, o]: the transpose of winograd_weight.
//   G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]     Lavin and Gray, Fast Algorithms for CNNs, CVPR 2016, section 4.1
// One invocation per input channel and vec4 of output channels, of the slice of output channels at params.first4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = in_channels * slice4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  in_channels: u32,
  first4: u32, // first vec4 of output channels of the slice
  slice4: u32, // vec4 of output channels in the slice
  panel4: u32, // vec4 of output channels that lie together in the filter
  slice_panel4: u32, // and in U
  accumulate: u32, // add to what is there
}

@group(0) @binding(0) var<storage, read> products: array<vec4f>;
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
  let to = (o / panel * 9u * params.in_channels + c) * panel + o % panel;
  let tap = params.in_channels * panel;
  let slice_panel = params.slice_panel4;
  let at = (slice_column / slice_panel * params.in_channels + c) * slice_panel + slice_column % slice_panel;

  // rows: U G, row by row of U
  var rows: array<array<vec4f, 3>, 4>;
  for (var y = 0u; y < 4u; y++) {
    let row = at + y * 4u * params.count;
    let u0 = products[row];
    let u1 = products[row + params.count];
    let u2 = products[row + 2u * params.count];
    let u3 = products[row + 3u * params.count];
    let middle = 0.5 * (u1 + u2);
    rows[y][0] = u0 + middle;
    rows[y][1] = 0.5 * (u1 - u2);
    rows[y][2] = middle + u3;
  }
  for (var x = 0u; x < 3u; x++) {
    let middle = 0.5 * (rows[1][x] + rows[2][x]);
    var w: array<vec4f, 3>;
    w[0] = rows[0][x] + middle;
    w[1] = 0.5 * (rows[1][x] - rows[2][x]);
    w[2] = middle + rows[3][x];
    for (var y = 0u; y < 3u; y++) {
      let place = to + (y * 3u + x) * tap;
      if (params.accumulate != 0u) {
        w[y] += output[place];
      }
      output[place] = w[y];
    }
  }
}
