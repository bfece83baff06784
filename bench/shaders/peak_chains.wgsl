// Peak of arithmetic: independent chains of fused multiply-adds in registers, nothing loaded. One entry point per number of
// chains, because too few wait for the latency of an addition and too many do not fit the registers; the best one counts.
// Each invocation does 16 multiply-adds per chain and step. Dispatch: any number of workgroups.

const WORKGROUP: u32 = 64u;

struct Params {
  steps: u32,
  factor: f32, // below 1, so that nothing overflows
  offset: f32,
}

@group(0) @binding(0) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(1) var<uniform> params: Params;

fn start(id: u32, chain: f32) -> vec4f {
  return vec4f(1.0, 2.0, 3.0, 4.0) + f32(id % 64u) + chain;
}

@compute @workgroup_size(WORKGROUP)
fn chains8(@builtin(global_invocation_id) id: vec3u) {
  let m = vec4f(params.factor);
  let o = vec4f(params.offset);
  var a = start(id.x, 0.0);
  var b = start(id.x, 1.0);
  for (var step = 0u; step < params.steps; step++) {
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
    a = fma(a, m, o); b = fma(b, m, o);
  }
  output[id.x] = a + b;
}

@compute @workgroup_size(WORKGROUP)
fn chains12(@builtin(global_invocation_id) id: vec3u) {
  let m = vec4f(params.factor);
  let o = vec4f(params.offset);
  var a = start(id.x, 0.0);
  var b = start(id.x, 1.0);
  var c = start(id.x, 2.0);
  for (var step = 0u; step < params.steps; step++) {
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o);
  }
  output[id.x] = a + b + c;
}

@compute @workgroup_size(WORKGROUP)
fn chains16(@builtin(global_invocation_id) id: vec3u) {
  let m = vec4f(params.factor);
  let o = vec4f(params.offset);
  var a = start(id.x, 0.0);
  var b = start(id.x, 1.0);
  var c = start(id.x, 2.0);
  var d = start(id.x, 3.0);
  for (var step = 0u; step < params.steps; step++) {
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o);
  }
  output[id.x] = a + b + c + d;
}

@compute @workgroup_size(WORKGROUP)
fn chains32(@builtin(global_invocation_id) id: vec3u) {
  let m = vec4f(params.factor);
  let o = vec4f(params.offset);
  var a = start(id.x, 0.0);
  var b = start(id.x, 1.0);
  var c = start(id.x, 2.0);
  var d = start(id.x, 3.0);
  var e = start(id.x, 4.0);
  var f = start(id.x, 5.0);
  var g = start(id.x, 6.0);
  var h = start(id.x, 7.0);
  for (var step = 0u; step < params.steps; step++) {
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
    a = fma(a, m, o); b = fma(b, m, o); c = fma(c, m, o); d = fma(d, m, o); e = fma(e, m, o); f = fma(f, m, o); g = fma(g, m, o); h = fma(h, m, o);
  }
  output[id.x] = a + b + c + d + e + f + g + h;
}
