// Generated from shaders/*.wgsl by `npm run shaders`. Do not edit.

export type ShaderName =
  | "accumulate"
  | "accumulate_vec4"
  | "adamw_update"
  | "adamw_update_vec4"
  | "add"
  | "add_vec4"
  | "average_gradient"
  | "average_gradient_vec4"
  | "batch_norm_gradient_partials"
  | "batch_norm_gradient_partials_vec4"
  | "batch_norm_gradient_total"
  | "batch_norm_input_gradient"
  | "batch_norm_input_gradient_vec4"
  | "batch_norm_normalise"
  | "batch_norm_normalise_vec4"
  | "batch_norm_partials"
  | "batch_norm_partials_vec4"
  | "batch_norm_relu_partials"
  | "batch_norm_relu_partials_vec4"
  | "batch_norm_statistics"
  | "bilinear_resize"
  | "bilinear_resize_gradient"
  | "bilinear_resize_gradient_vec4"
  | "bilinear_resize_vec4"
  | "center_crop"
  | "center_crop_gradient"
  | "center_crop_gradient_vec4"
  | "center_crop_vec4"
  | "channel_sum"
  | "chunk_total"
  | "clip_factor"
  | "conv2d_direct"
  | "conv2d_direct_weight_gradient"
  | "conv2d_lanes"
  | "conv2d_lanes_weight_gradient"
  | "conv2d_reduce"
  | "conv2d_subgroup"
  | "conv2d_subgroup_weight_gradient"
  | "conv2d_tiled"
  | "conv2d_tiled_weight_gradient"
  | "conv2d_transpose_weight"
  | "conv2d_transpose_weight_vec4"
  | "copy_blurred"
  | "crop_resize"
  | "decode_best"
  | "depthwise_correlation"
  | "depthwise_correlation_kernel_gradient"
  | "depthwise_correlation_rolling"
  | "fill"
  | "fold_batch_norm"
  | "frozen_batch_norm"
  | "frozen_batch_norm_gradient"
  | "frozen_batch_norm_gradient_vec4"
  | "frozen_batch_norm_vec4"
  | "interleave_phase"
  | "interleave_phase_vec4"
  | "loss_cross_entropy"
  | "loss_focal"
  | "loss_iou"
  | "loss_l1"
  | "loss_sum"
  | "max_pool"
  | "max_pool_gradient"
  | "max_pool_gradient_vec4"
  | "max_pool_vec4"
  | "motion_blur"
  | "pad_channels"
  | "pixel_sum_partials"
  | "pixel_sum_partials_vec4"
  | "relu"
  | "relu_gradient"
  | "relu_gradient_vec4"
  | "relu_vec4"
  | "scale"
  | "scale_by"
  | "scale_by_vec4"
  | "scale_vec4"
  | "sgd_update"
  | "sgd_update_vec4"
  | "squared_sum"
  | "squared_sum_vec4"
  | "sum_partials"
  | "warp_frames"
  | "weighted_sum"
  | "weighted_sum_input_gradient"
  | "weighted_sum_input_gradient_vec4"
  | "weighted_sum_products"
  | "weighted_sum_products_vec4"
  | "weighted_sum_vec4"
  | "weighted_sum_weight_gradient"
  | "winograd_input"
  | "winograd_output"
  | "winograd_output_gradient"
  | "winograd_weight"
  | "winograd_weight_gradient"

