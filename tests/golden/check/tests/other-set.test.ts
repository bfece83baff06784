// The command on sets that are not the project's: another key prefix, other sizes, other numbers of cases. Their values come
// from arithmetic written out again here and from the float64 references.

import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { writeSafetensors } from '../../../../src/formats/safetensors.ts'
import { fromFloat32, type NamedTensor, type StateDict } from '../../../../src/formats/state-dict.ts'
import { type Box4, referenceGetBBox } from '../../../reference/get-bbox.ts'
import { fnv1a, hashStream, hashTensor, smoothImage } from '../hash.ts'
import { copyOf, editJson, emptySet, golden } from './sets.ts'

const prefix = 'überall/2:'

/** The generator of the README, in integers of any size. */
function plainHash(key: string, index: number): number {
  const mask = 0xffffffffn
  let seed = 0x811c9dc5n
  for (const byte of Buffer.from(key, 'utf8')) seed = ((seed ^ BigInt(byte)) * 0x01000193n) & mask
  let x = (seed + BigInt(index) * 0x9e3779b9n) & mask
  x = ((x ^ (x >> 16n)) * 0x85ebca6bn) & mask
  x = ((x ^ (x >> 13n)) * 0xc2b2ae35n) & mask
  return Number(x ^ (x >> 16n)) / 2 ** 32
}

describe('another key prefix', () => {
  test('section A: hash, weights and fewer models', async () => {
    const directory = await copyOf('A.json')
    await editJson(directory, 'A.json', (json) => {
      json.hash_salt = prefix
      const key = `${prefix}head.reg_weight`
      json.hash_examples = [{ key, fnv1a: fnv1a(key), u: [0, 1, 2, 3].map((i) => plainHash(key, i)) }]
      const { name, a, b } = json.models.small.entries[0]
      const values = [100, 101, 102].map((i) => Math.fround(a * plainHash(prefix + name, i) + b))
      json.weight_examples = { [`${name}[100:103]`]: values }
      delete json.models.r50
      delete json.convs_r50
    })
    const { code, out } = await golden('--dir', directory)
    expect(out).toMatch(/^A .* 6 cases {2}PASS/)
    expect(code).toBe(0)
  })

  test('section C: the weights are those of its own prefix', async () => {
    const directory = await copyOf('A.json', 'C.json', 'C.safetensors')
    await editJson(directory, 'C.json', (json) => {
      json.hash_salt = prefix
      json.cases = json.cases.filter(({ id }: { id: string }) => id === 'small.b1')
    })
    const { code, out } = await golden('--dir', directory, '--sections', 'C')
    expect(out).toMatch(/^C .* 1 case {2}FAIL/)
    expect(code).toBe(1)
  })

  test('section G: frames of another size, and nothing else', async () => {
    const directory = await copyOf('A.json')
    const [key, H, W] = [`${prefix}frame`, 37, 50]
    const image = smoothImage(key, H, W)
    const frame = {
      key,
      H,
      W,
      sha256_of_hwc_u8: createHash('sha256').update(image).digest('hex'),
      first_row_first_8_px: [[...image.subarray(0, 3)]],
      px_y36_x49: [...image.subarray(-3)],
    }
    const json = { hash_salt: prefix, frames: [frame], cases: [], sequences: [] }
    await writeFile(join(directory, 'G.json'), JSON.stringify(json))
    const { code, out } = await golden('--dir', directory, '--sections', 'G')
    expect(out).toMatch(/^G .* 1 case {2}PASS .*; empty in this set: cases, sequences$/m)
    expect(code).toBe(0)
  })
})

const ratios = [0.33, 0.5, 1, 2, 3]

/** Anchors of a square map, origin at position (`origin`, `origin`). */
function anchorGrid(side: number, origin: number): Float32Array {
  const base = ratios.flatMap((ratio) => {
    const w = Math.trunc(8 / Math.sqrt(ratio)) * 4
    const h = Math.trunc(8 * Math.sqrt(ratio)) * 4
    return [[-w, -h, w, h]]
  })
  const positions = Array.from({ length: side * side }, (_, i) => [i % side, Math.floor(i / side)] as const)
  return Float32Array.from(
    positions.flatMap(([x, y]) =>
      base.flatMap((box) => box.map((edge, k) => edge + ((k % 2 === 0 ? x : y) - origin) * 8)),
    ),
  )
}

