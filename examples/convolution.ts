// One convolution on two arrays: an image and a filter go in, an array comes out.
// Run it: npx tsx examples/convolution.ts

import { fileURLToPath } from 'node:url'
import { type Device, openDevice, runOnce } from 'siamrpn/gpu'
import { conv2d, packConvWeight, releaseConvWeight } from 'siamrpn/kernels'

/** Values, row by row, and their shape. */
export interface Values {
  readonly data: Float32Array
  readonly shape: readonly number[]
}

/** @param image `[N, H, W, C]` @param filter PyTorch's layout, `[O, C, kh, kw]` @returns `[N, OH, OW, O]` */
export async function convolve(device: Device, image: Values, filter: Values, padding = 0): Promise<Values> {
  const input = device.tensor(image.data, image.shape, 'image')
  const weight = packConvWeight(device, filter.data, filter.shape)
  const program = await runOnce(device, (recorder) => conv2d(recorder, { input, weight, padding }))
  const output = { data: await device.readF32(program.result), shape: program.result.shape }
  program.destroy()
  device.release(input)
  releaseConvWeight(device, weight)
  return output
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const device = await openDevice()
  const stripes = { data: Float32Array.from({ length: 36 }, (_, i) => (i % 6 < 3 ? 0 : 1)), shape: [1, 6, 6, 1] }
  const edges = { data: Float32Array.of(-1, 0, 1, -2, 0, 2, -1, 0, 1), shape: [1, 1, 3, 3] }
  const { data, shape } = await convolve(device, stripes, edges)
  console.log(`[${shape}]: ${data.join(' ')}`)
  await device.close()
}
