// Kernels compiled once per specialised text, asynchronously, by WebGPU and by the driver (see warm-up.ts). Bind group
// layouts are explicit, made from the reflected interface, so WebGPU checks read against read_write. An invalid pipeline
// would drop its dispatches in silence: here it never gets past creation, and the error shows file, line and source line.

import { ShaderError } from './errors.ts'
import type { CompiledKernel, Kernel, KernelHost, KernelSpec } from './kernel.ts'
import { reflect } from './reflect.ts'
import { specialise } from './shader.ts'
import { type OnKernel, warmUpDriver } from './warm-up.ts'

const stageCompute = 4

export class KernelCache {
  readonly #device: KernelHost
  readonly #specs = new Map<string, Map<string, Kernel>>()
  readonly #kernels = new Map<string, Kernel>()
  readonly #compiled = new Map<Kernel, Promise<CompiledKernel>>()
  /** Those that have been dispatched. */
  readonly #warm = new Set<Kernel>()
  readonly #layouts = new Map<string, GPUBindGroupLayout>()

  constructor(device: KernelHost) {
    this.#device = device
  }

  /** Specialises and reflects. @throws ShaderError naming the shader file */
  prepare(spec: KernelSpec): Kernel {
    let variants = this.#specs.get(spec.source)
    if (!variants) {
      variants = new Map()
      this.#specs.set(spec.source, variants)
    }
    const key = `${spec.name} ${spec.entryPoint ?? ''} ${JSON.stringify(spec.constants ?? {})}`
    let kernel = variants.get(key)
    if (!kernel) {
      kernel = this.#intern(makeKernel(spec))
      variants.set(key, kernel)
    }
    return kernel
  }

  /**
   * Compiles all of them, so that their first run takes no longer than others; those already compiled cost nothing.
   * @param onKernel told after each
   * @throws ShaderError with file, line and source line
   */
  async compile(kernels: readonly Kernel[], onKernel?: OnKernel): Promise<ReadonlyMap<Kernel, CompiledKernel>> {
    const unique = [...new Set(kernels)].sort((a, b) => b.text.length - a.text.length) // long texts take long
    const pending = new Map(unique.map((kernel) => [kernel, this.create(kernel)]))
    const all = Promise.all(pending.values())
    all.catch(() => undefined) // reported in its kernel's turn
    const cold = new Map([...pending].filter(([kernel]) => !this.#warm.has(kernel)))
    const warm = pending.size - cold.size
    await warmUpDriver(this.#device, cold, (done, _, name) => onKernel?.(warm + done, pending.size, name))
    await this.#device.guard(all)
    const compiled = new Map<Kernel, CompiledKernel>()
    for (const [kernel, creation] of pending) compiled.set(kernel, await creation)
    for (const kernel of cold.keys()) this.#warm.add(kernel)
    if (cold.size === 0) onKernel?.(warm, warm, '')
    return compiled
  }

  /** The pipeline of a kernel; a software driver may compile it only when it is first dispatched. @throws ShaderError */
  create(kernel: Kernel): Promise<CompiledKernel> {
    let compiled = this.#compiled.get(kernel)
    if (!compiled) {
      compiled = this.#build(kernel)
      this.#compiled.set(kernel, compiled)
    }
    return compiled
  }

  /** The one kernel of this text and entry point, however its constants were written. */
  #intern(kernel: Kernel): Kernel {
    const key = `${kernel.name} ${kernel.interface.entryPoint}\n${kernel.text}`
    const known = this.#kernels.get(key)
    if (!known) this.#kernels.set(key, kernel)
    return known ?? kernel
  }

  async #build(kernel: Kernel): Promise<CompiledKernel> {
    const { gpu } = this.#device
    gpu.pushErrorScope('validation')
    const module = gpu.createShaderModule({ label: kernel.name, code: kernel.text })
    const layout = this.#layout(kernel)
    const pipelineLayout = gpu.createPipelineLayout({ bindGroupLayouts: [layout] })
    const creation = gpu.createComputePipelineAsync({
      label: kernel.name,
      layout: pipelineLayout,
      compute: { module, entryPoint: kernel.interface.entryPoint },
    })
    const scope = gpu.popErrorScope()
    try {
      const [pipeline, error] = await Promise.all([creation, scope])
      if (error) throw error
      return { pipeline, layout }
    } catch (cause) {
      if (this.#device.ended) throw this.#device.ended
      throw await compileError(kernel, module, cause)
    }
  }

  #layout(kernel: Kernel): GPUBindGroupLayout {
    const entries = [...kernel.interface.bindings.values()].map((variable): GPUBindGroupLayoutEntry => {
      const { binding } = variable
      if (variable.kind !== 'storage') {
        return { binding, visibility: stageCompute, buffer: { type: 'uniform', minBindingSize: variable.bytes } }
      }
      const type = variable.access === 'read' ? 'read-only-storage' : 'storage'
      return { binding, visibility: stageCompute, buffer: { type, minBindingSize: variable.minBytes } }
    })
    const key = JSON.stringify(entries)
    let layout = this.#layouts.get(key)
    if (!layout) {
      layout = this.#device.gpu.createBindGroupLayout({ label: kernel.name, entries })
      this.#layouts.set(key, layout)
    }
    return layout
  }
}

function makeKernel(spec: KernelSpec): Kernel {
  try {
    const text = specialise(spec.source, spec.constants ?? {})
    return { name: spec.name, text, interface: reflect(text, spec.entryPoint) }
  } catch (error) {
    if (error instanceof ShaderError) throw new ShaderError(`${spec.name}: ${error.message}`, { cause: error })
    throw error
  }
}

async function compileError(kernel: Kernel, module: GPUShaderModule, cause: unknown): Promise<ShaderError> {
  const info = await module.getCompilationInfo()
  const lines = kernel.text.split('\n')
  const errors = info.messages.filter((message) => message.type === 'error')
  const shown = errors.map(({ lineNum, linePos, message }) => {
    const [head, ...details] = message.split('\n')
    const line = lines[lineNum - 1]
    const excerpt = line === undefined ? [] : [`  ${lineNum} | ${line}`]
    return [`${kernel.name}:${lineNum}:${linePos}: ${head}`, ...excerpt, ...details].join('\n')
  })
  const reason = cause instanceof Error || isGpuError(cause) ? cause.message : String(cause)
  return new ShaderError(shown.length > 0 ? shown.join('\n') : `${kernel.name}: ${reason}`, { cause })
}

function isGpuError(value: unknown): value is GPUError {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
}
