// The kernel for matrix units. No software adapter has any: its text is compiled for every shape of matrices on Dawn's null
// backend, which does nothing, and its arithmetic is checked with the builtin functions of matrices written out in WGSL, each
// invocation holding its share of the sums.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toFloat32 } from '../../../src/formats/state-dict.ts'
import { type Device, openDevice } from '../../../src/gpu/device.ts'
import { toHalf } from '../../../src/gpu/half.ts'
import type { KernelSpec } from '../../../src/gpu/kernel.ts'
import type { Recorder } from '../../../src/gpu/recorder.ts'
import { convCandidates } from '../../../src/kernels/conv/candidates.ts'
import { packConvWeight, releaseConvWeight } from '../../../src/kernels/conv/filter.ts'
import { conv2d } from '../../../src/kernels/conv/forward.ts'
import { type ConvProblem, convProblem } from '../../../src/kernels/conv/geometry.ts'
import { type ConvAdapter, chooseConv, type MatrixShape, matrixTile } from '../../../src/kernels/conv/plan.ts'
import { planName } from '../../../src/kernels/conv/plan-name.ts'
import { kernel } from '../../../src/kernels/launch.ts'
import { evaluate, expectClose, type HostTensor, random, upload } from '../../helpers/tensors.ts'
import * as reference from '../../reference/conv2d.ts'
import { matrixFamily } from './forms.ts'

let device: Device
beforeAll(async () => {
  device = await openDevice()
})
afterAll(() => device.close())

const listed = ({ rows: M, columns: N, depth: K }: MatrixShape, result = 'f32') => {
  return { componentType: 'f16', resultComponentType: result, M, N, K }
}

/** A GPU that lists such matrices. */
const gpuWith = (matrices: readonly MatrixShape[]): ConvAdapter => ({
  ...device.adapter,
  kind: 'gpu',
  features: new Set(['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix']),
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  subgroupMatrices: matrices.map((shape) => listed(shape)),
})

const square: ConvProblem = {
  ...{ batch: 1, inHeight: 31, inWidth: 31, inChannels: 256, outHeight: 31, outWidth: 31, outChannels: 256 },
  ...{ kernelHeight: 3, kernelWidth: 3, stride: 1, paddingY: 2, paddingX: 2, dilation: 2, groups: 1 },
}

describe('the text', () => {
  test.each(matrixFamily)('compiles for matrices of $rows x $columns x $depth', async (shape) => {
    const toggles = ['enable-dawn-features=allow_unsafe_apis']
    const nothing = await openDevice({ backend: 'null', toggles })
    expect(nothing.adapter.features).toContain('chromium-experimental-subgroup-matrix')
    const { blocksM, blocksN, tileK } = matrixTile(shape)
    const sizes = { MATRIX_M: shape.rows, MATRIX_N: shape.columns, MATRIX_K: shape.depth, TILE_K: tileK }
    const blocks = { BLOCKS_M: blocksM, BLOCKS_N: blocksN }
    for (const Filter of ['vec4f', 'vec4h'] as const) {
      const spec = kernel('conv2d_matrices', { SUBGROUP: 32, ...sizes, ...blocks, Filter, SPLIT_K: 2 })
      await nothing.kernels.create(nothing.kernels.prepare(spec))
    }
    await nothing.close()
  })
})