export const shaders: Readonly<Record<ShaderName, string>> = {
  "accumulate": `// Adds a share of one gradient to a running sum, in place: gradient accumulation over several batches.
//   sum = keep * sum + share * gradient, with keep = 0 (the sum begins anew, whatever it held) or 1
// The scalars are keep and share. Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read_write> sum: array<f32>;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> scalars: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let keep = scalars[0] != 0.0;
  let share = scalars[1] * gradient[index];
  if (keep) {
    sum[index] += share;
  } else {
    sum[index] = share;
  }
}
`,
  "accumulate_vec4": `// Adds a share of one gradient to a running sum, in place: gradient accumulation over several batches.
//   sum = keep * sum + share * gradient, with keep = 0 (the sum begins anew, whatever it held) or 1
// The scalars are keep and share. Element counts divisible by 4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements / 4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read_write> sum: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read> scalars: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let keep = scalars[0] != 0.0;
  let share = scalars[1] * gradient[index];
  if (keep) {
    sum[index] += share;
  } else {
    sum[index] = share;
  }
}
`,
  "adamw_update": `// One step of AdamW, in place, as torch.optim.AdamW:
//   g = clip * gradient;  m = m + (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2
//   parameter = decay * parameter - rate * m / (sqrt(v) / correction + eps)
// Row params.row of the scalars holds rate = lr / (1 - beta1^t), decay = 1 - lr * weight_decay and correction =
// sqrt(1 - beta2^t) as its third value; clip[1] is the factor of clipping. Unless clip[0], the norm, is finite,
// nothing changes. Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

const WORKGROUP: u32 = 64u;

const EXPONENT_BITS: u32 = 0x7f800000u;

struct Params {
  count: u32,
  row: u32,
  one_minus_beta1: f32,
  beta2: f32,
  one_minus_beta2: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(1) var<storage, read_write> average: array<f32>;
@group(0) @binding(2) var<storage, read_write> average_square: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<f32>;
@group(0) @binding(4) var<storage, read> scalars: array<vec4f>;
@group(0) @binding(5) var<storage, read> clip: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  let finite = (bitcast<u32>(clip[0]) & EXPONENT_BITS) != EXPONENT_BITS;
  if (index >= params.count || !finite) {
    return;
  }
  let rate = scalars[params.row].x;
  let decay = scalars[params.row].y;
  let correction = scalars[params.row].z;
  let g = clip[1] * gradient[index];
  let m = average[index] + params.one_minus_beta1 * (g - average[index]);
  let v = params.beta2 * average_square[index] + params.one_minus_beta2 * g * g;
  average[index] = m;
  average_square[index] = v;
  parameter[index] = decay * parameter[index] - rate * m / (sqrt(v) / correction + params.eps);
}
`,
  "adamw_update_vec4": `// One step of AdamW, in place, as torch.optim.AdamW:
//   g = clip * gradient;  m = m + (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2
//   parameter = decay * parameter - rate * m / (sqrt(v) / correction + eps)
// Row params.row of the scalars holds rate = lr / (1 - beta1^t), decay = 1 - lr * weight_decay and correction =
// sqrt(1 - beta2^t) as its third value; clip[1] is the factor of clipping. Unless clip[0], the norm, is finite,
// nothing changes. Element counts divisible by 4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements / 4.

const WORKGROUP: u32 = 64u;

const EXPONENT_BITS: u32 = 0x7f800000u;

struct Params {
  count: u32,
  row: u32,
  one_minus_beta1: f32,
  beta2: f32,
  one_minus_beta2: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read_write> parameter: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> average: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> average_square: array<vec4f>;
@group(0) @binding(3) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(4) var<storage, read> scalars: array<vec4f>;
@group(0) @binding(5) var<storage, read> clip: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  let finite = (bitcast<u32>(clip[0]) & EXPONENT_BITS) != EXPONENT_BITS;
  if (index >= params.count || !finite) {
    return;
  }
  let rate = scalars[params.row].x;
  let decay = scalars[params.row].y;
  let correction = scalars[params.row].z;
  let g = clip[1] * gradient[index];
  let m = average[index] + params.one_minus_beta1 * (g - average[index]);
  let v = params.beta2 * average_square[index] + params.one_minus_beta2 * g * g;
  average[index] = m;
  average_square[index] = v;
  parameter[index] = decay * parameter[index] - rate * m / (sqrt(v) / correction + params.eps);
}
`,
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
  "average_gradient": `// Gradient of the average of LEVELS tensors with respect to each of them: dx = dy / LEVELS.
// Any element count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 2u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  output[index] = gradient[index] / f32(LEVELS);
}
`,
  "average_gradient_vec4": `// Gradient of the average of LEVELS tensors with respect to each of them: dx = dy / LEVELS.
// Element counts divisible by 4. One invocation computes four elements.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements / 4.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 2u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  output[index] = gradient[index] / f32(LEVELS);
}
`,
  "batch_norm_gradient_partials": `// First stage of the gradient of batch normalisation: sums over each chunk of pixels.
//   partial[chunk, 0, c] = sum of g * (x - mean[c]) * inv_std[c]      partial[chunk, 1, c] = sum of g
// g is the gradient of the output, zero with RELU where the forward pass clamped: its result before the ReLU,
// (x - mean) * inv_std * gamma + beta, is computed again rather than read. partial: [chunks, 2, C].
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Any channel count. One invocation takes one chunk of one channel.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * channels.

const WORKGROUP: u32 = 64u;
const RELU: bool = false;

struct Params {
  count: u32,
  channels: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
  // Where the chunks of this batch slice begin in \`partial\`.
  first_chunk: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> inv_std: array<f32>;
@group(0) @binding(4) var<storage, read> gamma: array<f32>;
@group(0) @binding(5) var<storage, read> beta: array<f32>;
@group(0) @binding(6) var<storage, read_write> partial: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channels = params.channels;
  let channel = index % channels;
  let chunk = index / channels;
  let interleave = max(1u, WORKGROUP / channels);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let center = mean[channel];
  let deviation = inv_std[channel];
  let scale = deviation * gamma[channel];
  let bias = beta[channel];
  var products = 0.0;
  var sum = 0.0;
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * channels + channel;
    let x = input[at] - center;
    var g = gradient[at];
    if (RELU) {
      g = select(0.0, g, fma(x, scale, bias) > 0.0);
    }
    products = fma(g, x, products);
    sum += g;
  }
  let slot = params.first_chunk + chunk;
  partial[2u * slot * channels + channel] = products * deviation;
  partial[(2u * slot + 1u) * channels + channel] = sum;
}
`,
  "batch_norm_gradient_partials_vec4": `// First stage of the gradient of batch normalisation: sums over each chunk of pixels.
//   partial[chunk, 0, c] = sum of g * (x - mean[c]) * inv_std[c]      partial[chunk, 1, c] = sum of g
// g is the gradient of the output, zero with RELU where the forward pass clamped: its result before the ReLU,
// (x - mean) * inv_std * gamma + beta, is computed again rather than read. partial: [chunks, 2, C].
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Channel counts divisible by 4; groups = C / 4. One invocation takes one chunk of one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * groups.

const WORKGROUP: u32 = 64u;
const RELU: bool = false;

struct Params {
  count: u32,
  groups: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
  // Where the chunks of this batch slice begin in \`partial\`.
  first_chunk: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read> mean: array<vec4f>;
@group(0) @binding(3) var<storage, read> inv_std: array<vec4f>;
@group(0) @binding(4) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(5) var<storage, read> beta: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let groups = params.groups;
  let channel = index % groups;
  let chunk = index / groups;
  let interleave = max(1u, WORKGROUP / groups);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let center = mean[channel];
  let deviation = inv_std[channel];
  let scale = deviation * gamma[channel];
  let bias = beta[channel];
  var products = vec4f();
  var sum = vec4f();
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * groups + channel;
    let x = input[at] - center;
    var g = gradient[at];
    if (RELU) {
      g = select(vec4f(), g, fma(x, scale, bias) > vec4f());
    }
    products = fma(g, x, products);
    sum += g;
  }
  let slot = params.first_chunk + chunk;
  partial[2u * slot * groups + channel] = products * deviation;
  partial[(2u * slot + 1u) * groups + channel] = sum;
}
`,
  "batch_norm_gradient_total": `// Second stage of the gradient of batch normalisation: adds the chunks of batch_norm_gradient_partials.
//   dgamma = sum of g * xhat,  dbeta = sum of g,  over all N pixels
// and what batch_norm_input_gradient needs: [5, C] with mean, inv_std * gamma, beta, dbeta / N, inv_std * dgamma / N.
// LANES invocations share a channel: each takes every LANES-th chunk, then they add up as a tree, in one order always.
// Dispatch: ceil(params.channels * LANES / WORKGROUP) workgroups over x.

const WORKGROUP: u32 = 64u;
const LANES: u32 = 1u;

const COLUMNS: u32 = WORKGROUP / LANES;

struct Params {
  channels: u32,
  chunks: u32,
  // N
  pixels: f32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> inv_std: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> beta: array<f32>;
@group(0) @binding(5) var<storage, read_write> gamma_gradient: array<f32>;
@group(0) @binding(6) var<storage, read_write> beta_gradient: array<f32>;
@group(0) @binding(7) var<storage, read_write> coefficients: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

fn across_lanes(local: u32, value: f32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  workgroupBarrier();
  sums[local] = value;
  for (var distance = LANES / 2u; distance > 0u; distance /= 2u) {
    workgroupBarrier();
    if (local < distance * COLUMNS) {
      sums[local] += sums[local + distance * COLUMNS];
    }
  }
  workgroupBarrier();
  return sums[local % COLUMNS];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let channel = group.x * COLUMNS + local % COLUMNS;
  let lane = local / COLUMNS;
  let column = min(channel, params.channels - 1u);

  var products = 0.0;
  var sum = 0.0;
  for (var k = lane; k < params.chunks; k += LANES) {
    products += partial[2u * k * params.channels + column];
    sum += partial[(2u * k + 1u) * params.channels + column];
  }
  let all_products = across_lanes(local, products);
  let all = across_lanes(local, sum);
  if (channel < params.channels && lane == 0u) {
    gamma_gradient[channel] = all_products;
    beta_gradient[channel] = all;
    coefficients[channel] = mean[channel];
    coefficients[params.channels + channel] = inv_std[channel] * gamma[channel];
    coefficients[2u * params.channels + channel] = beta[channel];
    coefficients[3u * params.channels + channel] = all / params.pixels;
    coefficients[4u * params.channels + channel] = inv_std[channel] * all_products / params.pixels;
  }
}
`,
  "batch_norm_input_gradient": `// Last stage of the gradient of batch normalisation with the batch's statistics, N pixels in all:
//   dx = scale * (g - sum(g) / N - xhat * sum(g * xhat) / N),  xhat = (x - mean) * inv_std,  scale = inv_std * gamma
// coefficients: [5, C] with mean, scale, beta, sum(g) / N and inv_std * sum(g * xhat) / N. g is the gradient of the
// output, zero with RELU where the forward pass clamped: its result before the ReLU is computed again rather than read.
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Any channel count. One invocation takes one chunk of one channel.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * channels.

const WORKGROUP: u32 = 64u;
const RELU: bool = false;

struct Params {
  count: u32,
  channels: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> coefficients: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channels = params.channels;
  let channel = index % channels;
  let chunk = index / channels;
  let interleave = max(1u, WORKGROUP / channels);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let center = coefficients[channel];
  let scale = coefficients[channels + channel];
  let bias = coefficients[2u * channels + channel];
  let sum_part = coefficients[3u * channels + channel];
  let product_part = coefficients[4u * channels + channel];
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * channels + channel;
    let x = input[at] - center;
    var g = gradient[at];
    if (RELU) {
      g = select(0.0, g, fma(x, scale, bias) > 0.0);
    }
    output[at] = scale * (g - sum_part - x * product_part);
  }
}
`,
  "batch_norm_input_gradient_vec4": `// Last stage of the gradient of batch normalisation with the batch's statistics, N pixels in all:
//   dx = scale * (g - sum(g) / N - xhat * sum(g * xhat) / N),  xhat = (x - mean) * inv_std,  scale = inv_std * gamma
// coefficients: [5, C] with mean, scale, beta, sum(g) / N and inv_std * sum(g * xhat) / N. g is the gradient of the
// output, zero with RELU where the forward pass clamped: its result before the ReLU is computed again rather than read.
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Channel counts divisible by 4; groups = C / 4. One invocation takes one chunk of one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * groups.

const WORKGROUP: u32 = 64u;
const RELU: bool = false;

struct Params {
  count: u32,
  groups: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read> coefficients: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let groups = params.groups;
  let channel = index % groups;
  let chunk = index / groups;
  let interleave = max(1u, WORKGROUP / groups);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let center = coefficients[channel];
  let scale = coefficients[groups + channel];
  let bias = coefficients[2u * groups + channel];
  let sum_part = coefficients[3u * groups + channel];
  let product_part = coefficients[4u * groups + channel];
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * groups + channel;
    let x = input[at] - center;
    var g = gradient[at];
    if (RELU) {
      g = select(vec4f(), g, fma(x, scale, bias) > vec4f());
    }
    output[at] = scale * (g - sum_part - x * product_part);
  }
}
`,
  "batch_norm_normalise": `// Batch normalisation with the batch's statistics, with an optional residual and ReLU.
//   y = max((x - mean[c]) * inv_std[c] * gamma[c] + beta[c] + residual, 0)    (both last steps if asked for)
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Any channel count. One invocation takes one chunk of one channel.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * channels.

const WORKGROUP: u32 = 64u;
const HAS_RESIDUAL: bool = false;
const RELU: bool = false;

struct Params {
  count: u32,
  channels: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> inv_std: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> beta: array<f32>;
@group(0) @binding(5) var<storage, read> residual: array<f32>;
@group(0) @binding(6) var<storage, read_write> output: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channels = params.channels;
  let channel = index % channels;
  let chunk = index / channels;
  let interleave = max(1u, WORKGROUP / channels);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let center = mean[channel];
  let scale = inv_std[channel] * gamma[channel];
  let bias = beta[channel];
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * channels + channel;
    var y = fma(input[at] - center, scale, bias);
    if (HAS_RESIDUAL) {
      y += residual[at];
    }
    output[at] = select(y, max(y, 0.0), RELU);
  }
}
`,
  "batch_norm_normalise_vec4": `// Batch normalisation with the batch's statistics, with an optional residual and ReLU.
//   y = max((x - mean[c]) * inv_std[c] * gamma[c] + beta[c] + residual, 0)    (both last steps if asked for)
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Channel counts divisible by 4; groups = C / 4. One invocation takes one chunk of one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * groups.

const WORKGROUP: u32 = 64u;
const HAS_RESIDUAL: bool = false;
const RELU: bool = false;

struct Params {
  count: u32,
  groups: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> mean: array<vec4f>;
@group(0) @binding(2) var<storage, read> inv_std: array<vec4f>;
@group(0) @binding(3) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(4) var<storage, read> beta: array<vec4f>;
@group(0) @binding(5) var<storage, read> residual: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let groups = params.groups;
  let channel = index % groups;
  let chunk = index / groups;
  let interleave = max(1u, WORKGROUP / groups);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let center = mean[channel];
  let scale = inv_std[channel] * gamma[channel];
  let bias = beta[channel];
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * groups + channel;
    var y = fma(input[at] - center, scale, bias);
    if (HAS_RESIDUAL) {
      y += residual[at];
    }
    output[at] = select(y, max(y, vec4f()), RELU);
  }
}
`,
  "batch_norm_partials": `// First stage of batch statistics: mean and sum of squared deviations of each chunk of pixels, in one read of x.
//   s = sum of (x - x0), q = sum of (x - x0)^2, x0 the chunk's first value;  mean = x0 + s / n,  M2 = q - s^2 / n
// The shift by x0 keeps q - s^2 / n from cancelling where the mean is large. partial: [chunks, 2, C]; counts: [chunks].
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Any channel count. One invocation takes one chunk of one channel.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * channels.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  channels: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
  // Where the chunks of this batch slice begin in \`partial\`.
  first_chunk: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> counts: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channels = params.channels;
  let channel = index % channels;
  let chunk = index / channels;
  let interleave = max(1u, WORKGROUP / channels);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let shift = input[min(first, params.pixels - 1u) * channels + channel];
  var sum = 0.0;
  var squares = 0.0;
  var n = 0.0;
  for (var pixel = first; pixel < end; pixel += interleave) {
    let x = input[pixel * channels + channel] - shift;
    sum += x;
    squares = fma(x, x, squares);
    n += 1.0;
  }
  let offset = sum / max(n, 1.0);
  let slot = params.first_chunk + chunk;
  partial[2u * slot * channels + channel] = shift + offset;
  partial[(2u * slot + 1u) * channels + channel] = max(squares - sum * offset, 0.0);
  if (channel == 0u) {
    counts[slot] = n;
  }
}
`,
  "batch_norm_partials_vec4": `// First stage of batch statistics: mean and sum of squared deviations of each chunk of pixels, in one read of x.
//   s = sum of (x - x0), q = sum of (x - x0)^2, x0 the chunk's first value;  mean = x0 + s / n,  M2 = q - s^2 / n
// The shift by x0 keeps q - s^2 / n from cancelling where the mean is large. partial: [chunks, 2, C]; counts: [chunks].
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Channel counts divisible by 4; groups = C / 4. One invocation takes one chunk of one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * groups.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  groups: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
  // Where the chunks of this batch slice begin in \`partial\`.
  first_chunk: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> counts: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let groups = params.groups;
  let channel = index % groups;
  let chunk = index / groups;
  let interleave = max(1u, WORKGROUP / groups);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let shift = input[min(first, params.pixels - 1u) * groups + channel];
  var sum = vec4f();
  var squares = vec4f();
  var n = 0.0;
  for (var pixel = first; pixel < end; pixel += interleave) {
    let x = input[pixel * groups + channel] - shift;
    sum += x;
    squares = fma(x, x, squares);
    n += 1.0;
  }
  let offset = sum / max(n, 1.0);
  let slot = params.first_chunk + chunk;
  partial[2u * slot * groups + channel] = shift + offset;
  partial[(2u * slot + 1u) * groups + channel] = max(squares - sum * offset, vec4f());
  if (channel == 0u) {
    counts[slot] = n;
  }
}
`,
  "batch_norm_relu_partials": `// First stage of the gradient of batch normalisation with a ReLU, where the output is at hand: passes the gradient
// through the ReLU, which makes it the gradient of a residual too, and sums it over each chunk of pixels.
//   g = dy where y > 0, else 0
//   partial[chunk, 0, c] = sum of g * (x - mean[c]) * inv_std[c]      partial[chunk, 1, c] = sum of g
// y is the forward pass's output. partial: [chunks, 2, C].
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Any channel count. One invocation takes one chunk of one channel.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * channels.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  channels: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
  // Where the chunks of this batch slice begin in \`partial\`.
  first_chunk: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> activation: array<f32>;
@group(0) @binding(2) var<storage, read> input: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> inv_std: array<f32>;
@group(0) @binding(5) var<storage, read_write> unclamped: array<f32>;
@group(0) @binding(6) var<storage, read_write> partial: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channels = params.channels;
  let channel = index % channels;
  let chunk = index / channels;
  let interleave = max(1u, WORKGROUP / channels);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let center = mean[channel];
  var products = 0.0;
  var sum = 0.0;
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * channels + channel;
    let g = select(0.0, gradient[at], activation[at] > 0.0);
    unclamped[at] = g;
    products = fma(g, input[at] - center, products);
    sum += g;
  }
  let slot = params.first_chunk + chunk;
  partial[2u * slot * channels + channel] = products * inv_std[channel];
  partial[(2u * slot + 1u) * channels + channel] = sum;
}
`,
  "batch_norm_relu_partials_vec4": `// First stage of the gradient of batch normalisation with a ReLU, where the output is at hand: passes the gradient
// through the ReLU, which makes it the gradient of a residual too, and sums it over each chunk of pixels.
//   g = dy where y > 0, else 0
//   partial[chunk, 0, c] = sum of g * (x - mean[c]) * inv_std[c]      partial[chunk, 1, c] = sum of g
// y is the forward pass's output. partial: [chunks, 2, C].
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Channel counts divisible by 4; groups = C / 4. One invocation takes one chunk of one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * groups.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  groups: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
  // Where the chunks of this batch slice begin in \`partial\`.
  first_chunk: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> activation: array<vec4f>;
@group(0) @binding(2) var<storage, read> input: array<vec4f>;
@group(0) @binding(3) var<storage, read> mean: array<vec4f>;
@group(0) @binding(4) var<storage, read> inv_std: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> unclamped: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let groups = params.groups;
  let channel = index % groups;
  let chunk = index / groups;
  let interleave = max(1u, WORKGROUP / groups);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let center = mean[channel];
  var products = vec4f();
  var sum = vec4f();
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * groups + channel;
    let g = select(vec4f(), gradient[at], activation[at] > vec4f());
    unclamped[at] = g;
    products = fma(g, input[at] - center, products);
    sum += g;
  }
  let slot = params.first_chunk + chunk;
  partial[2u * slot * groups + channel] = products * inv_std[channel];
  partial[(2u * slot + 1u) * groups + channel] = sum;
}
`,
  "batch_norm_statistics": `// Second stage of batch statistics: joins the chunks of batch_norm_partials (n, mean, M2 each) by Chan's formula:
//   mean = sum(n * mean_k) / N,  M2 = sum(M2_k + n * (mean_k - mean)^2),  N = sum(n),
// and updates the running statistics in place, with the unbiased variance as PyTorch does:
//   inv_std = 1 / sqrt(M2 / N + eps),  running = (1 - momentum) * running + momentum * {mean, M2 / (N - 1)}
// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
// LANES invocations share a channel: each takes every LANES-th chunk, then they add up as a tree, in one order always.
// Dispatch: ceil(params.channels * LANES / WORKGROUP) workgroups over x.

const WORKGROUP: u32 = 64u;
const LANES: u32 = 1u;

const COLUMNS: u32 = WORKGROUP / LANES;

struct Params {
  channels: u32,
  chunks: u32,
  // N
  pixels: f32,
  momentum: f32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> counts: array<f32>;
@group(0) @binding(2) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> running_var: array<f32>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> inv_std: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

fn across_lanes(local: u32, value: f32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  workgroupBarrier();
  sums[local] = value;
  for (var distance = LANES / 2u; distance > 0u; distance /= 2u) {
    workgroupBarrier();
    if (local < distance * COLUMNS) {
      sums[local] += sums[local + distance * COLUMNS];
    }
  }
  workgroupBarrier();
  return sums[local % COLUMNS];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let channel = group.x * COLUMNS + local % COLUMNS;
  let lane = local / COLUMNS;
  let column = min(channel, params.channels - 1u);

  // Means are summed as differences from the first one, which are small.
  let base = partial[column];
  var difference = 0.0;
  for (var k = lane; k < params.chunks; k += LANES) {
    difference = fma(counts[k], partial[2u * k * params.channels + column] - base, difference);
  }
  let center = base + across_lanes(local, difference) / params.pixels;
  var deviations = 0.0;
  for (var k = lane; k < params.chunks; k += LANES) {
    let apart = partial[2u * k * params.channels + column] - center;
    deviations += fma(counts[k] * apart, apart, partial[(2u * k + 1u) * params.channels + column]);
  }
  let m2 = across_lanes(local, deviations);
  if (channel < params.channels && lane == 0u) {
    mean[channel] = center;
    inv_std[channel] = 1.0 / sqrt(m2 / params.pixels + params.eps);
    let momentum = params.momentum;
    running_mean[channel] = fma(momentum, center, (1.0 - momentum) * running_mean[channel]);
    running_var[channel] = fma(momentum, m2 / (params.pixels - 1.0), (1.0 - momentum) * running_var[channel]);
  }
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
  "bilinear_resize_gradient": `// Gradient of the bilinear resize with half-pixel centres: each pixel collects from the outputs that it was mixed into.
//   dx[n,y,x,c] = sum over i, j of weight(y, i) * weight(x, j) * dy[n,i,j,c]                                   (NHWC)
// weight(y, i): the part of input row y in output row i, whose source row is max(0, (i + 0.5) * IN / OUT - 0.5).
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * IN_H * IN_W * CHANNELS.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const OUT_H: u32 = 8u;
const OUT_W: u32 = 8u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

// The part of pixel \`at\` in output pixel \`i\`, along an axis of \`size\` pixels resized to \`resized\`.
fn weight(at: u32, i: u32, size: u32, resized: u32) -> f32 {
  // In units of half an output pixel: integers, so that quotient and remainder are exact.
  let source = max((2u * i + 1u) * size, resized) - resized;
  let low = source / (2u * resized);
  let fraction = f32(source % (2u * resized)) / f32(2u * resized);
  var part = 0.0;
  if (low == at) {
    part += 1.0 - fraction;
  }
  if (min(low + 1u, size - 1u) == at) {
    part += fraction;
  }
  return part;
}

// First output pixel whose source may lie within a pixel of \`at\`; one early, so that rounding leaves none out.
fn first_output(at: u32, size: u32, resized: u32) -> u32 {
  return u32(max(0.0, floor((f32(at) - 0.5) * f32(resized) / f32(size) - 0.5) - 1.0));
}

// One past the last such output pixel.
fn end_output(at: u32, size: u32, resized: u32) -> u32 {
  if (at + 1u == size) {
    return resized;
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

  var sum = 0.0;
  for (var i = first_output(y, IN_H, OUT_H); i < end_row; i++) {
    let row_weight = weight(y, i, IN_H, OUT_H);
    for (var j = first_output(x, IN_W, OUT_W); j < end_column; j++) {
      let part = row_weight * weight(x, j, IN_W, OUT_W);
      sum += part * gradient[((n * OUT_H + i) * OUT_W + j) * CHANNELS + channel];
    }
  }
  output[index] = sum;
}
`,
  "bilinear_resize_gradient_vec4": `// Gradient of the bilinear resize with half-pixel centres: each pixel collects from the outputs that it was mixed into.
//   dx[n,y,x,c] = sum over i, j of weight(y, i) * weight(x, j) * dy[n,i,j,c]                                   (NHWC)
// weight(y, i): the part of input row y in output row i, whose source row is max(0, (i + 0.5) * IN / OUT - 0.5).
// Channel counts divisible by 4; GROUPS = C / 4. One invocation computes one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * IN_H * IN_W * GROUPS.

const WORKGROUP: u32 = 64u;
const GROUPS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const OUT_H: u32 = 8u;
const OUT_W: u32 = 8u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

// The part of pixel \`at\` in output pixel \`i\`, along an axis of \`size\` pixels resized to \`resized\`.
fn weight(at: u32, i: u32, size: u32, resized: u32) -> f32 {
  // In units of half an output pixel: integers, so that quotient and remainder are exact.
  let source = max((2u * i + 1u) * size, resized) - resized;
  let low = source / (2u * resized);
  let fraction = f32(source % (2u * resized)) / f32(2u * resized);
  var part = 0.0;
  if (low == at) {
    part += 1.0 - fraction;
  }
  if (min(low + 1u, size - 1u) == at) {
    part += fraction;
  }
  return part;
}

// First output pixel whose source may lie within a pixel of \`at\`; one early, so that rounding leaves none out.
fn first_output(at: u32, size: u32, resized: u32) -> u32 {
  return u32(max(0.0, floor((f32(at) - 0.5) * f32(resized) / f32(size) - 0.5) - 1.0));
}

// One past the last such output pixel.
fn end_output(at: u32, size: u32, resized: u32) -> u32 {
  if (at + 1u == size) {
    return resized;
  }
  return min(resized, u32(ceil((f32(at) + 1.5) * f32(resized) / f32(size) - 0.5) + 2.0));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % GROUPS;
  let pixel = index / GROUPS;
  let n = pixel / (IN_W * IN_H);
  let x = pixel % IN_W;
  let y = (pixel / IN_W) % IN_H;
  let end_row = end_output(y, IN_H, OUT_H);
  let end_column = end_output(x, IN_W, OUT_W);

  var sum = vec4f();
  for (var i = first_output(y, IN_H, OUT_H); i < end_row; i++) {
    let row_weight = weight(y, i, IN_H, OUT_H);
    for (var j = first_output(x, IN_W, OUT_W); j < end_column; j++) {
      let part = row_weight * weight(x, j, IN_W, OUT_W);
      sum += part * gradient[((n * OUT_H + i) * OUT_W + j) * GROUPS + channel];
    }
  }
  output[index] = sum;
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
  "center_crop_gradient": `// Gradient of the centre crop: the crop's gradient at its place, zeros around it.
//   dx[n,i,j,c] = dy[n, i - TOP, j - LEFT, c] inside the crop, else 0                                          (NHWC)
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * IN_H * IN_W * CHANNELS.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const OUT_H: u32 = 4u;
const OUT_W: u32 = 4u;
const TOP: u32 = 2u;
const LEFT: u32 = 2u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
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
  let n = pixel / (IN_W * IN_H);
  // Positions in the crop; the unsigned difference wraps to a huge number above and left of it.
  let j = pixel % IN_W - LEFT;
  let i = (pixel / IN_W) % IN_H - TOP;
  var value = 0.0;
  if (i < OUT_H && j < OUT_W) {
    value = gradient[((n * OUT_H + i) * OUT_W + j) * CHANNELS + channel];
  }
  output[index] = value;
}
`,
  "center_crop_gradient_vec4": `// Gradient of the centre crop: the crop's gradient at its place, zeros around it.
//   dx[n,i,j,c] = dy[n, i - TOP, j - LEFT, c] inside the crop, else 0                                          (NHWC)
// Channel counts divisible by 4; GROUPS = C / 4. One invocation computes one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * IN_H * IN_W * GROUPS.

const WORKGROUP: u32 = 64u;
const GROUPS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const OUT_H: u32 = 4u;
const OUT_W: u32 = 4u;
const TOP: u32 = 2u;
const LEFT: u32 = 2u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
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
  let n = pixel / (IN_W * IN_H);
  // Positions in the crop; the unsigned difference wraps to a huge number above and left of it.
  let j = pixel % IN_W - LEFT;
  let i = (pixel / IN_W) % IN_H - TOP;
  var value = vec4f();
  if (i < OUT_H && j < OUT_W) {
    value = gradient[((n * OUT_H + i) * OUT_W + j) * GROUPS + channel];
  }
  output[index] = value;
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
  "chunk_total": `// Second stage of a sum over chunks: adds plane PLANE of a workspace [chunks, PLANES, C].
//   total[c] = sum over chunks of partial[chunk, PLANE, c]
// LANES invocations share a channel: each takes every LANES-th chunk, then they add up as a tree, in one order always.
// Dispatch: ceil(params.channels * LANES / WORKGROUP) workgroups over x.

const WORKGROUP: u32 = 64u;
const LANES: u32 = 1u;
const PLANES: u32 = 1u;
const PLANE: u32 = 0u;

const COLUMNS: u32 = WORKGROUP / LANES;

struct Params {
  channels: u32,
  chunks: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> total: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

fn across_lanes(local: u32, value: f32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  workgroupBarrier();
  sums[local] = value;
  for (var distance = LANES / 2u; distance > 0u; distance /= 2u) {
    workgroupBarrier();
    if (local < distance * COLUMNS) {
      sums[local] += sums[local + distance * COLUMNS];
    }
  }
  workgroupBarrier();
  return sums[local % COLUMNS];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let channel = group.x * COLUMNS + local % COLUMNS;
  let lane = local / COLUMNS;
  let column = min(channel, params.channels - 1u);

  var sum = 0.0;
  for (var k = lane; k < params.chunks; k += LANES) {
    sum += partial[(k * PLANES + PLANE) * params.channels + column];
  }
  let all = across_lanes(local, sum);
  if (channel < params.channels && lane == 0u) {
    total[channel] = all;
  }
}
`,
  "clip_factor": `// Norm of all gradients from their partial sums of squares, and the factor that limits it (clip_grad_norm_ of PyTorch):
//   clip[0] = sqrt(sum of partial);  clip[1] = min(1, max_norm / (clip[0] + EPS)), or 1 without LIMIT
// One workgroup; the order of additions is fixed.
// Dispatch: 1 workgroup.

const WORKGROUP: u32 = 256u;
const LIMIT: bool = true;

const EPS: f32 = 1e-6;

struct Params {
  count: u32,
  max_norm: f32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> clip: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var index = local; index < params.count; index += WORKGROUP) {
    sum += partial[index];
  }
  sums[local] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (local < half) {
      sums[local] += sums[local + half];
    }
    workgroupBarrier();
  }
  if (local == 0u) {
    let norm = sqrt(sums[0]);
    clip[0] = norm;
    clip[1] = select(1.0, min(1.0, params.max_norm / (norm + EPS)), LIMIT);
  }
}
`,
  "conv2d_direct": `// Convolution of any kernel size, stride, padding, dilation, groups and channel count, one element per invocation:
//   y[p, o] = epilogue(sum over tap, c of x[pixel(p, tap), g(o) * IN_C/groups + c] * w[tap, c, o]),   NHWC
// The fallback where no tiled kernel fits: channels not divisible by 4, groups, and very few output channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = N * OH * OW * OUT_C.

const WORKGROUP: u32 = 64u;
const HAS_SCALE: bool = false;
const HAS_BIAS: bool = false;
const HAS_RESIDUAL: bool = false;
const RELU: bool = false;

struct Params {
  count: u32,
  in_height: u32,
  in_width: u32,
  in_stride: u32, // elements from one pixel to the next
  in_first: u32, // first channel that is read
  out_height: u32,
  out_width: u32,
  out_channels: u32,
  panel: u32, // output channels that lie together in the filter
  kernel_height: u32,
  kernel_width: u32,
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  group_inputs: u32, // input channels of one group
  group_outputs: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> scale: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let o = index % params.out_channels;
  let pixel = index / params.out_channels;
  let x = pixel % params.out_width;
  let y = (pixel / params.out_width) % params.out_height;
  let n = pixel / (params.out_width * params.out_height);
  let filter_rows = params.kernel_height * params.kernel_width * params.group_inputs;
  let column = o / params.panel * params.panel * filter_rows + o % params.panel;
  let first = (o / params.group_outputs) * params.group_inputs;

  var sum = 0.0;
  for (var ky = 0u; ky < params.kernel_height; ky++) {
    let iy = i32(y * params.stride + ky * params.dilation) - params.padding_y;
    if (iy < 0 || iy >= i32(params.in_height)) {
      continue;
    }
    for (var kx = 0u; kx < params.kernel_width; kx++) {
      let ix = i32(x * params.stride + kx * params.dilation) - params.padding_x;
      if (ix < 0 || ix >= i32(params.in_width)) {
        continue;
      }
      let pixel_in = (n * params.in_height + u32(iy)) * params.in_width + u32(ix);
      let at = pixel_in * params.in_stride + params.in_first + first;
      let row = (ky * params.kernel_width + kx) * params.group_inputs;
      for (var c = 0u; c < params.group_inputs; c++) {
        sum = fma(input[at + c], weight[column + (row + c) * params.panel], sum);
      }
    }
  }
  if (HAS_SCALE) {
    sum *= scale[o];
  }
  if (HAS_BIAS) {
    sum += bias[o];
  }
  if (HAS_RESIDUAL) {
    sum += residual[index];
  }
  output[index] = select(sum, max(sum, 0.0), RELU);
}
`,
  "conv2d_direct_weight_gradient": `// Gradient of a convolution's filter, one element per invocation, any kernel size, stride, padding, dilation, groups
// and channel count, NHWC:
//   dw[tap, c, o] = sum over pixels p of x[pixel(p, tap), g(o) * IN_C/groups + c] * dy[p, o]
// in the packed layout [O / panel, kh, kw, I, panel]; output channels that only fill the panel get zeros. The
// fallback where no tiled kernel fits. Sums of rows are added up, so that a long sum in f32 stays accurate. Split z
// sums only its share of the rows of all samples and writes its own copy of dw; sum_partials adds them in order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements of dw; z =
// splits.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  rows: u32, // of the output, all samples together
  split_rows: u32, // of each split
  in_height: u32,
  in_width: u32,
  in_stride: u32, // elements from one pixel to the next
  in_first: u32, // first channel that is read
  out_height: u32,
  out_width: u32,
  out_channels: u32,
  panel: u32, // output channels that lie together in the filter
  kernel_height: u32,
  kernel_width: u32,
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  group_inputs: u32, // input channels of one group
  group_outputs: u32,
  accumulate: u32, // add to what is there
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

// The output rows (or columns) from x to y - 1 whose input at an offset lies in an image of that size.
fn inside(offset: i32, size: u32, count: u32) -> vec2u {
  let stride = i32(params.stride);
  let first = max(0, stride - 1 - offset) / stride;
  let last = max(0, i32(size) - offset + stride - 1) / stride;
  return vec2u(u32(first), min(u32(last), count));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let filter_row = index / params.panel;
  let c = filter_row % params.group_inputs;
  let tap = filter_row / params.group_inputs;
  let kx = tap % params.kernel_width;
  let ky = (tap / params.kernel_width) % params.kernel_height;
  let o = tap / (params.kernel_width * params.kernel_height) * params.panel + index % params.panel;

  var total = 0.0;
  if (o < params.out_channels) {
    let channel = params.in_first + (o / params.group_outputs) * params.group_inputs + c;
    let offset_y = i32(ky * params.dilation) - params.padding_y;
    let offset_x = i32(kx * params.dilation) - params.padding_x;
    let rows = inside(offset_y, params.in_height, params.out_height);
    let columns = inside(offset_x, params.in_width, params.out_width);
    let first_row = id.z * params.split_rows;
    let end_row = min(first_row + params.split_rows, params.rows);
    for (var row = first_row; row < end_row; row++) {
      let y = row % params.out_height;
      if (y < rows.x || y >= rows.y) {
        continue;
      }
      let row_in = row / params.out_height * params.in_height + u32(i32(y * params.stride) + offset_y);
      let first_in = i32(row_in * params.in_width) + offset_x;
      let first_out = row * params.out_width;
      var sum = 0.0;
      for (var x = columns.x; x < columns.y; x++) {
        let at = u32(first_in + i32(x * params.stride)) * params.in_stride + channel;
        sum = fma(input[at], gradient[(first_out + x) * params.out_channels + o], sum);
      }
      total += sum;
    }
  }
  let to = id.z * params.count + index;
  if (params.accumulate != 0u) {
    total += output[to];
  }
  output[to] = total;
}
`,
  "conv2d_lanes": `// Convolution as an implicit GEMM for software adapters with subgroups of 8 lanes and few output channels, NHWC:
//   y[p, o] = epilogue(sum over tap, c of x[pixel(p, tap), c] * w[tap, c, o])
// One subgroup computes 49 - TAPS neighbouring pixels x 8 Lanes of output channels. Each lane owns one Lane of channels
// and loads 6 of 48 positions; all lanes get them all through subgroupBroadcast. A software adapter gathers lane by
// lane, so loads decide: a position that was loaded serves TAPS taps of a filter row, for TAPS neighbouring outputs.
// For that, outputs are taken in an order in which one tap more is one position on: with g = gcd(stride, dilation),
// columns of one residue modulo dilation / g follow each other (a phase), with TAPS - 1 positions more per row than
// outputs, and taps of a filter row are taken stride / g apart (a group), which needs stride / g passes.
// Cin divisible by 4, Cout by the size of Lane.
// Dispatch: x, y = strips of 49 - TAPS positions, linearised, z = ceil(OUT_C / 8 Lanes).

enable subgroups;

// f32, vec2f or vec4f: written here by the launch.
alias Lane = vec4f;

const TAPS: u32 = 3u; // 1 to 4: of a filter row, taken together
const CHANNELS: u32 = 4u; // 3 for images, whose fourth channel is zero
const LANES: u32 = 8u;
const POSITIONS: u32 = 48u;

struct Params {
  positions: u32, // of all rows, phases and samples
  row_positions: u32, // outputs of a row and a phase, and TAPS - 1
  phases: u32,
  in_height: u32,
  in_width: u32,
  in_channels4: u32,
  in_stride4: u32, // vec4 from one pixel to the next
  in_first4: u32, // first vec4 of the channels that are read
  out_height: u32,
  out_width: u32,
  out_lanes: u32, // Lanes of all output channels
  panel: u32, // Lanes that lie together in the filter
  kernel_height: u32,
  kernel_width: u32,
  groups: u32, // passes over a filter row
  tap_step: u32, // from one tap of a group to the next
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  has_scale: u32,
  has_bias: u32,
  has_residual: u32,
  relu: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<Lane>;
@group(0) @binding(2) var<storage, read> scale: array<Lane>;
@group(0) @binding(3) var<storage, read> bias: array<Lane>;
@group(0) @binding(4) var<storage, read> residual: array<Lane>;
@group(0) @binding(5) var<storage, read_write> output: array<Lane>;
@group(0) @binding(6) var<uniform> params: Params;

// Where a position lies: \`row\` counts the output's rows of all samples.
struct Place {
  row: u32,
  phase: u32,
  column: u32,
}

// Where a position's receptive field begins: rows and columns of the input (may be negative), its sample's first row.
struct Origin {
  first: i32,
  y: i32,
  x: i32,
}

// Four rows of the filter.
struct Tap {
  a: Lane,
  b: Lane,
  c: Lane,
  d: Lane,
}

struct Taps {
  first: Tap,
  second: Tap,
  third: Tap,
  fourth: Tap,
}

fn place(position: u32) -> Place {
  let rest = position / params.row_positions;
  let row = rest / params.phases;
  return Place(row, rest - row * params.phases, position - rest * params.row_positions);
}

fn origin(position: u32) -> Origin {
  let at = place(position);
  let sample = at.row / params.out_height;
  let y = at.row - sample * params.out_height;
  let x = at.column * params.phases + at.phase;
  // Beyond the last position: a row that no image has.
  let first_y = select(-0x40000000, i32(y * params.stride) - params.padding_y, position < params.positions);
  return Origin(i32(sample * params.in_height), first_y, i32(x * params.stride) - params.padding_x);
}

// Index of the first vec4 of a position's input at a tap; -1 outside of the image.
fn tap_index(at: Origin, dy: i32, dx: i32) -> i32 {
  let y = at.y + dy;
  let x = at.x + dx;
  let inside = y >= 0 && x >= 0 && y < i32(params.in_height) && x < i32(params.in_width);
  let pixel = (at.first + y) * i32(params.in_width) + x;
  return select(-1, pixel * i32(params.in_stride4) + i32(params.in_first4), inside);
}

fn load(index: i32, c: u32) -> vec4f {
  return select(vec4f(), input[u32(max(index, 0)) + c], index >= 0);
}

fn load_tap(at: u32, row: u32, exists: bool) -> Tap {
  let a = weight[at];
  let b = weight[at + row];
  let c = weight[at + 2u * row];
  let d = weight[at + 3u * row];
  return Tap(
    select(Lane(), a, exists), select(Lane(), b, exists), select(Lane(), c, exists), select(Lane(), d, exists)
  );
}

fn times(w: Tap, x: vec4f) -> Lane {
  let y = w.a * x.x + w.b * x.y + w.c * x.z;
  if (CHANNELS == 3u) {
    return y;
  }
  return y + w.d * x.w;
}

// What four neighbouring positions add to an output.
fn dot(w: Taps, x0: vec4f, x1: vec4f, x2: vec4f, x3: vec4f) -> Lane {
  var y = times(w.first, x0);
  if (TAPS > 1u) {
    y += times(w.second, x1);
  }
  if (TAPS > 2u) {
    y += times(w.third, x2);
  }
  if (TAPS > 3u) {
    y += times(w.fourth, x3);
  }
  return y;
}

fn finish(at: u32, factor: Lane, summand: Lane, sum: Lane) {
  var y = sum * factor + summand;
  if (params.has_residual != 0u) {
    y += residual[at];
  }
  output[at] = select(y, max(y, Lane()), params.relu != 0u);
}

@compute @workgroup_size(8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let first = (group.y * grid.x + group.x) * (POSITIONS + 1u - TAPS);
  let column = group.z * LANES + lane;
  let near = min(column, params.out_lanes - 1u);
  let filter_rows = params.kernel_height * params.kernel_width * params.in_channels4 * 4u;
  let filter_start = near / params.panel * params.panel * filter_rows + near % params.panel;
  // Copies, because a parameter read in the loop is loaded again in each round.
  let channels4 = params.in_channels4;
  let panel = params.panel;
  let origin0 = origin(first + 0u * LANES + lane);
  let origin1 = origin(first + 1u * LANES + lane);
  let origin2 = origin(first + 2u * LANES + lane);
  let origin3 = origin(first + 3u * LANES + lane);
  let origin4 = origin(first + 4u * LANES + lane);
  let origin5 = origin(first + 5u * LANES + lane);
  var s0 = Lane(); var s1 = Lane(); var s2 = Lane(); var s3 = Lane();
  var s4 = Lane(); var s5 = Lane(); var s6 = Lane(); var s7 = Lane();
  var s8 = Lane(); var s9 = Lane(); var s10 = Lane(); var s11 = Lane();
  var s12 = Lane(); var s13 = Lane(); var s14 = Lane(); var s15 = Lane();
  var s16 = Lane(); var s17 = Lane(); var s18 = Lane(); var s19 = Lane();
  var s20 = Lane(); var s21 = Lane(); var s22 = Lane(); var s23 = Lane();
  var s24 = Lane(); var s25 = Lane(); var s26 = Lane(); var s27 = Lane();
  var s28 = Lane(); var s29 = Lane(); var s30 = Lane(); var s31 = Lane();
  var s32 = Lane(); var s33 = Lane(); var s34 = Lane(); var s35 = Lane();
  var s36 = Lane(); var s37 = Lane(); var s38 = Lane(); var s39 = Lane();
  var s40 = Lane(); var s41 = Lane(); var s42 = Lane(); var s43 = Lane();
  var s44 = Lane(); var s45 = Lane(); var s46 = Lane(); var s47 = Lane();
  let none = vec4f();

  for (var ky = 0u; ky < params.kernel_height; ky++) {
    let dy = i32(ky * params.dilation);
    for (var g = 0u; g < params.groups; g++) {
      // Groups of neighbouring taps where TAPS is not enough for a whole filter row, and of each every tap_step-th.
      let kx = g / params.tap_step * params.tap_step * TAPS + g % params.tap_step;
      let dx = i32(kx * params.dilation);
      let has_first = kx < params.kernel_width;
      let has_second = kx + params.tap_step < params.kernel_width;
      let has_third = kx + 2u * params.tap_step < params.kernel_width;
      let has_fourth = kx + 3u * params.tap_step < params.kernel_width;
      let tap_rows = channels4 * 4u * panel;
      let next = select(0u, params.tap_step * tap_rows, TAPS > 1u);
      var at = filter_start + (ky * params.kernel_width + kx) * tap_rows;
      let base0 = tap_index(origin0, dy, dx);
      let base1 = tap_index(origin1, dy, dx);
      let base2 = tap_index(origin2, dy, dx);
      let base3 = tap_index(origin3, dy, dx);
      let base4 = tap_index(origin4, dy, dx);
      let base5 = tap_index(origin5, dy, dx);
      for (var c = 0u; c < channels4; c++) {
        let x0 = load(base0, c);
        let x1 = load(base1, c);
        let x2 = load(base2, c);
        let x3 = load(base3, c);
        let x4 = load(base4, c);
        let x5 = load(base5, c);
        var w = Taps();
        w.first = load_tap(at, panel, has_first);
        if (TAPS > 1u) {
          w.second = load_tap(at + next, panel, has_second);
        }
        if (TAPS > 2u) {
          w.third = load_tap(at + 2u * next, panel, has_third);
        }
        if (TAPS > 3u) {
          w.fourth = load_tap(at + 3u * next, panel, has_fourth);
        }
        at += 4u * panel;
        let b0 = subgroupBroadcast(x0, 0u);
        let b1 = subgroupBroadcast(x0, 1u);
        let b2 = subgroupBroadcast(x0, 2u);
        let b3 = subgroupBroadcast(x0, 3u); s0 += dot(w, b0, b1, b2, b3);
        let b4 = subgroupBroadcast(x0, 4u); s1 += dot(w, b1, b2, b3, b4);
        let b5 = subgroupBroadcast(x0, 5u); s2 += dot(w, b2, b3, b4, b5);
        let b6 = subgroupBroadcast(x0, 6u); s3 += dot(w, b3, b4, b5, b6);
        let b7 = subgroupBroadcast(x0, 7u); s4 += dot(w, b4, b5, b6, b7);
        let b8 = subgroupBroadcast(x1, 0u); s5 += dot(w, b5, b6, b7, b8);
        let b9 = subgroupBroadcast(x1, 1u); s6 += dot(w, b6, b7, b8, b9);
        let b10 = subgroupBroadcast(x1, 2u); s7 += dot(w, b7, b8, b9, b10);
        let b11 = subgroupBroadcast(x1, 3u); s8 += dot(w, b8, b9, b10, b11);
        let b12 = subgroupBroadcast(x1, 4u); s9 += dot(w, b9, b10, b11, b12);
        let b13 = subgroupBroadcast(x1, 5u); s10 += dot(w, b10, b11, b12, b13);
        let b14 = subgroupBroadcast(x1, 6u); s11 += dot(w, b11, b12, b13, b14);
        let b15 = subgroupBroadcast(x1, 7u); s12 += dot(w, b12, b13, b14, b15);
        let b16 = subgroupBroadcast(x2, 0u); s13 += dot(w, b13, b14, b15, b16);
        let b17 = subgroupBroadcast(x2, 1u); s14 += dot(w, b14, b15, b16, b17);
        let b18 = subgroupBroadcast(x2, 2u); s15 += dot(w, b15, b16, b17, b18);
        let b19 = subgroupBroadcast(x2, 3u); s16 += dot(w, b16, b17, b18, b19);
        let b20 = subgroupBroadcast(x2, 4u); s17 += dot(w, b17, b18, b19, b20);
        let b21 = subgroupBroadcast(x2, 5u); s18 += dot(w, b18, b19, b20, b21);
        let b22 = subgroupBroadcast(x2, 6u); s19 += dot(w, b19, b20, b21, b22);
        let b23 = subgroupBroadcast(x2, 7u); s20 += dot(w, b20, b21, b22, b23);
        let b24 = subgroupBroadcast(x3, 0u); s21 += dot(w, b21, b22, b23, b24);
        let b25 = subgroupBroadcast(x3, 1u); s22 += dot(w, b22, b23, b24, b25);
        let b26 = subgroupBroadcast(x3, 2u); s23 += dot(w, b23, b24, b25, b26);
        let b27 = subgroupBroadcast(x3, 3u); s24 += dot(w, b24, b25, b26, b27);
        let b28 = subgroupBroadcast(x3, 4u); s25 += dot(w, b25, b26, b27, b28);
        let b29 = subgroupBroadcast(x3, 5u); s26 += dot(w, b26, b27, b28, b29);
        let b30 = subgroupBroadcast(x3, 6u); s27 += dot(w, b27, b28, b29, b30);
        let b31 = subgroupBroadcast(x3, 7u); s28 += dot(w, b28, b29, b30, b31);
        let b32 = subgroupBroadcast(x4, 0u); s29 += dot(w, b29, b30, b31, b32);
        let b33 = subgroupBroadcast(x4, 1u); s30 += dot(w, b30, b31, b32, b33);
        let b34 = subgroupBroadcast(x4, 2u); s31 += dot(w, b31, b32, b33, b34);
        let b35 = subgroupBroadcast(x4, 3u); s32 += dot(w, b32, b33, b34, b35);
        let b36 = subgroupBroadcast(x4, 4u); s33 += dot(w, b33, b34, b35, b36);
        let b37 = subgroupBroadcast(x4, 5u); s34 += dot(w, b34, b35, b36, b37);
        let b38 = subgroupBroadcast(x4, 6u); s35 += dot(w, b35, b36, b37, b38);
        let b39 = subgroupBroadcast(x4, 7u); s36 += dot(w, b36, b37, b38, b39);
        let b40 = subgroupBroadcast(x5, 0u); s37 += dot(w, b37, b38, b39, b40);
        let b41 = subgroupBroadcast(x5, 1u); s38 += dot(w, b38, b39, b40, b41);
        let b42 = subgroupBroadcast(x5, 2u); s39 += dot(w, b39, b40, b41, b42);
        let b43 = subgroupBroadcast(x5, 3u); s40 += dot(w, b40, b41, b42, b43);
        let b44 = subgroupBroadcast(x5, 4u); s41 += dot(w, b41, b42, b43, b44);
        let b45 = subgroupBroadcast(x5, 5u); s42 += dot(w, b42, b43, b44, b45);
        let b46 = subgroupBroadcast(x5, 6u); s43 += dot(w, b43, b44, b45, b46);
        let b47 = subgroupBroadcast(x5, 7u); s44 += dot(w, b44, b45, b46, b47);
        s45 += dot(w, b45, b46, b47, none);
        s46 += dot(w, b46, b47, none, none);
        s47 += dot(w, b47, none, none, none);
      }
    }
  }

  // A loop whose length the compiler does not know: stores are long code on a software adapter; there is one of them.
  var sums = array<Lane, POSITIONS>(
    s0, s1, s2, s3, s4, s5, s6, s7,
    s8, s9, s10, s11, s12, s13, s14, s15,
    s16, s17, s18, s19, s20, s21, s22, s23,
    s24, s25, s26, s27, s28, s29, s30, s31,
    s32, s33, s34, s35, s36, s37, s38, s39,
    s40, s41, s42, s43, s44, s45, s46, s47,
  );
  var factor = Lane() + 1.0;
  if (params.has_scale != 0u) {
    factor = scale[near];
  }
  var summand = Lane();
  if (params.has_bias != 0u) {
    summand = bias[near];
  }
  var at = place(first);
  let count = select(0u, min(POSITIONS + 1u - TAPS, params.positions - first), first < params.positions);
  for (var i = 0u; i < count; i++) {
    let x = at.column * params.phases + at.phase;
    let inside = at.column < params.row_positions + 1u - TAPS && x < params.out_width && column < params.out_lanes;
    if (inside) {
      finish((at.row * params.out_width + x) * params.out_lanes + column, factor, summand, sums[i]);
    }
    at.column++;
    if (at.column == params.row_positions) {
      at.column = 0u;
      at.phase++;
      if (at.phase == params.phases) {
        at.phase = 0u;
        at.row++;
      }
    }
  }
}
`,
  "conv2d_lanes_weight_gradient": `// Gradient of a convolution's filter for software adapters with subgroups of 8 lanes and few output channels, NHWC: a
// matrix product whose inner dimension is the pixels,
//   dw[k, o] = sum over p of x[pixel(p, tap(k)), c(k)] * dy[p, o],   k = tap * IN_C + c,
// in the packed layout [O / panel, k, panel]; output channels that only fill the panel get zeros. One subgroup
// computes 32 rows k x 8 Lanes of output channels, four pixels at a time, as conv2d_subgroup_weight_gradient does
// (see there) with two vec4 per lane. Cin divisible by 4, Cout by the size of Lane.
// Dispatch: x = ceil(taps * IN_C / 32), y = ceil(OUT_C padded to the panel / 8 Lanes), z = splits of the rows: z
// writes its own dw.

enable subgroups;

// f32, vec2f or vec4f: written here by the launch.
alias Lane = vec4f;

const CHANNELS: u32 = 4u; // 3 for images, whose fourth channel is zero
const ROWS: u32 = 32u;
const LANES: u32 = 8u;

struct Params {
  pixels: u32, // of the whole batch; only the last row may have fewer than out_width
  rows: u32, // of the whole batch: samples * out_height
  split_rows: u32, // in each
  in_height: u32,
  in_width: u32,
  in_channels4: u32,
  in_stride4: u32, // vec4 from one pixel to the next
  in_first4: u32, // first vec4 of the channels that are read
  out_height: u32,
  out_width: u32,
  out_lanes: u32, // Lanes of all output channels
  padded_lanes: u32, // with those that only fill the panel
  kernel_width: u32,
  taps: u32,
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  panel: u32, // Lanes that lie together in the filter
  accumulate: u32, // add to what is there
  sums: u32, // always ROWS
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<Lane>;
@group(0) @binding(2) var<storage, read_write> output: array<Lane>;
@group(0) @binding(3) var<uniform> params: Params;

// The outputs from x to y - 1 along an axis whose input at an offset lies in an image of that size.
fn inside(offset: i32, size: u32, count: u32) -> vec2i {
  let stride = i32(params.stride);
  let first = max(0, stride - 1 - offset) / stride;
  let last = max(0, i32(size) - offset + stride - 1) / stride;
  return vec2i(first, min(last, i32(count)));
}

// Rows and columns from an output pixel (times the stride) to the input pixel at a tap.
fn tap_offset(tap: u32) -> vec2i {
  let y = i32(tap / params.kernel_width * params.dilation) - params.padding_y;
  let x = i32(tap % params.kernel_width * params.dilation) - params.padding_x;
  return vec2i(x, y);
}

fn load(index: i32, is_inside: bool) -> vec4f {
  return select(vec4f(), input[u32(select(0, index, is_inside))], is_inside);
}

// Four pixels of the gradient.
struct Pixels {
  a: Lane,
  b: Lane,
  c: Lane,
  d: Lane,
}

fn gradients(at: u32, n: u32, last: u32) -> Pixels {
  return Pixels(
    gradient[at], gradient[min(at + n, last)], gradient[min(at + 2u * n, last)], gradient[min(at + 3u * n, last)]);
}

fn times(g: Pixels, x: vec4f) -> Lane {
  return g.a * x.x + g.b * x.y + g.c * x.z + g.d * x.w;
}

fn finish(row: u32, column: u32, split: u32, sum: Lane) {
  let filter_rows = params.taps * params.in_channels4 * 4u;
  if (row >= filter_rows || column >= params.padded_lanes) {
    return;
  }
  let panel = params.panel;
  let at = (split * params.padded_lanes + column / panel * panel) * filter_rows + row * panel + column % panel;
  var total = select(Lane(), sum, column < params.out_lanes);
  if (params.accumulate != 0u) {
    total += output[at];
  }
  output[at] = total;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let k = group.x * LANES + lane;
  let offset = tap_offset(k / params.in_channels4);
  let channel = params.in_first4 + k % params.in_channels4;
  var range_y = inside(offset.y, params.in_height, params.out_height);
  let range_x = inside(offset.x, params.in_width, params.out_width);
  if (k >= params.taps * params.in_channels4) {
    range_y = vec2i();
  }
  // What the whole subgroup goes over: what its only tap needs, or everything.
  var rows_y = vec2i(0, i32(params.out_height));
  var columns_x = vec2i(0, i32(params.out_width));
  let first_tap = group.x * LANES / params.in_channels4;
  if (first_tap == (group.x * LANES + LANES - 1u) / params.in_channels4) {
    rows_y = inside(tap_offset(first_tap).y, params.in_height, params.out_height);
    columns_x = inside(tap_offset(first_tap).x, params.in_width, params.out_width);
  }

  let column = group.y * LANES + lane;
  // Copies, because a parameter read in the loop is loaded again in each round.
  let out_lanes = params.out_lanes;
  let last_gradient = params.pixels * out_lanes - 1u;
  let step = i32(params.stride * params.in_stride4);
  var s0 = Lane(); var s1 = Lane(); var s2 = Lane(); var s3 = Lane();
  var s4 = Lane(); var s5 = Lane(); var s6 = Lane(); var s7 = Lane();
  var s8 = Lane(); var s9 = Lane(); var s10 = Lane(); var s11 = Lane();
  var s12 = Lane(); var s13 = Lane(); var s14 = Lane(); var s15 = Lane();
  var s16 = Lane(); var s17 = Lane(); var s18 = Lane(); var s19 = Lane();
  var s20 = Lane(); var s21 = Lane(); var s22 = Lane(); var s23 = Lane();
  var s24 = Lane(); var s25 = Lane(); var s26 = Lane(); var s27 = Lane();
  var s28 = Lane(); var s29 = Lane(); var s30 = Lane(); var s31 = Lane();

  let first_row = group.z * params.split_rows;
  let end_row = min(first_row + params.split_rows, params.rows);
  for (var row = first_row; row < end_row; row++) {
    let y = i32(row % params.out_height);
    if (y < rows_y.x || y >= rows_y.y) {
      continue;
    }
    let last_x = min(columns_x.y, i32(params.pixels - row * params.out_width));
    let begin = range_x.x;
    let count = select(0u, u32(max(0, min(range_x.y, last_x) - begin)), y >= range_y.x && y < range_y.y);
    let in_y = i32(row / params.out_height * params.in_height) + y * i32(params.stride) + offset.y;
    let in_x = columns_x.x * i32(params.stride) + offset.x;
    var at_x = (in_y * i32(params.in_width) + in_x) * i32(params.in_stride4) + i32(channel);
    let pixel = row * params.out_width + u32(columns_x.x);
    var at_g = pixel * out_lanes + min(column, out_lanes - 1u);
    for (var x = columns_x.x; x < last_x; x += 4) {
      let place = u32(x - begin);
      let x_0 = load(at_x, place < count);
      let x_1 = load(at_x + step, place + 1u < count);
      let x_2 = load(at_x + 2 * step, place + 2u < count);
      let x_3 = load(at_x + 3 * step, place + 3u < count);
      at_x += 4 * step;
      let g = gradients(at_g, out_lanes, last_gradient);
      at_g += 4u * out_lanes;
      let x0 = vec4f(x_0.x, x_1.x, x_2.x, x_3.x);
      let x1 = vec4f(x_0.y, x_1.y, x_2.y, x_3.y);
      let x2 = vec4f(x_0.z, x_1.z, x_2.z, x_3.z);
      let x3 = vec4f(x_0.w, x_1.w, x_2.w, x_3.w);
      { let x = subgroupBroadcast(x0, 0u); s0 += times(g, x); }
      { let x = subgroupBroadcast(x1, 0u); s1 += times(g, x); }
      { let x = subgroupBroadcast(x2, 0u); s2 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 0u); s3 += times(g, x); }
      { let x = subgroupBroadcast(x0, 1u); s4 += times(g, x); }
      { let x = subgroupBroadcast(x1, 1u); s5 += times(g, x); }
      { let x = subgroupBroadcast(x2, 1u); s6 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 1u); s7 += times(g, x); }
      { let x = subgroupBroadcast(x0, 2u); s8 += times(g, x); }
      { let x = subgroupBroadcast(x1, 2u); s9 += times(g, x); }
      { let x = subgroupBroadcast(x2, 2u); s10 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 2u); s11 += times(g, x); }
      { let x = subgroupBroadcast(x0, 3u); s12 += times(g, x); }
      { let x = subgroupBroadcast(x1, 3u); s13 += times(g, x); }
      { let x = subgroupBroadcast(x2, 3u); s14 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 3u); s15 += times(g, x); }
      { let x = subgroupBroadcast(x0, 4u); s16 += times(g, x); }
      { let x = subgroupBroadcast(x1, 4u); s17 += times(g, x); }
      { let x = subgroupBroadcast(x2, 4u); s18 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 4u); s19 += times(g, x); }
      { let x = subgroupBroadcast(x0, 5u); s20 += times(g, x); }
      { let x = subgroupBroadcast(x1, 5u); s21 += times(g, x); }
      { let x = subgroupBroadcast(x2, 5u); s22 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 5u); s23 += times(g, x); }
      { let x = subgroupBroadcast(x0, 6u); s24 += times(g, x); }
      { let x = subgroupBroadcast(x1, 6u); s25 += times(g, x); }
      { let x = subgroupBroadcast(x2, 6u); s26 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 6u); s27 += times(g, x); }
      { let x = subgroupBroadcast(x0, 7u); s28 += times(g, x); }
      { let x = subgroupBroadcast(x1, 7u); s29 += times(g, x); }
      { let x = subgroupBroadcast(x2, 7u); s30 += times(g, x); }
      if (CHANNELS == 4u) { let x = subgroupBroadcast(x3, 7u); s31 += times(g, x); }
    }
  }

  // A loop whose length the compiler does not know: stores are long code on a software adapter; there is one of them.
  var sums = array<Lane, ROWS>(
    s0, s1, s2, s3, s4, s5, s6, s7,
    s8, s9, s10, s11, s12, s13, s14, s15,
    s16, s17, s18, s19, s20, s21, s22, s23,
    s24, s25, s26, s27, s28, s29, s30, s31,
  );
  for (var i = 0u; i < params.sums; i++) {
    finish(group.x * ROWS + i, column, group.z, sums[i]);
  }
}
`,
  "conv2d_reduce": `// Second stage of a split convolution: adds the partial sums of conv2d_tiled in slice order and applies the epilogue.
