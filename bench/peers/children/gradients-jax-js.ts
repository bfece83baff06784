// jax-js on Dawn: the same convolution, differentiated by its autograd and compiled.

import '../../dawn.ts'
import { contendWithGradients } from '../contend-gradients.ts'

interface JaxArray {
  /** The same array, to be consumed once more. */
  readonly ref: JaxArray
  reshape(shape: readonly number[]): JaxArray
  mul(other: JaxArray): JaxArray
  sum(): JaxArray
  data(): Promise<Float32Array>
}

type Three = (x: JaxArray, w: JaxArray, dy: JaxArray) => JaxArray
type Pairs = readonly (readonly [number, number])[]

/** The part of jax-js's interface that is used here. */
interface Jax {
  init(device: string): Promise<readonly string[]>
  defaultDevice(device: string): void
  jit<F>(run: F): F
  grad(run: Three, options: { argnums: readonly number[] }): (x: JaxArray, w: JaxArray, dy: JaxArray) => JaxArray[]
  readonly numpy: { array(data: Float32Array): JaxArray }
  readonly lax: {
    convGeneralDilated(
      x: JaxArray,
      w: JaxArray,
      strides: readonly number[],
      padding: Pairs,
      options: { rhsDilation: readonly number[] },
    ): JaxArray
  }
}

const packages = { jax: '@jax-js/jax' as string }

await contendWithGradients(async ({ input, filter, gradient, padding, dilation }) => {
  const jax: Jax = await import(packages.jax)
  const devices = await jax.init('webgpu')
  if (!devices.includes('webgpu')) throw new Error('jax-js found no WebGPU')
  jax.defaultDevice('webgpu')
  const pairs = [
    [padding, padding],
    [padding, padding],
  ] as const
  const forward = (x: JaxArray, w: JaxArray) =>
    jax.lax.convGeneralDilated(x, w, [1, 1], pairs, { rhsDilation: [dilation, dilation] })
  const convolve = jax.jit(forward)
  const differentiate = jax.jit(jax.grad((x, w, dy) => forward(x, w).mul(dy).sum(), { argnums: [0, 1] }))
  const [x, w, dy] = [input, filter, gradient].map(({ data, shape }) => jax.numpy.array(data).reshape(shape))
  if (!x || !w || !dy) throw new Error('jax-js made no arrays')
  return async () => {
    const output = await convolve(x.ref, w.ref).data()
    const [dx, dw] = differentiate(x.ref, w.ref, dy.ref)
    if (!dx || !dw) throw new Error('jax-js returned no gradients')
    const found = { output, input: await dx.data(), filter: await dw.data() }
    return () => found
  }
})
