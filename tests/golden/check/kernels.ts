// Section B: kernels, one by one, on the device: outputs and gradients. What no check covers yet is counted, so that nobody
// takes it for checked.

import * as z from 'zod'
import type { GoldenSet } from './golden-set.ts'
import { gradientOps, trainingForwardOps } from './gradients.ts'
import { forwardOps, openCase } from './kernel-ops.ts'
import { lossOps } from './loss-ops.ts'
import { goldenMap } from './maps.ts'
import { optimizerOps } from './optimizer-ops.ts'
import { GoldenDataError } from './reader.ts'
import type { SectionReport } from './report.ts'
import { kernelTolerance } from './tolerances.ts'

const schema = z.object({
  cases: z.array(
    z.object({
      op: z.string(),
      id: z.string(),
      params: z.record(z.string(), z.unknown()),
      inputs: z.record(z.string(), z.string()),
      /** Tensor keys; training ops also have plain numbers. */
      outputs: z.record(z.string(), z.union([z.string(), z.number()])),
      /** Tensor keys; 1 for losses. */
      upstream: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
      grads: z.record(z.string(), z.unknown()),
    }),
  ),
})

const knownOps = [forwardOps, trainingForwardOps, lossOps, optimizerOps].flatMap((some) => Object.keys(some))

export async function checkB(set: GoldenSet, report: SectionReport): Promise<void> {
  const section = await set.section('B', schema)
  const device = await set.device()
  for (const description of report.list('cases', section.json.cases)) {
    const { id, op, outputs, grads } = description
    const optimize = optimizerOps[op]
    if (optimize !== undefined) {
      await report.check(id, (one) => optimize(device, section, description, one))
      continue
    }
    const lose = lossOps[op]
    if (lose !== undefined) {
      await report.check(id, (one) => lose({ device, section, golden: description, one }))
      continue
    }
    const run = forwardOps[op] ?? trainingForwardOps[op]
    await report.check(id, async (one) => {
      if (run === undefined) {
        one.fail('op', `'${op}' is unknown, expected one of ${knownOps.join(', ')}`)
        return
      }
      const answer = await run(openCase(device, section, description))
      for (const [role, key] of Object.entries(outputs)) {
        const expected = section.tensor(String(key))
        const found = answer(role, expected)
        one.exact(`${role}, shape`, found.shape, expected.shape)
        one.relative(role, found.data, section.float32(String(key)), kernelTolerance)
      }
    })
    const roles = Object.keys(grads)
    const differentiate = gradientOps[op]
    if (differentiate === undefined || roles.length === 0) {
      report.leaveOut(`gradients of ${op}`, roles.length)
      continue
    }
    await report.check(`${id} backward`, async (one) => {
      const upstream = goldenMap(section, upstreamKey(description))
      const found = await differentiate(openCase(device, section, description), upstream, roles)
      for (const [role, key] of Object.entries(grads)) {
        one.exact(`gradient of ${role}, shape`, found.get(role)?.shape, section.tensor(String(key)).shape)
        one.relative(`gradient of ${role}`, found.get(role)?.data ?? [], section.float32(String(key)), kernelTolerance)
      }
    })
  }
}

/** Every op on a tape has the one output `y`. */
function upstreamKey({ id, upstream }: { readonly id: string; readonly upstream?: Readonly<Record<string, unknown>> }) {
  const key = upstream?.y
  if (typeof key === 'string') return key
  throw new GoldenDataError(`case ${id} of section B has gradients but no upstream one of 'y'`)
}