//   y[i] = epilogue(sum over s of partial[s * ELEMENTS + i]),   i over N * OH * OW * OUT_C / 4
// Deterministic: the order of the sum does not depend on scheduling.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count in vec4.

const WORKGROUP: u32 = 64u;
const SPLIT_K: u32 = 2u;
const OUT_CHANNELS4: u32 = 64u;
const HAS_SCALE: bool = false;
const HAS_BIAS: bool = false;
const HAS_RESIDUAL: bool = false;
const RELU: bool = false;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  var y = partial[index];
  for (var s = 1u; s < SPLIT_K; s++) {
    y += partial[s * params.count + index];
  }
  let column = index % OUT_CHANNELS4;
  if (HAS_SCALE) {
    y *= scale[column];
  }
  if (HAS_BIAS) {
    y += bias[column];
  }
  if (HAS_RESIDUAL) {
    y += residual[index];
  }
  output[index] = select(y, max(y, vec4f()), RELU);
}
`,
  "conv2d_subgroup": `// Convolution as an implicit GEMM for software adapters with subgroups of 8 lanes (Mesa's lavapipe), NHWC:
//   y[p, o] = epilogue(sum over tap, c of x[pixel(p, tap), c] * w[tap, c, o]),   p = (n * OH + oy) * OW + ox
// One subgroup computes 32 pixels x 64 output channels. Each lane owns two vec4 of channels (l, and r 8 lanes on) and
// loads four pixels' inputs; every lane gets the others' through subgroupBroadcast. A software adapter gathers lane
// by lane, so few loads per multiply decide; workgroup memory and loops over small arrays cost more than they save,
// hence the unrolled rows. \`wl * x\` is four products whose sum joins the accumulator: fewer passes over spilled sums.
// Also a plain batched GEMM: one tap, and batch z reads, multiplies and writes at its own offsets (for Winograd).
// Cin and Cout divisible by 4.
// Dispatch: x = ceil(pixels / 32), y = ceil(OUT_C / 64), z = batches: neighbours share a panel of the filter.

