// A recorder collects the dispatches of ops; nothing runs while they are recorded. Each dispatch is checked by name
// against its shader's interface when it is recorded, so that the stack of an error points at the op that made the
// mistake.

import type { AdapterFacts, Device } from './device.ts'
import { BindingError, ShapeError } from './errors.ts'
import type { Kernel, KernelSpec } from './kernel.ts'
import { suggestion } from './names.ts'
import { type Params, packParams } from './params.ts'
import type { StorageVariable, WindowVariable } from './reflect.ts'
import { bindingAlignment, type DType, elementBytes, elementCount, GpuTensor, Storage, wholeWords } from './tensor.ts'

/** One dispatch: a kernel, its workgroup counts and, by variable name, its tensors and uniform values. */
export interface Dispatch {
  readonly kernel: KernelSpec
  /** Says which layer this is, in errors and profiles. */
  readonly label: string
  readonly workgroups: readonly [number, number?, number?]
  readonly bindings: Readonly<Record<string, GpuTensor | Params>>
  /** Floating-point operations, for profiles. */
  readonly flops?: number
  /** Bytes that must be moved at least, for profiles. */
  readonly bytes?: number
}

export interface BoundTensor {
  readonly binding: number
  readonly tensor: GpuTensor
  readonly access: 'read' | 'read_write'
  /** That are bound, from the tensor's first on. */
  readonly bytes: number
}

/** A checked dispatch. */
export interface Step {
  readonly kernel: Kernel
  readonly label: string
  /** The form of the kernel that was chosen, where there are several. */
  readonly form: string | undefined
  readonly workgroups: readonly [number, number, number]
  readonly tensors: readonly BoundTensor[]
  readonly params: { readonly binding: number; readonly data: Uint8Array<ArrayBuffer> } | undefined
  readonly flops: number
  readonly bytes: number
}

export class Recorder {
  readonly device: Device
  readonly adapter: AdapterFacts
  readonly #steps: Step[] = []
  readonly #storages: Storage[] = []
  readonly #kept = new Set<Storage>()
  #form: string | undefined

  constructor(device: Device) {
    this.device = device
    this.adapter = device.adapter
  }

  get steps(): readonly Step[] {
    return this.#steps
  }

  /** Every virtual storage of this recording. */
  get storages(): readonly Storage[] {
    return this.#storages
  }

  get kept(): ReadonlySet<Storage> {
    return this.#kept
  }

  /** A virtual tensor: it gets memory when the capture ends, shared with others that are not alive at the same time. */
  alloc(shape: readonly number[], dtype: DType = 'f32', label = `tensor${this.#storages.length}`): GpuTensor {
    const storage = new Storage(wholeWords(elementCount(shape, label) * elementBytes[dtype]), label, { owner: this })
    this.#storages.push(storage)
    return new GpuTensor(storage, shape, dtype)
  }

  /** Makes the tensor's memory outlive the program's run, unshared from then on. */
  keep(tensor: GpuTensor): void {
    this.#kept.add(tensor.storage)
  }

  /** Records what `record` does as that form of a kernel, for profiles. */
  inForm(form: string, record: () => void): void {
    const before = this.#form
    this.#form = form
    try {
      record()
    } finally {
      this.#form = before
    }
  }

