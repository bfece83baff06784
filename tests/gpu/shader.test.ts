import { describe, expect, test } from 'vitest'
import { BindingError, ShaderError } from '../../src/gpu/errors.ts'
import { packParams } from '../../src/gpu/params.ts'
import { reflect, type UniformVariable } from '../../src/gpu/reflect.ts'
import { specialise } from '../../src/gpu/shader.ts'

const source = `const TILE: u32 = 64u;
const LANES : u32 = 0x10;
const LOW: i32 = -1i;
const EPSILON: f32 = 1e-5;
const SCALE: f32 = 1.0f;
const RELU: bool = false; // const TILE: u32 = 1u;
const AREA: u32 = TILE * LANES;
struct Params { size: vec2<u32>, count: u32, factor: f32, shift: vec3i, ranges: array<vec4<f32>, 2>, m: array<vec2u, 0> }
`

describe('specialise', () => {
  test('replaces the values of named constants and nothing else', () => {
    const text = specialise(source, { TILE: 32, LANES: 8, LOW: -7, EPSILON: 0.5, SCALE: 2, RELU: true })
    const lines = text.split('\n')
    expect(lines.slice(0, 6)).toEqual([
      'const TILE: u32 = 32u;',
      'const LANES : u32 = 8;',
      'const LOW: i32 = -7i;',
      'const EPSILON: f32 = 0.5;',
      'const SCALE: f32 = 2f;',
      'const RELU: bool = true; // const TILE: u32 = 1u;',
    ])
    expect(lines.slice(6)).toEqual(source.split('\n').slice(6))
  })

  test('returns the text itself without constants', () => {
    expect(specialise(source, {})).toBe(source)
  })

  test('writes the least i32, which has no literal with a suffix', () => {
    expect(specialise('const LOW: i32 = 0i;', { LOW: -(2 ** 31) })).toBe('const LOW: i32 = -2147483648;')
  })

  test('replaces the types of named aliases', () => {
    const text = `alias Value = f32; // or vec4f
alias Index=u32;
const A: u32 = 1u;
fn f() -> Value { return Value(); }
`
    expect(specialise(text, { Value: 'vec4f', A: 2 })).toBe(text.replace('f32', 'vec4f').replace('1u', '2u'))
    expect(specialise(text, { Index: 'i32' })).toContain('alias Index = i32;')
  })

  test('refuses an alias that the shader does not declare, and what is no type', () => {
    expect(() => specialise('alias Lane = f32;', { Lanes: 'vec4f' })).toThrow(
      'alias `Lanes` to specialise; did you mean `Lane`?',
    )
    expect(() => specialise('// alias Lane = f32;', { Lane: 'vec4f' })).toThrow(ShaderError)
    expect(() => specialise('const Lane: f32 = 1.0;', { Lane: 'vec4f' })).toThrow('Constant `Lane` is f32')
    expect(() => specialise('alias Lane = f32;', { Lane: 4 })).toThrow('Alias `Lane` stands for a type')
    expect(() => specialise('alias Lane = f32;', { Lane: 'f32; fn x' as 'f32' })).toThrow(
      'Alias `Lane` stands for a type',
    )
  })

  test('names the nearest constant for an unknown one', () => {
    expect(() => specialise(source, { TILES: 1 })).toThrow(ShaderError)
    expect(() => specialise(source, { TILES: 1 })).toThrow(
      'no constant or alias `TILES` to specialise; did you mean `TILE`?',
    )
  })

  test('refuses a constant computed from others', () => {
    expect(() => specialise(source, { AREA: 1 })).toThrow(ShaderError)
  })

  test.each([
    ['TILE', -1],
    ['TILE', 1.5],
    ['TILE', 2 ** 32],
    ['TILE', true],
    ['LOW', 2 ** 31],
    ['EPSILON', Number.NaN],
    ['EPSILON', 1e39],
    ['RELU', 1],
  ])('refuses %s = %s', (name, value) => {
    expect(() => specialise(source, { [name]: value })).toThrow(`Constant \`${name}\` is`)
  })
})

const kernel = `enable f16;
const GROUP: u32 = 64u;
struct Params { size: vec2<u32>, count: u32, factor: f32, shift: vec3i, ranges: array<vec4<f32>, 2> }
@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage> index: array<u32>;
@group(0) @binding(2) var<storage, read_write> counters: array<atomic<u32>, GROUP>;
@group(0) @binding(4) var<storage, read_write> half: array<vec2h>;
@group(0) @binding(3) var<uniform> params: Params;
@compute @workgroup_size(GROUP, 2)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  half[id.x] = vec2h(input[index[id.x]].xy * params.factor);
  atomicAdd(&counters[0], 1u);
}
`

