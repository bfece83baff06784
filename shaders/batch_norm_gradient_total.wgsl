// Second stage of the gradient of batch normalisation: adds the chunks of batch_norm_gradient_partials.
//   dgamma = sum of g * xhat,  dbeta = sum of g,  over all N pixels
// and what batch_norm_input_gradient needs: [5, C] with mean, inv_std * gamma, beta, dbeta / N, inv_std * dgamma / N.
// PARTS invocations share a channel: each takes every PARTS-th chunk, then they add up as a tree, in one order always.
// Dispatch: ceil(params.channels * PARTS / WORKGROUP) workgroups over x.

const WORKGROUP: u32 = 64u;
const PARTS: u32 = 1u;

const COLUMNS: u32 = WORKGROUP / PARTS;

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

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) group: vec3u) {
  let channel = group.x * COLUMNS + local % COLUMNS;
  let part = local / COLUMNS;
  let column = min(channel, params.channels - 1u);

  var products = 0.0;
  var sum = 0.0;
  for (var k = part; k < params.chunks; k += PARTS) {
    products += partial[2u * k * params.channels + column];
    sum += partial[(2u * k + 1u) * params.channels + column];
  }
  let all_products = across_lanes(local, products);
  let all = across_lanes(local, sum);
  if (channel < params.channels && part == 0u) {
    gamma_gradient[channel] = all_products;
    beta_gradient[channel] = all;
    coefficients[channel] = mean[channel];
    coefficients[params.channels + channel] = inv_std[channel] * gamma[channel];
    coefficients[2u * params.channels + channel] = beta[channel];
    coefficients[3u * params.channels + channel] = all / params.pixels;
    coefficients[4u * params.channels + channel] = inv_std[channel] * all_products / params.pixels;
  }
}