  /**
   * Records one dispatch.
   * @throws BindingError if a variable is missing, unknown or of the wrong type, a tensor exceeds the adapter's binding limit,
   * or one memory is bound both for reading and writing; ShapeError for impossible workgroup counts; ShaderError
   */
  dispatch(dispatch: Dispatch): void {
    const kernel = this.device.kernels.prepare(dispatch.kernel)
    const where = `${dispatch.label} (${kernel.name})`
    const variables = kernel.interface.bindings
    for (const name of Object.keys(dispatch.bindings)) {
      if (!variables.has(name)) {
        throw new BindingError(`${where}: the shader has no variable \`${name}\`${suggestion(name, variables.keys())}`)
      }
    }
    const tensors: BoundTensor[] = []
    let params: Step['params']
    for (const variable of variables.values()) {
      const value = dispatch.bindings[variable.name]
      if (variable.kind === 'storage') tensors.push(this.#bind(where, variable, value))
      else if (variable.kind === 'window') tensors.push(this.#look(where, variable, value))
      else {
        if (params) throw new BindingError(`${where}: more than one uniform variable; one struct is supported`)
        if (value === undefined || value instanceof GpuTensor) {
          throw new BindingError(
            `${where}: uniform \`${variable.name}\` ${value ? 'takes values, not a tensor' : 'is missing'}`,
          )
        }
        params = { binding: variable.binding, data: packParams(where, variable, value) }
      }
    }
    checkAliasing(where, tensors)
    const workgroups = checkWorkgroups(where, dispatch.workgroups, this.adapter.maxWorkgroupsPerDimension)
    const { label, flops = 0, bytes = 0 } = dispatch
    this.#steps.push({ kernel, label, form: this.#form, workgroups, tensors, params, flops, bytes })
  }

  #bind(where: string, variable: StorageVariable, value: GpuTensor | Params | undefined): BoundTensor {
    const { name, binding, access } = variable
    const tensor = expectTensor(where, variable, value)
    const found = describeTensor(tensor)
    if (tensor.bytes % variable.elementBytes !== 0 || tensor.bytes < variable.minBytes) {
      throw new BindingError(
        `${where}: \`${name}\` is ${variable.type} and wants a multiple of ${variable.elementBytes} bytes, ` +
          `at least ${variable.minBytes}, found ${tensor.bytes} in ${found}`,
      )
    }
    if (tensor.bytes > this.adapter.maxBindingBytes) {
      throw new BindingError(
        `${where}: \`${name}\` is ${found} of ${tensor.bytes} bytes, above the adapter's binding limit of ` +
          `${this.adapter.maxBindingBytes} bytes`,
      )
    }
    if (tensor.storage.owner !== this) void tensor.storage.buffer // throws if it has been released or was never planned
    return { binding, tensor, access, bytes: wholeWords(tensor.bytes) }
  }

  /** Binds a uniform array: always in full, so the buffer must go on behind a tensor that ends before. */
  #look(where: string, variable: WindowVariable, value: GpuTensor | Params | undefined): BoundTensor {
    const { name, binding, bytes } = variable
    const tensor = expectTensor(where, variable, value)
    const { storage, byteOffset } = tensor
    if (byteOffset % bindingAlignment !== 0) {
      throw new BindingError(
        `${where}: \`${name}\` begins at byte ${byteOffset}, not a multiple of ${bindingAlignment}`,
      )
    }
    if (storage.owner !== this) void storage.buffer
    storage.reserve(byteOffset + bytes)
    if (storage.span < byteOffset + bytes) {
      throw new BindingError(
        `${where}: \`${name}\` is ${variable.type} and wants ${bytes} bytes from byte ${byteOffset} of ` +
          `${describeTensor(tensor)}, whose memory ends at ${storage.span}`,
      )
    }
    return { binding, tensor, access: 'read', bytes }
  }
}

function describeTensor({ label, dtype, shape }: GpuTensor): string {
  return `tensor \`${label}\` ${dtype} [${shape}]`
}

/** @throws BindingError unless the value is a tensor of the variable's element type */
function expectTensor(
  where: string,
  { name, type, scalar }: StorageVariable | WindowVariable,
  value: GpuTensor | Params | undefined,
): GpuTensor {
  if (!(value instanceof GpuTensor)) {
    throw new BindingError(`${where}: \`${name}\` (${type}) ${value ? 'takes a tensor' : 'is missing'}`)
  }
  if (scalar && scalar !== value.dtype) {
    throw new BindingError(`${where}: \`${name}\` is ${type}, found ${describeTensor(value)}`)
  }
  return value
}

function checkAliasing(where: string, tensors: readonly BoundTensor[]): void {
  for (const [index, { tensor, access }] of tensors.entries()) {
    for (const other of tensors.slice(index + 1)) {
      if (other.tensor.storage !== tensor.storage || (access === 'read' && other.access === 'read')) continue
      const apart =
        tensor.byteOffset + tensor.bytes <= other.tensor.byteOffset ||
        other.tensor.byteOffset + other.tensor.bytes <= tensor.byteOffset
      if (access === other.access && apart) continue
      throw new BindingError(`${where}: the memory of \`${tensor.label}\` is bound twice, at least once for writing`)
    }
  }
}

function checkWorkgroups(where: string, counts: Dispatch['workgroups'], limit: number): [number, number, number] {
  const [x, y = 1, z = 1] = counts
  for (const count of [x, y, z]) {
    if (!Number.isInteger(count) || count < 1 || count > limit) {
      throw new ShapeError(`${where}: workgroup counts [${x}, ${y}, ${z}] must be integers from 1 to ${limit}`)
    }
  }
  return [x, y, z]
}
