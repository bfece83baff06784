// Gradient of the bilinear resize: each pixel collects from the outputs that it was mixed into.
//   dx[n,y,x,c] = sum over i, j of weight(y, i) * weight(x, j) * dy[n,i,j,c]                                   (NHWC)
// weight(y, i): the part of input row y in output row i, whose source row is max(0, (i + 0.5) * IN / OUT - 0.5), or
// with ALIGN_CORNERS i * (IN - 1) / (OUT - 1). Any channel count. One invocation computes one element. Dispatch:
// ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = N * IN_H * IN_W * CHANNELS.

alias Value = f32; // or vec4f: four neighbouring elements, counted as one
alias Stored = f32; // or f16, vec4f, vec4h: a Value as it lies in memory
const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const OUT_H: u32 = 8u;
const OUT_W: u32 = 8u;
const ALIGN_CORNERS: bool = false;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<Stored>;
@group(0) @binding(1) var<storage, read_write> output: array<Stored>;
@group(0) @binding(2) var<uniform> params: Params;

// The part of pixel `at` in output pixel `i`, along an axis of `size` pixels resized to `resized`.
fn weight(at: u32, i: u32, size: u32, resized: u32) -> f32 {
  // A fraction of integers, so that quotient and remainder are exact.
  let numerator = select(max((2u * i + 1u) * size, resized) - resized, i * (size - 1u), ALIGN_CORNERS);
  let denominator = select(2u * resized, max(resized, 2u) - 1u, ALIGN_CORNERS);
  let low = numerator / denominator;
  let fraction = f32(numerator % denominator) / f32(denominator);
  var part = 0.0;
  if (low == at) {
    part += 1.0 - fraction;
  }
  if (min(low + 1u, size - 1u) == at) {
    part += fraction;
  }
  return part;
}

// First output pixel whose source may lie within a pixel of `at`; one early where rounding might leave one out.
fn first_output(at: u32, size: u32, resized: u32) -> u32 {
  if (ALIGN_CORNERS) {
    return (max(at, 1u) - 1u) * (resized - 1u) / max(size - 1u, 1u);
  }
  return u32(max(0.0, floor((f32(at) - 0.5) * f32(resized) / f32(size) - 0.5) - 1.0));
}

// One past the last such output pixel.
fn end_output(at: u32, size: u32, resized: u32) -> u32 {
  if (at + 1u == size) {
    return resized;
  }
  if (ALIGN_CORNERS) {
    return min(resized, (at + 1u) * (resized - 1u) / (size - 1u) + 1u);
  }
  return min(resized, u32(ceil((f32(at) + 1.5) * f32(resized) / f32(size) - 0.5) + 2.0));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let pixel = index / CHANNELS;
  let n = pixel / (IN_W * IN_H);
  let x = pixel % IN_W;
  let y = (pixel / IN_W) % IN_H;
  let end_row = end_output(y, IN_H, OUT_H);
  let end_column = end_output(x, IN_W, OUT_W);

  var sum = Value();
  for (var i = first_output(y, IN_H, OUT_H); i < end_row; i++) {
    let row_weight = weight(y, i, IN_H, OUT_H);
    for (var j = first_output(x, IN_W, OUT_W); j < end_column; j++) {
      let part = row_weight * weight(x, j, IN_W, OUT_W);
      sum += part * Value(gradient[((n * OUT_H + i) * OUT_W + j) * CHANNELS + channel]);
    }
  }
  output[index] = Stored(sum);
}
