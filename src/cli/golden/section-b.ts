// Section B: kernels, one by one, on the device. Forward outputs of the ops that tracking needs; what belongs to training
// (gradients, losses, batch statistics, the optimizer) is counted, so that nobody takes it for checked.

import * as z from 'zod'
import type { GoldenSet } from './golden-set.ts'
import { forwardOps, openCase } from './kernel-ops.ts'
import type { SectionReport } from './report.ts'
import { KERNEL } from './tolerances.ts'

const schema = z.object({
  cases: z.array(
    z.object({
      op: z.string(),
      id: z.string(),
      params: z.record(z.string(), z.unknown()),
      inputs: z.record(z.string(), z.string()),
      /** Tensor keys; training ops also have plain numbers. */
      outputs: z.record(z.string(), z.union([z.string(), z.number()])),
      grads: z.record(z.string(), z.unknown()),
    }),
  ),
})

/** Ops that come with training. */
const trainingOps: ReadonlySet<string> = new Set([
  'batchnorm_train',
  'cross_entropy',
  'siamrpn_head_loss',
  'l1_loss',
  'smooth_l1_loss',
  'sigmoid_focal_loss',
  'iou_loss',
  'iou_loss_linear',
  'iou_loss_square',
  'giou_loss',
  'sgd',
  'clip_grad_norm',
])

export async function checkB(set: GoldenSet, report: SectionReport): Promise<void> {
  const section = await set.section('B', schema)
  const device = await set.device()
  for (const description of report.list('cases', section.json.cases)) {
    const { id, op, outputs, grads } = description
    const run = forwardOps[op]
    if (run === undefined && trainingOps.has(op)) {
      report.leaveOut(op, 1)
      continue
    }
    await report.check(id, async (one) => {
      if (run === undefined) {
        one.fail('op', `'${op}' is unknown, expected one of ${[...Object.keys(forwardOps), ...trainingOps].join(', ')}`)
        return
      }
      const answer = await run(openCase(device, section, description))
      for (const [role, key] of Object.entries(outputs)) {
        const expected = section.tensor(String(key))
        const found = answer(role, expected)
        one.exact(`${role}, shape`, found.shape, expected.shape)
        one.relative(role, found.data, section.float32(String(key)), KERNEL)
      }
    })
    report.leaveOut('gradients', Object.keys(grads).length)
  }
}
