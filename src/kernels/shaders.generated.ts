// Generated from shaders/*.wgsl by `npm run shaders`. Do not edit.

export type ShaderName =
  | "add"
  | "add_vec4"
  | "bilinear_resize"
  | "bilinear_resize_vec4"
  | "center_crop"
  | "center_crop_vec4"
  | "channel_sum"
  | "crop_resize"
  | "decode_best"
  | "depthwise_correlation"
  | "depthwise_correlation_rolling"
  | "frozen_batch_norm"
  | "frozen_batch_norm_vec4"
  | "max_pool"
  | "max_pool_vec4"
  | "relu"
  | "relu_vec4"
  | "weighted_sum"
  | "weighted_sum_vec4"

export const shaders: Readonly<Record<ShaderName, string>> = {
  "add": `// Sum of two tensors of one shape, with an optional ReLU (the end of a residual block).
//   y = a + b, or max(a + b, 0) with RELU, element by element. Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

const WORKGROUP: u32 = 64u;
const RELU: bool = false;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let sum = a[index] + b[index];
  output[index] = select(sum, max(sum, 0.0), RELU);
}
`,
  "add_vec4": `// Sum of two tensors of one shape, with an optional ReLU (the end of a residual block).
//   y = a + b, or max(a + b, 0) with RELU, element by element. Element counts divisible by 4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements / 4.

const WORKGROUP: u32 = 64u;
const RELU: bool = false;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let sum = a[index] + b[index];
  output[index] = select(sum, max(sum, vec4f()), RELU);
}
`,
  "bilinear_resize": `// Bilinear resize with half-pixel centres (torch.nn.functional.interpolate, align_corners=False, no antialiasing).
//   source position of output d = max(0, (d + 0.5) * IN / OUT - 0.5), per axis; neighbours are clamped to the image
// The position is ((2d + 1) * IN - OUT) / (2 * OUT): integer quotient = left neighbour, remainder = exact fraction.
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * OUT_H * OUT_W * CHANNELS.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const OUT_H: u32 = 8u;
const OUT_W: u32 = 8u;

struct Params {
  count: u32,
}

struct Taps {
  first: u32,
  second: u32,
  fraction: f32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

fn taps(destination: u32, from_size: u32, to_size: u32) -> Taps {
  let scaled = (2u * destination + 1u) * from_size;
  let numerator = max(scaled, to_size) - to_size;
  let first = numerator / (2u * to_size);
  let fraction = f32(numerator % (2u * to_size)) / f32(2u * to_size);
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
  let upper = mix(input[top + left], input[top + right], x.fraction);
  let lower = mix(input[bottom + left], input[bottom + right], x.fraction);
  output[index] = mix(upper, lower, y.fraction);
}
`,
  "bilinear_resize_vec4": `// Bilinear resize with half-pixel centres (torch.nn.functional.interpolate, align_corners=False, no antialiasing).
//   source position of output d = max(0, (d + 0.5) * IN / OUT - 0.5), per axis; neighbours are clamped to the image
// The position is ((2d + 1) * IN - OUT) / (2 * OUT): integer quotient = left neighbour, remainder = exact fraction.
// Channel counts divisible by 4; GROUPS = C / 4. One invocation computes one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * OUT_H * OUT_W * GROUPS.

const WORKGROUP: u32 = 64u;
const GROUPS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const OUT_H: u32 = 8u;
const OUT_W: u32 = 8u;

struct Params {
  count: u32,
}

struct Taps {
  first: u32,
  second: u32,
  fraction: f32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

fn taps(destination: u32, from_size: u32, to_size: u32) -> Taps {
  let scaled = (2u * destination + 1u) * from_size;
  let numerator = max(scaled, to_size) - to_size;
  let first = numerator / (2u * to_size);
  let fraction = f32(numerator % (2u * to_size)) / f32(2u * to_size);
  return Taps(first, min(first + 1u, from_size - 1u), fraction);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % GROUPS;
  let pixel = index / GROUPS;
  let x = taps(pixel % OUT_W, IN_W, OUT_W);
  let y = taps((pixel / OUT_W) % OUT_H, IN_H, OUT_H);
  let image = pixel / (OUT_W * OUT_H) * IN_H;

  let top = (image + y.first) * IN_W * GROUPS;
  let bottom = (image + y.second) * IN_W * GROUPS;
  let left = x.first * GROUPS + channel;
  let right = x.second * GROUPS + channel;
  let upper = mix(input[top + left], input[top + right], x.fraction);
  let lower = mix(input[bottom + left], input[bottom + right], x.fraction);
  output[index] = mix(upper, lower, y.fraction);
}
`,
  "center_crop": `// Copies a window out of each image.
//   y[n,i,j,c] = x[n, TOP + i, LEFT + j, c]      (NHWC)
// Any channel count. One invocation copies one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * OUT_H * OUT_W * CHANNELS.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 15u;
const IN_W: u32 = 15u;
const OUT_H: u32 = 7u;
const OUT_W: u32 = 7u;
const TOP: u32 = 4u;
const LEFT: u32 = 4u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let pixel = index / CHANNELS;
  let x = pixel % OUT_W + LEFT;
  let y = (pixel / OUT_W) % OUT_H + TOP;
  let n = pixel / (OUT_W * OUT_H);
  output[index] = input[((n * IN_H + y) * IN_W + x) * CHANNELS + channel];
}
`,
  "center_crop_vec4": `// Copies a window out of each image.
//   y[n,i,j,c] = x[n, TOP + i, LEFT + j, c]      (NHWC)
// Channel counts divisible by 4; GROUPS = C / 4. One invocation copies one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * OUT_H * OUT_W * GROUPS.

const WORKGROUP: u32 = 64u;
const GROUPS: u32 = 1u;
const IN_H: u32 = 15u;
const IN_W: u32 = 15u;
const OUT_H: u32 = 7u;
const OUT_W: u32 = 7u;
const TOP: u32 = 4u;
const LEFT: u32 = 4u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % GROUPS;
  let pixel = index / GROUPS;
  let x = pixel % OUT_W + LEFT;
  let y = (pixel / OUT_W) % OUT_H + TOP;
  let n = pixel / (OUT_W * OUT_H);
  output[index] = input[((n * IN_H + y) * IN_W + x) * GROUPS + channel];
}
`,
  "channel_sum": `// Exact sums of the three channels of a packed frame: integers, so that the order of additions does not matter.
//   sums[g, c] = sum of byte c over the pixels that workgroup g visits (every grid-th run of WORKGROUP pixels)
// The host adds the partial sums in float64. A workgroup may visit up to 2^32 / 255 pixels before a sum overflows.
// Frame: rows of RGB or RGBA bytes, row_stride bytes apart. Output: [workgroups, 4] u32, the fourth zero.
// Dispatch: any number of workgroups over x.

const WORKGROUP: u32 = 64u;
const PIXEL_BYTES: u32 = 3u;

const WORD_BYTES: u32 = 4u;
const BYTE_BITS: u32 = 8u;
const BYTE_MASK: u32 = 255u;

struct Params {
  frame_width: u32,
  frame_height: u32,
  row_stride: u32,
}

@group(0) @binding(0) var<storage, read> frame: array<u32>;
@group(0) @binding(1) var<storage, read_write> sums: array<vec4u>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> red: atomic<u32>;
var<workgroup> green: atomic<u32>;
var<workgroup> blue: atomic<u32>;

fn byte_at(offset: u32) -> u32 {
  return (frame[offset / WORD_BYTES] >> ((offset % WORD_BYTES) * BYTE_BITS)) & BYTE_MASK;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  var sum = vec3u();
  let pixels = params.frame_width * params.frame_height;
  for (var p = group.x * WORKGROUP + local; p < pixels; p += grid.x * WORKGROUP) {
    let offset = p / params.frame_width * params.row_stride + p % params.frame_width * PIXEL_BYTES;
    sum += vec3u(byte_at(offset), byte_at(offset + 1u), byte_at(offset + 2u));
  }
  atomicAdd(&red, sum.x);
  atomicAdd(&green, sum.y);
  atomicAdd(&blue, sum.z);
  workgroupBarrier();
  if (local == 0u) {
    sums[group.x] = vec4u(atomicLoad(&red), atomicLoad(&green), atomicLoad(&blue), 0u);
  }
}
`,
  "crop_resize": `// Crops rectangles out of a packed frame, pads outside of the frame and resizes them bilinearly to a square.
//   source position of output d = max(0, (d + 0.5) * extent / SIZE - 0.5), per axis, clamped to the rectangle;
//   pixels of the rectangle outside of the frame have the target's padding value
// Follows SiamRPN.get_cropped_img of MMTracking (siamrpn.py): an integer rectangle, then half-pixel centres.
// A position is ((2d + 1) * extent - SIZE) / (2 * SIZE): its quotient is the left neighbour, its remainder the exact
// fraction.
// Frame: rows of RGB or RGBA bytes (or of three f32, with FLOAT_CHANNELS), row_stride bytes apart.
// Output: [T, SIZE, SIZE, 4], the fourth channel zero.
// Crop record, two vec4 per target: (x0, y0, width, height) in pixels, then the padding in the output's channel order.
// One invocation computes one pixel. Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = T * SIZE * SIZE.

const WORKGROUP: u32 = 64u;
const SIZE: u32 = 255u;
const PIXEL_BYTES: u32 = 3u;
const FLOAT_CHANNELS: bool = false;
const REVERSE_CHANNELS: bool = true;

const RECORD: u32 = 2u;
const WORD_BYTES: u32 = 4u;
const WORD_BITS: u32 = 32u;
const BYTE_BITS: u32 = 8u;
const BYTE_MASK: u32 = 255u;

struct Params {
  count: u32,
  frame_width: u32,
  frame_height: u32,
  row_stride: u32,
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
  if (PIXEL_BYTES == WORD_BYTES) {
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
  let channels = channels_at(u32(y) * params.row_stride + u32(x) * PIXEL_BYTES);
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
  output[index] = vec4f(mix(upper, lower, y.fraction), 0.0);
}
`,
  "decode_best": `// One step of the tracker after the network: picks the best anchor of each target and moves the target's box.
//   score_i   = softmax(cls_i)[object]
//   box_i     = anchor + delta, decoded as DeltaXYWH, |dw|, |dh| <= MAX_LOG_RATIO (search-image pixels from its centre)
//   penalty_i = exp(-(change(size(box_i) / size(previous * scale)) * change(aspect(previous) / aspect(box_i)) - 1) * k)
//               size(w,h) = sqrt((w + p)(h + p)), p = (w + h) / 2,  aspect(w,h) = w / h,  change(r) = max(r, 1 / r)
//   best      = argmax of penalty_i * score_i * (1 - influence) + window_i * influence; the lowest index on a tie
//   centre    = previous + box_best / scale,  size = previous * (1 - rate) + box_best / scale * rate,
//               rate = penalty_best * score_best * lr;  then clipped to the frame
// Follows SiameseRPNHead.get_bbox and SiamRPN._bbox_clip of MMTracking (siamese_rpn_head.py, siamrpn.py).
// Anchors are x1, y1, x2, y2; every other box is cx, cy, w, h. Index = position * ANCHORS + a.
// cls [T, positions, class * ANCHORS + a], bbox [T, positions, coordinate * ANCHORS + a].
// State, two vec4 per target: (cx, cy, w, h) in frame pixels, replaced; (scale, frame width, frame height, 0).
// Result, three vec4 per target: clipped box, box before clipping, (score, penalised score, index, rate).
// Dispatch: one workgroup per target, over x.

const WORKGROUP: u32 = 256u;
const ANCHORS: u32 = 5u;

const CLASSES: u32 = 2u;
const COORDINATES: u32 = 4u;
const STATE: u32 = 2u;
const RESULT: u32 = 3u;
const MAX_LOG_RATIO: f32 = 4.135166556742356;
const MIN_SIZE: f32 = 10.0;
const LOWEST: f32 = -3.40282346e38;

struct Params {
  means: vec4f,
  deviations: vec4f,
  positions: u32,
  penalty_k: f32,
  window_influence: f32,
  lr: f32,
}

struct Candidate {
  box: vec4f,
  score: f32,
  penalty: f32,
  penalised: f32,
}

@group(0) @binding(0) var<storage, read> cls: array<f32>;
@group(0) @binding(1) var<storage, read> bbox: array<f32>;
@group(0) @binding(2) var<storage, read> anchors: array<vec4f>;
@group(0) @binding(3) var<storage, read> window: array<f32>;
@group(0) @binding(4) var<storage, read_write> state: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> result: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> best_scores: array<f32, WORKGROUP>;
var<workgroup> best_indices: array<u32, WORKGROUP>;

fn change(ratio: f32) -> f32 {
  return max(ratio, 1.0 / ratio);
}

fn enlarged_size(size: vec2f) -> f32 {
  let padding = (size.x + size.y) * 0.5;
  return sqrt((size.x + padding) * (size.y + padding));
}

fn decode(position: u32, anchor: u32, deltas: vec4f) -> vec4f {
  let edges = anchors[position * ANCHORS + anchor];
  let size = edges.zw - edges.xy;
  let centre = (edges.xy + edges.zw) * 0.5;
  let delta = deltas * params.deviations + params.means;
  let log_ratio = clamp(delta.zw, vec2f(-MAX_LOG_RATIO), vec2f(MAX_LOG_RATIO));
  return vec4f(centre + delta.xy * size, size * exp(log_ratio));
}

fn candidate(target_index: u32, index: u32, previous: vec4f, scale: f32) -> Candidate {
  let position = index / ANCHORS;
  let anchor = index % ANCHORS;
  let row = target_index * params.positions + position;
  let logits = row * CLASSES * ANCHORS + anchor;
  let coordinates = row * COORDINATES * ANCHORS + anchor;

  // The softmax of two logits is the logistic function of their difference.
  let score = 1.0 / (1.0 + exp(cls[logits] - cls[logits + ANCHORS]));
  let box = decode(position, anchor, vec4f(
    bbox[coordinates],
    bbox[coordinates + ANCHORS],
    bbox[coordinates + 2u * ANCHORS],
    bbox[coordinates + 3u * ANCHORS],
  ));
  let size_change = change(enlarged_size(box.zw) / enlarged_size(previous.zw * scale));
  let aspect_change = change((previous.z / previous.w) / (box.z / box.w));
  let penalty = exp(-(aspect_change * size_change - 1.0) * params.penalty_k);
  let penalised = penalty * score * (1.0 - params.window_influence) + window[index] * params.window_influence;
  return Candidate(box, score, penalty, penalised);
}

fn beats(one: u32, other: u32) -> bool {
  let tie = best_scores[one] == best_scores[other];
  return best_scores[one] > best_scores[other] || (tie && best_indices[one] < best_indices[other]);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let previous = state[group.x * STATE];
  let context = state[group.x * STATE + 1u];
  let scale = context.x;

  var best_score = LOWEST;
  var best_index = 0u;
  for (var index = local; index < params.positions * ANCHORS; index += WORKGROUP) {
    let score = candidate(group.x, index, previous, scale).penalised;
    if (score > best_score) {
      best_score = score;
      best_index = index;
    }
  }
  best_scores[local] = best_score;
  best_indices[local] = best_index;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half && beats(local + half, local)) {
      best_scores[local] = best_scores[local + half];
      best_indices[local] = best_indices[local + half];
    }
  }
  if (local > 0u) {
    return;
  }

  let best = candidate(group.x, best_indices[0], previous, scale);
  let rate = best.penalty * best.score * params.lr;
  let found = best.box / scale;
  let moved = vec4f(previous.xy + found.xy, previous.zw * (1.0 - rate) + found.zw * rate);
  let limits = context.yzyz;
  let clipped = min(max(moved, vec4f(0.0, 0.0, MIN_SIZE, MIN_SIZE)), limits);
  state[group.x * STATE] = clipped;
  result[group.x * RESULT] = clipped;
  result[group.x * RESULT + 1u] = moved;
  result[group.x * RESULT + 2u] = vec4f(best.score, best_scores[0], f32(best_indices[0]), rate);
}
`,
  "depthwise_correlation": `// Depthwise cross-correlation with a kernel per sample, for any kernel size (kernels that do not fit in registers).
//   y[n,i,j,c] = sum over u,v of x[n,i+u,j+v,c] * k[n,u,v,c]    (NHWC; OUT_H = IN_H - KERNEL_H + 1, OUT_W likewise)
// Follows depthwise_correlation of MMTracking's CorrelationHead. Any channel count; one element per invocation.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * OUT_H * OUT_W * CHANNELS.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const KERNEL_H: u32 = 5u;
const KERNEL_W: u32 = 5u;

const OUT_H: u32 = IN_H - KERNEL_H + 1u;
const OUT_W: u32 = IN_W - KERNEL_W + 1u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> kernel: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let pixel = index / CHANNELS;
  let j = pixel % OUT_W;
  let i = (pixel / OUT_W) % OUT_H;
  let n = pixel / (OUT_W * OUT_H);

  var sum = 0.0;
  for (var u = 0u; u < KERNEL_H; u++) {
    let row = ((n * IN_H + i + u) * IN_W + j) * CHANNELS + channel;
    let kernel_row = (n * KERNEL_H + u) * KERNEL_W * CHANNELS + channel;
    for (var v = 0u; v < KERNEL_W; v++) {
      sum = fma(input[row + v * CHANNELS], kernel[kernel_row + v * CHANNELS], sum);
    }
  }
  output[index] = sum;
}
`,
  "depthwise_correlation_rolling": `// Depthwise cross-correlation with a small kernel per sample, the kernel kept in registers.
//   y[n,i,j,c] = sum over u,v of x[n,i+u,j+v,c] * k[n,u,v,c]    (NHWC; OUT_H = IN_H - KERNEL_H + 1, OUT_W likewise)
// One invocation computes a tile of ROWS x STRIP outputs of one channel; neighbouring invocations take neighbouring
// channels, so that loads coalesce. Any channel count. Input rows pass by one at a time and are loaded once: row r adds
// to the output rows r - u that are in flight, with kernel row u. sums[u] holds output row r - u; the finished one,
// sums[KERNEL_H - 1], is stored. Loops over the small arrays have constant bounds, for compilers to unroll.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * ceil(OUT_H / ROWS) * ceil(OUT_W / STRIP) * CHANNELS.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 29u;
const IN_W: u32 = 29u;
const KERNEL_H: u32 = 5u;
const KERNEL_W: u32 = 5u;
const STRIP: u32 = 5u;
const ROWS: u32 = 25u;

const OUT_H: u32 = IN_H - KERNEL_H + 1u;
const OUT_W: u32 = IN_W - KERNEL_W + 1u;
const STRIPS: u32 = (OUT_W + STRIP - 1u) / STRIP;
const SEGMENTS: u32 = (OUT_H + ROWS - 1u) / ROWS;
const TAPS: u32 = KERNEL_H * KERNEL_W;
const WINDOW: u32 = STRIP + KERNEL_W - 1u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> kernel: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let tile = index / CHANNELS;
  let j = (tile % STRIPS) * STRIP;
  let first_row = (tile / STRIPS % SEGMENTS) * ROWS;
  let last_row = min(first_row + ROWS, OUT_H);
  let n = tile / (STRIPS * SEGMENTS);

  var k: array<f32, TAPS>;
  for (var t = 0u; t < TAPS; t++) {
    k[t] = kernel[(n * TAPS + t) * CHANNELS + channel];
  }
  var sums: array<array<f32, STRIP>, KERNEL_H>;
  for (var r = first_row; r < last_row + KERNEL_H - 1u; r++) {
    var x: array<f32, WINDOW>;
    for (var s = 0u; s < WINDOW; s++) {
      x[s] = input[((n * IN_H + r) * IN_W + min(j + s, IN_W - 1u)) * CHANNELS + channel];
    }
    for (var s = 0u; s < STRIP; s++) {
      // From the oldest output row to the newest: each moves one place on.
      for (var age = 0u; age < KERNEL_H; age++) {
        let u = KERNEL_H - 1u - age;
        var sum = 0.0;
        if (u > 0u) {
          sum = sums[u - 1u][s];
        }
        for (var v = 0u; v < KERNEL_W; v++) {
          sum = fma(x[s + v], k[u * KERNEL_W + v], sum);
        }
        sums[u][s] = sum;
      }
    }
    if (r >= first_row + KERNEL_H - 1u) {
      let row = (n * OUT_H + r + 1u - KERNEL_H) * OUT_W + j;
      for (var s = 0u; s < STRIP; s++) {
        if (j + s < OUT_W) {
          output[(row + s) * CHANNELS + channel] = sums[KERNEL_H - 1u][s];
        }
      }
    }
  }
}
`,
  "frozen_batch_norm": `// Batch normalisation with frozen statistics, folded into one scale and one bias per channel, with an optional ReLU.
//   y[..., c] = x[..., c] * scale[c] + bias[c],  scale = gamma / sqrt(variance + eps),  bias = beta - mean * scale
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const RELU: bool = false;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> scale: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let value = fma(input[index], scale[channel], bias[channel]);
  output[index] = select(value, max(value, 0.0), RELU);
}
`,
  "frozen_batch_norm_vec4": `// Batch normalisation with frozen statistics, folded into one scale and one bias per channel, with an optional ReLU.
//   y[..., c] = x[..., c] * scale[c] + bias[c],  scale = gamma / sqrt(variance + eps),  bias = beta - mean * scale
// Channel counts divisible by 4; GROUPS = C / 4. One invocation computes one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements / 4.

const WORKGROUP: u32 = 64u;
const GROUPS: u32 = 1u;
const RELU: bool = false;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % GROUPS;
  let value = fma(input[index], scale[channel], bias[channel]);
  output[index] = select(value, max(value, vec4f()), RELU);
}
`,
  "max_pool": `// Max pooling; padding counts as minus infinity.
//   y[n,i,j,c] = max over 0 <= u,v < KERNEL of x[n, i * STRIDE + u - PADDING, j * STRIDE + v - PADDING, c]      (NHWC)
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * OUT_H * OUT_W * CHANNELS.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const KERNEL: u32 = 3u;
const STRIDE: u32 = 2u;
const PADDING: u32 = 1u;

const OUT_H: u32 = (IN_H + 2u * PADDING - KERNEL) / STRIDE + 1u;
const OUT_W: u32 = (IN_W + 2u * PADDING - KERNEL) / STRIDE + 1u;
const LOWEST: f32 = -3.40282346e38;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let pixel = index / CHANNELS;
  let left = (pixel % OUT_W) * STRIDE;
  let top = ((pixel / OUT_W) % OUT_H) * STRIDE;
  let n = pixel / (OUT_W * OUT_H);

  var largest = LOWEST;
  for (var u = 0u; u < KERNEL; u++) {
    for (var v = 0u; v < KERNEL; v++) {
      // Positions in the padded image; the unsigned difference wraps to a huge number above and left of the image.
      let y = top + u - PADDING;
      let x = left + v - PADDING;
      if (y < IN_H && x < IN_W) {
        largest = max(largest, input[((n * IN_H + y) * IN_W + x) * CHANNELS + channel]);
      }
    }
  }
  output[index] = largest;
}
`,
  "max_pool_vec4": `// Max pooling; padding counts as minus infinity.
//   y[n,i,j,c] = max over 0 <= u,v < KERNEL of x[n, i * STRIDE + u - PADDING, j * STRIDE + v - PADDING, c]      (NHWC)
// Channel counts divisible by 4; GROUPS = C / 4. One invocation computes one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * OUT_H * OUT_W * GROUPS.

const WORKGROUP: u32 = 64u;
const GROUPS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const KERNEL: u32 = 3u;
const STRIDE: u32 = 2u;
const PADDING: u32 = 1u;

const OUT_H: u32 = (IN_H + 2u * PADDING - KERNEL) / STRIDE + 1u;
const OUT_W: u32 = (IN_W + 2u * PADDING - KERNEL) / STRIDE + 1u;
const LOWEST: f32 = -3.40282346e38;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % GROUPS;
  let pixel = index / GROUPS;
  let left = (pixel % OUT_W) * STRIDE;
  let top = ((pixel / OUT_W) % OUT_H) * STRIDE;
  let n = pixel / (OUT_W * OUT_H);

  var largest = vec4f(LOWEST);
  for (var u = 0u; u < KERNEL; u++) {
    for (var v = 0u; v < KERNEL; v++) {
      // Positions in the padded image; the unsigned difference wraps to a huge number above and left of the image.
      let y = top + u - PADDING;
      let x = left + v - PADDING;
      if (y < IN_H && x < IN_W) {
        largest = max(largest, input[((n * IN_H + y) * IN_W + x) * GROUPS + channel]);
      }
    }
  }
  output[index] = largest;
}
`,
  "relu": `// Rectified linear unit.
//   y = max(x, 0), element by element; the shape does not matter. Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  output[index] = max(input[index], 0.0);
}
`,
  "relu_vec4": `// Rectified linear unit.
//   y = max(x, 0), element by element; the shape does not matter. Element counts divisible by 4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements / 4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  output[index] = max(input[index], vec4f());
}
`,
  "weighted_sum": `// Sum of up to four tensors of one shape, weighted by the softmax of learned logits, or their plain average.
//   y = sum over l of w[l] * x_l,  w = softmax(logits), or w[l] = 1 / LEVELS with AVERAGE
// (weighted_sum of MMTracking's SiameseRPNHead). Inputs from LEVELS on, and the logits with AVERAGE, are not read.
// Any element count. One invocation computes one element; the softmax of at most four numbers is repeated in each.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;
const AVERAGE: bool = false;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input0: array<f32>;
@group(0) @binding(1) var<storage, read> input1: array<f32>;
@group(0) @binding(2) var<storage, read> input2: array<f32>;
@group(0) @binding(3) var<storage, read> input3: array<f32>;
@group(0) @binding(4) var<storage, read> logits: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

// The softmax is shifted by the largest logit, so that no exponential overflows.
fn level_weights() -> vec4f {
  if (AVERAGE) {
    return vec4f(1.0 / f32(LEVELS));
  }
  var largest = logits[0];
  for (var l = 1u; l < LEVELS; l++) {
    largest = max(largest, logits[l]);
  }
  var weights = vec4f();
  for (var l = 0u; l < LEVELS; l++) {
    weights[l] = exp(logits[l] - largest);
  }
  return weights / (weights.x + weights.y + weights.z + weights.w);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let weights = level_weights();
  var sum = weights.x * input0[index];
  if (LEVELS > 1u) {
    sum += weights.y * input1[index];
  }
  if (LEVELS > 2u) {
    sum += weights.z * input2[index];
  }
  if (LEVELS > 3u) {
    sum += weights.w * input3[index];
  }
  output[index] = sum;
}
`,
  "weighted_sum_vec4": `// Sum of up to four tensors of one shape, weighted by the softmax of learned logits, or their plain average.
//   y = sum over l of w[l] * x_l,  w = softmax(logits), or w[l] = 1 / LEVELS with AVERAGE
// (weighted_sum of MMTracking's SiameseRPNHead). Inputs from LEVELS on, and the logits with AVERAGE, are not read.
// Element counts divisible by 4. One invocation computes four elements and repeats the softmax of at most four numbers.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements / 4.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;
const AVERAGE: bool = false;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input0: array<vec4f>;
@group(0) @binding(1) var<storage, read> input1: array<vec4f>;
@group(0) @binding(2) var<storage, read> input2: array<vec4f>;
@group(0) @binding(3) var<storage, read> input3: array<vec4f>;
@group(0) @binding(4) var<storage, read> logits: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

// The softmax is shifted by the largest logit, so that no exponential overflows.
fn level_weights() -> vec4f {
  if (AVERAGE) {
    return vec4f(1.0 / f32(LEVELS));
  }
  var largest = logits[0];
  for (var l = 1u; l < LEVELS; l++) {
    largest = max(largest, logits[l]);
  }
  var weights = vec4f();
  for (var l = 0u; l < LEVELS; l++) {
    weights[l] = exp(logits[l] - largest);
  }
  return weights / (weights.x + weights.y + weights.z + weights.w);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let weights = level_weights();
  var sum = weights.x * input0[index];
  if (LEVELS > 1u) {
    sum += weights.y * input1[index];
  }
  if (LEVELS > 2u) {
    sum += weights.z * input2[index];
  }
  if (LEVELS > 3u) {
    sum += weights.w * input3[index];
  }
  output[index] = sum;
}
`,
}
