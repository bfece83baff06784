// Run in a process of its own: opens and closes devices, or loads and closes trackers, or has bare Dawn make what such a tracker
// makes, and prints what the process holds after each, as JSON: `node --import tsx device-cycles.ts device|tracker|bare CYCLES`.
// Linux only.

import { deviceDescriptor } from '../../src/gpu/adapter.ts'
import { openDevice } from '../../src/gpu/device.ts'
import { runOnce } from '../../src/gpu/program.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { SiamRPN } from '../../src/siamrpn/tracker.ts'
import { microWeights } from '../siamrpn/helpers.ts'
import { type Held, held } from './held.ts'
import { scale } from './scale.ts'

const [copyTo, uniform, storage, indirect] = [0x8, 0x40, 0x80, 0x100]

const [, , kind, cycles] = process.argv
const kinds = { device: async () => openAndClose, tracker: async () => loadAndClose, bare: prepareBare }
const cycle = await kinds[kind as keyof typeof kinds]()
const samples: Held[] = []
for (let k = 0; k < Number(cycles); k++) {
  await cycle()
  samples.push(await held())
}
console.log(JSON.stringify(samples))

async function openAndClose(): Promise<void> {
  const device = await openDevice()
  const program = await runOnce(device, (r) => scale(r, device.tensor(new Float32Array(64), [64]), 2))
  await device.read(program.result)
  await device.close()
}

async function loadAndClose(): Promise<void> {
  const tracker = await SiamRPN.create(microWeights(), { config: namedConfig('micro') })
  await tracker.close()
}

interface Kernel {
  readonly code: string
  readonly entryPoint: string
  readonly layout: GPUBindGroupLayoutDescriptor
}

/** What a device was asked for. */
interface Asked {
  readonly buffers: GPUBufferDescriptor[]
  readonly kernels: Kernel[]
}

/** @returns a cycle of bare Dawn: what loading a tracker asks of its device, asked of one without this library */
async function prepareBare(): Promise<() => Promise<void>> {
  const device = await openDevice()
  const { provider } = device
  const asked = record(device.gpu)
  await (await SiamRPN.create(microWeights(), { config: namedConfig('micro'), device })).close()
  await device.close()
  return () => bareCycle(provider, asked)
}

function record(gpu: GPUDevice): Asked {
  const asked: Asked = { buffers: [], kernels: [] }
  const codes = new Map<GPUShaderModule, string>()
  const layouts = new Map<GPUBindGroupLayout | GPUPipelineLayout, GPUBindGroupLayoutDescriptor>()
  const { createBuffer, createShaderModule, createBindGroupLayout, createPipelineLayout, createComputePipelineAsync } =
    gpu
  gpu.createBuffer = (descriptor) => {
    asked.buffers.push(descriptor)
    return createBuffer.call(gpu, descriptor)
  }
  gpu.createShaderModule = (descriptor) => {
    const module = createShaderModule.call(gpu, descriptor)
    codes.set(module, descriptor.code)
    return module
  }
  gpu.createBindGroupLayout = (descriptor) => {
    const layout = createBindGroupLayout.call(gpu, descriptor)
    layouts.set(layout, descriptor)
    return layout
  }
  gpu.createPipelineLayout = (descriptor) => {
    const layout = createPipelineLayout.call(gpu, descriptor)
    layouts.set(layout, layouts.get([...descriptor.bindGroupLayouts][0]!)!)
    return layout
  }
  gpu.createComputePipelineAsync = (descriptor) => {
    const { module, entryPoint = 'main' } = descriptor.compute
    const layout = layouts.get(descriptor.layout as GPUPipelineLayout)!
    asked.kernels.push({ code: codes.get(module)!, entryPoint, layout })
    return createComputePipelineAsync.call(gpu, descriptor)
  }
  return asked
}

/** The same buffers, filled, and the same pipelines, each dispatched once without a workgroup, so that the driver compiles it. */
async function bareCycle(provider: GPU, { buffers, kernels }: Asked): Promise<void> {
  const adapter = (await provider.requestAdapter({ powerPreference: 'high-performance' }))!
  const gpu = await adapter.requestDevice(deviceDescriptor(adapter))
  for (const descriptor of buffers) {
    const buffer = gpu.createBuffer(descriptor)
    if (descriptor.usage & copyTo) gpu.queue.writeBuffer(buffer, 0, new Uint8Array(buffer.size))
  }
  for (const { code, entryPoint, layout: descriptor } of kernels) {
    const layout = gpu.createBindGroupLayout(descriptor)
    const pipeline = await gpu.createComputePipelineAsync({
      layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: gpu.createShaderModule({ code }), entryPoint },
    })
    const entries = [...descriptor.entries].map(({ binding, buffer }) => {
      const usage = buffer?.type === 'uniform' ? uniform : storage
      return {
        binding,
        resource: { buffer: gpu.createBuffer({ size: Math.ceil((buffer?.minBindingSize ?? 0) / 4) * 4, usage }) },
      }
    })
    const encoder = gpu.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, gpu.createBindGroup({ layout, entries }))
    pass.dispatchWorkgroupsIndirect(gpu.createBuffer({ size: 12, usage: indirect }), 0)
    pass.end()
    gpu.queue.submit([encoder.finish()])
    await gpu.queue.onSubmittedWorkDone()
  }
  gpu.destroy()
  await gpu.lost
}
