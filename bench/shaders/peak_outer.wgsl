// Peak of arithmetic in the form of the tiled GEMM's inner loop: outer products of four pixels and four output channels added
// to sixteen sums, but nothing loaded. The pixels change once per step, or the products would be computed only once.
// Each invocation does 64 multiply-adds per step. Dispatch: any number of workgroups.

const WORKGROUP: u32 = 64u;

struct Params {
  steps: u32,
  factor: f32,
  offset: f32,
}

@group(0) @binding(0) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var x0 = vec4f(params.factor, params.offset, -params.factor, -params.offset) * f32(id.x % 64u);
  var x1 = x0.wzyx;
  let w0 = vec4f(params.offset, params.factor, -params.offset, -params.factor);
  let w1 = w0 + vec4f(params.factor);
  let change = vec4f(params.offset);
  var sum0 = vec4f();
  var sum1 = vec4f();
  var sum2 = vec4f();
  var sum3 = vec4f();
  for (var step = 0u; step < params.steps; step++) {
    sum0 = fma(vec4f(x0[0]), w0, sum0);
    sum1 = fma(vec4f(x0[1]), w0, sum1);
    sum2 = fma(vec4f(x0[2]), w0, sum2);
    sum3 = fma(vec4f(x0[3]), w0, sum3);
    sum0 = fma(vec4f(x1[0]), w1, sum0);
    sum1 = fma(vec4f(x1[1]), w1, sum1);
    sum2 = fma(vec4f(x1[2]), w1, sum2);
    sum3 = fma(vec4f(x1[3]), w1, sum3);
    sum0 = fma(vec4f(x0[0]), w1, sum0);
    sum1 = fma(vec4f(x0[1]), w1, sum1);
    sum2 = fma(vec4f(x0[2]), w1, sum2);
    sum3 = fma(vec4f(x0[3]), w1, sum3);
    sum0 = fma(vec4f(x1[0]), w0, sum0);
    sum1 = fma(vec4f(x1[1]), w0, sum1);
    sum2 = fma(vec4f(x1[2]), w0, sum2);
    sum3 = fma(vec4f(x1[3]), w0, sum3);
    x0 += change;
    x1 -= change;
  }
  output[id.x] = sum0 + sum1 + sum2 + sum3;
}
