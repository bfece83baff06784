// Tensors inside PyTorch pickles: the pickle holds a recipe (storage, offset, sizes, strides), the values lie
// elsewhere in the file. Recipes are checked and collected while the pickle is read, and filled from the storages
// afterwards: contiguous ones with a view of the file, others with a row-major copy. Follows torch/_utils.py and
// torch/serialization.py.

import { quote, show, showShape } from '../gpu/message.ts'
import { CorruptCheckpointError, UnsupportedCheckpointError } from './errors.ts'
import { Placeholder } from './pickle-placeholders.ts'
import { type Charge, PickleGlobal, PickleHelper, type PickleValue } from './pickle-value.ts'
import { elementCount, itemBytes, type NamedTensor, type TensorDType } from './state-dict.ts'

const maxRank = 64
const storageTypes: Readonly<Record<string, TensorDType>> = {
  FloatStorage: 'f32',
  HalfStorage: 'f16',
  BFloat16Storage: 'bf16',
  DoubleStorage: 'f64',
  LongStorage: 'i64',
  IntStorage: 'i32',
  ShortStorage: 'i16',
  CharStorage: 'i8',
  ByteStorage: 'u8',
  BoolStorage: 'bool',
}

/** A storage class of the `torch` module, by element type. */
export const storageNames = new Map(Object.entries(storageTypes).map(([name, dtype]) => [dtype, name]))

class StorageType extends PickleHelper {
  readonly pickleName: string
  readonly dtype: TensorDType

  constructor(name: string, dtype: TensorDType) {
    super()
    this.pickleName = name
    this.dtype = dtype
  }
}

/** A run of elements somewhere in the file, as a persistent id describes it. */
class Storage extends PickleHelper {
  readonly pickleName = 'storage'
  readonly key: string
  readonly dtype: TensorDType
  /** Elements of the whole storage under `key`. */
  readonly elements: number
  /** The window that tensors see: legacy files may hold views of a larger storage. */
  readonly window: { readonly offset: number; readonly elements: number }

  constructor(key: string, dtype: TensorDType, elements: number, window = { offset: 0, elements }) {
    super()
    this.key = key
    this.dtype = dtype
    this.elements = elements
    this.window = window
  }
}

class TorchTensor implements NamedTensor {
  readonly dtype: TensorDType
  readonly shape: readonly number[]
  data: Uint8Array = new Uint8Array(0)

  constructor(dtype: TensorDType, shape: readonly number[]) {
    this.dtype = dtype
    this.shape = shape
  }
}

interface Recipe {
  readonly tensor: TorchTensor
  readonly storage: Storage
  readonly offset: number
  readonly strides: readonly number[]
}

/** The tensors and storages of one pickle. Give `globals` and `persistentLoad` to `readPickle`, then call `fill`. */
export class TensorCollector {
  readonly globals: ReadonlyMap<string, PickleHelper>
  readonly storages = new Map<string, Storage>()
  readonly #recipes: Recipe[] = []

  constructor() {
    const rebuild: PickleGlobal['call'] = (args, charge) => this.#rebuild(args, charge)
    const calls = {
      'torch._utils._rebuild_tensor': rebuild,
      'torch._utils._rebuild_tensor_v2': rebuild,
      'torch._utils._rebuild_parameter': parameter,
      'torch._utils._rebuild_parameter_with_state': parameter,
      'torch.Size': size,
    }
    this.globals = new Map<string, PickleHelper>([
      ...Object.entries(calls).map(([name, call]) => [name, new PickleGlobal(name, call)] as const),
      ...Object.entries(storageTypes).map(
        ([name, dtype]) => [`torch.${name}`, new StorageType(`torch.${name}`, dtype)] as const,
      ),
    ])
  }

  /** `('storage', type, key, location, elements[, view])`; the location (cpu, cuda:0) does not matter here. */
  readonly persistentLoad = (id: PickleValue): Storage | Placeholder => {
    if (!Array.isArray(id) || id[0] !== 'storage' || id.length < 5) {
      throw new CorruptCheckpointError("a persistent id in the pickle is no ('storage', ...) tuple")
    }
    const [, type, key, , elements, view = null] = id
    if (type instanceof Placeholder) return new Placeholder(type.pickleName)
    if (!(type instanceof StorageType)) throw new CorruptCheckpointError('a storage without a storage type')
    if (typeof key !== 'string') throw new CorruptCheckpointError('a storage without a key')
    const what = `storage ${quote(key)}`
    const count = natural(elements, `${what} element count`)
    const known = this.storages.get(key)
    if (known !== undefined && (known.dtype !== type.dtype || known.elements !== count)) {
      throw new CorruptCheckpointError(
        `${what} is ${known.elements} ${known.dtype} in one place and ${count} ${type.dtype} in another`,
      )
    }
    const whole = known ?? new Storage(key, type.dtype, count)
    this.storages.set(key, whole)
    if (view === null) return whole
    const [, viewOffset, viewElements] = Array.isArray(view) ? view : []
    const window = {
      offset: natural(viewOffset, `${what} view offset`),
      elements: natural(viewElements, `${what} view size`),
    }
    if (window.offset + window.elements > count) {
      throw new CorruptCheckpointError(
        `${what} has ${count} elements, but a view ends at ${window.offset + window.elements}`,
      )
    }
    return new Storage(key, type.dtype, count, window)
  }

