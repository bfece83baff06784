// A kernel in its three states (as a file with constants, specialised, compiled), and what compiling one needs of its device.

import type { SiamRpnError } from './errors.ts'
import type { PacedDevice } from './pacer.ts'
import type { ShaderInterface } from './reflect.ts'
import type { Constants } from './shader.ts'

/** A shader file, the constants that specialise it and, if the file has several entry points, one of them. */
export interface KernelSpec {
  /** Name of the shader file, for messages and profiles. */
  readonly name: string
  /** Text of the shader file. */
  readonly source: string
  readonly constants?: Constants
  readonly entryPoint?: string
}

/** A specialised kernel, not necessarily compiled yet. Equal specs give the same object. */
export interface Kernel {
  readonly name: string
  readonly text: string
  readonly interface: ShaderInterface
}

export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
}

/** The device that kernels are compiled for, as far as that concerns it. `Device` is one. */
export interface KernelHost extends PacedDevice {
  readonly gpu: GPUDevice
  /** Why it ended, if it has. */
  readonly ended: SiamRpnError | undefined
  /** Opens another device on the same adapter; absent where that is not known. */
  readonly openTwin: (() => Promise<KernelTwin>) | undefined
  /** Rejects when the device ends before the work does. */
  guard<T>(work: Promise<T>): Promise<T>
}

/** A device that helps to compile. */
export interface KernelTwin extends KernelHost {
  readonly kernels: { prepare(spec: KernelSpec): Kernel; create(kernel: Kernel): Promise<CompiledKernel> }
  close(): Promise<void>
}
