import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Device, type DeviceOptions, openDevice } from '../../src/gpu/device.ts'
import {
  BindingError,
  DeviceClosedError,
  DeviceLostError,
  NoAdapterError,
  OutOfMemoryError,
  ShapeError,
  WebGpuError,
} from '../../src/gpu/errors.ts'
import { capture } from '../../src/gpu/program.ts'
import { dawnFlags } from '../../src/gpu/provider.ts'
import { scale } from './scale.ts'

const opened: Device[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((device) => device.close()))
})

async function open(options?: DeviceOptions): Promise<Device> {
  const device = await openDevice(options)
  opened.push(device)
  return device
}

describe('openDevice', () => {
  test('states the facts of the adapter', async () => {
    const { adapter, gpu } = await open()
    expect(adapter.description).not.toBe('')
    if (/llvmpipe/.test(adapter.description)) expect(adapter.kind).toBe('cpu')
    expect(adapter.maxBindingBytes).toBe(gpu.limits.maxStorageBufferBindingSize)
    expect(adapter.maxStorageBuffers).toBeGreaterThanOrEqual(8)
    expect(adapter.maxWorkgroupsPerDimension).toBe(65535)
    expect(gpu.limits.minStorageBufferOffsetAlignment).toBe(256)
    expect(structuredClone(adapter)).toEqual(adapter)
  })

  test('hides features and lowers the binding limit on request', async () => {
    const { adapter, gpu } = await open({
      hideFeatures: ['subgroups', 'shader-f16', 'uniform_buffer_standard_layout'],
      bindingLimit: 4096,
    })
    expect(adapter.features.has('subgroups')).toBe(false)
    expect(adapter.features.has('uniform_buffer_standard_layout')).toBe(false)
    expect(gpu.features.has('shader-f16')).toBe(false)
    expect([adapter.subgroupMinSize, adapter.subgroupMaxSize, adapter.maxBindingBytes]).toEqual([0, 0, 4096])
  })

  test('says what it tried and how to install a driver when no adapter answers', async () => {
    const missing = openDevice({ backend: process.platform === 'win32' ? 'metal' : 'd3d12' })
    await expect(missing).rejects.toThrow(NoAdapterError)
    await expect(missing).rejects.toThrow(/Tried: .*webgpu .*backend=(d3d12|metal)/)
    await expect(missing).rejects.toThrow('apt-get install -t bookworm-backports mesa-vulkan-drivers libvulkan1')
    await expect(missing).rejects.toThrow('npm run ensure-adapter')
  })

  test('reports an implementation that throws', async () => {
    const gpu = { requestAdapter: () => Promise.reject(new Error('driver exploded')) } as unknown as GPU
    const broken = openDevice({ gpu })
    await expect(broken).rejects.toThrow(NoAdapterError)
    await expect(broken).rejects.toThrow('driver exploded')
  })

  test('merges toggles of one kind, of which Dawn reads only the last', () => {
    expect(dawnFlags({})).toEqual(['disable-dawn-features=timestamp_quantization'])
    const toggles = ['disable-dawn-features=a,b', 'enable-dawn-features=c', 'adapter=X', 'enable-dawn-features=d']
    expect(dawnFlags({ toggles, backend: 'null' })).toEqual([
      'disable-dawn-features=timestamp_quantization,a,b',
      'enable-dawn-features=c,d',
      'adapter=X',
      'backend=null',
    ])
  })
})

describe('tensors', () => {
  test('go up and come back, each dtype and any number of bytes', async () => {
    const device = await open()
    for (const data of [new Float32Array([1.5, -2]), new Uint32Array([1, 2 ** 32 - 1]), new Int32Array([-1, 5])]) {
      expect(await device.read(device.tensor(data, [2]))).toEqual(data)
    }
    const packed = device.empty([3], 'u32')
    device.write(packed, new Uint8Array([9, 1, 2, 3, 4, 5, 6, 9]).subarray(1, 7), 4)
    expect([...(await device.read(packed))]).toEqual([0, 0x04030201, 0x0605])
    device.write(packed, new Uint8Array([7, 8]))
    expect((await device.read(packed))[0]).toBe(0x0807)
    await expect(device.readF32(packed)).rejects.toThrow('is u32, expected f32')
  })

  test('reads several at once', async () => {
    const device = await open()
    const tensors = [1, 2, 3].map((value) => device.tensor(new Float32Array([value]), [1]))
    const values = await Promise.all(tensors.map((tensor) => device.readF32(tensor)))
    expect(values.map((value) => value[0])).toEqual([1, 2, 3])
  })

  test('counts memory, and reuses staging buffers', async () => {
    const device = await open()
    const tensor = device.empty([1000], 'f32', 'weights')
    expect(device.memory.bytes).toBe(4000)
    await device.read(tensor)
    await device.read(tensor)
    expect(device.memory.bytes).toBe(4000 + 4096)
    device.release(tensor)
    device.release(tensor)
    expect(device.memory.bytes).toBe(4096)
    expect(device.memory.peakBytes).toBe(8096)
    await expect(device.read(tensor)).rejects.toThrow('Tensor `weights` has been released')
    expect(() => device.write(tensor, new Float32Array(1))).toThrow(BindingError)
  })

  test('refuses data that do not fit', async () => {
    const device = await open()
    expect(() => device.tensor(new Float32Array(3), [2, 2], 'w')).toThrow(ShapeError)
    const tensor = device.empty([2], 'f32', 'w')
    expect(() => device.write(tensor, new Uint8Array(9))).toThrow(
      'Cannot write 9 bytes at byte 0 of tensor `w` of 8 bytes',
    )
    expect(() => device.write(tensor, new Uint8Array(4), 2)).toThrow(BindingError)
    expect(() => device.write(tensor, new Uint8Array(4), 8)).toThrow(BindingError)
  })
})

