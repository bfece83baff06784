// The public face of the runtime: a device, memory, kernels from WGSL, recording, programs that replay, and timing.

export type { SubgroupMatrixShape } from './adapter.ts'
export type { ProgramStats } from './assembly.ts'
export { type AdapterFacts, Device, type DeviceOptions, openDevice } from './device.ts'
export {
  ArgumentError,
  BindingError,
  DeviceClosedError,
  DeviceLostError,
  FeatureError,
  NoAdapterError,
  OutOfMemoryError,
  PrecisionError,
  ShaderError,
  ShapeError,
  SiamRpnError,
  WebGpuError,
} from './errors.ts'
export type { Precision } from './half.ts'
export type { Kernel, KernelSpec } from './kernel.ts'
export { cut, listed, quote, show, showShape } from './message.ts'
export { type PacedDevice, Pacer } from './pacer.ts'
export type { Params } from './params.ts'
export type { ProfileEntry } from './profiler.ts'
export {
  type CaptureOptions,
  capture,
  type Plan,
  type Profile,
  Program,
  plan,
  runOnce,
} from './program.ts'
export { findGpu, type ProviderOptions } from './provider.ts'
export type { Dispatch, Recorder } from './recorder.ts'
export {
  reflect,
  type ShaderInterface,
  type StorageVariable,
  type UniformField,
  type UniformVariable,
  type Variable,
  type WindowVariable,
} from './reflect.ts'
export { type Constants, specialise, type WgslType } from './shader.ts'
export { type DType, GpuTensor, type TensorData } from './tensor.ts'
export type { OnKernel } from './warm-up.ts'
