// Two bilinear warps of axis-aligned matrices, one after the other, and an affine map of the colors, for a batch of
// images cut from frames of any size.
//   crop(p, x) = sum over frame rows r of p and frame columns c of x: weight_r * weight_c * frame(r, c)
//   output(y, x) = color * (weight_y * crop(p_y, x) + weight_y' * crop(p_y + 1, x)) + offset
// The warps are separable. Along x the host composes them: each output column has two pairs of neighbouring frame
// columns with four weights, and the weight of what lies outside of the frame, which has the image's padding value.
// Along y an invocation walks down STRIP output rows and computes each frame row and each crop row that it meets once.
// Follows crop_image of MMTracking (transforms.py) twice: SeqCropLikeSiamFC, then SeqShiftScaleAug.
// Frames: rows of RGB bytes, any number of pieces in one buffer; up to a row and three words behind a piece are read,
// too. Output: [N, height, width, 4], the fourth channel zero.
// Image record, 24 words: first byte, row stride, mode, blur size; padding, -; color and offset (three rows); blur, -.
// Modes: 0 leave the image as it is; 1 columns anywhere; 2 the four columns are neighbours, in order.
// Table of an image: width columns of 8 words (byte of the first pair, byte of the second pair, outside weight, -,
// weights), then height output rows and crop_rows crop rows of one word: row number << 12 | weight << 6 | weight of the
// next row, in 1/32. What a crop row's weights lack to one lies outside of the frame.
// Dispatch: ceil(width / WORKGROUP) by ceil(height / STRIP) by N workgroups.

const WORKGROUP: u32 = 64u;
const STRIP: u32 = 32u;

const IMAGE_WORDS: u32 = 24u;
const COLUMN_WORDS: u32 = 8u;
const PADDING: u32 = 4u;
const COLOR: u32 = 8u;
const IDLE: u32 = 0u;
const NARROW: u32 = 2u;
const ROW_SHIFT: u32 = 12u;
const WEIGHT_BITS: u32 = 6u;
const WEIGHT_MASK: u32 = 63u;
const WEIGHT_STEPS: f32 = 32.0;
const WORD_BYTES: u32 = 4u;
const WORD_BITS: u32 = 32u;
const BYTE_BITS: u32 = 8u;
const BYTE_MASK: u32 = 255u;

struct Params {
  width: u32,
  height: u32,
  crop_rows: u32,
}

struct Column {
  first: u32,
  second: u32,
  outside: f32,
  weights: vec4f,
}

@group(0) @binding(0) var<storage, read> frames: array<u32>;
@group(0) @binding(1) var<storage, read> images: array<u32>;
@group(0) @binding(2) var<storage, read> tables: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

fn reals(word: u32) -> vec4f {
  return bitcast<vec4f>(vec4u(images[word], images[word + 1u], images[word + 2u], images[word + 3u]));
}

fn column_at(word: u32) -> Column {
  let weights = vec4u(tables[word + 4u], tables[word + 5u], tables[word + 6u], tables[word + 7u]);
  return Column(tables[word], tables[word + 1u], bitcast<f32>(tables[word + 2u]), bitcast<vec4f>(weights));
}

fn row_weights(packed: u32) -> vec2f {
  return vec2f(vec2u(packed >> WEIGHT_BITS, packed) & vec2u(WEIGHT_MASK)) / WEIGHT_STEPS;
}

// A word from a bit on, filled up from the next one; the left shift is in two steps, as WGSL has none by a whole word.
fn joined(low: u32, high: u32, shift: u32) -> u32 {
  return (low >> shift) | ((high << (WORD_BITS - 1u - shift)) << 1u);
}

fn byte(word: u32, index: u32) -> f32 {
  return f32((word >> (index * BYTE_BITS)) & BYTE_MASK);
}

// The weighted sum of two neighbouring pixels, six bytes that begin anywhere in a word.
fn pair(offset: u32, weights: vec2f) -> vec3f {
  let word = offset / WORD_BYTES;
  let shift = (offset % WORD_BYTES) * BYTE_BITS;
  let middle = frames[word + 1u];
  let a = joined(frames[word], middle, shift);
  let b = joined(middle, frames[word + 2u], shift);
  return weights.x * vec3f(byte(a, 0u), byte(a, 1u), byte(a, 2u))
    + weights.y * vec3f(byte(a, 3u), byte(b, 0u), byte(b, 1u));
}

// The weighted sum of four neighbouring pixels, twelve bytes.
fn quartet(offset: u32, weights: vec4f) -> vec3f {
  let word = offset / WORD_BYTES;
  let shift = (offset % WORD_BYTES) * BYTE_BITS;
  let second = frames[word + 1u];
  let third = frames[word + 2u];
  let a = joined(frames[word], second, shift);
  let b = joined(second, third, shift);
  let c = joined(third, frames[word + 3u], shift);
  return weights.x * vec3f(byte(a, 0u), byte(a, 1u), byte(a, 2u))
    + weights.y * vec3f(byte(a, 3u), byte(b, 0u), byte(b, 1u))
    + weights.z * vec3f(byte(b, 2u), byte(b, 3u), byte(c, 0u))
    + weights.w * vec3f(byte(c, 1u), byte(c, 2u), byte(c, 3u));
}

fn frame_row(start: u32, column: Column, narrow: bool) -> vec3f {
  if (narrow) {
    return quartet(start + column.first, column.weights);
  }
  return pair(start + column.first, column.weights.xy) + pair(start + column.second, column.weights.zw);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
  let x = group.x * WORKGROUP + local.x;
  let image = group.z * IMAGE_WORDS;
  let mode = images[image + 2u];
  if (x >= params.width || mode == IDLE) {
    return;
  }
  let start = images[image];
  let stride = images[image + 1u];
  let padding = reals(image + PADDING).xyz;
  let table = group.z * (params.width * COLUMN_WORDS + params.height + params.crop_rows);
  let output_rows = table + params.width * COLUMN_WORDS;
  let crop_rows = output_rows + params.height;
  let column = column_at(table + x * COLUMN_WORDS);
  let inside = dot(column.weights, vec4f(1.0));
  let color = array(reals(image + COLOR), reals(image + COLOR + 4u), reals(image + COLOR + 8u));

  var row = 0u;
  var above = vec3f();
  var below = vec3f();
  var next = 0u;
  var upper = vec3f();
  var lower = vec3f();
  let end = min((group.y + 1u) * STRIP, params.height);
  for (var y = group.y * STRIP; y < end; y++) {
    let line = tables[output_rows + y];
    for (next = max(next, line >> ROW_SHIFT); next <= (line >> ROW_SHIFT) + 1u; next++) {
      let crop = tables[crop_rows + next];
      let weights = row_weights(crop);
      for (row = max(row, crop >> ROW_SHIFT); row <= (crop >> ROW_SHIFT) + 1u; row++) {
        above = below;
        below = frame_row(start + row * stride, column, mode == NARROW);
      }
      let outside = inside * (1.0 - weights.x - weights.y) + column.outside;
      upper = lower;
      lower = weights.x * above + weights.y * below + outside * padding;
    }
    let weights = row_weights(line);
    let value = vec4f(weights.x * upper + weights.y * lower, 1.0);
    let index = (group.z * params.height + y) * params.width + x;
    output[index] = vec4f(dot(color[0], value), dot(color[1], value), dot(color[2], value), 0.0);
  }
}