enable subgroups;

const ROWS: u32 = 32u;
const LANES: u32 = 8u;
const COLUMNS: u32 = 16u; // vec4 of output channels per workgroup

struct Params {
  pixels: u32,
  in_height: u32,
  in_width: u32,
  in_channels4: u32,
  in_stride4: u32, // vec4 from one pixel to the next
  in_first4: u32, // first vec4 of the channels that are read
  out_height: u32,
  out_width: u32,
  out_channels4: u32,
  kernel_width: u32,
  taps: u32,
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  input_batch: u32, // vec4 from one z to the next
  filter_rows: u32, // taps * Cin; batch z begins after z such filters
  panel4: u32, // vec4 of output channels that lie together in the filter
  has_scale: u32,
  has_bias: u32,
  has_residual: u32,
  relu: u32,
  sums: u32, // always 2 ROWS
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> scale: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

// Where a pixel's receptive field begins, in the input's rows and columns (may be negative), and its sample.
struct Origin {
  sample: u32,
  y: i32,
  x: i32,
}

fn origin(pixel: u32) -> Origin {
  let x = pixel % params.out_width;
  let rest = pixel / params.out_width;
  let y = rest % params.out_height;
  let first_y = i32(y * params.stride) - params.padding_y;
  let first_x = i32(x * params.stride) - params.padding_x;
  return Origin(rest / params.out_height, first_y, first_x);
}

// Index of the first vec4 of a pixel's input at a tap; -1 outside of the image.
fn tap_index(at: Origin, pixel: u32, dy: i32, dx: i32) -> i32 {
  let y = at.y + dy;
  let x = at.x + dx;
  let inside = pixel < params.pixels && y >= 0 && x >= 0 && y < i32(params.in_height) && x < i32(params.in_width);
  let place = (i32(at.sample * params.in_height) + y) * i32(params.in_width) + x;
  return select(-1, place * i32(params.in_stride4) + i32(params.in_first4), inside);
}

fn load(index: i32, c: u32) -> vec4f {
  return select(vec4f(), input[u32(max(index, 0)) + c], index >= 0);
}

// Four rows of the filter.
fn weights(at: u32, row: u32) -> mat4x4f {
  return mat4x4f(weight[at], weight[at + row], weight[at + 2u * row], weight[at + 3u * row]);
}

// Where a column of filter z begins: panels of neighbouring output channels, one after the other.
fn column_start(z: u32, column: u32) -> u32 {
  let n = params.out_channels4;
  let o = min(column, n - 1u);
  return (z * n + o / params.panel4 * params.panel4) * params.filter_rows + o % params.panel4;
}

// What the sums of a column are multiplied by, and what is added then.
struct Norm {
  scale: vec4f,
  bias: vec4f,
}

fn norm(column: u32) -> Norm {
  var found = Norm(vec4f(1.0), vec4f());
  if (params.has_scale != 0u) {
    found.scale = scale[column];
  }
  if (params.has_bias != 0u) {
    found.bias = bias[column];
  }
  return found;
}

fn finish(pixel: u32, column: u32, base: u32, sum: vec4f) {
  if (pixel >= params.pixels || column >= params.out_channels4) {
    return;
  }
  let at = base + pixel * params.out_channels4 + column;
  var y = sum;
  if (params.has_residual != 0u) {
    y += residual[at];
  }
  output[at] = select(y, max(y, vec4f()), params.relu != 0u);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let column = group.y * COLUMNS + lane;
  let pixel = group.x * ROWS;
  let pixel0 = pixel + 0u * LANES + lane;
  let origin0 = origin(pixel0);
  let pixel1 = pixel + 1u * LANES + lane;
  let origin1 = origin(pixel1);
  let pixel2 = pixel + 2u * LANES + lane;
  let origin2 = origin(pixel2);
  let pixel3 = pixel + 3u * LANES + lane;
  let origin3 = origin(pixel3);
  let input_base = i32(group.z * params.input_batch);
  // Copies, because a parameter read in the loop is loaded again in each round.
  let channels4 = params.in_channels4;
  let panel = params.panel4;
  var at_l = column_start(group.z, column + 0u * LANES);
  var at_r = column_start(group.z, column + 1u * LANES);
  var l0 = vec4f(); var r0 = vec4f();
  var l1 = vec4f(); var r1 = vec4f();
  var l2 = vec4f(); var r2 = vec4f();
  var l3 = vec4f(); var r3 = vec4f();
  var l4 = vec4f(); var r4 = vec4f();
  var l5 = vec4f(); var r5 = vec4f();
  var l6 = vec4f(); var r6 = vec4f();
  var l7 = vec4f(); var r7 = vec4f();
  var l8 = vec4f(); var r8 = vec4f();
  var l9 = vec4f(); var r9 = vec4f();
  var l10 = vec4f(); var r10 = vec4f();
  var l11 = vec4f(); var r11 = vec4f();
  var l12 = vec4f(); var r12 = vec4f();
  var l13 = vec4f(); var r13 = vec4f();
  var l14 = vec4f(); var r14 = vec4f();
  var l15 = vec4f(); var r15 = vec4f();
  var l16 = vec4f(); var r16 = vec4f();
  var l17 = vec4f(); var r17 = vec4f();
  var l18 = vec4f(); var r18 = vec4f();
  var l19 = vec4f(); var r19 = vec4f();
  var l20 = vec4f(); var r20 = vec4f();
  var l21 = vec4f(); var r21 = vec4f();
  var l22 = vec4f(); var r22 = vec4f();
  var l23 = vec4f(); var r23 = vec4f();
  var l24 = vec4f(); var r24 = vec4f();
  var l25 = vec4f(); var r25 = vec4f();
  var l26 = vec4f(); var r26 = vec4f();
  var l27 = vec4f(); var r27 = vec4f();
  var l28 = vec4f(); var r28 = vec4f();
  var l29 = vec4f(); var r29 = vec4f();
  var l30 = vec4f(); var r30 = vec4f();
  var l31 = vec4f(); var r31 = vec4f();

  for (var tap = 0u; tap < params.taps; tap++) {
    let dy = i32((tap / params.kernel_width) * params.dilation);
    let dx = i32((tap % params.kernel_width) * params.dilation);
    let at0 = tap_index(origin0, pixel0, dy, dx);
    let base0 = select(-1, at0 + input_base, at0 >= 0);
    let at1 = tap_index(origin1, pixel1, dy, dx);
    let base1 = select(-1, at1 + input_base, at1 >= 0);
    let at2 = tap_index(origin2, pixel2, dy, dx);
    let base2 = select(-1, at2 + input_base, at2 >= 0);
    let at3 = tap_index(origin3, pixel3, dy, dx);
    let base3 = select(-1, at3 + input_base, at3 >= 0);
    for (var c = 0u; c < channels4; c++) {
      let x0 = load(base0, c);
      let x1 = load(base1, c);
      let x2 = load(base2, c);
      let x3 = load(base3, c);
      let wl = weights(at_l, panel);
      at_l += 4u * panel;
      let wr = weights(at_r, panel);
      at_r += 4u * panel;
      { let x = subgroupBroadcast(x0, 0u); l0 += wl * x; r0 += wr * x; }
      { let x = subgroupBroadcast(x0, 1u); l1 += wl * x; r1 += wr * x; }
      { let x = subgroupBroadcast(x0, 2u); l2 += wl * x; r2 += wr * x; }
      { let x = subgroupBroadcast(x0, 3u); l3 += wl * x; r3 += wr * x; }
      { let x = subgroupBroadcast(x0, 4u); l4 += wl * x; r4 += wr * x; }
      { let x = subgroupBroadcast(x0, 5u); l5 += wl * x; r5 += wr * x; }
      { let x = subgroupBroadcast(x0, 6u); l6 += wl * x; r6 += wr * x; }
      { let x = subgroupBroadcast(x0, 7u); l7 += wl * x; r7 += wr * x; }
      { let x = subgroupBroadcast(x1, 0u); l8 += wl * x; r8 += wr * x; }
      { let x = subgroupBroadcast(x1, 1u); l9 += wl * x; r9 += wr * x; }
      { let x = subgroupBroadcast(x1, 2u); l10 += wl * x; r10 += wr * x; }
      { let x = subgroupBroadcast(x1, 3u); l11 += wl * x; r11 += wr * x; }
      { let x = subgroupBroadcast(x1, 4u); l12 += wl * x; r12 += wr * x; }
      { let x = subgroupBroadcast(x1, 5u); l13 += wl * x; r13 += wr * x; }
      { let x = subgroupBroadcast(x1, 6u); l14 += wl * x; r14 += wr * x; }
      { let x = subgroupBroadcast(x1, 7u); l15 += wl * x; r15 += wr * x; }
      { let x = subgroupBroadcast(x2, 0u); l16 += wl * x; r16 += wr * x; }
      { let x = subgroupBroadcast(x2, 1u); l17 += wl * x; r17 += wr * x; }
      { let x = subgroupBroadcast(x2, 2u); l18 += wl * x; r18 += wr * x; }
      { let x = subgroupBroadcast(x2, 3u); l19 += wl * x; r19 += wr * x; }
      { let x = subgroupBroadcast(x2, 4u); l20 += wl * x; r20 += wr * x; }
      { let x = subgroupBroadcast(x2, 5u); l21 += wl * x; r21 += wr * x; }
      { let x = subgroupBroadcast(x2, 6u); l22 += wl * x; r22 += wr * x; }
      { let x = subgroupBroadcast(x2, 7u); l23 += wl * x; r23 += wr * x; }
      { let x = subgroupBroadcast(x3, 0u); l24 += wl * x; r24 += wr * x; }
      { let x = subgroupBroadcast(x3, 1u); l25 += wl * x; r25 += wr * x; }
      { let x = subgroupBroadcast(x3, 2u); l26 += wl * x; r26 += wr * x; }
      { let x = subgroupBroadcast(x3, 3u); l27 += wl * x; r27 += wr * x; }
      { let x = subgroupBroadcast(x3, 4u); l28 += wl * x; r28 += wr * x; }
      { let x = subgroupBroadcast(x3, 5u); l29 += wl * x; r29 += wr * x; }
      { let x = subgroupBroadcast(x3, 6u); l30 += wl * x; r30 += wr * x; }
      { let x = subgroupBroadcast(x3, 7u); l31 += wl * x; r31 += wr * x; }
    }
  }

  // A loop whose length the compiler does not know: stores are long code on a software adapter; there is one of them.
  var sums = array<vec4f, 2u * ROWS>(
    l0, r0,
    l1, r1,
    l2, r2,
    l3, r3,
    l4, r4,
    l5, r5,
    l6, r6,
    l7, r7,
    l8, r8,
    l9, r9,
    l10, r10,
    l11, r11,
    l12, r12,
    l13, r13,
    l14, r14,
    l15, r15,
    l16, r16,
    l17, r17,
    l18, r18,
    l19, r19,
    l20, r20,
    l21, r21,
    l22, r22,
    l23, r23,
    l24, r24,
    l25, r25,
    l26, r26,
    l27, r27,
    l28, r28,
    l29, r29,
    l30, r30,
    l31, r31,
  );
  let base = group.z * params.pixels * params.out_channels4;
  let norm_l = norm(min(column, params.out_channels4 - 1u));
  let norm_r = norm(min(column + LANES, params.out_channels4 - 1u));
  for (var i = 0u; i < params.sums; i++) {
    let right = i % 2u == 1u;
    let factor = select(norm_l.scale, norm_r.scale, right);
    let summand = select(norm_l.bias, norm_r.bias, right);
    finish(pixel + i / 2u, column + (i % 2u) * LANES, base, sums[i] * factor + summand);
  }
}
`,
  "conv2d_subgroup_weight_gradient": `// Gradient of a convolution's filter for software adapters with subgroups of 8 lanes (Mesa's lavapipe), NHWC: a
// matrix product whose inner dimension is the pixels,
//   dw[k, o] = sum over p of x[pixel(p, tap(k)), c(k)] * dy[p, o],   k = tap * IN_C + c,
// in the packed layout [O / panel, k, panel]. One subgroup computes 32 rows k x 64 output channels, four pixels at a
// time. Each lane owns two vec4 of output channels (l, and r 8 lanes on) and loads its own four rows of x, at its own
// tap; every lane gets the others' through subgroupBroadcast. As in conv2d_subgroup few loads per multiply decide,
// hence the unrolled rows, and \`gl * x\` is four pixels' products whose sum joins the accumulator. The loop goes over
// rows of the output image, so that nothing is divided in it; rows of the whole image that no lane needs are left
// out, pixels whose tap lies outside count as zeros. Cin and Cout divisible by 4. Also a plain batched product: one
// tap, and every batch reads at its own offsets (for Winograd).
// Dispatch: x = ceil(taps * IN_C / 32), y = ceil(OUT_C / 64), z = batches * splits of the rows: z writes its own dw.

enable subgroups;

const ROWS: u32 = 32u;
const LANES: u32 = 8u;
const COLUMNS: u32 = 16u; // vec4 of output channels per workgroup

struct Params {
  pixels: u32, // of the whole batch; only the last row may have fewer than out_width
  rows: u32, // of the whole batch: samples * out_height
  splits: u32,
  split_rows: u32, // in each
  in_height: u32,
  in_width: u32,
  in_channels4: u32,
  in_stride4: u32, // vec4 from one pixel to the next
  in_first4: u32, // first vec4 of the channels that are read
  out_height: u32,
  out_width: u32,
  out_channels4: u32,
  kernel_width: u32,
  taps: u32,
  stride: u32,
  padding_y: i32,
  padding_x: i32,
  dilation: u32,
  panel4: u32, // vec4 of output channels that lie together in the filter
  input_batch: u32, // vec4 from one batch to the next
  gradient_batch: u32,
  accumulate: u32, // add to what is there
  sums: u32, // always 2 ROWS
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

// The outputs from x to y - 1 along an axis whose input at an offset lies in an image of that size.
fn inside(offset: i32, size: u32, count: u32) -> vec2i {
  let stride = i32(params.stride);
  let first = max(0, stride - 1 - offset) / stride;
  let last = max(0, i32(size) - offset + stride - 1) / stride;
  return vec2i(first, min(last, i32(count)));
}

// Rows and columns from an output pixel (times the stride) to the input pixel at a tap.
fn tap_offset(tap: u32) -> vec2i {
  let y = i32(tap / params.kernel_width * params.dilation) - params.padding_y;
  let x = i32(tap % params.kernel_width * params.dilation) - params.padding_x;
  return vec2i(x, y);
}

fn load(index: i32, is_inside: bool) -> vec4f {
  return select(vec4f(), input[u32(select(0, index, is_inside))], is_inside);
}

// Four pixels of the gradient, n apart.
fn gradients(at: u32, n: u32, last: u32) -> mat4x4f {
  return mat4x4f(
    gradient[at], gradient[min(at + n, last)], gradient[min(at + 2u * n, last)], gradient[min(at + 3u * n, last)]);
}

fn finish(row: u32, column: u32, split: u32, sum: vec4f) {
  let filter_rows = params.taps * params.in_channels4 * 4u;
  if (row >= filter_rows || column >= params.out_channels4) {
    return;
  }
  let panel = params.panel4;
  let at = (split * params.out_channels4 + column / panel * panel) * filter_rows + row * panel + column % panel;
  var total = sum;
  if (params.accumulate != 0u) {
    total += output[at];
  }
  output[at] = total;
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let k = group.x * LANES + lane;
  let offset = tap_offset(k / params.in_channels4);
  let channel = params.in_first4 + k % params.in_channels4;
  var range_y = inside(offset.y, params.in_height, params.out_height);
  let range_x = inside(offset.x, params.in_width, params.out_width);
  if (k >= params.taps * params.in_channels4) {
    range_y = vec2i();
  }
  // What the whole subgroup goes over: what its only tap needs, or everything.
  var rows_y = vec2i(0, i32(params.out_height));
  var columns_x = vec2i(0, i32(params.out_width));
  let first_tap = group.x * LANES / params.in_channels4;
  if (first_tap == (group.x * LANES + LANES - 1u) / params.in_channels4) {
    rows_y = inside(tap_offset(first_tap).y, params.in_height, params.out_height);
    columns_x = inside(tap_offset(first_tap).x, params.in_width, params.out_width);
  }

  let column = group.y * COLUMNS + lane;
  let column_l = min(column, params.out_channels4 - 1u);
  let column_r = min(column + LANES, params.out_channels4 - 1u);
  let batch = group.z / params.splits;
  let input_base = i32(batch * params.input_batch + channel);
  let gradient_base = batch * params.gradient_batch;
  // Copies, because a parameter read in the loop is loaded again in each round.
  let last_gradient = gradient_base + params.pixels * params.out_channels4 - 1u;
  let out_channels4 = params.out_channels4;
  let step = i32(params.stride * params.in_stride4);
  var l0 = vec4f(); var r0 = vec4f();
  var l1 = vec4f(); var r1 = vec4f();
  var l2 = vec4f(); var r2 = vec4f();
  var l3 = vec4f(); var r3 = vec4f();
  var l4 = vec4f(); var r4 = vec4f();
  var l5 = vec4f(); var r5 = vec4f();
  var l6 = vec4f(); var r6 = vec4f();
  var l7 = vec4f(); var r7 = vec4f();
  var l8 = vec4f(); var r8 = vec4f();
  var l9 = vec4f(); var r9 = vec4f();
  var l10 = vec4f(); var r10 = vec4f();
  var l11 = vec4f(); var r11 = vec4f();
  var l12 = vec4f(); var r12 = vec4f();
  var l13 = vec4f(); var r13 = vec4f();
  var l14 = vec4f(); var r14 = vec4f();
  var l15 = vec4f(); var r15 = vec4f();
  var l16 = vec4f(); var r16 = vec4f();
  var l17 = vec4f(); var r17 = vec4f();
  var l18 = vec4f(); var r18 = vec4f();
  var l19 = vec4f(); var r19 = vec4f();
  var l20 = vec4f(); var r20 = vec4f();
  var l21 = vec4f(); var r21 = vec4f();
  var l22 = vec4f(); var r22 = vec4f();
  var l23 = vec4f(); var r23 = vec4f();
  var l24 = vec4f(); var r24 = vec4f();
  var l25 = vec4f(); var r25 = vec4f();
  var l26 = vec4f(); var r26 = vec4f();
  var l27 = vec4f(); var r27 = vec4f();
  var l28 = vec4f(); var r28 = vec4f();
  var l29 = vec4f(); var r29 = vec4f();
  var l30 = vec4f(); var r30 = vec4f();
  var l31 = vec4f(); var r31 = vec4f();

  let first_row = group.z % params.splits * params.split_rows;
  let end_row = min(first_row + params.split_rows, params.rows);
  for (var row = first_row; row < end_row; row++) {
    let y = i32(row % params.out_height);
    if (y < rows_y.x || y >= rows_y.y) {
      continue;
    }
    let last_x = min(columns_x.y, i32(params.pixels - row * params.out_width));
    let begin = range_x.x;
    let count = select(0u, u32(max(0, min(range_x.y, last_x) - begin)), y >= range_y.x && y < range_y.y);
    let in_y = i32(row / params.out_height * params.in_height) + y * i32(params.stride) + offset.y;
    let in_x = columns_x.x * i32(params.stride) + offset.x;
    var at_x = (in_y * i32(params.in_width) + in_x) * i32(params.in_stride4) + input_base;
    let pixel = row * params.out_width + u32(columns_x.x);
    var at_l = gradient_base + pixel * out_channels4 + column_l;
    var at_r = gradient_base + pixel * out_channels4 + column_r;
    for (var x = columns_x.x; x < last_x; x += 4) {
      let place = u32(x - begin);
      let x_0 = load(at_x, place < count);
      let x_1 = load(at_x + step, place + 1u < count);
      let x_2 = load(at_x + 2 * step, place + 2u < count);
      let x_3 = load(at_x + 3 * step, place + 3u < count);
      at_x += 4 * step;
      let gl = gradients(at_l, out_channels4, last_gradient);
      at_l += 4u * out_channels4;
      let gr = gradients(at_r, out_channels4, last_gradient);
      at_r += 4u * out_channels4;
      let x0 = vec4f(x_0.x, x_1.x, x_2.x, x_3.x);
      let x1 = vec4f(x_0.y, x_1.y, x_2.y, x_3.y);
      let x2 = vec4f(x_0.z, x_1.z, x_2.z, x_3.z);
      let x3 = vec4f(x_0.w, x_1.w, x_2.w, x_3.w);
      { let x = subgroupBroadcast(x0, 0u); l0 += gl * x; r0 += gr * x; }
      { let x = subgroupBroadcast(x1, 0u); l1 += gl * x; r1 += gr * x; }
      { let x = subgroupBroadcast(x2, 0u); l2 += gl * x; r2 += gr * x; }
      { let x = subgroupBroadcast(x3, 0u); l3 += gl * x; r3 += gr * x; }
      { let x = subgroupBroadcast(x0, 1u); l4 += gl * x; r4 += gr * x; }
      { let x = subgroupBroadcast(x1, 1u); l5 += gl * x; r5 += gr * x; }
      { let x = subgroupBroadcast(x2, 1u); l6 += gl * x; r6 += gr * x; }
      { let x = subgroupBroadcast(x3, 1u); l7 += gl * x; r7 += gr * x; }
      { let x = subgroupBroadcast(x0, 2u); l8 += gl * x; r8 += gr * x; }
      { let x = subgroupBroadcast(x1, 2u); l9 += gl * x; r9 += gr * x; }
      { let x = subgroupBroadcast(x2, 2u); l10 += gl * x; r10 += gr * x; }
      { let x = subgroupBroadcast(x3, 2u); l11 += gl * x; r11 += gr * x; }
      { let x = subgroupBroadcast(x0, 3u); l12 += gl * x; r12 += gr * x; }
      { let x = subgroupBroadcast(x1, 3u); l13 += gl * x; r13 += gr * x; }
      { let x = subgroupBroadcast(x2, 3u); l14 += gl * x; r14 += gr * x; }
      { let x = subgroupBroadcast(x3, 3u); l15 += gl * x; r15 += gr * x; }
      { let x = subgroupBroadcast(x0, 4u); l16 += gl * x; r16 += gr * x; }
      { let x = subgroupBroadcast(x1, 4u); l17 += gl * x; r17 += gr * x; }
      { let x = subgroupBroadcast(x2, 4u); l18 += gl * x; r18 += gr * x; }
      { let x = subgroupBroadcast(x3, 4u); l19 += gl * x; r19 += gr * x; }
      { let x = subgroupBroadcast(x0, 5u); l20 += gl * x; r20 += gr * x; }
      { let x = subgroupBroadcast(x1, 5u); l21 += gl * x; r21 += gr * x; }
      { let x = subgroupBroadcast(x2, 5u); l22 += gl * x; r22 += gr * x; }
      { let x = subgroupBroadcast(x3, 5u); l23 += gl * x; r23 += gr * x; }
      { let x = subgroupBroadcast(x0, 6u); l24 += gl * x; r24 += gr * x; }
      { let x = subgroupBroadcast(x1, 6u); l25 += gl * x; r25 += gr * x; }
      { let x = subgroupBroadcast(x2, 6u); l26 += gl * x; r26 += gr * x; }
      { let x = subgroupBroadcast(x3, 6u); l27 += gl * x; r27 += gr * x; }
      { let x = subgroupBroadcast(x0, 7u); l28 += gl * x; r28 += gr * x; }
      { let x = subgroupBroadcast(x1, 7u); l29 += gl * x; r29 += gr * x; }
      { let x = subgroupBroadcast(x2, 7u); l30 += gl * x; r30 += gr * x; }
      { let x = subgroupBroadcast(x3, 7u); l31 += gl * x; r31 += gr * x; }
    }
  }

  // A loop whose length the compiler does not know: stores are long code on a software adapter; there is one of them.
  var sums = array<vec4f, 2u * ROWS>(
    l0, r0,
    l1, r1,
    l2, r2,
    l3, r3,
    l4, r4,
    l5, r5,
    l6, r6,
    l7, r7,
    l8, r8,
    l9, r9,
    l10, r10,
    l11, r11,
    l12, r12,
    l13, r13,
    l14, r14,
    l15, r15,
    l16, r16,
    l17, r17,
    l18, r18,
    l19, r19,
    l20, r20,
    l21, r21,
    l22, r22,
    l23, r23,
    l24, r24,
    l25, r25,
    l26, r26,
    l27, r27,
    l28, r28,
    l29, r29,
    l30, r30,
    l31, r31,
  );
  for (var i = 0u; i < params.sums; i++) {
    finish(group.x * ROWS + i / 2u, column + (i % 2u) * LANES, group.z, sums[i]);
  }
}
`,
  "conv2d_tiled": `// Convolution as an implicit GEMM for GPUs, through workgroup memory, NHWC:
//   y[p, o] = epilogue(sum over k of x[pixel(p, tap(k)), c(k)] * w[k, o]),   k = tap * Cin + c
// A workgroup of (TILE_M / 4) x (TILE_N / 4) invocations computes TILE_M pixels x TILE_N output channels, TILE_K of the
// inner dimension at a time; each invocation keeps 4 pixels x 4 channels in registers. The gather of the implicit
// im2col is fused in the load of the input tile; its geometry is constant, so that divisions are by constants.
// With SPLIT_K > 1, z-slice s sums only its share of the inner dimension and writes raw sums to output[s]; the shader
// conv2d_reduce adds the slices in order and applies the epilogue: deterministic, for layers with few tiles.
// Dispatch: x = ceil(OUT_C / TILE_N), y = ceil(pixels / TILE_M), z = SPLIT_K. Cin and Cout divisible by 4.

const TILE_M: u32 = 64u;
const TILE_N: u32 = 64u;
const TILE_K: u32 = 16u;
const SPLIT_K: u32 = 1u;
const IN_HEIGHT: u32 = 31u;
const IN_WIDTH: u32 = 31u;
const IN_CHANNELS4: u32 = 64u;
const IN_STRIDE4: u32 = 64u; // vec4 from one pixel to the next
const IN_FIRST4: u32 = 0u; // first vec4 of the channels that are read
const OUT_HEIGHT: u32 = 31u;
const OUT_WIDTH: u32 = 31u;
const OUT_CHANNELS4: u32 = 64u;
const PANEL4: u32 = 64u; // vec4 of output channels that lie together in the filter
const KERNEL_WIDTH: u32 = 1u;
const TAPS: u32 = 1u;
const STRIDE: u32 = 1u;
const PADDING_Y: i32 = 0i;
const PADDING_X: i32 = 0i;
const DILATION: u32 = 1u;
const HAS_SCALE: bool = false;
const HAS_BIAS: bool = false;
const HAS_RESIDUAL: bool = false;
const RELU: bool = false;

const THREADS_X: u32 = TILE_N / 4u;
const THREADS_Y: u32 = TILE_M / 4u;
const THREADS: u32 = THREADS_X * THREADS_Y;
const TILE_K4: u32 = TILE_K / 4u;
const STEPS: u32 = (TAPS * IN_CHANNELS4 + TILE_K4 - 1u) / TILE_K4;
const STEPS_PER_SPLIT: u32 = (STEPS + SPLIT_K - 1u) / SPLIT_K;
const ROW4: u32 = TILE_M / 4u + 1u; // one vec4 of padding against bank conflicts

struct Params {
  pixels: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> scale: array<vec4f>;
@group(0) @binding(3) var<storage, read> bias: array<vec4f>;
@group(0) @binding(4) var<storage, read> residual: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

// Transposed: tile_x[k][pixel], so that one vec4 holds four neighbouring pixels of the same k.
var<workgroup> tile_x: array<array<vec4f, ROW4>, TILE_K>;
var<workgroup> tile_w: array<array<vec4f, THREADS_X>, TILE_K>;

fn gather(pixel: u32, k4: u32) -> vec4f {
  if (pixel >= params.pixels || k4 >= TAPS * IN_CHANNELS4) {
    return vec4f();
  }
  let tap = k4 / IN_CHANNELS4;
  let c = k4 % IN_CHANNELS4;
  let ox = pixel % OUT_WIDTH;
  let oy = (pixel / OUT_WIDTH) % OUT_HEIGHT;
  let n = pixel / (OUT_WIDTH * OUT_HEIGHT);
  let y = i32(oy * STRIDE + (tap / KERNEL_WIDTH) * DILATION) - PADDING_Y;
  let x = i32(ox * STRIDE + (tap % KERNEL_WIDTH) * DILATION) - PADDING_X;
  if (y < 0 || x < 0 || y >= i32(IN_HEIGHT) || x >= i32(IN_WIDTH)) {
    return vec4f();
  }
  return input[((n * IN_HEIGHT + u32(y)) * IN_WIDTH + u32(x)) * IN_STRIDE4 + IN_FIRST4 + c];
}

fn load_tiles(thread: u32, first_pixel: u32, first_column: u32, step: u32) {
  for (var i = thread; i < TILE_M * TILE_K4; i += THREADS) {
    let pixel = i / TILE_K4;
    let k4 = i % TILE_K4;
    let x = gather(first_pixel + pixel, step * TILE_K4 + k4);
    for (var e = 0u; e < 4u; e++) {
      tile_x[k4 * 4u + e][pixel / 4u][pixel % 4u] = x[e];
    }
  }
  for (var i = thread; i < TILE_K * THREADS_X; i += THREADS) {
    let k = step * TILE_K + i / THREADS_X;
    let column = first_column + i % THREADS_X;
    var w = vec4f();
    if (k < TAPS * IN_CHANNELS4 * 4u && column < OUT_CHANNELS4) {
      w = weight[(column / PANEL4 * TAPS * IN_CHANNELS4 * 4u + k) * PANEL4 + column % PANEL4];
    }
    tile_w[i / THREADS_X][i % THREADS_X] = w;
  }
}

fn store(pixel: u32, column: u32, split: u32, sum: vec4f) {
  if (pixel >= params.pixels || column >= OUT_CHANNELS4) {
    return;
  }
  let at = pixel * OUT_CHANNELS4 + column;
  var y = sum;
  if (SPLIT_K == 1u) {
    if (HAS_SCALE) {
      y *= scale[column];
    }
    if (HAS_BIAS) {
      y += bias[column];
    }
    if (HAS_RESIDUAL) {
      y += residual[at];
    }
    if (RELU) {
      y = max(y, vec4f());
    }
  }
  output[split * params.pixels * OUT_CHANNELS4 + at] = y;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first_pixel = group.y * TILE_M;
  let first_column = group.x * THREADS_X;
  let tx = thread % THREADS_X;
  let ty = thread / THREADS_X;
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();

  let first = group.z * STEPS_PER_SPLIT;
  let last = min(first + STEPS_PER_SPLIT, STEPS);
  for (var step = first; step < last; step++) {
    load_tiles(thread, first_pixel, first_column, step);
    workgroupBarrier();
    for (var k = 0u; k < TILE_K; k++) {
      let x = tile_x[k][ty];
      let w = tile_w[k][tx];
      sum0 = fma(vec4f(x[0]), w, sum0);
      sum1 = fma(vec4f(x[1]), w, sum1);
      sum2 = fma(vec4f(x[2]), w, sum2);
      sum3 = fma(vec4f(x[3]), w, sum3);
    }
    workgroupBarrier();
  }

  let pixel = first_pixel + ty * 4u;
  let column = first_column + tx;
  store(pixel, column, group.z, sum0);
  store(pixel + 1u, column, group.z, sum1);
  store(pixel + 2u, column, group.z, sum2);
  store(pixel + 3u, column, group.z, sum3);
}
`,
  "conv2d_tiled_weight_gradient": `// Gradient of a convolution's filter for GPUs, through workgroup memory, NHWC: a matrix product whose inner dimension
// is the pixels of the whole batch,
//   dw[k, o] = sum over p of x[pixel(p, tap(k)), c(k)] * dy[p, o],   k = tap * IN_C + c,
// in the packed layout [O / panel, k, panel]. A workgroup of (TILE_M / 4) x (TILE_N / 4) invocations computes TILE_M
// rows k x TILE_N output channels, TILE_K pixels at a time; each invocation keeps 4 x 4 of them in registers. The
// gather of the implicit im2col is fused in the load of the input tile; its geometry is constant: divisions are by
// constants. Split z sums only its share of the pixels and writes its own copy of dw; sum_partials adds them in
// order.
// Sums of CHUNK pixels are added up, so that a long sum in f32 stays accurate.
// Dispatch: x = ceil(OUT_C / TILE_N), y = ceil(taps * IN_C / TILE_M), z = splits. Cin and Cout divisible by 4.

const TILE_M: u32 = 64u;
const TILE_N: u32 = 64u;
const TILE_K: u32 = 16u;
const CHUNK: u32 = 1024u; // pixels, a multiple of TILE_K
const IN_HEIGHT: u32 = 31u;
const IN_WIDTH: u32 = 31u;
const IN_CHANNELS4: u32 = 64u;
const IN_STRIDE4: u32 = 64u; // vec4 from one pixel to the next
const IN_FIRST4: u32 = 0u; // first vec4 of the channels that are read
const OUT_HEIGHT: u32 = 31u;
const OUT_WIDTH: u32 = 31u;
const OUT_CHANNELS4: u32 = 64u;
const PANEL4: u32 = 16u; // vec4 of output channels that lie together in the filter
const KERNEL_WIDTH: u32 = 1u;
const TAPS: u32 = 1u;
const STRIDE: u32 = 1u;
const PADDING_Y: i32 = 0i;
const PADDING_X: i32 = 0i;
const DILATION: u32 = 1u;

const THREADS_X: u32 = TILE_N / 4u;
const THREADS_Y: u32 = TILE_M / 4u;
const THREADS: u32 = THREADS_X * THREADS_Y;
const ROWS4: u32 = TAPS * IN_CHANNELS4; // vec4 of rows

struct Params {
  pixels: u32,
  split_pixels: u32, // of each split, a multiple of TILE_K
  accumulate: u32, // add to what is there
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> tile_x: array<array<vec4f, THREADS_Y>, TILE_K>;
var<workgroup> tile_g: array<array<vec4f, THREADS_X>, TILE_K>;

fn gather(pixel: u32, last: u32, row4: u32) -> vec4f {
  if (pixel >= last || row4 >= ROWS4) {
    return vec4f();
  }
  let tap = row4 / IN_CHANNELS4;
  let c = row4 % IN_CHANNELS4;
  let ox = pixel % OUT_WIDTH;
  let oy = (pixel / OUT_WIDTH) % OUT_HEIGHT;
  let n = pixel / (OUT_WIDTH * OUT_HEIGHT);
  let y = i32(oy * STRIDE + (tap / KERNEL_WIDTH) * DILATION) - PADDING_Y;
  let x = i32(ox * STRIDE + (tap % KERNEL_WIDTH) * DILATION) - PADDING_X;
  if (y < 0 || x < 0 || y >= i32(IN_HEIGHT) || x >= i32(IN_WIDTH)) {
    return vec4f();
  }
  return input[((n * IN_HEIGHT + u32(y)) * IN_WIDTH + u32(x)) * IN_STRIDE4 + IN_FIRST4 + c];
}

fn load_tiles(thread: u32, first_row4: u32, first_column: u32, first: u32, last: u32) {
  for (var i = thread; i < TILE_K * THREADS_Y; i += THREADS) {
    let k = i / THREADS_Y;
    tile_x[k][i % THREADS_Y] = gather(first + k, last, first_row4 + i % THREADS_Y);
  }
  for (var i = thread; i < TILE_K * THREADS_X; i += THREADS) {
    let pixel = first + i / THREADS_X;
    let column = first_column + i % THREADS_X;
    var g = vec4f();
    if (pixel < last && column < OUT_CHANNELS4) {
      g = gradient[pixel * OUT_CHANNELS4 + column];
    }
    tile_g[i / THREADS_X][i % THREADS_X] = g;
  }
}

fn store(row: u32, column: u32, split: u32, sum: vec4f) {
  if (row >= ROWS4 * 4u || column >= OUT_CHANNELS4) {
    return;
  }
  let at = (split * OUT_CHANNELS4 + column / PANEL4 * PANEL4) * ROWS4 * 4u + row * PANEL4 + column % PANEL4;
  var total = sum;
  if (params.accumulate != 0u) {
    total += output[at];
  }
  output[at] = total;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first_row4 = group.y * THREADS_Y;
  let first_column = group.x * THREADS_X;
  let tx = thread % THREADS_X;
  let ty = thread / THREADS_X;
  var total0 = vec4f();
  var total1 = vec4f();
  var total2 = vec4f();
  var total3 = vec4f();

  let begin = group.z * params.split_pixels;
  let end = min(begin + params.split_pixels, params.pixels);
  for (var chunk = begin; chunk < end; chunk += CHUNK) {
    var sum0 = vec4f();
    var sum1 = vec4f();
    var sum2 = vec4f();
    var sum3 = vec4f();
    let last = min(chunk + CHUNK, end);
    for (var first = chunk; first < last; first += TILE_K) {
      load_tiles(thread, first_row4, first_column, first, last);
      workgroupBarrier();
      for (var k = 0u; k < TILE_K; k++) {
        let x = tile_x[k][ty];
        let g = tile_g[k][tx];
        sum0 = fma(vec4f(x[0]), g, sum0);
        sum1 = fma(vec4f(x[1]), g, sum1);
        sum2 = fma(vec4f(x[2]), g, sum2);
        sum3 = fma(vec4f(x[3]), g, sum3);
      }
      workgroupBarrier();
    }
    total0 += sum0;
    total1 += sum1;
    total2 += sum2;
    total3 += sum3;
  }

  let row = (first_row4 + ty) * 4u;
  let column = first_column + tx;
  store(row, column, group.z, total0);
  store(row + 1u, column, group.z, total1);
  store(row + 2u, column, group.z, total2);
  store(row + 3u, column, group.z, total3);
}
`,
  "conv2d_transpose_weight": `// The filter of the convolution that takes the gradient of a convolution's output to that of its input: input and
// output channels exchanged, taps in reverse order, or only every step-th of them (a stride's phase):
//   t[tap(ky, kx), o, c] = w[tap(first_y + step (kh-1-ky), first_x + step (kw-1-kx)), c, o]
// Both sides are packed, [channels / panel, kh, kw, other channels, panel]; channels that only fill the panel get
// zeros, and so do input channels that t is to have more than there are. One element per invocation, any groups and
// channel counts; conv2d_transpose_weight_vec4 is the fast one.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements of t.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  in_channels: u32, // of all groups: the transposed filter's outputs
  group_inputs: u32,
  group_outputs: u32,
  rows: u32, // the transposed filter's inputs: group_outputs, or more
  panel: u32, // of w
  kernel_height: u32, // of w
  kernel_width: u32,
  out_panel: u32, // of t
  out_height: u32, // taps of t
  out_width: u32,
  first_y: u32,
  first_x: u32,
  step: u32,
}

@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let row = index / params.out_panel;
  let tap = row / params.rows;
  let y = params.first_y + params.step * (params.out_height - 1u - (tap / params.out_width) % params.out_height);
  let x = params.first_x + params.step * (params.out_width - 1u - tap % params.out_width);
  let c = tap / (params.out_width * params.out_height) * params.out_panel + index % params.out_panel;
  let group_output = row % params.rows;
  let o = c / params.group_inputs * params.group_outputs + group_output;