describe('is chosen', () => {
  test('for filters in half precision where an adapter lists matrices from f16 to f32, the largest first', () => {
    const gpu = gpuWith(matrixFamily)
    expect(chooseConv(gpu, square, { halfFilter: true })).toMatchObject({ variant: 'matrices', ...matrixFamily[1] })
    const variants = convCandidates(gpu, square, { halfFilter: true }).map(planName)
    for (const { rows, columns, depth } of matrixFamily)
      expect(variants).toContain(`matrices ${rows}x${columns}x${depth}`)
  })

  test('for nothing else', () => {
    const gpu = gpuWith(matrixFamily)
    const isChosen = (adapter: ConvAdapter, problem = square, halfFilter = true) =>
      convCandidates(adapter, problem, { halfFilter }).some(({ variant }) => variant === 'matrices')
    expect(isChosen(gpu)).toBe(true)
    expect(isChosen(gpu, square, false), 'a filter in single precision').toBe(false)
    expect(isChosen(gpuWith([]))).toBe(false)
    expect(isChosen({ ...gpu, subgroupMinSize: 16 }), 'subgroups of several sizes').toBe(false)
    expect(isChosen({ ...gpu, subgroupMatrices: matrixFamily.map((shape) => listed(shape, 'f16')) })).toBe(false)
    expect(isChosen({ ...gpu, features: new Set(['subgroups']) }), 'no f16 in shaders').toBe(false)
    expect(isChosen({ ...gpu, maxWorkgroupInvocations: 64 })).toBe(false)
    expect(isChosen(gpuWith([{ rows: 8, columns: 6, depth: 8 }])), 'sides that divide no tile').toBe(false)
    expect(isChosen(gpu, { ...square, outChannels: 10 })).toBe(false)
  })

  test('and refused by an adapter without such matrices', async () => {
    const weight = packConvWeight(device, new Float32Array(64), [8, 8, 1, 1])
    const input = upload(device, random('x', [1, 3, 3, 8]))
    const plan = { variant: 'matrices', rows: 8, columns: 8, depth: 8, splitK: 1 } as const
    await expect(evaluate(device, (r) => conv2d(r, { input, weight, plan, label: 'stem' }))).rejects.toThrow(
      /^stem: this plan needs subgroup matrices of 8x8x8, f16 to f32, and subgroups of one size; `.*` has matrices: none/,
    )
    device.release(input)
    releaseConvWeight(device, weight)
  })
})

/** Matrices of three different sides, so that none is taken for another. */
const shape: MatrixShape = { rows: 4, columns: 16, depth: 8 }

/** The kernel with the builtin functions of matrices written out. */
function writtenOut(spec: KernelSpec): KernelSpec {
  const replacements = [
    ['enable chromium_experimental_subgroup_matrix;', ''],
    ['diagnostic(off, chromium.subgroup_matrix_uniformity);', ''],
    ['subgroup_matrix_left<f16, MATRIX_K, MATRIX_M>', 'u32'],
    ['subgroup_matrix_right<f16, MATRIX_N, MATRIX_K>', 'u32'],
    ['subgroup_matrix_result<f32, MATRIX_N, MATRIX_M>', 'array<f32, MATRIX_SUMS / SUBGROUP>'],
    ['subgroupMatrixLoad<Left, row_major>(&tile_x, ', 'load_left('],
    ['subgroupMatrixLoad<Right, row_major>(&tile_w, ', 'load_right('],
    ['subgroupMatrixMultiplyAccumulate(', 'multiply_accumulate('],
    ['subgroupMatrixStore<row_major>(&matrix, ', 'store_sums('],
    ['let lane = thread % SUBGROUP;', 'let lane = thread % SUBGROUP; own_lane = lane;'],
  ] as const
  const source = replacements.reduce((text, [from, to]) => {
    expect(text.split(from), `the shader has \`${from}\` once`).toHaveLength(2)
    return text.replace(from, to)
  }, spec.source)
  return { ...spec, name: 'conv2d_matrices_written_out.wgsl', source: source + builtins }
}

/**
 * A matrix of an operand is the place in its tile where it begins; tiles stay as they are until all have multiplied. Each lane
 * owns every SUBGROUP-th sum. Loops whose length the compiler does not know are not unrolled, which would take it minutes.
 */
const builtins = `
var<private> own_lane: u32;
fn load_left(at: u32, stride: u32) -> Left {
  return select(0xffffffffu, at, stride == ROW_X);
}
fn load_right(at: u32, stride: u32) -> Right {
  return select(0xffffffffu, at, stride == ROW_W);
}
fn unknown(length: u32) -> u32 {
  return min(length, params.pixels * length);
}
fn multiply_accumulate(l: Left, r: Right, sums: Sums) -> Sums {
  var m = sums;
  for (var i = 0u; i < unknown(MATRIX_SUMS / SUBGROUP); i++) {
    let row = (i * SUBGROUP + own_lane) / MATRIX_N;
    let column = (i * SUBGROUP + own_lane) % MATRIX_N;
    for (var k = 0u; k < unknown(MATRIX_K); k++) {
      m[i] += f32(tile_x[l + row * ROW_X + k]) * f32(tile_w[r + k * ROW_W + column]);
    }
  }
  return m;
}
fn store_sums(at: u32, sums: Sums, stride: u32) {
  var m = sums;
  for (var i = 0u; i < unknown(MATRIX_SUMS / SUBGROUP); i++) {
    let e = i * SUBGROUP + own_lane;
    matrix[at + e / MATRIX_N * stride + e % MATRIX_N] = m[i];
  }
}
`

