// Declares the names of WebGPU's interfaces as empty types. They merge with the full ones of the DOM library or of
// @webgpu/types, and where a program has neither (TypeScript before 6), the declarations of this package still check.

declare global {
  interface GPU {}
  interface GPUAdapter {}
  interface GPUBindGroup {}
  interface GPUBindGroupLayout {}
  interface GPUBuffer {}
  interface GPUComputePipeline {}
  interface GPUDevice {}
  interface GPUDeviceDescriptor {}
  interface VideoFrame {}
}

export {}