  var value = 0.0;
  if (c < params.in_channels && group_output < params.group_outputs) {
    let panel_tap = (o / params.panel * params.kernel_height + y) * params.kernel_width + x;
    value = weight[(panel_tap * params.group_inputs + c % params.group_inputs) * params.panel + o % params.panel];
  }
  output[index] = value;
}
`,
  "conv2d_transpose_weight_vec4": `// The filter of the convolution that takes the gradient of a convolution's output to that of its input: input and
// output channels exchanged, taps in reverse order, or only every step-th of them (a stride's phase):
//   t[tap(ky, kx), o, c] = w[tap(first_y + step (kh-1-ky), first_x + step (kw-1-kx)), c, o]
// Both sides are packed, [channels / panel, kh, kw, other channels, panel]. One group, channels divisible by 4: each
// invocation turns a block of 4x4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = taps * Cin/4 * Cout/4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  in_channels: u32,
  out_channels4: u32,
  panel4: u32, // vec4 of output channels that lie together in w
  kernel_height: u32, // of w
  kernel_width: u32,
  out_panel4: u32, // vec4 of input channels that lie together in t
  out_height: u32, // taps of t
  out_width: u32,
  first_y: u32,
  first_x: u32,
  step: u32,
}

@group(0) @binding(0) var<storage, read> weight: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let row = index / params.out_panel4;
  let o = row % params.out_channels4;
  let tap = row / params.out_channels4;
  let y = params.first_y + params.step * (params.out_height - 1u - (tap / params.out_width) % params.out_height);
  let x = params.first_x + params.step * (params.out_width - 1u - tap % params.out_width);
  let c = (tap / (params.out_width * params.out_height) * params.out_panel4 + index % params.out_panel4) * 4u;

