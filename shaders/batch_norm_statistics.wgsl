// Second stage of batch statistics: joins the chunks of batch_norm_partials (n, mean, M2 each) by Chan's formula:
//   mean = sum(n * mean_k) / N,  M2 = sum(M2_k + n * (mean_k - mean)^2),  N = sum(n),
// and updates the running statistics in place, with the unbiased variance as PyTorch does:
//   inv_std = 1 / sqrt(M2 / N + eps),  running = (1 - momentum) * running + momentum * {mean, M2 / (N - 1)}
// Statistics that are not finite are left out of the running ones, which would never be finite again.
// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
// PARTS invocations share a channel: each takes every PARTS-th chunk, then they add up as a tree, in one order always.
// Dispatch: ceil(params.channels * PARTS / WORKGROUP) workgroups over x.

const WORKGROUP: u32 = 64u;
const PARTS: u32 = 1u;

const COLUMNS: u32 = WORKGROUP / PARTS;
const EXPONENT_BITS: u32 = 0x7f800000u;

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
  if (PARTS == 1u) {
    return value;
  }
  workgroupBarrier();
  sums[local] = value;
  for (var distance = PARTS / 2u; distance > 0u; distance /= 2u) {
    workgroupBarrier();
    if (local < distance * COLUMNS) {
      sums[local] += sums[local + distance * COLUMNS];
    }
  }
  workgroupBarrier();
  return sums[local % COLUMNS];
}

fn finite(value: f32) -> bool {
  return (bitcast<u32>(value) & EXPONENT_BITS) != EXPONENT_BITS;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let channel = group.x * COLUMNS + local % COLUMNS;
  let part = local / COLUMNS;
  let column = min(channel, params.channels - 1u);

  // Means are summed as differences from the first one, which are small.
  let base = partial[column];
  var difference = 0.0;
  for (var k = part; k < params.chunks; k += PARTS) {
    difference = fma(counts[k], partial[2u * k * params.channels + column] - base, difference);
  }
  let center = base + across_lanes(local, difference) / params.pixels;
  var deviations = 0.0;
  for (var k = part; k < params.chunks; k += PARTS) {
    let apart = partial[2u * k * params.channels + column] - center;
    deviations += fma(counts[k] * apart, apart, partial[(2u * k + 1u) * params.channels + column]);
  }
  let m2 = across_lanes(local, deviations);
  if (channel < params.channels && part == 0u) {
    mean[channel] = center;
    inv_std[channel] = 1.0 / sqrt(m2 / params.pixels + params.eps);
    let momentum = params.momentum;
    let variance = m2 / (params.pixels - 1.0);
    if (finite(center) && finite(variance)) {
      running_mean[channel] = fma(momentum, center, (1.0 - momentum) * running_mean[channel]);
      running_var[channel] = fma(momentum, variance, (1.0 - momentum) * running_var[channel]);
    }
  }
}
