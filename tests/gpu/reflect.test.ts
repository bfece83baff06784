// What is read of a shader equals what a whole parser reads, for every shader and element type; and what the parser's short
// cuts could get wrong.

import { describe, expect, test } from 'vitest'
import { ShaderError } from '../../src/gpu/errors.ts'
import { reflect } from '../../src/gpu/reflect.ts'
import { specialise } from '../../src/gpu/shader.ts'
import { shaders } from '../../src/kernels/shaders.generated.ts'
import { referenceEntries } from '../reference/wgsl-reflect.ts'

const types = ['vec2f', 'vec4f', 'f16', 'vec4h'] as const

describe('like wgsl_reflect', () => {
  test.each(Object.entries(shaders))('%s', (_, text) => {
    const wide = /^alias Value = f32;/m.test(text) ? types.map((Value) => specialise(text, { Value })) : []
    const stored = /^alias Stored = /m.test(text) ? types.map((Stored) => specialise(text, { Stored })) : []
    for (const variant of [text, ...wide, ...stored]) {
      const expected = [...referenceEntries(variant)]
      expect(expected.length).toBeGreaterThan(0)
      for (const [name, entry] of expected) expect(reflect(variant, name)).toEqual(entry)
    }
  })

  const made = `
    /* a comment with var<storage> nothing: array<f32>; in it */
    enable f16;
    const TILE: u32 = 4u; const ROWS = (TILE + 2u) * 2u - TILE / 4u; // 11
    alias Lane = vec2<f16>;
    struct Inner { a: vec3f, b: f32, c: mat3x3<f32>, }
    struct Params { size: vec2<u32>, scale: f32, steps: array<vec4<i32>, ROWS>, offset: vec3u, last: i32 }
    @group(0) @binding(0) var<storage> input: array<vec4<f32>>;
    @binding(1) @group(0) var<storage, read_write> output: array<Lane, max(TILE, 8u)>;
    @group(0) @binding(2) var<uniform> params: Params;
    @group(0) @binding(3) var<storage, read_write> sums: array<atomic<u32>>;
    @group(0) @binding(4) var<storage, read> state: Inner;
    @group(0) @binding(5) var<uniform> table: array<vec4f, ROWS * 2>;
    var<workgroup> shared_rows: array<array<f32, TILE>, ROWS>;
    var<private> zero: f32 = 0.0;
    fn reads(i: u32) -> f32 { if (i > 3u) { return input[i].x; } return table[i].y; }
    fn inner_call(i: u32) -> f32 { return reads(i) + zero; }
    @compute @workgroup_size(TILE, 2) fn first(@builtin(global_invocation_id) id: vec3u) { output[id.x] = Lane(f16(inner_call(id.x))); }
    @workgroup_size(8) @compute fn second() { atomicAdd(&sums[params.size.x], u32(state.b)); shared_rows[0][0] = 1.0; }`

  test('made up: comments, attributes in any order, constants in sizes, nested types, calls of calls', () => {
    const expected = referenceEntries(made)
    expect([...expected.keys()]).toEqual(['first', 'second'])
    for (const [name, entry] of expected) expect(reflect(made, name)).toEqual(entry)
  })
})

test.each([
  ['fn main( { }', 'line 1: found `(`, expected `)` after it\n  1 | fn main( { }'],
  ['\nstruct A { x f32 }', 'line 2: found `f32`, expected `:`'],
  ['const A: u32 = 1u', 'found the end, expected more'],
  ['let a = 1;', 'found `let`, expected a declaration'],
  ['@group(0) @binding(0) var<storage, read> a: array<f32', 'expected'],
])('%j does not parse, and where', (text, message) => {
  expect(() => reflect(text)).toThrow(ShaderError)
  expect(() => reflect(text)).toThrow(message)
})
