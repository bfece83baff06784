// Bytes R, G, B of images, one after the other without padding, to f32 B, G, R (R, G, B with TO_RGB), times
// scale plus offset, and a zero per pixel; four pixels per invocation.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = ceil(pixels / 4).

const WORKGROUP: u32 = 64u;
const TO_RGB: bool = false;

struct Params {
  scale: vec4f,
  offset: vec4f,
  count: u32,
  pixels: u32,
}

@group(0) @binding(0) var<storage, read> bytes: array<u32>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

fn byte_of(word: u32, place: u32) -> f32 {
  return f32(extractBits(word, 8u * place, 8u));
}

fn network_input(blue: f32, green: f32, red: f32) -> vec4f {
  let color = select(vec3f(blue, green, red), vec3f(red, green, blue), TO_RGB);
  return vec4f(color * params.scale.xyz + params.offset.xyz, 0.0);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let a = bytes[3u * index];
  let b = bytes[3u * index + 1u];
  let c = bytes[3u * index + 2u];
  let pixel = 4u * index;
  output[pixel] = network_input(byte_of(a, 2u), byte_of(a, 1u), byte_of(a, 0u));
  if (pixel + 1u < params.pixels) {
    output[pixel + 1u] = network_input(byte_of(b, 1u), byte_of(b, 0u), byte_of(a, 3u));
  }
  if (pixel + 2u < params.pixels) {
    output[pixel + 2u] = network_input(byte_of(c, 0u), byte_of(b, 3u), byte_of(b, 2u));
  }
  if (pixel + 3u < params.pixels) {
    output[pixel + 3u] = network_input(byte_of(c, 3u), byte_of(c, 2u), byte_of(c, 1u));
  }
}
