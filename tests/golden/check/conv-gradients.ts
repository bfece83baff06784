// Gradients of section B's convolutions: of the input, the filter (back in PyTorch's layout) and the bias.

import { runOnce } from '../../../src/gpu/program.ts'
import { channelSum } from '../../../src/kernels/batch-norm.ts'
import { packConvWeight, releaseConvWeight, unpackConvWeight } from '../../../src/kernels/conv/filter.ts'
import { convInputGradient } from '../../../src/kernels/conv/input-gradient.ts'
import { convWeightGradient } from '../../../src/kernels/conv/weight-gradient.ts'
import type { OpCase, OpOutput } from './kernel-ops.ts'
import { type Map4, readMap, uploadMap, withTensors } from './maps.ts'

/** Runs a case backward; the result holds the gradients of `x`, `w` and, if there is one, `b`. */
export async function convGradients(one: OpCase, upstream: Map4): Promise<ReadonlyMap<string, OpOutput>> {
  const { device } = one
  const filter = one.map('w')
  const weight = packConvWeight(device, filter.data, filter.shape)
  const geometry = {
    stride: one.number('stride'),
    padding: one.number('padding'),
    dilation: one.number('dilation'),
    groups: one.number('groups'),
  }
  try {
    return await withTensors(device, async (lend) => {
      const input = lend(uploadMap(device, one.map('x')))
      const gradient = lend(uploadMap(device, upstream))
      const program = await runOnce(device, (r) => ({
        x: convInputGradient(r, { gradient, weight, inputShape: input.shape, ...geometry }),
        w: convWeightGradient(r, { input, gradient, weight, ...geometry }),
        b: channelSum(r, gradient),
      }))
      try {
        const { x, w, b } = program.result
        const packed = await device.readF32(w)
        const found = new Map<string, OpOutput>([
          ['x', await readMap(device, x)],
          ['w', { data: unpackConvWeight(packed, weight, filter.shape), shape: filter.shape }],
        ])
        return one.has('b') ? found.set('b', { data: await device.readF32(b), shape: b.shape }) : found
      } finally {
        program.destroy()
      }
    })
  } finally {
    releaseConvWeight(device, weight)
  }
}