function hanningWindow(height: number, width: number): Float64Array {
  const value = (i: number, n: number) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (n - 1))
  return Float64Array.from(
    { length: height * width * 5 },
    (_, i) => value(Math.floor(i / 5 / width), height) * value(Math.floor(i / 5) % width, width),
  )
}

function f64(values: Float64Array): NamedTensor {
  return { dtype: 'f64', shape: [values.length], data: new Uint8Array(values.buffer) }
}

describe('another map size', () => {
  const side = 15

  test('section F: anchors, window, decoding and boxes of 15x15 maps', async () => {
    const head = anchorGrid(side, 7)
    const window = hanningWindow(side, side)
    const tensors: StateDict = new Map([
      ['base', fromFloat32(anchorGrid(1, 0), [5, 4])],
      ['grid', fromFloat32(anchorGrid(side, 0), [head.length / 4, 4])],
      ['head', fromFloat32(head, [head.length / 4, 4])],
      ['w', f64(window)],
      ['w3', f64(hanningWindow(3, 4))],
      ['idx', { dtype: 'i32', shape: [1], data: new Uint8Array(Int32Array.of(11).buffer) }],
      ['deltas', fromFloat32(Float32Array.of(0, 0, 0, 0), [1, 4])],
      ['boxes', fromFloat32(head.slice(44, 48), [1, 4])],
    ])
    const cases = [1, 2].map((n) => {
      const rule = (name: string, channels: number, a: number) => ({
        ...{ key: `${prefix}F.${n}.${name}`, shape: [1, channels, side, side], a, b: -a / 2 },
      })
      const [cls_rule, bbox_rule] = [rule('cls', 10, 8), rule('bbox', 20, 1.5)]
      const previous: Box4 = [90 + n, 60, 30, 20 * n]
      const map = ({ key, shape, a, b }: typeof cls_rule) => hashTensor(key, shape[1]! * side * side, a, b)
      const found = referenceGetBBox({
        cls: map(cls_rule),
        bbox: map(bbox_rule),
        anchors: head,
        window,
        previous,
        scaleFactor: 1.25,
        testCfg: { penalty_k: 0.05, window_influence: 0.42, lr: 0.38 },
      })
      tensors.set(`ps${n}`, f64(found.penaltyScore.filter((_, i) => i % 25 === 0)))
      return {
        cls_rule,
        bbox_rule,
        prev_bbox: previous,
        scale_factor: 1.25,
        best_idx: found.bestIndex,
        best_score: found.bestScore,
        best_bbox: found.bestBox,
        penalty_score_at_best: found.penaltyScore[found.bestIndex],
        penalty_score_every_25th: `ps${n}`,
      }
    })
    const base = anchorGrid(1, 0)
    const json = {
      tensors_file: 'F.safetensors',
      anchors: {
        base_anchors: [0, 1, 2, 3, 4].map((a) => [...base.subarray(4 * a, 4 * a + 4)]),
        num_base_anchors: [5],
        strides: [[8, 8]],
        base_anchors_key: 'base',
        grid_key: 'grid',
        head_anchors_key: 'head',
        window_key: 'w',
        window_3x4_key: 'w3',
      },
      decode: { idx: 'idx', deltas: 'deltas', boxes: 'boxes' },
      get_bbox: { cases },
    }
    const directory = await emptySet()
    await writeFile(join(directory, 'F.json'), JSON.stringify(json))
    await writeFile(join(directory, 'F.safetensors'), writeSafetensors(tensors))
    const { code, out } = await golden('--dir', directory)
    expect(out).toMatch(/^F .* 6 cases {2}PASS .*of 1e-6 in get_bbox/m)
    expect(code).toBe(0)
  })
})

test('the generator of the README is the one that the checks use', () => {
  const key = `${prefix}x`
  expect([...hashStream(key, 50)]).toEqual(Array.from({ length: 50 }, (_, i) => plainHash(key, i)))
})