  /**
   * Gives every tensor its values.
   * @param bytesOf the bytes of a whole storage; their number is checked here
   * @param copyBudget most bytes that copies of non-contiguous tensors may take together
   */
  fill(bytesOf: (storage: Storage) => Uint8Array, copyBudget: number): void {
    let left = copyBudget
    for (const storage of this.storages.values()) checkStorage(storage, bytesOf(storage))
    for (const { tensor, storage, offset, strides } of this.#recipes) {
      const size = itemBytes[tensor.dtype]
      const bytes = bytesOf(storage)
      const start = (storage.window.offset + offset) * size
      const length = elementCount(tensor.shape) * size
      if (length === 0 || isContiguous(tensor.shape, strides)) {
        tensor.data = bytes.subarray(start, start + length)
        continue
      }
      left -= length
      if (left < 0) {
        throw new CorruptCheckpointError(
          `a tensor of shape ${showShape(tensor.shape)} over storage ${quote(storage.key)} of ${bytes.length} bytes ` +
            `unfolds to more than the ${copyBudget} bytes that are reasonable for this file`,
        )
      }
      tensor.data = copyStrided(bytes, { start, size, shape: tensor.shape, strides })
    }
  }

  /** `(storage, offset, sizes, strides[, requires_grad, backward_hooks[, metadata]])` */
  #rebuild([storage, offset, sizes, steps, , , metadata = null]: readonly PickleValue[], charge: Charge): NamedTensor {
    if (!(storage instanceof Storage)) throw new CorruptCheckpointError('a tensor without a storage')
    const what = `a tensor over storage ${quote(storage.key)}`
    if (!Array.isArray(sizes) || !Array.isArray(steps) || sizes.length !== steps.length || sizes.length > maxRank) {
      throw new CorruptCheckpointError(`${what} without matching lists of sizes and strides`)
    }
    if (metadata instanceof Map && metadata.size > 0) {
      throw new UnsupportedCheckpointError(`${what} is conjugated or negated lazily; call resolve_conj() before saving`)
    }
    charge(sizes.length)
    const shape = sizes.map((item) => natural(item, `${what}: size`))
    const strides = steps.map((item) => natural(item, `${what}: stride`))
    const start = natural(offset, `${what}: offset`)
    const count = elementCount(shape)
    const last = shape.reduce((sum, length, i) => sum + (length - 1) * (strides[i] ?? 0), start)
    if (
      !Number.isSafeInteger(count) ||
      (count > 0 ? last >= storage.window.elements : start > storage.window.elements)
    ) {
      throw new CorruptCheckpointError(
        `${what}: shape ${showShape(shape)} with strides ${showShape(strides)} from ${start} runs past its ` +
          `${storage.window.elements} elements`,
      )
    }
    const tensor = new TorchTensor(storage.dtype, shape)
    this.#recipes.push({ tensor, storage, offset: start, strides })
    return tensor
  }
}

function parameter([data]: readonly PickleValue[]): PickleValue {
  if (!(data instanceof TorchTensor)) throw new CorruptCheckpointError('a parameter without a tensor')
  return data
}

function size([sizes = []]: readonly PickleValue[], charge: Charge): PickleValue {
  if (!Array.isArray(sizes)) throw new CorruptCheckpointError('torch.Size of something that is no tuple')
  charge(sizes.length)
  return sizes.map((item) => natural(item, 'torch.Size'))
}

function natural(value: PickleValue | undefined, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new CorruptCheckpointError(`${what} is ${show(value)}, expected a non-negative integer`)
}

function checkStorage(storage: Storage, bytes: Uint8Array): void {
  const expected = storage.elements * itemBytes[storage.dtype]
  if (bytes.length !== expected) {
    throw new CorruptCheckpointError(
      `storage ${quote(storage.key)} has ${bytes.length} bytes in the file, expected ${expected} for ${storage.elements} ` +
        `elements of ${storage.dtype}`,
    )
  }
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis] ?? 1
    if (length !== 1 && strides[axis] !== step) return false
    step *= length
  }
  return true
}

/** Row-major copy of a strided view; `start` in bytes, strides in elements of `size` bytes. */
function copyStrided(
  bytes: Uint8Array,
  view: { start: number; size: number; shape: readonly number[]; strides: readonly number[] },
): Uint8Array {
  const { size, shape } = view
  const steps = view.strides.map((stride) => stride * size)
  const out = new Uint8Array(elementCount(shape) * size)
  const index = shape.map(() => 0)
  let from = view.start
  for (let to = 0; to < out.length; to += size) {
    for (let byte = 0; byte < size; byte++) out[to + byte] = bytes[from + byte] as number
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] as number) + 1
      from += steps[axis] as number
      if (next < (shape[axis] as number)) {
        index[axis] = next
        break
      }
      index[axis] = 0
      from -= next * (steps[axis] as number)
    }
  }
  return out
}