describe('failures', () => {
  test('out of memory names the tensor, the bytes wanted and the bytes in use', async () => {
    const device = await open()
    device.empty([25], 'f32')
    const elements = Math.ceil(device.adapter.maxBufferBytes / 4) + 1
    expect(() => device.empty([elements], 'f32', 'huge')).toThrow(OutOfMemoryError)
    expect(() => device.empty([elements], 'f32', 'huge')).toThrow(
      new RegExp(`\`huge\` wants ${elements * 4} bytes.*\\(100 bytes in use\\)`),
    )
    expect(device.memory.bytes).toBe(100)
  })

  test('an allocation that the driver refuses fails the next call and the capture', async () => {
    const device = await open()
    const input = device.empty([4])
    await device.memory.settle()
    const pop = device.gpu.popErrorScope.bind(device.gpu)
    const refuse = async () => {
      await pop()
      return { message: 'no room' } as GPUError
    }
    vi.spyOn(device.gpu, 'popErrorScope').mockImplementationOnce(refuse)
    device.empty([8], 'f32', 'weights')
    await expect(device.read(input)).rejects.toThrow('Buffer `weights` wants 32 bytes with 16 bytes in use: no room')
    const compiled = await capture(device, (r) => scale(r, input, 2))
    compiled.destroy()
    const before = device.memory.bytes
    vi.spyOn(device.gpu, 'popErrorScope').mockImplementationOnce(refuse)
    await expect(capture(device, (r) => scale(r, input, 2), { label: 'p' })).rejects.toThrow(OutOfMemoryError)
    vi.restoreAllMocks()
    expect(device.memory.bytes).toBe(before)
    await device.read(input)
  })

  test('a refused buffer is told as out of memory, not as what is invalid behind it, and once', async () => {
    const device = await open()
    const input = device.empty([4])
    await device.settle()
    const { gpu } = device
    const [create, pop] = [gpu.createBuffer.bind(gpu), gpu.popErrorScope.bind(gpu)]
    vi.spyOn(gpu, 'createBuffer').mockImplementationOnce((descriptor) => {
      gpu.pushErrorScope('validation')
      const invalid = create({ ...descriptor, usage: 0 })
      void pop()
      return invalid
    })
    vi.spyOn(gpu, 'popErrorScope').mockImplementationOnce(async () => {
      await pop()
      return { message: 'no room' } as GPUError
    })
    const weights = device.tensor(new Float32Array(4), [4], 'weights')
    const capturing = capture(device, (r) => scale(r, weights, 2), { label: 'p' })
    await expect(capturing).rejects.toThrow('Buffer `weights` wants 16 bytes with 16 bytes in use: no room')
    await device.settle()
    await device.read(input)
  })

  test('an error that WebGPU reports later rejects the next read', async () => {
    const device = await open()
    const tensor = device.empty([4])
    const encoder = device.gpu.createCommandEncoder()
    encoder.copyBufferToBuffer(tensor.storage.buffer, 0, tensor.storage.buffer, 0, 1024)
    device.gpu.queue.submit([encoder.finish()])
    await expect(device.read(tensor)).rejects.toThrow(WebGpuError)
    expect(await device.readF32(tensor)).toEqual(new Float32Array(4))
  })

  test('a lost device rejects the pending read, and everything after it', async () => {
    const device = await open()
    const tensor = device.empty([4])
    const program = await capture(device, (r) => scale(r, tensor, 2))
    const pending = device.read(tensor)
    device.gpu.destroy()
    await expect(pending).rejects.toThrow(DeviceLostError)
    expect(await device.lost).toBeInstanceOf(DeviceLostError)
    expect(() => program.run()).toThrow(DeviceLostError)
    expect(() => device.write(tensor, new Float32Array(1))).toThrow(DeviceLostError)
    await expect(capture(device, (r) => scale(r, tensor, 2))).rejects.toThrow(DeviceLostError)
    await expect(device.read(tensor)).rejects.toThrow(DeviceLostError)
  })

  test('a lost device rejects a capture that is compiling', async () => {
    const device = await open()
    const tensor = device.empty([4])
    const pending = capture(device, (r) => scale(r, tensor, 2))
    device.gpu.destroy()
    await expect(pending).rejects.toThrow(DeviceLostError)
  })
})

describe('close', () => {
  test('rejects what is pending and whatever comes after, and can be repeated', async () => {
    const device = await open()
    const tensor = device.empty([4])
    const program = await capture(device, (r) => scale(r, tensor, 2))
    const pending = device.read(tensor)
    const closing = device.close()
    await expect(pending).rejects.toThrow(DeviceClosedError)
    await closing
    await device.close()
    expect(() => device.empty([1])).toThrow(DeviceClosedError)
    expect(() => program.run()).toThrow(DeviceClosedError)
    await expect(device.read(tensor)).rejects.toThrow(DeviceClosedError)
    program.destroy()
    device.release(tensor)
    expect(device.memory.bytes).toBe(0)
  })

  test('lets Node exit by itself, with the device still referenced and work in flight', async () => {
    const script = fileURLToPath(new URL('./close-and-exit.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script], { timeout: 60_000 })
    expect(stdout.trim()).toBe('closed')
  })
})
