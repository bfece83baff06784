// Motion blur by a cross, one of its bars: along columns, or along rows with the column's bar added.
//   vertical:   sums(y, x) = weight_v * sum_k input(y + k, x),                 k = -size / 2 .. size / 2
//   horizontal: sums(y, x) = weight_h * sum_k input(y, x + k) + sums(y, x)
// Outside of the image it is mirrored about the middle of its outermost pixels. An invocation walks along STRIP pixels
// of one column (row) with a running sum. Images without blur (size 1), and idle ones, are left out.
// Follows SeqBlurAug of MMTracking (transforms.py), which is cv2.filter2D with BORDER_REFLECT_101.
// Image record: 24 words, of which word 2 is the mode (0: idle), 3 the size, 20 and 21 the weights (f32).
// Dispatch: ceil(lines / WORKGROUP) by ceil(length / STRIP) by N workgroups; lines of that length are columns (rows).

const WORKGROUP: u32 = 64u;
const STRIP: i32 = 64;
const HORIZONTAL: bool = false;

const IMAGE_WORDS: u32 = 24u;
const MODE: u32 = 2u;
const SIZE: u32 = 3u;
const WEIGHTS: u32 = 20u;
const IDLE: u32 = 0u;

struct Params {
  width: i32,
  height: i32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> images: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn mirrored(position: i32, length: i32) -> i32 {
  let period = max(2 * length - 2, 1);
  let distance = abs(position) % period;
  return min(distance, period - distance);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
  let line = i32(group.x * WORKGROUP + local.x);
  let lines = select(params.width, params.height, HORIZONTAL);
  let length = select(params.height, params.width, HORIZONTAL);
  let record = group.z * IMAGE_WORDS;
  let size = i32(images[record + SIZE]);
  if (line >= lines || images[record + MODE] == IDLE || size <= 1) {
    return;
  }
  let weight = bitcast<f32>(images[record + WEIGHTS + select(0u, 1u, HORIZONTAL)]);
  let step = select(params.width, 1, HORIZONTAL);
  let start = i32(group.z) * params.width * params.height + line * select(1, params.width, HORIZONTAL);
  let half = size / 2;
  let first = i32(group.y) * STRIP;
  let end = min(first + STRIP, length);

  var sum = vec3f();
  for (var k = first - half; k < first + half; k++) {
    sum += input[start + mirrored(k, length) * step].xyz;
  }
  for (var position = first; position < end; position++) {
    sum += input[start + mirrored(position + half, length) * step].xyz;
    let at = start + position * step;
    if (HORIZONTAL) {
      sums[at] = vec4f(weight * sum + sums[at].xyz, 0.0);
    } else {
      sums[at] = vec4f(weight * sum, 0.0);
    }
    sum -= input[start + mirrored(position - half, length) * step].xyz;
  }
}
