// Warming up makes the driver compile kernels before their first use. Software drivers translate a pipeline to machine
// code when it is first dispatched, seconds for a large one, on one thread per device; so each pipeline is dispatched
// here once, without a workgroup: nothing runs. While that takes long, further devices on the same adapter take kernels
// from the same queue: the driver's disk cache hands their results back in milliseconds. A driver without one is
// noticed at the first kernel that comes back, and left alone.

import { isNode } from './environment.ts'
import type { CompiledKernel, Kernel, KernelHost, KernelTwin } from './kernel.ts'
import { bufferUsage } from './memory.ts'
import { rested } from './pacer.ts'

/** Told after each kernel. @param name of the kernel that is done */
export type OnKernel = (done: number, total: number, name: string) => void

/** Milliseconds after which a driver is taken to be compiling, and not reading its cache. */
const compiling = 200

/** Devices that help, at most. */
const mostHelpers = 3

const indirect = 0x100

/** A kernel that a helper has compiled, and how long that took. */
interface HandedBack {
  readonly kernel: Kernel
  readonly milliseconds: number
}

/** Dispatches each of the kernels once on `device`, as soon as it has a pipeline. @throws ShaderError; as the device does */
export async function warmUpDriver(
  device: KernelHost,
  kernels: ReadonlyMap<Kernel, Promise<CompiledKernel>>,
  onKernel: OnKernel = () => {},
): Promise<void> {
  const crew = new Crew(device, kernels.keys())
  let done = 0
  try {
    for (let next = await crew.next(); next; next = await crew.next()) {
      const { kernel, milliseconds } = next
      const creation = kernels.get(kernel)
      const took = creation ? await crew.whileHelped(dispatchNothing(device, kernel, creation)) : 0
      if (milliseconds !== undefined) crew.judge(milliseconds, took)
      onKernel(++done, kernels.size, kernel.name)
    }
  } finally {
    await crew.end()
  }
}

/** The queue of kernels, and the devices that help with it. */
class Crew {
  readonly #device: KernelHost
  readonly #queue: Kernel[]
  readonly #handedBack: HandedBack[] = []
  #helping: Promise<unknown> | undefined
  #dismissed = false

  constructor(device: KernelHost, kernels: Iterable<Kernel>) {
    this.#device = device
    this.#queue = [...kernels]
  }

  /** What the device itself does next: what has come back from helpers first, because that is quick and tells of the cache. */
  async next(): Promise<{ readonly kernel: Kernel; readonly milliseconds?: number } | undefined> {
    const kernel = this.#handedBack.length === 0 ? this.#queue.shift() : undefined
    if (kernel) return { kernel }
    if (this.#handedBack.length === 0) await this.#helping
    return this.#handedBack.shift()
  }

  /** Waits for the device; helpers come if that takes long. Returns the milliseconds that it took. */
  async whileHelped(work: Promise<void>): Promise<number> {
    const start = performance.now()
    const timer = setTimeout(() => this.#callHelpers(), compiling)
    try {
      await work
    } finally {
      clearTimeout(timer)
    }
    return performance.now() - start
  }

  /** Ends the help if the driver compiles again what a helper has compiled. */
  judge(first: number, second: number): void {
    if (second > compiling && second > first / 2) this.#dismissed = true
  }

  async end(): Promise<void> {
    this.#dismissed = true
    await this.#helping
  }

  #callHelpers(): void {
    const { adapter, openTwin } = this.#device
    if (this.#helping || this.#dismissed || !openTwin || adapter.kind !== 'cpu' || !isNode()) return
    const cores = (globalThis.navigator as { hardwareConcurrency?: number } | undefined)?.hardwareConcurrency ?? 2
    const count = Math.min(mostHelpers, cores - 1, this.#queue.length)
    const helpers = Array.from({ length: count }, () => this.#help(openTwin))
    this.#helping = Promise.all(helpers)
  }

  async #help(openTwin: () => Promise<KernelTwin>): Promise<void> {
    let helper: KernelTwin | undefined
    let kernel: Kernel | undefined
    try {
      helper = await openTwin()
      for (kernel = this.#take(); kernel; kernel = this.#take()) {
        const start = performance.now()
        const twin = helper.kernels.prepare({
          name: kernel.name,
          source: kernel.text,
          entryPoint: kernel.interface.entryPoint,
        })
        await dispatchNothing(helper, twin, helper.kernels.create(twin))
        this.#handedBack.push({ kernel, milliseconds: performance.now() - start })
      }
    } catch {
      if (kernel) this.#queue.unshift(kernel) // the device itself can do without help, and reports what fails there
    } finally {
      await helper?.close()
    }
  }

  #take(): Kernel | undefined {
    return this.#dismissed ? undefined : this.#queue.shift()
  }
}

/** One indirect dispatch of no workgroup, which the driver must compile for all the same. */
async function dispatchNothing(device: KernelHost, kernel: Kernel, creation: Promise<CompiledKernel>): Promise<void> {
  const { pipeline, layout } = await device.guard(creation)
  const { gpu } = device
  const buffers: GPUBuffer[] = []
  const make = (size: number, usage: number) => {
    const buffer = gpu.createBuffer({ size: Math.ceil(size / 4) * 4, usage, label: 'warm-up' })
    buffers.push(buffer)
    return buffer
  }
  const entries = [...kernel.interface.bindings.values()].map((variable) => {
    const uniform = variable.kind !== 'storage'
    const buffer = make(
      uniform ? variable.bytes : variable.minBytes,
      uniform ? bufferUsage.UNIFORM : bufferUsage.STORAGE,
    )
    return { binding: variable.binding, resource: { buffer } }
  })
  const encoder = gpu.createCommandEncoder({ label: 'warm-up' })
  const pass = encoder.beginComputePass({ label: kernel.name })
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, gpu.createBindGroup({ label: 'warm-up', layout, entries }))
  pass.dispatchWorkgroupsIndirect(make(12, indirect), 0)
  pass.end()
  gpu.queue.submit([encoder.finish()])
  try {
    await device.guard(
      rested(
        device,
        gpu.queue.onSubmittedWorkDone().then(() => {}),
      ),
    )
  } finally {
    for (const buffer of buffers) buffer.destroy()
  }
}
