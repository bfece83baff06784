// jax-js on Dawn: the folded ONNX file through its own importer, compiled.

import '../../dawn.ts'
import { readFile } from 'node:fs/promises'
import { contend } from '../contend.ts'

interface JaxArray {
  /** The same array, to be consumed once more. */
  readonly ref: JaxArray
  reshape(shape: readonly number[]): JaxArray
  data(): Promise<Float32Array>
}

type Arrays = Readonly<Record<string, JaxArray>>

/** The part of jax-js's interface that is used here. */
interface Jax {
  init(device: string): Promise<readonly string[]>
  defaultDevice(device: string): void
  jit(run: (inputs: Arrays) => Arrays): (inputs: Arrays) => Arrays
  readonly numpy: { array(data: Float32Array): JaxArray }
}

interface JaxOnnx {
  readonly ONNXModel: new (bytes: Uint8Array) => { readonly run: (inputs: Arrays) => Arrays }
}

const packages = { jax: '@jax-js/jax' as string, onnx: '@jax-js/onnx' as string }

await contend(async ({ file }, inputs) => {
  const jax: Jax = await import(packages.jax)
  const { ONNXModel }: JaxOnnx = await import(packages.onnx)
  const devices = await jax.init('webgpu')
  if (!devices.includes('webgpu')) throw new Error('jax-js found no WebGPU')
  jax.defaultDevice('webgpu')
  const { run } = new ONNXModel(new Uint8Array(await readFile(file)))
  const compiled = jax.jit(run)
  const arrays = [...inputs]
    .filter(([name]) => name === 'search' || name.includes('_kernel'))
    .map(([name, { data, shape }]) => [name, jax.numpy.array(data).reshape(shape)] as const)
  return async () => {
    const { cls, bbox } = compiled(Object.fromEntries(arrays.map(([name, array]) => [name, array.ref])))
    if (!cls || !bbox) throw new Error('jax-js returned no maps')
    return { cls: await cls.data(), bbox: await bbox.data() }
  }
})
