// Puts Dawn where a browser page finds WebGPU, for libraries that were written for pages.

import * as webgpu from 'webgpu'

/** Must stay referenced: Dawn's threads abort when it is collected. */
const gpu: GPU = webgpu.create([])

Object.assign(globalThis, webgpu.globals)
const place = { value: gpu, configurable: true }
if (globalThis.navigator) Object.defineProperty(globalThis.navigator, 'gpu', place)
else Object.defineProperty(globalThis, 'navigator', { value: { gpu, userAgent: 'node', platform: process.platform } })

// Libraries compiled to WebAssembly with threads upload from shared memory, which Dawn's binding for Node does not take.
const { prototype } = globalThis.GPUQueue
const { writeBuffer } = prototype
prototype.writeBuffer = function (this: GPUQueue, ...args: Parameters<GPUQueue['writeBuffer']>) {
  const [buffer, offset, data, start = 0, size] = args
  const view = ArrayBuffer.isView(data) ? data : new Uint8Array(data)
  const unit = 'BYTES_PER_ELEMENT' in view ? Number(view.BYTES_PER_ELEMENT) : 1
  const length = size === undefined ? view.byteLength - start * unit : size * unit
  const bytes = new Uint8Array(view.buffer, view.byteOffset + start * unit, length)
  const plain = view.buffer instanceof ArrayBuffer ? bytes : bytes.slice()
  return writeBuffer.call(this, buffer, offset, plain as Uint8Array<ArrayBuffer>)
}
