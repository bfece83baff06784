// Crops rectangles out of a packed frame, pads outside of the frame and resizes them bilinearly to a square.
//   source position of output d = max(0, (d + 0.5) * extent / SIZE - 0.5), per axis, clamped to the rectangle;
//   pixels of the rectangle outside of the frame have the target's padding value
// Follows SiamRPN.get_cropped_img of MMTracking (siamrpn.py): an integer rectangle, then half-pixel centres.
// A position is ((2d + 1) * extent - SIZE) / (2 * SIZE): its quotient is the left neighbour, its remainder the exact
// fraction.
// Frame: rows of RGB or RGBA bytes (or of three f32, with FLOAT_CHANNELS), row_stride bytes apart.
// Output: [T, SIZE, SIZE, 4], pixels times scale plus offset, the fourth channel zero.
// Crop record, two vec4 per target: (x0, y0, width, height) in pixels, then the padding, in the order of channels that
// REVERSE_CHANNELS gives; REVERSE_OUTPUT turns them round once more, before scale and offset.
// One invocation computes one pixel. Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = T * SIZE * SIZE.

const WORKGROUP: u32 = 64u;
const SIZE: u32 = 255u;
const FLOAT_CHANNELS: bool = false;
const REVERSE_CHANNELS: bool = true;
const REVERSE_OUTPUT: bool = false;

const RECORD: u32 = 2u;
const WORD_BYTES: u32 = 4u;
const WORD_BITS: u32 = 32u;
const BYTE_BITS: u32 = 8u;
const BYTE_MASK: u32 = 255u;

struct Params {
  scale: vec4f,
  offset: vec4f,
  count: u32,
  frame_width: u32,
  frame_height: u32,
  row_stride: u32,
  pixel_bytes: u32,
}

struct Taps {
  first: i32,
  second: i32,
  fraction: f32,
}

@group(0) @binding(0) var<storage, read> frame: array<u32>;
@group(0) @binding(1) var<storage, read> crops: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn taps(destination: u32, start: i32, extent: u32) -> Taps {
  let scaled = (2u * destination + 1u) * extent;
  let numerator = max(scaled, SIZE) - SIZE;
  let first = numerator / (2u * SIZE);
  let fraction = f32(numerator % (2u * SIZE)) / f32(2u * SIZE);
  return Taps(start + i32(first), start + i32(min(first + 1u, extent - 1u)), fraction);
}

// The bytes from a byte offset on, lowest first; a pixel of three bytes may straddle two words.
fn bytes_at(offset: u32) -> u32 {
  let word = offset / WORD_BYTES;
  if (params.pixel_bytes == WORD_BYTES) {
    return frame[word];
  }
  let shift = (offset % WORD_BYTES) * BYTE_BITS;
  let next = frame[min(word + 1u, arrayLength(&frame) - 1u)];
  // In two steps, because WGSL has no shift by a whole word.
  return (frame[word] >> shift) | ((next << (WORD_BITS - 1u - shift)) << 1u);
}

fn channels_at(offset: u32) -> vec3f {
  if (FLOAT_CHANNELS) {
    let word = offset / WORD_BYTES;
    return bitcast<vec3f>(vec3u(frame[word], frame[word + 1u], frame[word + 2u]));
  }
  return vec3f((vec3u(bytes_at(offset)) >> vec3u(0u, BYTE_BITS, 2u * BYTE_BITS)) & vec3u(BYTE_MASK));
}

fn pixel(x: i32, y: i32, padding: vec3f) -> vec3f {
  // A negative position is a huge unsigned one.
  if (u32(x) >= params.frame_width || u32(y) >= params.frame_height) {
    return padding;
  }
  let channels = channels_at(u32(y) * params.row_stride + u32(x) * params.pixel_bytes);
  return select(channels, channels.zyx, REVERSE_CHANNELS);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let crop = index / (SIZE * SIZE);
  let rectangle = vec4i(crops[crop * RECORD]);
  let padding = crops[crop * RECORD + 1u].xyz;
  let x = taps(index % SIZE, rectangle.x, u32(rectangle.z));
  let y = taps(index / SIZE % SIZE, rectangle.y, u32(rectangle.w));

  let upper = mix(pixel(x.first, y.first, padding), pixel(x.second, y.first, padding), x.fraction);
  let lower = mix(pixel(x.first, y.second, padding), pixel(x.second, y.second, padding), x.fraction);
  let color = mix(upper, lower, y.fraction);
  let ordered = select(color, color.zyx, REVERSE_OUTPUT);
  output[index] = vec4f(ordered * params.scale.xyz + params.offset.xyz, 0.0);
}
