// Motion blur by a cross: a column and a row of equal weights, through the pixel.
//   output(y, x) = vertical * sum_k input(y + k, x) + horizontal * sum_k input(y, x + k), k = -size / 2 .. size / 2
// Outside of the image it is mirrored about the middle of its outermost pixels. Size 1 copies.
// Follows SeqBlurAug of MMTracking (transforms.py), which is cv2.filter2D with BORDER_REFLECT_101.
// Image record: six vec4u, of which the first holds (-, -, active, size), the last (vertical, horizontal: f32, -, -).
// Inactive images are left as they are.
// One invocation computes one pixel. Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * HEIGHT * WIDTH.

const WORKGROUP: u32 = 64u;
const HEIGHT: i32 = 255;
const WIDTH: i32 = 255;

const IMAGE_RECORD: u32 = 6u;
const BLUR: u32 = 5u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> images: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

fn mirrored(position: i32, extent: i32) -> i32 {
  let period = max(2 * extent - 2, 1);
  let distance = abs(position) % period;
  return min(distance, period - distance);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let image = i32(index) / (HEIGHT * WIDTH);
  let head = images[u32(image) * IMAGE_RECORD];
  if (head.z == 0u) {
    return;
  }
  if (head.w <= 1u) {
    output[index] = input[index];
    return;
  }
  let weights = bitcast<vec2f>(images[u32(image) * IMAGE_RECORD + BLUR].xy);
  let x = i32(index) % WIDTH;
  let y = i32(index) / WIDTH % HEIGHT;
  let half = i32(head.w) / 2;
  let start = image * HEIGHT * WIDTH;
  var column = vec4f();
  var line = vec4f();
  for (var k = -half; k <= half; k++) {
    column += input[start + mirrored(y + k, HEIGHT) * WIDTH + x];
    line += input[start + y * WIDTH + mirrored(x + k, WIDTH)];
  }
  output[index] = weights.x * column + weights.y * line;
}
