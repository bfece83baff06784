// Training steps of R50 with the backbone frozen and released, at the batch size of the configuration or the largest that time
// and memory allow; where not even one pair fits the time, of the small model `tiny`.

import { OutOfMemoryError } from '../../../src/gpu/errors.ts'
import { openTrainer } from '../../cases/training.ts'
import { type Roofline, rooflineShare, usualFlops } from '../../roofline.ts'
import { median } from '../../stopwatch.ts'
import { significant } from '../../table.ts'
import type { Findings, Section, SectionContext } from '../report.ts'

interface TrainingResult {
  readonly model: string
  readonly phase: string
  readonly batch: number
  readonly startMs: number
  readonly stepMs: readonly number[]
  readonly flops: number
  readonly bytes: number
  readonly heldBytes: number
  readonly peakBytes: number
  readonly kernelsMeasured: number
}

interface Phase {
  readonly name: string
  /** An epoch of the phase, from 0. */
  readonly epoch: number
  /** FLOPs of a step for each pair. */
  readonly flops: number
}

const r50Phases: readonly Phase[] = [
  { name: 'backbone frozen', epoch: 0, flops: 129e9 },
  { name: 'backbone released', epoch: 10, flops: 259e9 },
]

/** Pairs, from the configuration's down. */
const batches = [28, 14, 8, 4, 2, 1] as const

/** Steps of a measurement at least, the first one among them. */
const leastSteps = 3

const mostSteps = 30

/** @param roofline of this adapter, if it is known */
export function trainingSection(roofline: () => Roofline | undefined): Section {
  return {
    name: 'training',
    title: 'Training steps',
    share: 5,
    run: (context) => measureTraining(context, roofline()),
  }
}

async function measureTraining(context: SectionContext, roofline?: Roofline): Promise<Findings> {
  const { budget, signal, say } = context
  const notes: string[] = []
  const results: TrainingResult[] = []
  for (const [index, phase] of r50Phases.entries()) {
    if (signal.aborted) break
    const time = budget.part(1 / (r50Phases.length - index))
    // Half of the time at most goes into the least number of steps: programs are compiled, kernels measured.
    const fits = (batch: number) => (leastSteps * batch * phase.flops) / usualFlops(roofline) <= time.left / 2000
    const possible = batches.filter(fits)
    if (possible.length === 0) notes.push(`r50, ${phase.name}: left out, no step of one pair fits the time.`)
    for (const batch of possible) {
      say(`r50, ${phase.name}, batch ${batch}`)
      try {
        results.push(await measureSteps('r50', phase, batch, { ...context, budget: time }))
        break
      } catch (error) {
        if (!(error instanceof OutOfMemoryError)) throw error
        notes.push(`r50, ${phase.name}, batch ${batch}: ${error.message}`)
      }
    }
  }
  if (results.length === 0 && !signal.aborted && budget.left === 0) notes.push('tiny: left out, no time was left.')
  else if (results.length === 0 && !signal.aborted) {
    say('tiny, batch 2')
    results.push(await measureSteps('tiny', { name: 'whole', epoch: 0, flops: 0 }, 2, context))
  }
  return { data: { results }, tables: [table(results, roofline)], notes }
}

async function measureSteps(
  model: string,
  { name, epoch }: Phase,
  batch: number,
  { budget, signal }: SectionContext,
): Promise<TrainingResult> {
  const start = performance.now()
  const { device, trainer, step } = await openTrainer(model, batch)
  try {
    const seconds = Math.min(20, budget.left / 4000)
    const choices = device.adapter.kind === 'gpu' ? await trainer.benchmark({ seconds }) : []
    await trainer.startEpoch(epoch)
    await step() // a driver may compile now
    const startMs = performance.now() - start
    const stepMs: number[] = []
    do {
      const begin = performance.now()
      await step()
      stepMs.push(performance.now() - begin)
    } while (budget.left > 0 && stepMs.length < mostSteps && !signal.aborted)
    const { flops = 0, bytes = 0 } = trainer.stats ?? {}
    const { bytes: heldBytes, peakBytes } = device.memory
    const kernelsMeasured = choices.length
    return { model, phase: name, batch, startMs, stepMs, flops, bytes, heldBytes, peakBytes, kernelsMeasured }
  } finally {
    await device.close()
  }
}

function table(results: readonly TrainingResult[], roofline?: Roofline) {
  const rows = results.map(
    ({ model, phase, batch, startMs, stepMs, heldBytes, peakBytes, kernelsMeasured, ...cost }) => {
      const ms = median(stepMs)
      return [
        `${model}, ${phase}`,
        String(batch),
        significant(startMs / 1000),
        String(stepMs.length),
        significant(ms),
        significant((1000 * batch) / ms),
        significant(cost.flops / ms / 1e6),
        roofline ? (100 * rooflineShare(cost, ms, roofline)).toFixed(1) : '',
        (heldBytes / 2 ** 20).toFixed(0),
        (peakBytes / 2 ** 20).toFixed(0),
        String(kernelsMeasured),
      ]
    },
  )
  const times = ['start s', 'n', 'step ms', 'pairs/s', 'GFLOP/s', '% roofline']
  return { title: '', titles: ['model', 'batch', ...times, 'MiB held', 'MiB at most', 'kernels measured'], rows }
}
