enable subgroups;

// Peak of arithmetic in the form of the subgroup GEMM's inner loop: eight pixels, each broadcast from its lane and multiplied
// with two 4x4 blocks of weights, but nothing loaded: the pixels change by an addition per step.
// Each invocation does 256 multiply-adds per step. Dispatch: any number of workgroups, subgroups of 8 lanes or more.

struct Params {
  steps: u32,
  factor: f32,
  offset: f32,
}

@group(0) @binding(0) var<storage, read_write> output: array<vec4f>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = vec4f(params.factor, params.offset, -params.factor, -params.offset) * f32(id.x % 64u);
  let wl = mat4x4f(row, row.yzwx, row.zwxy, row.wxyz);
  let wr = mat4x4f(row.wzyx, row.zyxw, row.yxwz, row.xwzy);
  var pixels = row.zyxw;
  var l0 = vec4f(); var r0 = vec4f();
  var l1 = vec4f(); var r1 = vec4f();
  var l2 = vec4f(); var r2 = vec4f();
  var l3 = vec4f(); var r3 = vec4f();
  var l4 = vec4f(); var r4 = vec4f();
  var l5 = vec4f(); var r5 = vec4f();
  var l6 = vec4f(); var r6 = vec4f();
  var l7 = vec4f(); var r7 = vec4f();
  for (var step = 0u; step < params.steps; step++) {
    { let x = subgroupBroadcast(pixels, 0u); l0 += wl * x; r0 += wr * x; }
    { let x = subgroupBroadcast(pixels, 1u); l1 += wl * x; r1 += wr * x; }
    { let x = subgroupBroadcast(pixels, 2u); l2 += wl * x; r2 += wr * x; }
    { let x = subgroupBroadcast(pixels, 3u); l3 += wl * x; r3 += wr * x; }
    { let x = subgroupBroadcast(pixels, 4u); l4 += wl * x; r4 += wr * x; }
    { let x = subgroupBroadcast(pixels, 5u); l5 += wl * x; r5 += wr * x; }
    { let x = subgroupBroadcast(pixels, 6u); l6 += wl * x; r6 += wr * x; }
    { let x = subgroupBroadcast(pixels, 7u); l7 += wl * x; r7 += wr * x; }
    pixels += vec4f(params.offset);
  }
  output[id.x] = l0 + l1 + l2 + l3 + l4 + l5 + l6 + l7 + r0 + r1 + r2 + r3 + r4 + r5 + r6 + r7;
}