describe('reflect', () => {
  test('finds uniform arrays, up to 64 KiB', () => {
    const text = (type: string) => `
alias Lane = vec2f;
@group(0) @binding(2) var<uniform> filter: ${type};
@compute @workgroup_size(1) fn main() { }`
    expect(reflect(text('array<vec4f, 4096>')).bindings.get('filter')).toEqual({
      ...{ kind: 'window', name: 'filter', binding: 2, type: 'array<vec4f, 4096>' },
      ...{ scalar: 'f32', elementBytes: 16, bytes: 65536 },
    })
    expect(reflect(text('array<Lane, 8192>')).bindings.get('filter')).toMatchObject({ elementBytes: 8, bytes: 65536 })
    expect(() => reflect(text('array<vec4f, 4097>'))).toThrow('of 65552 bytes; uniform arrays have 1 to 65536 bytes')
    expect(() => reflect(text('vec4f'))).toThrow('Uniform `filter` must be a struct or an array, found vec4f')
  })

  test('finds variables by name with access, element and size', () => {
    const { bindings, workgroupSize, entryPoint } = reflect(kernel)
    expect(entryPoint).toBe('main')
    expect(workgroupSize).toEqual([64, 2, 1])
    expect([...bindings.keys()].sort()).toEqual(['counters', 'half', 'index', 'input', 'params'])
    expect(bindings.get('input')).toMatchObject({ binding: 0, access: 'read', scalar: 'f32', elementBytes: 16 })
    expect(bindings.get('index')).toMatchObject({ binding: 1, access: 'read', scalar: 'u32', elementBytes: 4 })
    expect(bindings.get('counters')).toMatchObject({ access: 'read_write', scalar: 'u32', minBytes: 256 })
    expect(bindings.get('half')).toMatchObject({ access: 'read_write', scalar: 'f16', elementBytes: 4 })
  })

  test('lays the uniform struct out as WGSL does', () => {
    const params = reflect(kernel).bindings.get('params') as UniformVariable
    expect(params.bytes).toBe(64)
    const layout = params.fields.map(({ name, offset, components, count, stride }) => [
      name,
      offset,
      components,
      count,
      stride,
    ])
    expect(layout).toEqual([
      ['size', 0, 2, 1, 0],
      ['count', 8, 1, 1, 0],
      ['factor', 12, 1, 1, 0],
      ['shift', 16, 3, 1, 0],
      ['ranges', 32, 4, 2, 16],
    ])
  })

  test('sees the specialised workgroup size', () => {
    const text = specialise(kernel, { GROUP: 32 })
    expect(reflect(text).workgroupSize).toEqual([32, 2, 1])
  })

  test('gives each of several entry points its own variables', () => {
    const pair = `
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
fn load(i: u32) -> f32 { return input[i]; }
@compute @workgroup_size(1) fn first() { partial[0] = load(0); }
@compute @workgroup_size(1) fn second() { output[0] = partial[0]; }`
    expect([...reflect(pair, 'first').bindings.keys()].sort()).toEqual(['input', 'partial'])
    expect([...reflect(pair, 'second').bindings.keys()].sort()).toEqual(['output', 'partial'])
    expect(() => reflect(pair)).toThrow('entry points first, second; name one')
    expect(() => reflect(pair, 'third')).toThrow('No compute entry point `third`')
  })

  test('shows the line of a syntax error', () => {
    expect(() => reflect('const A: u32 = 1u;\nfn main( { }\n')).toThrow(/does not parse.*\n {2}2 \| fn main\( \{ \}/)
  })

  test('refuses groups other than 0', () => {
    const text =
      '@group(1) @binding(0) var<storage, read_write> a: array<f32>;\n@compute @workgroup_size(1) fn main() { a[0] = 1; }'
    expect(() => reflect(text)).toThrow('`a` is in @group(1)')
  })
})

describe('packParams', () => {
  const params = reflect(kernel).bindings.get('params') as UniformVariable
  const values = { size: [1, 2], count: 3, factor: 0.5, shift: [-1, -2, -3], ranges: [1, 2, 3, 4, 5, 6, 7, 8] }

  test('puts every field at its offset', () => {
    const view = new DataView(packParams('op', params, values).buffer)
    expect([view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)]).toEqual([1, 2, 3])
    expect(view.getFloat32(12, true)).toBe(0.5)
    expect([16, 20, 24].map((offset) => view.getInt32(offset, true))).toEqual([-1, -2, -3])
    expect([32, 44, 48, 60].map((offset) => view.getFloat32(offset, true))).toEqual([1, 4, 5, 8])
  })

  test.each([
    [{ ...values, cuont: 1 }, 'op: `params` has no field `cuont`; did you mean `count`?'],
    [{ ...values, count: -1 }, 'op: `params.count` is u32, which cannot hold -1'],
    [{ ...values, count: 1.5 }, 'op: `params.count` is u32, which cannot hold 1.5'],
    [{ ...values, factor: Number.NaN }, 'op: `params.factor` is f32, which cannot hold NaN'],
    [{ ...values, size: 1 }, 'op: `params.size` is vec2u and takes 2 numbers, found 1'],
  ])('refuses what does not fit: case %#', (wrong, message) => {
    expect(() => packParams('op', params, wrong)).toThrow(BindingError)
    expect(() => packParams('op', params, wrong)).toThrow(message)
  })

  test('refuses a missing field', () => {
    const { factor: _, ...rest } = values
    expect(() => packParams('op', params, rest)).toThrow('op: `params.factor` (f32) is missing')
  })
})
