// Bilinear resize (torch.nn.functional.interpolate without antialiasing), per axis from IN to OUT pixels:
//   source position of output d = max(0, (d + 0.5) * IN / OUT - 0.5)      half-pixel centres (align_corners=False)
//                               = d * (IN - 1) / (OUT - 1)                with ALIGN_CORNERS; 0 where OUT = 1
// Neighbours are clamped to the image. The position is a fraction of integers, whose quotient is the left neighbour and
// whose remainder is exact: ((2d + 1) * IN - OUT) / (2 * OUT), or as it stands. Any channel count. One invocation
// computes one element. Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = N *
// OUT_H * OUT_W * CHANNELS.

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

struct Taps {
  first: u32,
  second: u32,
  fraction: f32,
}

@group(0) @binding(0) var<storage, read> input: array<Stored>;
@group(0) @binding(1) var<storage, read_write> output: array<Stored>;
@group(0) @binding(2) var<uniform> params: Params;

fn taps(destination: u32, from_size: u32, to_size: u32) -> Taps {
  let scaled = (2u * destination + 1u) * from_size;
  let numerator = select(max(scaled, to_size) - to_size, destination * (from_size - 1u), ALIGN_CORNERS);
  let denominator = select(2u * to_size, max(to_size, 2u) - 1u, ALIGN_CORNERS);
  let first = numerator / denominator;
  let fraction = f32(numerator % denominator) / f32(denominator);
  return Taps(first, min(first + 1u, from_size - 1u), fraction);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let pixel = index / CHANNELS;
  let x = taps(pixel % OUT_W, IN_W, OUT_W);
  let y = taps((pixel / OUT_W) % OUT_H, IN_H, OUT_H);
  let image = pixel / (OUT_W * OUT_H) * IN_H;

  let top = (image + y.first) * IN_W * CHANNELS;
  let bottom = (image + y.second) * IN_W * CHANNELS;
  let left = x.first * CHANNELS + channel;
  let right = x.second * CHANNELS + channel;
  let upper = mix(Value(input[top + left]), Value(input[top + right]), x.fraction);
  let lower = mix(Value(input[bottom + left]), Value(input[bottom + right]), x.fraction);
  output[index] = Stored(mix(upper, lower, y.fraction));
}
