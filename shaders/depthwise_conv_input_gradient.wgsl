// Gradient of a depthwise convolution's input, NHWC, for any stride: each input collects from the outputs that read it.
//   dx[n,y,x,c] = sum over u,v of dy[n,i,j,c] * w[u,v,c],   i = (y + padding_y - u * dilation) / stride,
//                                                           j = (x + padding_x - v * dilation) / stride,
// over the taps for which i and j are whole numbers of an output. Inputs that no output reads get zeros. A Value is one
// channel or four; one invocation computes one Value. Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised
// over x and y, with count = N * in_height * in_width * values.

alias Value = f32; // or vec4f: four neighbouring channels, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  values: u32, // per pixel
  in_height: u32,
  in_width: u32,
  out_height: u32,
  out_width: u32,
  panel: u32, // Values of the filter that lie together
  kernel_height: u32,
  kernel_width: u32,
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read> weight: array<Value>;
@group(0) @binding(2) var<storage, read_write> output: array<Stored>;
@group(0) @binding(3) var<uniform> params: Params;

// The output that reads an input through a tap, along one axis, or -1; `offset` = input + padding - tap * dilation.
fn reader(offset: i32, size: u32) -> i32 {
  let stride = i32(params.stride);
  let at = offset / stride;
  return select(-1, at, offset >= 0 && at * stride == offset && at < i32(size));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % params.values;
  let pixel = index / params.values;
  let x = i32(pixel % params.in_width) + params.padding_x;
  let y = i32(pixel / params.in_width % params.in_height) + params.padding_y;
  let image = pixel / (params.in_width * params.in_height) * params.out_height;
  let taps = params.kernel_height * params.kernel_width;
  let filter_start = channel / params.panel * params.panel * taps + channel % params.panel;

  var sum = Value();
  for (var u = 0u; u < params.kernel_height; u++) {
    let i = reader(y - i32(u * params.dilation), params.out_height);
    if (i >= 0) {
      let row = (image + u32(i)) * params.out_width;
      for (var v = 0u; v < params.kernel_width; v++) {
        let j = reader(x - i32(v * params.dilation), params.out_width);
        if (j >= 0) {
          let tap = weight[filter_start + (u * params.kernel_width + v) * params.panel];
          sum = fma(Value(gradient[(row + u32(j)) * params.values + channel]), tap, sum);
        }
      }
    }
  }
  output[index] = Stored(sum);
}
