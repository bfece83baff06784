// Ourselves: a convolution forward, the gradient of its input and that of its filter, all three results on the host.

import { openDevice } from '../../../src/gpu/device.ts'
import { capture } from '../../../src/gpu/program.ts'
import { packConvWeight, unpackConvWeight } from '../../../src/kernels/conv/filter.ts'
import { conv2d } from '../../../src/kernels/conv/forward.ts'
import { convInputGradient } from '../../../src/kernels/conv/input-gradient.ts'
import { convWeightGradient } from '../../../src/kernels/conv/weight-gradient.ts'
import { contendWithGradients, toChannelsFirst, toChannelsLast } from '../contend-gradients.ts'

await contendWithGradients(async ({ input, filter, gradient, padding, dilation }) => {
  const device = await openDevice()
  const weight = packConvWeight(device, filter.data, filter.shape)
  const x = device.tensor(toChannelsLast(input), [1, input.shape[2], input.shape[3], input.shape[1]])
  const dy = device.tensor(toChannelsLast(gradient), [1, gradient.shape[2], gradient.shape[3], gradient.shape[1]])
  const geometry = { weight, padding, dilation }
  const program = await capture(device, (r) => ({
    output: conv2d(r, { input: x, allowWinograd: false, ...geometry }),
    input: convInputGradient(r, { gradient: dy, inputShape: x.shape, ...geometry }),
    filter: convWeightGradient(r, { input: x, gradient: dy, ...geometry }),
  }))
  return async () => {
    program.run()
    const [output, dx, packed] = await Promise.all([
      device.readF32(program.result.output),
      device.readF32(program.result.input),
      device.readF32(program.result.filter),
    ])
    return () => ({
      output: toChannelsFirst(output, gradient.shape),
      input: toChannelsFirst(dx, input.shape),
      filter: unpackConvWeight(packed, weight, filter.shape),
    })
  }
})
