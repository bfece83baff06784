// Optimizer steps of section B: SGD over several steps with changing rates, a parameter without gradient left alone; and the
// clipping of gradients by their norm.

import * as z from 'zod'
import type { Device } from '../../../src/gpu/device.ts'
import { capture, runOnce } from '../../../src/gpu/program.ts'
import type { GpuTensor } from '../../../src/gpu/tensor.ts'
import { clipFactor, scalarRow, sgdRow, sgdUpdate, squaredSums } from '../../../src/kernels/optimizer.ts'
import { withTensors } from './maps.ts'
import { GoldenDataError, type GoldenSection } from './reader.ts'
import type { CaseReport } from './report.ts'
import { kernelTolerance } from './tolerances.ts'

interface OptimizerCase {
  readonly id: string
  readonly params: Readonly<Record<string, unknown>>
  readonly inputs: Readonly<Record<string, string>>
  readonly outputs: Readonly<Record<string, string | number>>
}

/** Checks one case. */
export type CheckOptimizer = (
  device: Device,
  section: GoldenSection<unknown>,
  golden: OptimizerCase,
  one: CaseReport,
) => Promise<void>

export const optimizerOps: Readonly<Record<string, CheckOptimizer>> = { sgd: checkSgd, clip_grad_norm: checkClipping }

const sgdParams = z.object({
  momentum: z.number(),
  weight_decay: z.number(),
  /** Of the first step, by parameter. */
  lr: z.record(z.string(), z.number()),
  steps: z.int(),
})

/** What the files do to every rate at the second step, the fourth and so on. */
const rateChange = 0.5

async function checkSgd(
  device: Device,
  section: GoldenSection<unknown>,
  golden: OptimizerCase,
  one: CaseReport,
): Promise<void> {
  const { momentum, weight_decay: weightDecay, lr, steps } = sgdParams.parse(golden.params)
  for (const [name, rate] of Object.entries(lr)) {
    const start = section.tensor(golden.inputs[name] ?? '')
    await withTensors(device, async (lend) => {
      const parameter = lend(device.tensor(section.float32(golden.inputs[name] ?? ''), start.shape))
      const velocity = lend(device.empty(start.shape))
      const gradient = lend(device.empty(start.shape))
      const scalars = lend(device.empty([1, scalarRow]))
      const clip = lend(device.tensor(Float32Array.of(1, 1), [2]))
      const program = await capture(device, (r) =>
        sgdUpdate(r, { parameter, gradient, velocity, scalars, row: 0, clip, momentum, weightDecay }),
      )
      let made = 0
      for (let step = 0; step < steps; step++) {
        const key = golden.inputs[`g.${name}.${step}`]
        if (key !== undefined) {
          made++
          device.write(gradient, section.float32(key))
          device.write(scalars, Float32Array.from(sgdRow(rate * rateChange ** Math.ceil(step / 2), made)))
          program.run()
        }
        const expected = section.float32(String(golden.outputs[`${name}.${step}`]))
        one.relative(`${name} after step ${step}`, await device.readF32(parameter), expected, kernelTolerance)
      }
      program.destroy()
    })
  }
}

const clipParams = z.object({ max_norm: z.number(), norm_type: z.literal(2) })

async function checkClipping(
  device: Device,
  section: GoldenSection<unknown>,
  golden: OptimizerCase,
  one: CaseReport,
): Promise<void> {
  const { max_norm } = clipParams.parse(golden.params)
  const { total_norm } = golden.outputs
  if (typeof total_norm !== 'number') throw new GoldenDataError(`case ${golden.id} of section B has no total_norm`)
  const names = Object.keys(golden.inputs)
  await withTensors(device, async (lend) => {
    const scalars = lend(device.tensor(Float32Array.from(sgdRow(-1, 1)), [1, scalarRow]))
    const gradients = names.map((name) => {
      const key = golden.inputs[name] ?? ''
      return lend(device.tensor(section.float32(key), section.tensor(key).shape))
    })
    const clipped = gradients.map(({ shape }) => lend(device.empty(shape)))
    const program = await runOnce(device, (r) => {
      const clip = clipFactor(r, squaredSums(r, gradients), max_norm)
      for (const [i, gradient] of gradients.entries()) {
        const parameter: GpuTensor | undefined = clipped[i]
        // A step from zero at a rate of -1 is the clipped gradient itself.
        if (parameter) sgdUpdate(r, { parameter, gradient, scalars, row: 0, clip })
      }
      return clip
    })
    const [norm = Number.NaN] = await device.readF32(program.result)
    one.relative('total_norm', [norm], [total_norm], kernelTolerance)
    for (const [i, name] of names.entries()) {
      const found = clipped[i] ? await device.readF32(clipped[i]) : []
      one.relative(name, found, section.float32(String(golden.outputs[name])), kernelTolerance)
    }
    program.destroy()
  })
}
