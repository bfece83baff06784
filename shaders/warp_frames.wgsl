// Two bilinear warps of axis-aligned matrices, one after the other, and an affine map of the colours, for a batch of images
// cut from frames of any size.
//   output(y, x) = colour * (sum over rows r of y and columns c of x: weight_r * weight_c * frame(r, c)) + offset
// Both warps are separable, so the host composes them per axis: each output column (row) has two pairs of neighbouring frame
// columns (rows) with four weights, and the weight of what lies outside of the frame, which has the image's padding value.
// Follows crop_image of MMTracking (transforms.py) twice: SeqCropLikeSiamFC, then SeqShiftScaleAug.
// Frames: rows of RGB bytes, any number of pieces in one buffer. Output: [N, HEIGHT, WIDTH, 4], the fourth channel zero.
// Image record, six vec4u: (first byte, bytes per row, active, -), padding (f32), three rows of colour and offset (f32), -.
// Tap record, two vec4u: (first pair, second pair: bytes of a column, or of a row; outside weight (f32), -), weights (f32);
// per image WIDTH columns, then HEIGHT rows. Inactive images are left as they are.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = N * HEIGHT * WIDTH.

const WORKGROUP: u32 = 64u;
const HEIGHT: u32 = 127u;
const WIDTH: u32 = 127u;

const IMAGE_RECORD: u32 = 6u;
const TAP_RECORD: u32 = 2u;
const PIXEL_BYTES: u32 = 3u;
const WORD_BYTES: u32 = 4u;
const WORD_BITS: u32 = 32u;
const BYTE_BITS: u32 = 8u;
const BYTE_MASK: u32 = 255u;

struct Params {
  count: u32,
}

struct Taps {
  first: u32,
  second: u32,
  outside: f32,
  weights: vec4f,
}

@group(0) @binding(0) var<storage, read> frames: array<u32>;
@group(0) @binding(1) var<storage, read> images: array<vec4u>;
@group(0) @binding(2) var<storage, read> taps: array<vec4u>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

fn taps_at(record: u32) -> Taps {
  let offsets = taps[record * TAP_RECORD];
  return Taps(offsets.x, offsets.y, bitcast<f32>(offsets.z), bitcast<vec4f>(taps[record * TAP_RECORD + 1u]));
}

// The weighted sum of two neighbouring pixels, six bytes that begin anywhere in a word.
fn pair(offset: u32, first: f32, second: f32) -> vec3f {
  let word = offset / WORD_BYTES;
  let shift = (offset % WORD_BYTES) * BYTE_BITS;
  let rest = WORD_BITS - 1u - shift;
  let middle = frames[word + 1u];
  // Left shifts in two steps, because WGSL has no shift by a whole word.
  let low = (frames[word] >> shift) | ((middle << rest) << 1u);
  let high = (middle >> shift) | ((frames[word + 2u] << rest) << 1u);
  let left = (vec3u(low) >> vec3u(0u, BYTE_BITS, 2u * BYTE_BITS)) & vec3u(BYTE_MASK);
  let right = vec3u(low >> (3u * BYTE_BITS), high & BYTE_MASK, (high >> BYTE_BITS) & BYTE_MASK);
  return first * vec3f(left) + second * vec3f(right);
}

fn row(start: u32, column: Taps) -> vec3f {
  return pair(start + column.first, column.weights.x, column.weights.y)
    + pair(start + column.second, column.weights.z, column.weights.w);
}

fn total(weights: vec4f) -> f32 {
  return weights.x + weights.y + weights.z + weights.w;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let image = index / (HEIGHT * WIDTH);
  let place = images[image * IMAGE_RECORD];
  if (place.z == 0u) {
    return;
  }
  let column = taps_at(image * (WIDTH + HEIGHT) + index % WIDTH);
  let line = taps_at(image * (WIDTH + HEIGHT) + WIDTH + index / WIDTH % HEIGHT);
  let upper = place.x + line.first;
  let lower = place.x + line.second;
  let inside = line.weights.x * row(upper, column) + line.weights.y * row(upper + place.y, column)
    + line.weights.z * row(lower, column) + line.weights.w * row(lower + place.y, column);

  let across = total(column.weights);
  let down = total(line.weights);
  let outside = (across + column.outside) * (down + line.outside) - across * down;
  let value = vec4f(inside + outside * bitcast<vec3f>(images[image * IMAGE_RECORD + 1u].xyz), 1.0);
  let record = image * IMAGE_RECORD + 2u;
  output[index] = vec4f(
    dot(bitcast<vec4f>(images[record]), value),
    dot(bitcast<vec4f>(images[record + 1u]), value),
    dot(bitcast<vec4f>(images[record + 2u]), value),
    0.0,
  );
}
