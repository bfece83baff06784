// Training steps against their own forward pass, on noise: forward (both images and the losses) and the whole step (forward,
// backward, clipping, update) of one model, frozen and released. The ratio is what counts; both run on one device.

import { openDevice } from '../../src/gpu/device.ts'
import { capture } from '../../src/gpu/program.ts'
import { Tape } from '../../src/nn/autograd.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { initialWeights } from '../../src/siamrpn/initial-weights.ts'
import { emptyTargets } from '../../src/siamrpn/target-tensors.ts'
import { TargetBuilder } from '../../src/siamrpn/targets.ts'
import { epochMode } from '../../src/siamrpn/training-mode.ts'
import { Trainer } from '../../src/train/trainer.ts'
import type { BenchCase, Running } from '../case.ts'
import { noise } from '../data.ts'
import { Stopwatch, timed } from '../stopwatch.ts'

const BATCH = 2

interface Phase {
  readonly model: string
  readonly name: string
  /** An epoch of that phase, from 0. */
  readonly epoch: number
}

const phases: readonly Phase[] = [
  { model: 'tiny', name: 'tiny', epoch: 0 },
  { model: 'r50', name: 'r50 frozen', epoch: 0 },
  { model: 'r50', name: 'r50 unfrozen', epoch: 10 },
]

export function trainingCases(): BenchCase[] {
  return phases.flatMap((phase) =>
    (['forward', 'step'] as const).map((part) => ({
      name: `training ${part} ${phase.name}, ${BATCH} pairs`,
      samples: 3,
      start: () => start(phase, part),
    })),
  )
}

async function start({ model, epoch }: Phase, part: 'forward' | 'step'): Promise<Running> {
  const config = namedConfig(model)
  const { train_cfg } = config.model
  if (train_cfg === null) throw new Error(`The configuration ${model} has no model.train_cfg.`)
  const device = await openDevice()
  try {
    const { exemplar_size, search_size } = train_cfg.rpn
    const images = {
      template: noise(device, [BATCH, exemplar_size, exemplar_size, 4], 'template'),
      search: noise(device, [BATCH, search_size, search_size, 4], 'search'),
    }
    const anchors = new TargetBuilder(config.model).numAnchors
    const trainer = new Trainer({ device, config, state: initialWeights(config.model, 1), images })
    const facts = () => ({ 'GPU bytes held': device.memory.bytes, 'GPU bytes at most': device.memory.peakBytes })
    const dispose = () => device.close()
    if (part === 'step') {
      await trainer.startEpoch(epoch)
      const targets = {
        labels: new Float32Array(BATCH * anchors),
        labelWeights: new Float32Array(BATCH * anchors).fill(1 / anchors),
        boxTargets: new Float32Array(BATCH * anchors * 4),
        boxWeights: new Float32Array(BATCH * anchors * 4).fill(1 / anchors),
      }
      const rates = trainer.optimizer.groups.map(() => 1e-6)
      const step = () => trainer.step({ ids: ['noise'], targets }, rates)
      await step()
      const flops = trainer.stats?.flops ?? 0
      const bytes = trainer.stats?.bytes ?? 0
      return { variant: '', cost: { flops, bytes }, sample: () => timed(step), facts, dispose }
    }
    const targets = emptyTargets(device, BATCH, anchors)
    const program = await capture(device, (r) => {
      const tape = new Tape(r)
      const mode = epochMode(config, epoch)
      return tape.noGrad(() => trainer.model.forwardTrain(tape, images, targets, mode).total.data)
    })
    const stopwatch = new Stopwatch(device)
    await stopwatch.sample(() => program.run())
    const { flops, bytes } = program.stats
    return {
      variant: '',
      cost: { flops, bytes },
      sample: () => stopwatch.sample(() => program.run()),
      facts,
      dispose,
    }
  } catch (error) {
    await device.close()
    throw error
  }
}