  let panel = params.panel4;
  let panel_tap = (o / panel * params.kernel_height + y) * params.kernel_width + x;
  let at = (panel_tap * params.in_channels + c) * panel + o % panel;
  let w = transpose(mat4x4f(weight[at], weight[at + panel], weight[at + 2u * panel], weight[at + 3u * panel]));
  let to = row * 4u * params.out_panel4 + index % params.out_panel4;
  output[to] = w[0];
  output[to + params.out_panel4] = w[1];
  output[to + 2u * params.out_panel4] = w[2];
  output[to + 3u * params.out_panel4] = w[3];
}
`,
  "copy_blurred": `// Copies the images that have been blurred:
//   output = input, where the record's blur size is above 1 and the image is not idle
// Image record: 24 words, of which word 2 is the mode (0: idle), 3 the size.
// Dispatch: ceil(params.pixels / WORKGROUP) by 1 by N workgroups, with pixels per image.

const WORKGROUP: u32 = 64u;

const IMAGE_WORDS: u32 = 24u;
const MODE: u32 = 2u;
const SIZE: u32 = 3u;
const IDLE: u32 = 0u;

struct Params {
  pixels: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> images: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
  let record = group.z * IMAGE_WORDS;
  if (id.x >= params.pixels || images[record + MODE] == IDLE || images[record + SIZE] <= 1u) {
    return;
  }
  let index = group.z * params.pixels + id.x;
  output[index] = input[index];
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
// State, STATE vec4 per target: (cx, cy, w, h) in frame pixels, replaced; (scale, frame width, frame height, 0);
// and, if STATE is 3, its own rule: (penalty_k, window_influence, lr, which of the maps is its own). Otherwise the rule
// is the uniform's, and target t has map t.
// Result, three vec4 per target: clipped box, box before clipping, (score, penalised score, index, rate).
// Dispatch: one workgroup per target, over x.

const WORKGROUP: u32 = 256u;
const ANCHORS: u32 = 5u;
const STATE: u32 = 2u;

const CLASSES: u32 = 2u;
const COORDINATES: u32 = 4u;
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

struct Rule {
  penalty_k: f32,
  window_influence: f32,
  lr: f32,
  map: u32,
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

fn rule_of(target_index: u32) -> Rule {
  if (STATE > 2u) {
    let own = state[target_index * STATE + 2u];
    return Rule(own.x, own.y, own.z, u32(own.w));
  }
  return Rule(params.penalty_k, params.window_influence, params.lr, target_index);
}

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

fn candidate(rule: Rule, index: u32, previous: vec4f, scale: f32) -> Candidate {
  let position = index / ANCHORS;
  let anchor = index % ANCHORS;
  let row = rule.map * params.positions + position;
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
  let penalty = exp(-(aspect_change * size_change - 1.0) * rule.penalty_k);
  let penalised = penalty * score * (1.0 - rule.window_influence) + window[index] * rule.window_influence;
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
  let rule = rule_of(group.x);

  var best_score = LOWEST;
  var best_index = 0u;
  for (var index = local; index < params.positions * ANCHORS; index += WORKGROUP) {
    let score = candidate(rule, index, previous, scale).penalised;
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

  let best = candidate(rule, best_indices[0], previous, scale);
  let rate = best.penalty * best.score * rule.lr;
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
// With FULL, its gradient with respect to x: the full correlation with the flipped kernel, of the gradient as input,
//   y[n,i,j,c] = sum over u,v of x[n, i - u, j - v, c] * k[n,u,v,c],  x zero outside,  OUT_H = IN_H + KERNEL_H - 1.
// Follows depthwise_correlation of MMTracking's CorrelationHead. Any channel count; one element per invocation.
// The loops have bounds that compilers do not know: unrolled, a large kernel would take many seconds to compile.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * OUT_H * OUT_W * CHANNELS.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const KERNEL_H: u32 = 5u;
const KERNEL_W: u32 = 5u;
const FULL: bool = false;

const OUT_H: u32 = select(IN_H + 1u - KERNEL_H, IN_H + KERNEL_H - 1u, FULL);
const OUT_W: u32 = select(IN_W + 1u - KERNEL_W, IN_W + KERNEL_W - 1u, FULL);

struct Params {
  count: u32,
  kernel_height: u32,
  kernel_width: u32,
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
  for (var u = 0u; u < params.kernel_height; u++) {
    let kernel_row = (n * KERNEL_H + u) * KERNEL_W * CHANNELS + channel;
    // The unsigned differences wrap to huge numbers above and left of the image.
    let y = select(i + u, i - u, FULL);
    if (FULL && y >= IN_H) {
      continue;
    }
    let row = (n * IN_H + y) * IN_W * CHANNELS + channel;
    for (var v = 0u; v < params.kernel_width; v++) {
      let x = select(j + v, j - v, FULL);
      let value = input[row + min(x, IN_W - 1u) * CHANNELS];
      let tap = kernel[kernel_row + v * CHANNELS];
      sum = fma(select(value, 0.0, FULL && x >= IN_W), tap, sum);
    }
  }
  output[index] = sum;
}
`,
  "depthwise_correlation_kernel_gradient": `// Gradient of the depthwise cross-correlation with respect to its small kernel, a channel's taps kept in registers.
//   dk[n,u,v,c] = sum over i,j of x[n,i+u,j+v,c] * dy[n,i,j,c]    (NHWC; OUT_H = IN_H - KERNEL_H + 1, OUT_W likewise)
// One invocation takes one channel and one part of dy: a segment of ROWS rows, STRIPS_PER_PART strips of STRIP
// columns. Neighbouring invocations take neighbouring channels, so that loads coalesce. Any channel count. Rows of x
// and dy pass by one at a time and are loaded once per strip: row r of x meets the rows r - u of dy, of which
// slopes[u] holds the strip. Loops over the small arrays have constant bounds, for compilers to unroll. partial:
// [PARTS, N, KERNEL_H, KERNEL_W, C]; the parts are added afterwards, in their order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = N * PARTS * CHANNELS of
// the samples bound.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 29u;
const IN_W: u32 = 29u;
const KERNEL_H: u32 = 5u;
const KERNEL_W: u32 = 5u;
const STRIP: u32 = 5u;
const STRIPS_PER_PART: u32 = 5u;
const ROWS: u32 = 25u;

const OUT_H: u32 = IN_H - KERNEL_H + 1u;
const OUT_W: u32 = IN_W - KERNEL_W + 1u;
const PART_WIDTH: u32 = STRIP * STRIPS_PER_PART;
const PARTS_ACROSS: u32 = (OUT_W + PART_WIDTH - 1u) / PART_WIDTH;
const SEGMENTS: u32 = (OUT_H + ROWS - 1u) / ROWS;
const PARTS: u32 = PARTS_ACROSS * SEGMENTS;
const TAPS: u32 = KERNEL_H * KERNEL_W;
const WINDOW: u32 = STRIP + KERNEL_W - 1u;

struct Params {
  count: u32,
  // Samples of the whole batch, and the first one bound.
  batch: u32,
  first_sample: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % CHANNELS;
  let tile = index / CHANNELS;
  let part = tile % PARTS;
  let n = tile / PARTS;
  let first_row = (part / PARTS_ACROSS) * ROWS;
  let last_row = min(first_row + ROWS, OUT_H);
  let first_column = (part % PARTS_ACROSS) * PART_WIDTH;

  var sums: array<f32, TAPS>;
  for (var j = first_column; j < min(first_column + PART_WIDTH, OUT_W); j += STRIP) {
    var slopes: array<array<f32, STRIP>, KERNEL_H>;
    for (var r = first_row; r < last_row + KERNEL_H - 1u; r++) {
      var x: array<f32, WINDOW>;
      for (var s = 0u; s < WINDOW; s++) {
        x[s] = input[((n * IN_H + r) * IN_W + min(j + s, IN_W - 1u)) * CHANNELS + channel];
      }
      // From the oldest row of dy to the newest: each moves one place on.
      for (var age = 0u; age < KERNEL_H; age++) {
        let u = KERNEL_H - 1u - age;
        for (var s = 0u; s < STRIP; s++) {
          if (u > 0u) {
            slopes[u][s] = slopes[u - 1u][s];
          } else {
            let at = ((n * OUT_H + min(r, OUT_H - 1u)) * OUT_W + min(j + s, OUT_W - 1u)) * CHANNELS + channel;
            slopes[u][s] = select(0.0, gradient[at], r < last_row && j + s < OUT_W);
          }
          for (var v = 0u; v < KERNEL_W; v++) {
            sums[u * KERNEL_W + v] = fma(x[s + v], slopes[u][s], sums[u * KERNEL_W + v]);
          }
        }
      }
    }
  }
  let sample = part * params.batch + params.first_sample + n;
  for (var t = 0u; t < TAPS; t++) {
    partial[(sample * TAPS + t) * CHANNELS + channel] = sums[t];
  }
}
`,
  "depthwise_correlation_rolling": `// Depthwise cross-correlation with a small kernel per sample, the kernel kept in registers.
//   y[n,i,j,c] = sum over u,v of x[n,i+u,j+v,c] * k[n,u,v,c]    (NHWC; OUT_H = IN_H - KERNEL_H + 1, OUT_W likewise)
// With FULL, its gradient with respect to x: the full correlation with the flipped kernel, of the gradient as input,
//   y[n,i,j,c] = sum over u,v of x[n, i - u, j - v, c] * k[n,u,v,c],  x zero outside,  OUT_H = IN_H + KERNEL_H - 1:
// the same walk over an image with KERNEL - 1 pixels of zeros around it.
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
const FULL: bool = false;

const OUT_H: u32 = select(IN_H + 1u - KERNEL_H, IN_H + KERNEL_H - 1u, FULL);
const OUT_W: u32 = select(IN_W + 1u - KERNEL_W, IN_W + KERNEL_W - 1u, FULL);
const PADDING_H: u32 = select(0u, KERNEL_H - 1u, FULL);
const PADDING_W: u32 = select(0u, KERNEL_W - 1u, FULL);
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
    let tap = select(t, TAPS - 1u - t, FULL);
    k[t] = kernel[(n * TAPS + tap) * CHANNELS + channel];
  }
  var sums: array<array<f32, STRIP>, KERNEL_H>;
  for (var r = first_row; r < last_row + KERNEL_H - 1u; r++) {
    var x: array<f32, WINDOW>;
    for (var s = 0u; s < WINDOW; s++) {
      // The unsigned differences wrap to huge numbers above and left of the image.
      let row = r - PADDING_H;
      let column = j + s - PADDING_W;
      let at = ((n * IN_H + min(row, IN_H - 1u)) * IN_W + min(column, IN_W - 1u)) * CHANNELS + channel;
      x[s] = select(input[at], 0.0, FULL && (row >= IN_H || column >= IN_W));
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
  "fill": `// Fills a tensor with one value: the seed of a backward pass, or a gradient's first zeros.
// Dispatch: one invocation per element; the grid's rows continue its columns.

const WORKGROUP: u32 = 64u;
const VALUE: f32 = 1.0;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read_write> output: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let i = id.y * grid.x * WORKGROUP + id.x;
  if (i < params.count) {
    output[i] = VALUE;
  }
}
`,
  "fold_batch_norm": `// A batch norm's running statistics as a scale and a bias per channel:
//   scale = gamma / sqrt(variance + eps),  bias = beta - mean * scale
// Dispatch: one invocation per channel.

const WORKGROUP: u32 = 64u;

struct Params {
  channels: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> gamma: array<f32>;
@group(0) @binding(1) var<storage, read> beta: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> scale: array<f32>;
@group(0) @binding(5) var<storage, read_write> bias: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= params.channels) {
    return;
  }
  let factor = gamma[c] / sqrt(variance[c] + params.eps);
  scale[c] = factor;
  bias[c] = beta[c] - mean[c] * factor;
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
  "frozen_batch_norm_gradient": `// Gradient of batch normalisation with frozen statistics: of the input, and sums over each chunk for gamma and beta.
//   dx = g * gamma * inv_std                       inv_std = 1 / sqrt(variance + eps)
//   partial[chunk, 0, c] = sum of g * (x - mean) * inv_std      partial[chunk, 1, c] = sum of g
// g is the gradient of the output, zero with RELU where the output is not positive. partial: [chunks, 2, C].
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Any channel count. One invocation takes one chunk of one channel.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * channels.

const WORKGROUP: u32 = 64u;
const RELU: bool = false;

struct Params {
  count: u32,
  channels: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
  // Where the chunks of this batch slice begin in \`partial\`.
  first_chunk: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> output: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> mean: array<f32>;
@group(0) @binding(5) var<storage, read> variance: array<f32>;
@group(0) @binding(6) var<storage, read_write> input_gradient: array<f32>;
@group(0) @binding(7) var<storage, read_write> partial: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channels = params.channels;
  let channel = index % channels;
  let chunk = index / channels;
  let interleave = max(1u, WORKGROUP / channels);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let center = mean[channel];
  let deviation = 1.0 / sqrt(variance[channel] + params.eps);
  let scale = deviation * gamma[channel];
  var products = 0.0;
  var sum = 0.0;
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * channels + channel;
    var g = gradient[at];
    if (RELU) {
      g = select(0.0, g, output[at] > 0.0);
    }
    input_gradient[at] = g * scale;
    products = fma(g, input[at] - center, products);
    sum += g;
  }
  let slot = params.first_chunk + chunk;
  partial[2u * slot * channels + channel] = products * deviation;
  partial[(2u * slot + 1u) * channels + channel] = sum;
}
`,
  "frozen_batch_norm_gradient_vec4": `// Gradient of batch normalisation with frozen statistics: of the input, and sums over each chunk for gamma and beta.
//   dx = g * gamma * inv_std                       inv_std = 1 / sqrt(variance + eps)
//   partial[chunk, 0, c] = sum of g * (x - mean) * inv_std      partial[chunk, 1, c] = sum of g
// g is the gradient of the output, zero with RELU where the output is not positive. partial: [chunks, 2, C].
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Channel counts divisible by 4; groups = C / 4. One invocation takes one chunk of one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * groups.

const WORKGROUP: u32 = 64u;
const RELU: bool = false;

struct Params {
  count: u32,
  groups: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
  // Where the chunks of this batch slice begin in \`partial\`.
  first_chunk: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read> output: array<vec4f>;
@group(0) @binding(3) var<storage, read> gamma: array<vec4f>;
@group(0) @binding(4) var<storage, read> mean: array<vec4f>;
@group(0) @binding(5) var<storage, read> variance: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> input_gradient: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(8) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let groups = params.groups;
  let channel = index % groups;
  let chunk = index / groups;
  let interleave = max(1u, WORKGROUP / groups);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  let center = mean[channel];
  let deviation = 1.0 / sqrt(variance[channel] + params.eps);
  let scale = deviation * gamma[channel];
  var products = vec4f();
  var sum = vec4f();
  for (var pixel = first; pixel < end; pixel += interleave) {
    let at = pixel * groups + channel;
    var g = gradient[at];
    if (RELU) {
      g = select(vec4f(), g, output[at] > vec4f());
    }
    input_gradient[at] = g * scale;
    products = fma(g, input[at] - center, products);
    sum += g;
  }
  let slot = params.first_chunk + chunk;
  partial[2u * slot * groups + channel] = products * deviation;
  partial[(2u * slot + 1u) * groups + channel] = sum;
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
  "interleave_phase": `// Puts one phase of an image in its place: of each STRIDE x STRIDE pixels it is the one at (phase_y, phase_x), NHWC.
//   y[n, j * STRIDE + phase_y, i * STRIDE + phase_x, c] = x[n, j, i, c]      or 0 where EMPTY
// One element per invocation; interleave_phase_vec4 is the twin for channels divisible by 4.
// Dispatch: x = ceil(width * channels / WORKGROUP), y = height of x, z = samples.

const WORKGROUP: u32 = 64u;
const EMPTY: bool = false;

struct Params {
  channels: u32,
  height: u32, // of x
  width: u32,
  out_height: u32,
  out_width: u32,
  stride: u32,
  phase_y: u32,
  phase_x: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = params.width * params.channels;
  if (id.x >= row) {
    return;
  }
  let y = id.y * params.stride + params.phase_y;
  let x = id.x / params.channels * params.stride + params.phase_x;
  let to = ((id.z * params.out_height + y) * params.out_width + x) * params.channels + id.x % params.channels;
  var value = 0.0;
  if (!EMPTY) {
    value = input[(id.z * params.height + id.y) * row + id.x];
  }
  output[to] = value;
}
`,
  "interleave_phase_vec4": `// Puts one phase of an image in its place: of each STRIDE x STRIDE pixels it is the one at (phase_y, phase_x), NHWC.
//   y[n, j * STRIDE + phase_y, i * STRIDE + phase_x, c] = x[n, j, i, c]      or 0 where EMPTY
// Four channels per invocation; channels divisible by 4.
// Dispatch: x = ceil(width * channels / WORKGROUP), channels in vec4, y = height of x, z = samples.

const WORKGROUP: u32 = 64u;
const EMPTY: bool = false;

struct Params {
  channels: u32, // in vec4
  height: u32, // of x
  width: u32,
  out_height: u32,
  out_width: u32,
  stride: u32,
  phase_y: u32,
  phase_x: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = params.width * params.channels;
  if (id.x >= row) {
    return;
  }
  let y = id.y * params.stride + params.phase_y;
  let x = id.x / params.channels * params.stride + params.phase_x;
  let to = ((id.z * params.out_height + y) * params.out_width + x) * params.channels + id.x % params.channels;
  var value = vec4f();
  if (!EMPTY) {
    value = input[(id.z * params.height + id.y) * row + id.x];
  }
  output[to] = value;
}
`,
  "loss_cross_entropy": `// Weighted softmax cross entropy of two classes per anchor, its gradient, and one partial sum per workgroup.
//   z = logit[label] - logit[other],  loss = scale * w * log(1 + exp(-z)),  w = weight * class_weight[label]
//   d loss / d logit[other] = scale * w / (1 + exp(z)) = - d loss / d logit[label]
// Written with softplus, so that logits of any finite size are safe (CrossEntropyLoss of mmdet, use_sigmoid=False).
// logits, gradient [positions, class * ANCHORS + a]; labels (0, or above 0.5: object), weights [anchors] at
// position * ANCHORS + a. partials[first + workgroup] = sum of the workgroup's losses, in a fixed order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = anchors.

const WORKGROUP: u32 = 256u;
const ANCHORS: u32 = 5u;

const CLASSES: u32 = 2u;
const OBJECT: f32 = 0.5;
const SERIES_BELOW: f32 = 0.01;

struct Params {
  class_weight: vec2f,
  scale: f32,
  count: u32,
  first: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

// log(1 + e) for 0 <= e <= 1; the series keeps what adding 1 would round away.
fn log1p(e: f32) -> f32 {
  return select(log(1.0 + e), e * (1.0 - e * (0.5 - e * (1.0 / 3.0 - 0.25 * e))), e < SERIES_BELOW);
}

fn softplus(z: f32) -> f32 {
  return max(z, 0.0) + log1p(exp(-abs(z)));
}

fn anchor_loss(index: u32) -> f32 {
  let background_at = index / ANCHORS * ANCHORS * CLASSES + index % ANCHORS;
  let object_at = background_at + ANCHORS;
  let margin = logits[object_at] - logits[background_at];
  let is_object = labels[index] > OBJECT;
  let z = select(-margin, margin, is_object);
  let weight = params.scale * weights[index] * select(params.class_weight.x, params.class_weight.y, is_object);
  let slope = weight * exp(-softplus(z));
  gradient[object_at] = select(slope, -slope, is_object);
  gradient[background_at] = select(-slope, slope, is_object);
  return weight * softplus(-z);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  let group = id.y * grid.x + id.x;
  let index = group * WORKGROUP + local;
  var loss = 0.0;
  if (index < params.count) {
    loss = anchor_loss(index);
  }
  sums[local] = loss;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      sums[local] += sums[local + half];
    }
  }
  if (local == 0u && group * WORKGROUP < params.count) {
    partials[params.first + group] = sums[0];
  }
}
`,
  "loss_focal": `// Weighted sigmoid focal loss of two logits per anchor, its gradient, and one partial sum per workgroup.
// Each class is a question of its own, answered yes for the label's class and no for the other:
//   z = logit where yes, -logit where no;  q = 1 / (1 + exp(z)), the probability of the wrong answer
//   loss = scale * w * alpha_t * q^gamma * log(1 + exp(-z)),  alpha_t = alpha where yes, 1 - alpha where no
//   d loss / dz = -scale * w * alpha_t * q^gamma * (q + gamma * (1 - q) * log(1 + exp(-z)))
// q^gamma = exp(-gamma * softplus(z)), so that logits of any finite size are safe (py_sigmoid_focal_loss of mmdet).
// logits, gradient [positions, class * ANCHORS + a]; labels (0, or above 0.5: object), weights [anchors] at
// position * ANCHORS + a. partials[first + workgroup] = sum of the workgroup's losses, in a fixed order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = anchors.

const WORKGROUP: u32 = 256u;
const ANCHORS: u32 = 5u;

const CLASSES: u32 = 2u;
const OBJECT: f32 = 0.5;
const SERIES_BELOW: f32 = 0.01;

struct Params {
  gamma: f32,
  alpha: f32,
  scale: f32,
  count: u32,
  first: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

// log(1 + e) for 0 <= e <= 1; the series keeps what adding 1 would round away.
fn log1p(e: f32) -> f32 {
  return select(log(1.0 + e), e * (1.0 - e * (0.5 - e * (1.0 / 3.0 - 0.25 * e))), e < SERIES_BELOW);
}

fn softplus(z: f32) -> f32 {
  return max(z, 0.0) + log1p(exp(-abs(z)));
}

fn anchor_loss(index: u32) -> f32 {
  let start = index / ANCHORS * ANCHORS * CLASSES + index % ANCHORS;
  let label_class = select(0u, 1u, labels[index] > OBJECT);
  let weight = params.scale * weights[index];
  var loss = 0.0;
  for (var class_index = 0u; class_index < CLASSES; class_index++) {
    let at = start + class_index * ANCHORS;
    let yes = class_index == label_class;
    let z = select(-logits[at], logits[at], yes);
    let wrong_log = -softplus(z);
    let surprise = softplus(-z);
    let factor = weight * select(1.0 - params.alpha, params.alpha, yes) * exp(params.gamma * wrong_log);
    let slope = factor * (exp(wrong_log) + params.gamma * exp(-surprise) * surprise);
    gradient[at] = select(slope, -slope, yes);
    loss += factor * surprise;
  }
  return loss;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  let group = id.y * grid.x + id.x;
  let index = group * WORKGROUP + local;
  var loss = 0.0;
  if (index < params.count) {
    loss = anchor_loss(index);
  }
  sums[local] = loss;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      sums[local] += sums[local + half];
    }
  }
  if (local == 0u && group * WORKGROUP < params.count) {
    partials[params.first + group] = sums[0];
  }
}
`,
  "loss_iou": `// Weighted loss of the overlap of two boxes x1, y1, x2, y2, its gradient, and one partial sum per workgroup.
//   iou = overlap / max(area_p + area_t - overlap, UNION_EPS)
//   giou = iou - (hull - union) / hull, hull being the area of the box around both
//   MODE 0: 1 - c, 1: 1 - c^2, 2: -log(c) with c = max(iou, eps);  3: 1 - giou, whose union and hull are at least eps
//   loss = scale * mean of the four weights * that (IoULoss and GIoULoss of mmdet)
// Gradients at the kinks are PyTorch's: max and min of equal numbers give each half, a clamp passes at its bound.
// A box whose corners are in the wrong order has a negative area, as it has there.
// prediction, gradient [positions, coordinate * ANCHORS + a]; targets, weights [anchors] of four coordinates at
// position * ANCHORS + a. partials[first + workgroup] = sum of the workgroup's losses, in a fixed order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = anchors.

const WORKGROUP: u32 = 256u;
const ANCHORS: u32 = 5u;
const MODE: u32 = 2u;

const LINEAR: u32 = 0u;
const SQUARE: u32 = 1u;
const GENERALISED: u32 = 3u;
const UNION_EPS: f32 = 1e-6;
const COORDINATES: u32 = 4u;

struct Params {
  scale: f32,
  eps: f32,
  count: u32,
  first: u32,
}

// Value of a loss, and its derivatives by the three areas that it depends on.
struct AreaLoss {
  value: f32,
  by_overlap: f32,
  by_union: f32,
  by_hull: f32,
}

@group(0) @binding(0) var<storage, read> prediction: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

// Share of max(a, b) that is a's.
fn share(a: f32, b: f32) -> f32 {
  return select(select(0.0, 0.5, a == b), 1.0, a > b);
}

fn shares(a: vec2f, b: vec2f) -> vec2f {
  return vec2f(share(a.x, b.x), share(a.y, b.y));
}

fn passes(size: vec2f) -> vec2f {
  return select(vec2f(0.0), vec2f(1.0), size >= vec2f(0.0));
}

fn overlap_loss(overlap: f32, raw_union: f32) -> AreaLoss {
  let whole = max(raw_union, UNION_EPS);
  let iou = overlap / whole;
  let kept = max(iou, params.eps);
  var value = -log(kept);
  var slope = -1.0 / kept;
  if (MODE == LINEAR) {
    value = 1.0 - kept;
    slope = -1.0;
  } else if (MODE == SQUARE) {
    value = 1.0 - kept * kept;
    slope = -2.0 * kept;
  }
  slope = select(0.0, slope, iou >= params.eps);
  return AreaLoss(value, slope / whole, -slope * iou / whole * share(raw_union, UNION_EPS), 0.0);
}

fn generalised_loss(overlap: f32, raw_union: f32, raw_hull: f32) -> AreaLoss {
  let whole = max(raw_union, params.eps);
  let hull = max(raw_hull, params.eps);
  let iou = overlap / whole;
  let by_union = (iou / whole - 1.0 / hull) * share(raw_union, params.eps);
  let by_hull = whole / hull / hull * share(raw_hull, params.eps);
  return AreaLoss(1.0 - iou + (hull - whole) / hull, -1.0 / whole, by_union, by_hull);
}

fn anchor_loss(index: u32) -> f32 {
  let start = index / ANCHORS * ANCHORS * COORDINATES + index % ANCHORS;
  var p = vec4f();
  for (var c = 0u; c < COORDINATES; c++) {
    p[c] = prediction[start + c * ANCHORS];
  }
  let t = targets[index];
  let p_size = p.zw - p.xy;
  let t_size = t.zw - t.xy;
  let shared_span = min(p.zw, t.zw) - max(p.xy, t.xy);
  let shared_size = max(shared_span, vec2f(0.0));
  let hull = max(p.zw, t.zw) - min(p.xy, t.xy);
  let hull_size = max(hull, vec2f(0.0));
  let overlap = shared_size.x * shared_size.y;
  let raw_union = p_size.x * p_size.y + t_size.x * t_size.y - overlap;
  var one = AreaLoss();
  if (MODE == GENERALISED) {
    one = generalised_loss(overlap, raw_union, hull_size.x * hull_size.y);
  } else {
    one = overlap_loss(overlap, raw_union);
  }
  let by_size = one.by_union * p_size.yx;
  let by_shared = (one.by_overlap - one.by_union) * shared_size.yx * passes(shared_span);
  let by_hull = one.by_hull * hull_size.yx * passes(hull);
  let by_low = -by_size - by_shared * shares(p.xy, t.xy) - by_hull * shares(t.xy, p.xy);
  let by_high = by_size + by_shared * shares(t.zw, p.zw) + by_hull * shares(p.zw, t.zw);
  let weight = params.scale * dot(weights[index], vec4f(0.25));
  let slope = weight * vec4f(by_low, by_high);
  for (var c = 0u; c < COORDINATES; c++) {
    gradient[start + c * ANCHORS] = slope[c];
  }
  return weight * one.value;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  let group = id.y * grid.x + id.x;
  let index = group * WORKGROUP + local;
  var loss = 0.0;
  if (index < params.count) {
    loss = anchor_loss(index);
  }
  sums[local] = loss;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      sums[local] += sums[local + half];
    }
  }
  if (local == 0u && group * WORKGROUP < params.count) {
    partials[params.first + group] = sums[0];
  }
}
`,
  "loss_l1": `// Weighted L1 or smooth L1 loss of box deltas, its gradient, and one partial sum per workgroup.
//   d = prediction - target, per coordinate
//   L1: loss = scale * w * |d|;  with SMOOTH: scale * w * (d^2 / (2 beta) where |d| < beta, else |d| - beta / 2)
// (L1Loss and SmoothL1Loss of mmdet.) The gradient of |d| at 0 is 0.
// prediction, gradient [positions, coordinate * ANCHORS + a]; targets, weights [anchors] of four coordinates at
// position * ANCHORS + a. partials[first + workgroup] = sum of the workgroup's losses, in a fixed order.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = anchors.

const WORKGROUP: u32 = 256u;
const ANCHORS: u32 = 5u;
const SMOOTH: bool = false;

const COORDINATES: u32 = 4u;

struct Params {
  scale: f32,
  beta: f32,
  count: u32,
  first: u32,
}

@group(0) @binding(0) var<storage, read> prediction: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

fn anchor_loss(index: u32) -> f32 {
  let start = index / ANCHORS * ANCHORS * COORDINATES + index % ANCHORS;
  var difference = -targets[index];
  for (var c = 0u; c < COORDINATES; c++) {
    difference[c] += prediction[start + c * ANCHORS];
  }
  let distance = abs(difference);
  let weight = params.scale * weights[index];
  var loss = distance;
  var slope = sign(difference);
  if (SMOOTH) {
    let near = distance < vec4f(params.beta);
    loss = select(distance - 0.5 * params.beta, 0.5 * distance * distance / params.beta, near);
    slope = select(slope, difference / params.beta, near);
  }
  slope *= weight;
  for (var c = 0u; c < COORDINATES; c++) {
    gradient[start + c * ANCHORS] = slope[c];
  }
  return dot(weight, loss);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  let group = id.y * grid.x + id.x;
  let index = group * WORKGROUP + local;
  var loss = 0.0;
  if (index < params.count) {
    loss = anchor_loss(index);
  }
  sums[local] = loss;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      sums[local] += sums[local + half];
    }
  }
  if (local == 0u && group * WORKGROUP < params.count) {
    partials[params.first + group] = sums[0];
  }
}
`,
  "loss_sum": `// Sum of the partial sums of a loss, in a fixed order, so that every run gives the same bits: loss = sum of partials.
// One workgroup; invocation i adds every WORKGROUP-th partial from i on, then a tree adds the invocations.
// Dispatch: one workgroup.

const WORKGROUP: u32 = 256u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> loss: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var i = local; i < params.count; i += WORKGROUP) {
    sum += partials[i];
  }
  sums[local] = sum;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      sums[local] += sums[local + half];
    }
  }
  if (local == 0u) {
    loss[0] = sums[0];
  }
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
  "max_pool_gradient": `// Gradient of max pooling: each element collects the gradients of the windows whose maximum it is, the first one in
// row-major order where several are equal, as in PyTorch. Padding is never the maximum.
//   dx[n,y,x,c] = sum over the windows that hold (y, x) of dy[window] * (x[n,y,x,c] is its first maximum)       (NHWC)
// An element equal to the window's output looks for an equal one before it; few do.
// Any channel count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * IN_H * IN_W * CHANNELS.

const WORKGROUP: u32 = 64u;
const CHANNELS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const KERNEL: u32 = 3u;
const STRIDE: u32 = 2u;
const PADDING: u32 = 1u;

const OUT_H: u32 = (IN_H + 2u * PADDING - KERNEL) / STRIDE + 1u;
const OUT_W: u32 = (IN_W + 2u * PADDING - KERNEL) / STRIDE + 1u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> pooled: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

// First window along one axis that reaches padded position \`at\`.
fn first_window(at: u32) -> u32 {
  return (max(at + 1u, KERNEL) - KERNEL + STRIDE - 1u) / STRIDE;
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
  let column = pixel % IN_W + PADDING;
  let row = (pixel / IN_W) % IN_H + PADDING;
  let value = input[index];

  var sum = 0.0;
  for (var i = first_window(row); i < OUT_H && i * STRIDE <= row; i++) {
    for (var j = first_window(column); j < OUT_W && j * STRIDE <= column; j++) {
      let window = ((n * OUT_H + i) * OUT_W + j) * CHANNELS + channel;
      var first = value == pooled[window];
      if (first) {
        let before = (row - i * STRIDE) * KERNEL + column - j * STRIDE;
        for (var t = 0u; t < before; t++) {
          // The unsigned difference wraps to a huge number above and left of the image.
          let y = i * STRIDE + t / KERNEL - PADDING;
          let x = j * STRIDE + t % KERNEL - PADDING;
          if (y < IN_H && x < IN_W) {
            first = first && (input[((n * IN_H + y) * IN_W + x) * CHANNELS + channel] != value);
          }
        }
        sum += select(0.0, gradient[window], first);
      }
    }
  }
  output[index] = sum;
}
`,
  "max_pool_gradient_vec4": `// Gradient of max pooling: each element collects the gradients of the windows whose maximum it is, the first one in
// row-major order where several are equal, as in PyTorch. Padding is never the maximum.
//   dx[n,y,x,c] = sum over the windows that hold (y, x) of dy[window] * (x[n,y,x,c] is its first maximum)       (NHWC)
// An element equal to the window's output looks for an equal one before it; few do.
// Channel counts divisible by 4; GROUPS = C / 4. One invocation computes one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with
// count = N * IN_H * IN_W * GROUPS.

const WORKGROUP: u32 = 64u;
const GROUPS: u32 = 1u;
const IN_H: u32 = 8u;
const IN_W: u32 = 8u;
const KERNEL: u32 = 3u;
const STRIDE: u32 = 2u;
const PADDING: u32 = 1u;

const OUT_H: u32 = (IN_H + 2u * PADDING - KERNEL) / STRIDE + 1u;
const OUT_W: u32 = (IN_W + 2u * PADDING - KERNEL) / STRIDE + 1u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read> pooled: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

// First window along one axis that reaches padded position \`at\`.
fn first_window(at: u32) -> u32 {
  return (max(at + 1u, KERNEL) - KERNEL + STRIDE - 1u) / STRIDE;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channel = index % GROUPS;
  let pixel = index / GROUPS;
  let n = pixel / (IN_W * IN_H);
  let column = pixel % IN_W + PADDING;
  let row = (pixel / IN_W) % IN_H + PADDING;
  let value = input[index];

  var sum = vec4f();
  for (var i = first_window(row); i < OUT_H && i * STRIDE <= row; i++) {
    for (var j = first_window(column); j < OUT_W && j * STRIDE <= column; j++) {
      let window = ((n * OUT_H + i) * OUT_W + j) * GROUPS + channel;
      var first = value == pooled[window];
      if (any(first)) {
        let before = (row - i * STRIDE) * KERNEL + column - j * STRIDE;
        for (var t = 0u; t < before; t++) {
          // The unsigned difference wraps to a huge number above and left of the image.
          let y = i * STRIDE + t / KERNEL - PADDING;
          let x = j * STRIDE + t % KERNEL - PADDING;
          if (y < IN_H && x < IN_W) {
            first = first & (input[((n * IN_H + y) * IN_W + x) * GROUPS + channel] != value);
          }
        }
        sum += select(vec4f(), gradient[window], first);
      }
    }
  }
  output[index] = sum;
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
  "motion_blur": `// Motion blur by a cross, one of its bars: along columns, or along rows with the column's bar added.
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
`,
  "pad_channels": `// Appends channels of zeros to an image, NHWC: y[p, c] = x[p, c] if c < channels, else 0; four channels per invocation.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = pixels * out_channels4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  channels: u32, // of x
  out_channels4: u32, // vec4 of channels of y
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let pixel = index / params.out_channels4;
  let first = index % params.out_channels4 * 4u;
  var value = vec4f();
  for (var k = 0u; k < 4u; k++) {
    if (first + k < params.channels) {
      value[k] = input[pixel * params.channels + first + k];
    }
  }
  output[index] = value;
}
`,
  "pixel_sum_partials": `// First stage of a sum over all pixels, per channel (the gradient of a bias): the sum of each chunk of pixels.
//   partial[chunk, c] = sum of x over the chunk
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Any channel count. One invocation takes one chunk of one channel.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * channels.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  channels: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
  // Where the chunks of this batch slice begin in \`partial\`.
  first_chunk: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let channels = params.channels;
  let channel = index % channels;
  let chunk = index / channels;
  let interleave = max(1u, WORKGROUP / channels);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  var sum = 0.0;
  for (var pixel = first; pixel < end; pixel += interleave) {
    sum += input[pixel * channels + channel];
  }
  partial[(params.first_chunk + chunk) * channels + channel] = sum;
}
`,
  "pixel_sum_partials_vec4": `// First stage of a sum over all pixels, per channel (the gradient of a bias): the sum of each chunk of pixels.
//   partial[chunk, c] = sum of x over the chunk
// A chunk is every interleave-th pixel of a block of interleave * run pixels, so that neighbouring invocations read
// neighbouring addresses however few the channels are.
// Channel counts divisible by 4; groups = C / 4. One invocation takes one chunk of one group of four channels.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = chunks * groups.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  groups: u32,
  // Pixels of all samples that are bound.
  pixels: u32,
  // Pixels of a chunk, at most.
  run: u32,
  // Where the chunks of this batch slice begin in \`partial\`.
  first_chunk: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let groups = params.groups;
  let channel = index % groups;
  let chunk = index / groups;
  let interleave = max(1u, WORKGROUP / groups);
  let begin = chunk / interleave * interleave * params.run;
  let first = begin + chunk % interleave;
  let end = min(begin + interleave * params.run, params.pixels);
  var sum = vec4f();
  for (var pixel = first; pixel < end; pixel += interleave) {
    sum += input[pixel * groups + channel];
  }
  partial[(params.first_chunk + chunk) * groups + channel] = sum;
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
  "relu_gradient": `// Gradient of the rectifier: dx = dy where y > 0, else 0 (also where x = 0, as in PyTorch); y is the forward output.
// Any element count. One invocation computes one element.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> activation: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  output[index] = select(0.0, gradient[index], activation[index] > 0.0);
}
`,
  "relu_gradient_vec4": `// Gradient of the rectifier: dx = dy where y > 0, else 0 (also where x = 0, as in PyTorch); y is the forward output.
// Element counts divisible by 4. One invocation computes four elements.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements / 4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> activation: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  output[index] = select(vec4f(), gradient[index], activation[index] > vec4f());
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
  "scale": `// y = x * factor, the factor read from a tensor of one element.
// Dispatch: one invocation per element; the grid's rows continue its columns.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let i = id.y * grid.x * WORKGROUP + id.x;
  if (i < params.count) {
    output[i] = input[i] * factor[0];
  }
}
`,
  "scale_by": `// y = x * factor, the factor read from a tensor of one element.
// Dispatch: one invocation per element; the grid's rows continue its columns.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let i = id.y * grid.x * WORKGROUP + id.x;
  if (i < params.count) {
    output[i] = input[i] * factor[0];
  }
}
`,
  "scale_by_vec4": `// scale_by.wgsl, four elements per invocation.
// Dispatch: one invocation per four elements; the grid's rows continue its columns.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32, // vec4
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let i = id.y * grid.x * WORKGROUP + id.x;
  if (i < params.count) {
    output[i] = input[i] * factor[0];
  }
}
`,
  "scale_vec4": `// scale.wgsl, four elements per invocation.
// Dispatch: one invocation per four elements; the grid's rows continue its columns.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32, // vec4
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> factor: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let i = id.y * grid.x * WORKGROUP + id.x;
  if (i < params.count) {
    output[i] = input[i] * factor[0];
  }
}
`,
  "sgd_update": `// One step of stochastic gradient descent with momentum, in place, as torch.optim.SGD:
//   d = clip * gradient + weight_decay * parameter; v = momentum * v + share * d; d = d + momentum * v (NESTEROV) or v
//   parameter = parameter - rate * d
// Rate and share (1 - dampening, 1 at the first step) stand in row params.row of the scalars, the factor of clipping in
// clip[1]. If the norm of all gradients, clip[0], is not finite, nothing changes. Any element count.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements.

const WORKGROUP: u32 = 64u;
const MOMENTUM: bool = true;
const NESTEROV: bool = false;

const EXPONENT_BITS: u32 = 0x7f800000u;

struct Params {
  count: u32,
  row: u32,
  momentum: f32,
  weight_decay: f32,
}

@group(0) @binding(0) var<storage, read_write> parameter: array<f32>;
@group(0) @binding(1) var<storage, read_write> velocity: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read> scalars: array<vec4f>;
@group(0) @binding(4) var<storage, read> clip: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  let finite = (bitcast<u32>(clip[0]) & EXPONENT_BITS) != EXPONENT_BITS;
  if (index >= params.count || !finite) {
    return;
  }
  let rate = scalars[params.row].x;
  let share = scalars[params.row].y;
  let before = parameter[index];
  var direction = clip[1] * gradient[index] + params.weight_decay * before;
  if (MOMENTUM) {
    let moved = params.momentum * velocity[index] + share * direction;
    velocity[index] = moved;
    direction = select(moved, direction + params.momentum * moved, NESTEROV);
  }
  parameter[index] = before - rate * direction;
}
`,
  "sgd_update_vec4": `// One step of stochastic gradient descent with momentum, in place, as torch.optim.SGD:
//   d = clip * gradient + weight_decay * parameter; v = momentum * v + share * d; d = d + momentum * v (NESTEROV) or v
//   parameter = parameter - rate * d
// Rate and share (1 - dampening, 1 at the first step) stand in row params.row of the scalars, the factor of clipping in
// clip[1]. If the norm of all gradients, clip[0], is not finite, nothing changes. Element counts divisible by 4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = elements / 4.

const WORKGROUP: u32 = 64u;
const MOMENTUM: bool = true;
const NESTEROV: bool = false;

const EXPONENT_BITS: u32 = 0x7f800000u;

struct Params {
  count: u32,
  row: u32,
  momentum: f32,
  weight_decay: f32,
}

@group(0) @binding(0) var<storage, read_write> parameter: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> velocity: array<vec4f>;
@group(0) @binding(2) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(3) var<storage, read> scalars: array<vec4f>;
@group(0) @binding(4) var<storage, read> clip: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  let finite = (bitcast<u32>(clip[0]) & EXPONENT_BITS) != EXPONENT_BITS;
  if (index >= params.count || !finite) {
    return;
  }
  let rate = scalars[params.row].x;
  let share = scalars[params.row].y;
  let before = parameter[index];
  var direction = clip[1] * gradient[index] + params.weight_decay * before;
  if (MOMENTUM) {
    let moved = params.momentum * velocity[index] + share * direction;
    velocity[index] = moved;
    direction = select(moved, direction + params.momentum * moved, NESTEROV);
  }
  parameter[index] = before - rate * direction;
}
`,
  "squared_sum": `// Sums of squares of runs of elements; the order of additions is fixed, so that the same input gives the same bits.
//   partial[params.base + k] = sum of input[i]^2 over run k: WORKGROUP * params.rounds elements
// Each invocation adds up \`rounds\` elements, a workgroup's width apart; then the workgroup's sums are folded in half
// until one is left. Any element count.
// Dispatch: ceil(params.count / (WORKGROUP * params.rounds)) workgroups, linearised over x and y, with
// count = elements.

const WORKGROUP: u32 = 256u;

struct Params {
  count: u32,
  rounds: u32,
  base: u32,
}

@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  let run = group.y * grid.x + group.x;
  let start = run * WORKGROUP * params.rounds;
  var sum = 0.0;
  for (var round = 0u; round < params.rounds; round++) {
    let index = start + round * WORKGROUP + local;
    if (index < params.count) {
      sum += input[index] * input[index];
    }
  }
  sums[local] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (local < half) {
      sums[local] += sums[local + half];
    }
    workgroupBarrier();
  }
  if (local == 0u && start < params.count) {
    partial[params.base + run] = sums[0];
  }
}
`,
  "squared_sum_vec4": `// Sums of squares of runs of elements; the order of additions is fixed, so that the same input gives the same bits.
//   partial[params.base + k] = sum of input[i]^2 over run k: WORKGROUP * params.rounds elements of four
// Each invocation adds up \`rounds\` elements of four, a workgroup's width apart; then the workgroup's sums are halved
// until one is left. Element counts divisible by 4.
// Dispatch: ceil(params.count / (WORKGROUP * params.rounds)) workgroups, linearised over x and y, with
// count = elements / 4.

const WORKGROUP: u32 = 256u;

struct Params {
  count: u32,
  rounds: u32,
  base: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) grid: vec3u,
) {
  let run = group.y * grid.x + group.x;
  let start = run * WORKGROUP * params.rounds;
  var sum = 0.0;
  for (var round = 0u; round < params.rounds; round++) {
    let index = start + round * WORKGROUP + local;
    if (index < params.count) {
      sum += dot(input[index], input[index]);
    }
  }
  sums[local] = sum;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (local < half) {
      sums[local] += sums[local + half];
    }
    workgroupBarrier();
  }
  if (local == 0u && start < params.count) {
    partial[params.base + run] = sums[0];
  }
}
`,
  "sum_partials": `// Second stage of a split sum: adds partial results in their order, so that the sum does not depend on scheduling.
//   y[i] = (y[i] if accumulate) + sum over s of partial[s * count + i]
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count in vec4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  partials: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  var sum = partial[index];
  for (var s = 1u; s < params.partials; s++) {
    sum += partial[s * params.count + index];
  }
  if (params.accumulate != 0u) {
    sum += output[index];
  }
  output[index] = sum;
}
`,
  "warp_frames": `// Two bilinear warps of axis-aligned matrices, one after the other, and an affine map of the colours, for a batch of
// images cut from frames of any size.
//   crop(p, x) = sum over frame rows r of p and frame columns c of x: weight_r * weight_c * frame(r, c)
//   output(y, x) = colour * (weight_y * crop(p_y, x) + weight_y' * crop(p_y + 1, x)) + offset
// The warps are separable. Along x the host composes them: each output column has two pairs of neighbouring frame
// columns with four weights, and the weight of what lies outside of the frame, which has the image's padding value.
// Along y an invocation walks down STRIP output rows and computes each frame row and each crop row that it meets once.
// Follows crop_image of MMTracking (transforms.py) twice: SeqCropLikeSiamFC, then SeqShiftScaleAug.
// Frames: rows of RGB bytes, any number of pieces in one buffer; up to a row and three words behind a piece are read,
// too. Output: [N, height, width, 4], the fourth channel zero.
// Image record, 24 words: first byte, row stride, mode, blur size; padding, -; colour and offset (three rows); blur, -.
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
const COLOUR: u32 = 8u;
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
  let colour = array(reals(image + COLOUR), reals(image + COLOUR + 4u), reals(image + COLOUR + 8u));

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
    output[index] = vec4f(dot(colour[0], value), dot(colour[1], value), dot(colour[2], value), 0.0);
  }
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
  "weighted_sum_input_gradient": `// Gradient of the weighted sum with respect to its inputs: dx_l = w[l] * dy,  w = softmax(logits).
// Outputs from LEVELS on are not written. Any element count.
// A workgroup takes WORKGROUP * params.rounds of them; the softmax of at most four numbers is repeated per invocation.
// Dispatch: ceil(params.count / (WORKGROUP * params.rounds)) workgroups over x, with count in elements.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;

struct Params {
  count: u32,
  rounds: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> output0: array<f32>;
@group(0) @binding(3) var<storage, read_write> output1: array<f32>;
@group(0) @binding(4) var<storage, read_write> output2: array<f32>;
@group(0) @binding(5) var<storage, read_write> output3: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

// The softmax is shifted by the largest logit, so that no exponential overflows.
fn level_weights() -> vec4f {
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
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let weights = level_weights();
  let first = group.x * WORKGROUP * params.rounds;
  let end = min(first + WORKGROUP * params.rounds, params.count);
  for (var i = first + local; i < end; i += WORKGROUP) {
    let g = gradient[i];
    output0[i] = weights.x * g;
    if (LEVELS > 1u) {
      output1[i] = weights.y * g;
    }
    if (LEVELS > 2u) {
      output2[i] = weights.z * g;
    }
    if (LEVELS > 3u) {
      output3[i] = weights.w * g;
    }
  }
}
`,
  "weighted_sum_input_gradient_vec4": `// Gradient of the weighted sum with respect to its inputs: dx_l = w[l] * dy,  w = softmax(logits).
// Outputs from LEVELS on are not written. Element counts divisible by 4.
// A workgroup takes WORKGROUP * params.rounds of them; the softmax of at most four numbers is repeated per invocation.
// Dispatch: ceil(params.count / (WORKGROUP * params.rounds)) workgroups over x, with count in groups of four elements.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;

struct Params {
  count: u32,
  rounds: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> output0: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output1: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> output2: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> output3: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

// The softmax is shifted by the largest logit, so that no exponential overflows.
fn level_weights() -> vec4f {
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
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let weights = level_weights();
  let first = group.x * WORKGROUP * params.rounds;
  let end = min(first + WORKGROUP * params.rounds, params.count);
  for (var i = first + local; i < end; i += WORKGROUP) {
    let g = gradient[i];
    output0[i] = weights.x * g;
    if (LEVELS > 1u) {
      output1[i] = weights.y * g;
    }
    if (LEVELS > 2u) {
      output2[i] = weights.z * g;
    }
    if (LEVELS > 3u) {
      output3[i] = weights.w * g;
    }
  }
}
`,
  "weighted_sum_products": `// First stage of the gradient of the weighted sum with respect to its weights: each invocation's part of the products
//   t[l] = sum of dy * x_l
// A workgroup takes WORKGROUP * params.rounds elements (of four), an invocation every WORKGROUP-th of them.
// Inputs from LEVELS on are not read. partial: one vec4f per invocation. Any element count.
// Dispatch: ceil(params.count / (WORKGROUP * params.rounds)) workgroups over x, with count in elements.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;

struct Params {
  count: u32,
  rounds: u32,
  // Where the parts of this batch slice begin in \`partial\`.
  first_part: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<f32>;
@group(0) @binding(1) var<storage, read> input0: array<f32>;
@group(0) @binding(2) var<storage, read> input1: array<f32>;
@group(0) @binding(3) var<storage, read> input2: array<f32>;
@group(0) @binding(4) var<storage, read> input3: array<f32>;
@group(0) @binding(5) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let first = group.x * WORKGROUP * params.rounds;
  let end = min(first + WORKGROUP * params.rounds, params.count);
  var t0 = 0.0;
  var t1 = 0.0;
  var t2 = 0.0;
  var t3 = 0.0;
  for (var i = first + local; i < end; i += WORKGROUP) {
    let g = gradient[i];
    t0 = fma(g, input0[i], t0);
    if (LEVELS > 1u) {
      t1 = fma(g, input1[i], t1);
    }
    if (LEVELS > 2u) {
      t2 = fma(g, input2[i], t2);
    }
    if (LEVELS > 3u) {
      t3 = fma(g, input3[i], t3);
    }
  }
  let part = params.first_part + group.x * WORKGROUP + local;
  partial[part] = vec4f(t0, t1, t2, t3);
}
`,
  "weighted_sum_products_vec4": `// First stage of the gradient of the weighted sum with respect to its weights: each invocation's part of the products
//   t[l] = sum of dy * x_l
// A workgroup takes WORKGROUP * params.rounds elements (of four), an invocation every WORKGROUP-th of them.
// Inputs from LEVELS on are not read. partial: one vec4f per invocation. Element counts divisible by 4.
// Dispatch: ceil(params.count / (WORKGROUP * params.rounds)) workgroups over x, with count in groups of four elements.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;

const ONES: vec4f = vec4f(1.0);

struct Params {
  count: u32,
  rounds: u32,
  // Where the parts of this batch slice begin in \`partial\`.
  first_part: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> input0: array<vec4f>;
@group(0) @binding(2) var<storage, read> input1: array<vec4f>;
@group(0) @binding(3) var<storage, read> input2: array<vec4f>;
@group(0) @binding(4) var<storage, read> input3: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partial: array<vec4f>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let first = group.x * WORKGROUP * params.rounds;
  let end = min(first + WORKGROUP * params.rounds, params.count);
  var t0 = vec4f();
  var t1 = vec4f();
  var t2 = vec4f();
  var t3 = vec4f();
  for (var i = first + local; i < end; i += WORKGROUP) {
    let g = gradient[i];
    t0 = fma(g, input0[i], t0);
    if (LEVELS > 1u) {
      t1 = fma(g, input1[i], t1);
    }
    if (LEVELS > 2u) {
      t2 = fma(g, input2[i], t2);
    }
    if (LEVELS > 3u) {
      t3 = fma(g, input3[i], t3);
    }
  }
  let part = params.first_part + group.x * WORKGROUP + local;
  partial[part] = vec4f(dot(t0, ONES), dot(t1, ONES), dot(t2, ONES), dot(t3, ONES));
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
  "weighted_sum_weight_gradient": `// Second stage of the gradient of the weighted sum with respect to its weights: adds the parts of weighted_sum_products
// and goes through the softmax.
//   dlogits[l] = w[l] * (t[l] - sum over k of w[k] * t[k]),  w = softmax(logits)
// Each invocation adds every WORKGROUP-th part, then they add up as a tree, in one order always.
// Dispatch: one workgroup.

const WORKGROUP: u32 = 64u;
const LEVELS: u32 = 3u;

struct Params {
  parts: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<vec4f>;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> sums: array<vec4f, WORKGROUP>;

// The softmax is shifted by the largest logit, so that no exponential overflows.
fn level_weights() -> vec4f {
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
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = vec4f();
  for (var k = local; k < params.parts; k += WORKGROUP) {
    sum += partial[k];
  }
  sums[local] = sum;
  for (var distance = WORKGROUP / 2u; distance > 0u; distance /= 2u) {
    workgroupBarrier();
    if (local < distance) {
      sums[local] += sums[local + distance];
    }
  }
  if (local == 0u) {
    let weights = level_weights();
    let products = sums[0];
    let slopes = weights * (products - dot(weights, products));
    for (var l = 0u; l < LEVELS; l++) {
      output[l] = slopes[l];
    }
  }
}
`,
  "winograd_input": `// Winograd F(2x2, 3x3), the image's side: V = B^T d B for each 4x4 tile, laid out as 16 GEMM operands [tile, c].
//   B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1]     Lavin and Gray, Fast Algorithms for CNNs, CVPR 2016, section 4.1
// A convolution of dilation D is D x D dense convolutions on interleaved pixels (phases), so tiles are numbered
// (((n * D + phase_y) * D + phase_x) * tiles_y + ty) * tiles_x + tx, and tile pixel i lies at (2 ty + i) * D + phase_y.
// One invocation per tile and vec4 of channels. The geometry is not constant, so that one pipeline serves all layers: a
// software adapter compiles slowly.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = tiles * in_channels4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  in_height: u32,
  in_width: u32,
  in_channels4: u32,
  tiles_y: u32,
  tiles_x: u32,
  dilation: u32,
  padding_y: i32,
  padding_x: i32,
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
  let c = index % params.in_channels4;
  let tile = index / params.in_channels4;
  let tx = tile % params.tiles_x;
  let ty = (tile / params.tiles_x) % params.tiles_y;
  let phase = tile / (params.tiles_x * params.tiles_y);
  let n = phase / (params.dilation * params.dilation);
  let first_y = i32(2u * ty * params.dilation + (phase / params.dilation) % params.dilation) - params.padding_y;
  let first_x = i32(2u * tx * params.dilation + phase % params.dilation) - params.padding_x;

  // rows: B^T d, one column of d at a time
  var rows: array<array<vec4f, 4>, 4>;
  for (var j = 0u; j < 4u; j++) {
    var d: array<vec4f, 4>;
    for (var i = 0u; i < 4u; i++) {
      let y = first_y + i32(i * params.dilation);
      let x = first_x + i32(j * params.dilation);
      let inside = y >= 0 && x >= 0 && y < i32(params.in_height) && x < i32(params.in_width);
      let at = ((n * params.in_height + u32(max(y, 0))) * params.in_width + u32(max(x, 0))) * params.in_channels4 + c;
      d[i] = select(vec4f(), input[select(0u, at, inside)], inside);
    }
    rows[0][j] = d[0] - d[2];
    rows[1][j] = d[1] + d[2];
    rows[2][j] = d[2] - d[1];
    rows[3][j] = d[1] - d[3];
  }
  for (var i = 0u; i < 4u; i++) {
    let to = i * 4u * params.count + index;
    output[to] = rows[i][0] - rows[i][2];
    output[to + params.count] = rows[i][1] + rows[i][2];
    output[to + 2u * params.count] = rows[i][2] - rows[i][1];
    output[to + 3u * params.count] = rows[i][1] - rows[i][3];
  }
}
`,
  "winograd_output": `// Winograd F(2x2, 3x3), back to the image: Y = A^T M A for each tile of 2x2 outputs, then the convolution's epilogue.
//   A^T = [1 1 1 0; 0 1 -1 -1]     Lavin and Gray, Fast Algorithms for CNNs, CVPR 2016, section 4.1
// M is 16 GEMM results [tile, o]; tiles are numbered as in winograd_input. One invocation per tile and vec4 of
// channels of the slice of output channels at params.first4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = tiles * slice4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  first4: u32,
  slice4: u32,
  out_height: u32,
  out_width: u32,
  out_channels4: u32,
  tiles_y: u32,
  tiles_x: u32,
  dilation: u32,
  has_scale: u32,
  has_bias: u32,
  has_residual: u32,
  relu: u32,
}

@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read> scale: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(5) var<uniform> params: Params;

fn store(n: u32, y: u32, x: u32, column: u32, sum: vec4f) {
  if (y >= params.out_height || x >= params.out_width) {
    return;
  }
  let at = ((n * params.out_height + y) * params.out_width + x) * params.out_channels4 + column;
  var value = sum;
  if (params.has_scale != 0u) {
    value *= scale[column];
  }
  if (params.has_bias != 0u) {
    value += bias[column];
  }
  if (params.has_residual != 0u) {
    value += residual[at];
  }
  output[at] = select(value, max(value, vec4f()), params.relu != 0u);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let column = params.first4 + index % params.slice4;
  let tile = index / params.slice4;
  let tx = tile % params.tiles_x;
  let ty = (tile / params.tiles_x) % params.tiles_y;
  let phase = tile / (params.tiles_x * params.tiles_y);
  let n = phase / (params.dilation * params.dilation);
  let y = 2u * ty * params.dilation + (phase / params.dilation) % params.dilation;
  let x = 2u * tx * params.dilation + phase % params.dilation;

  // rows: A^T M, one column of M at a time
  var rows: array<array<vec4f, 4>, 2>;
  for (var j = 0u; j < 4u; j++) {
    let at = j * params.count + index;
    let m0 = input[at];
    let m1 = input[at + 4u * params.count];
    let m2 = input[at + 8u * params.count];
    let m3 = input[at + 12u * params.count];
    rows[0][j] = m0 + m1 + m2;
    rows[1][j] = m1 - m2 - m3;
  }
  for (var i = 0u; i < 2u; i++) {
    let row = y + i * params.dilation;
    store(n, row, x, column, rows[i][0] + rows[i][1] + rows[i][2]);
    store(n, row, x + params.dilation, column, rows[i][1] - rows[i][2] - rows[i][3]);
  }
}
`,
  "winograd_output_gradient": `// Winograd F(2x2, 3x3) backwards, the output's side: M = A dY A^T for each tile of 2x2 gradients, laid out as 16 GEMM
// operands [tile, o]: the transpose of winograd_output.
//   A = [1 0; 1 1; 1 -1; 0 -1]        Lavin and Gray, Fast Algorithms for CNNs, CVPR 2016, section 4.1
// Tiles are numbered as in winograd_input. One invocation per tile and vec4 of channels of the slice of output channels
// at params.first4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = tiles * slice4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  first4: u32,
  slice4: u32,
  out_height: u32,
  out_width: u32,
  out_channels4: u32,
  tiles_y: u32,
  tiles_x: u32,
  dilation: u32,
}

@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

fn load(n: u32, y: u32, x: u32, column: u32) -> vec4f {
  let inside = y < params.out_height && x < params.out_width;
  let at = ((n * params.out_height + y) * params.out_width + x) * params.out_channels4 + column;
  return select(vec4f(), gradient[select(0u, at, inside)], inside);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let column = params.first4 + index % params.slice4;
  let tile = index / params.slice4;
  let tx = tile % params.tiles_x;
  let ty = (tile / params.tiles_x) % params.tiles_y;
  let phase = tile / (params.tiles_x * params.tiles_y);
  let n = phase / (params.dilation * params.dilation);
  let y = 2u * ty * params.dilation + (phase / params.dilation) % params.dilation;
  let x = 2u * tx * params.dilation + phase % params.dilation;

  // rows: dY A^T
  var rows: array<array<vec4f, 4>, 2>;
  for (var i = 0u; i < 2u; i++) {
    let d0 = load(n, y + i * params.dilation, x, column);
    let d1 = load(n, y + i * params.dilation, x + params.dilation, column);
    rows[i][0] = d0;
    rows[i][1] = d0 + d1;
    rows[i][2] = d0 - d1;
    rows[i][3] = -d1;
  }
  for (var j = 0u; j < 4u; j++) {
    let to = j * params.count + index;
    output[to] = rows[0][j];
    output[to + 4u * params.count] = rows[0][j] + rows[1][j];
    output[to + 8u * params.count] = rows[0][j] - rows[1][j];
    output[to + 12u * params.count] = -rows[1][j];
  }
}
`,
  "winograd_weight": `// Winograd F(2x2, 3x3), the filter's side: U = G g G^T for each pair of channels, laid out as 16 GEMM operands [c, o].
//   G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]     Lavin and Gray, Fast Algorithms for CNNs, CVPR 2016, section 4.1
// One invocation per input channel and vec4 of output channels, of the slice of output channels at params.first4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = in_channels * slice4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  in_channels: u32,
  first4: u32, // first vec4 of output channels of the slice
  slice4: u32, // vec4 of output channels in the slice
  panel4: u32, // vec4 of output channels that lie together in the filter
  out_panel4: u32, // and in the result
}

@group(0) @binding(0) var<storage, read> weight: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let c = index / params.slice4;
  let slice_column = index % params.slice4;
  let o = params.first4 + slice_column;
  let panel = params.panel4;
  let at = (o / panel * 9u * params.in_channels + c) * panel + o % panel;
  let tap = params.in_channels * panel;
  let out_panel = params.out_panel4;
  let to = (slice_column / out_panel * params.in_channels + c) * out_panel + slice_column % out_panel;

  // columns: G g, row by row of g's columns
  var column: array<array<vec4f, 3>, 4>;
  for (var x = 0u; x < 3u; x++) {
    let g0 = weight[at + x * tap];
    let g1 = weight[at + (3u + x) * tap];
    let g2 = weight[at + (6u + x) * tap];
    let outer = g0 + g2;
    column[0][x] = g0;
    column[1][x] = 0.5 * (outer + g1);
    column[2][x] = 0.5 * (outer - g1);
    column[3][x] = g2;
  }
  for (var y = 0u; y < 4u; y++) {
    let outer = column[y][0] + column[y][2];
    let row = to + y * 4u * params.count;
    output[row] = column[y][0];
    output[row + params.count] = 0.5 * (outer + column[y][1]);
    output[row + 2u * params.count] = 0.5 * (outer - column[y][1]);
    output[row + 3u * params.count] = column[y][2];
  }
}
`,
  "winograd_weight_gradient": `// Winograd F(2x2, 3x3) backwards, the filter's side: dw = G^T U G for each pair of channels, where U is 16 GEMM results
// [c, o]: the transpose of winograd_weight.
//   G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]     Lavin and Gray, Fast Algorithms for CNNs, CVPR 2016, section 4.1
// One invocation per input channel and vec4 of output channels, of the slice of output channels at params.first4.
// Dispatch: ceil(params.count / WORKGROUP) workgroups, linearised over x and y, with count = in_channels * slice4.

const WORKGROUP: u32 = 64u;

struct Params {
  count: u32,
  in_channels: u32,
  first4: u32, // first vec4 of output channels of the slice
  slice4: u32, // vec4 of output channels in the slice
  panel4: u32, // vec4 of output channels that lie together in the filter
  slice_panel4: u32, // and in U
  accumulate: u32, // add to what is there
}

@group(0) @binding(0) var<storage, read> products: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) grid: vec3u) {
  let index = id.y * grid.x * WORKGROUP + id.x;
  if (index >= params.count) {
    return;
  }
  let c = index / params.slice4;
  let slice_column = index % params.slice4;
  let o = params.first4 + slice_column;
  let panel = params.panel4;
  let to = (o / panel * 9u * params.in_channels + c) * panel + o % panel;
  let tap = params.in_channels * panel;
  let slice_panel = params.slice_panel4;
  let at = (slice_column / slice_panel * params.in_channels + c) * slice_panel + slice_column % slice_panel;

  // rows: U G, row by row of U
  var rows: array<array<vec4f, 3>, 4>;
  for (var y = 0u; y < 4u; y++) {
    let row = at + y * 4u * params.count;
    let u0 = products[row];
    let u1 = products[row + params.count];
    let u2 = products[row + 2u * params.count];
    let u3 = products[row + 3u * params.count];
    let middle = 0.5 * (u1 + u2);
    rows[y][0] = u0 + middle;
    rows[y][1] = 0.5 * (u1 - u2);
    rows[y][2] = middle + u3;
  }
  for (var x = 0u; x < 3u; x++) {
    let middle = 0.5 * (rows[1][x] + rows[2][x]);
    var w: array<vec4f, 3>;
    w[0] = rows[0][x] + middle;
    w[1] = 0.5 * (rows[1][x] - rows[2][x]);
    w[2] = middle + rows[3][x];
    for (var y = 0u; y < 3u; y++) {
      let place = to + (y * 3u + x) * tap;
      if (params.accumulate != 0u) {
        w[y] += output[place];
      }
      output[place] = w[y];
    }
  }
}
`,
}