/** Records as if the adapter had such matrices, with the text that works without. */
function asWithMatrices(r: Recorder): Recorder {
  const dispatch = r.dispatch.bind(r)
  const adapter = { ...r.adapter, subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrices: [listed(shape)] }
  Object.defineProperty(r, 'adapter', { value: adapter })
  Object.defineProperty(r, 'dispatch', {
    value: (one: Parameters<Recorder['dispatch']>[0]) => {
      const isMatrices = one.kernel.name === 'conv2d_matrices.wgsl'
      return dispatch(isMatrices ? { ...one, kernel: writtenOut(one.kernel) } : one)
    },
  })
  return r
}

const rounded = ({ data, shape }: HostTensor): HostTensor => {
  const halves = new Uint8Array(toHalf(Float32Array.from(data)).buffer)
  return { data: toFloat32({ dtype: 'f16', shape, data: halves }), shape }
}

interface Case {
  readonly name: string
  readonly x: readonly [number, number, number, number]
  readonly w: readonly [number, number, number, number]
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
  readonly firstChannel?: number
  readonly splitK?: number
  readonly precision?: 'f32' | 'f16'
  readonly residual?: boolean
}

const cases: readonly Case[] = [
  { name: 'a tile and a bit, dilated', x: [1, 9, 8, 12], w: [68, 12, 3, 3], padding: 2, dilation: 2 },
  { name: 'stride, two samples, split', x: [2, 9, 7, 36], w: [20, 36, 3, 3], padding: 1, stride: 2, splitK: 3 },
  { name: '1x1 with a residual, several panels', x: [1, 9, 9, 40], w: [96, 40, 1, 1], residual: true },
  {
    name: 'a view of the channels, a filter in single precision',
    x: [1, 5, 5, 24],
    w: [8, 12, 3, 3],
    firstChannel: 8,
    precision: 'f32',
  },
]

describe('with its builtin functions written out', () => {
  test.each(cases)('$name: as float64 of the rounded operands', async (one) => {
    const { x, w, splitK = 1, precision = 'f16', residual: hasResidual = false, name: _, ...window } = one
    expect(device.adapter.features).toContain('shader-f16')
    const input = rounded(random(`input ${x}`, x))
    const filter = rounded(random(`weights ${w}`, w, 0.2))
    const [scale, bias] = [random('scale', [w[0]]), random('bias', [w[0]])]
    const weight = packConvWeight(device, Float32Array.from(filter.data), w, { precision })
    const tensors = [input, scale, bias].map((host) => upload(device, host))
    const [tensor, factor, summand] = tensors as [(typeof tensors)[0], (typeof tensors)[0], (typeof tensors)[0]]
    const problem = convProblem({ input: tensor, weight, ...window })
    const outputShape = [problem.batch, problem.outHeight, problem.outWidth, problem.outChannels]
    const residual = hasResidual ? random('residual', outputShape) : undefined
    const added = residual && upload(device, residual)
    const plan = { variant: 'matrices', ...shape, splitK } as const
    const found = await evaluate(device, (r) =>
      conv2d(asWithMatrices(r), {
        ...{ input: tensor, weight, scale: factor, bias: summand, residual: added, activation: 'relu6', plan },
        ...window,
      }),
    )
    const exact = reference.conv2d({
      ...{ input: channelsFrom(input, one.firstChannel ?? 0, w[1]), weight: filter, scale, bias, residual },
      ...{ activation: 'relu6', stride: one.stride, padding: one.padding, dilation: one.dilation },
    })
    expectClose(found, exact)
    for (const used of [...tensors, ...(added ? [added] : [])]) device.release(used)
    releaseConvWeight(device, weight)
  })
})

function channelsFrom({ data, shape }: HostTensor, first: number, count: number): HostTensor {
  const channels = shape[3] ?? 0
  const kept = data.filter((_, i) => i % channels >= first && i % channels < first + count)
  return { data: kept, shape: [...shape.slice(0, 3), count] }
}
