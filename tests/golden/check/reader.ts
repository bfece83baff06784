// Reads one section of a golden directory: `<section>.json` describes cases and names tensors, `<section>.safetensors` holds
// them. The key prefix of the set is read from the files, so that any other set of the same format works.
// Source: tests/golden/README.md.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readSafetensors } from '../../../src/formats/safetensors.ts'
import { type TensorDType, toTypedArray } from '../../../src/formats/state-dict.ts'
import { SiamRpnError } from '../../../src/gpu/errors.ts'

/** A golden directory lacks a file or a tensor, or a file is not of the golden format. */
export class GoldenDataError extends SiamRpnError {}

type GoldenArray = ReturnType<typeof toTypedArray>

export interface GoldenTensor {
  readonly dtype: TensorDType
  readonly shape: readonly number[]
  readonly data: GoldenArray
}

/** One section. `Json` is the caller's description of the fields that it reads; the file is not checked against it. */
export interface GoldenSection<Json> {
  readonly name: string
  readonly json: Json
  readonly keys: readonly string[]
  has(key: string): boolean
  /** @throws GoldenDataError naming the section and the key. */
  tensor(key: string): GoldenTensor
  /** Values of a tensor as numbers in float32, whatever its dtype. */
  float32(key: string): Float32Array
  /** Values of a tensor as numbers in float64, whatever its dtype. */
  float64(key: string): Float64Array
}

/**
 * Reads `<directory>/<name>.json` and, where the section has one, `<name>.safetensors`.
 * @throws GoldenDataError if a file is missing or malformed.
 */
export async function readGoldenSection<Json>(directory: string, name: string): Promise<GoldenSection<Json>> {
  const json = await readJson(join(directory, `${name}.json`))
  const file = json.tensors_file
  const tensors = typeof file === 'string' ? await readTensors(join(directory, file)) : new Map<string, GoldenTensor>()
  const tensor = (key: string): GoldenTensor => {
    const found = tensors.get(key)
    if (found === undefined) throw new GoldenDataError(`section ${name} of ${directory} has no tensor '${key}'`)
    return found
  }
  return {
    name,
    json: json as Json,
    keys: [...tensors.keys()],
    has: (key) => tensors.has(key),
    tensor,
    float32: (key) => toFloat(tensor(key).data, Float32Array),
    float64: (key) => toFloat(tensor(key).data, Float64Array),
  }
}

/** The prefix of every hash key of the set (`open:` in the set that ships with the project). */
export async function readKeyPrefix(directory: string): Promise<string> {
  const path = join(directory, 'A.json')
  const salt = (await readJson(path)).hash_salt
  if (typeof salt !== 'string') throw new GoldenDataError(`${path}: hash_salt is ${String(salt)}, expected a string`)
  return salt
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new GoldenDataError(`${path} cannot be read as golden JSON: ${String(cause)}`, { cause })
  }
}

async function readTensors(path: string): Promise<Map<string, GoldenTensor>> {
  try {
    const { tensors } = readSafetensors(await readFile(path))
    return new Map(
      [...tensors].map(([key, tensor]) => [
        key,
        { dtype: tensor.dtype, shape: tensor.shape, data: toTypedArray(tensor) },
      ]),
    )
  } catch (cause) {
    throw new GoldenDataError(`${path} cannot be read as safetensors: ${String(cause)}`, { cause })
  }
}

function toFloat<T extends Float32Array | Float64Array>(data: GoldenArray, kind: new (length: number) => T): T {
  if (data instanceof kind) return data
  const out = new kind(data.length)
  for (let i = 0; i < out.length; i++) out[i] = Number(data[i])
  return out
}
