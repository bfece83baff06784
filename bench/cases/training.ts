// Training steps against their own forward pass, on noise: forward (both images and the losses) and the whole step (forward,
// backward, clipping, update) of one model, frozen and released. The ratio is what counts; both run on one device.

import { type Device, openDevice } from '../../src/gpu/device.ts'
import { capture } from '../../src/gpu/program.ts'
import { Tape } from '../../src/nn/autograd.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { initialWeights } from '../../src/siamrpn/initial-weights.ts'
import { emptyTargets } from '../../src/siamrpn/target-tensors.ts'
import { TargetBuilder } from '../../src/siamrpn/targets.ts'
import { epochMode } from '../../src/siamrpn/training-mode.ts'
import { Trainer, type TrainerOptions } from '../../src/train/trainer.ts'
import type { BenchCase, Running } from '../case.ts'
import { noise } from '../data.ts'
import { Stopwatch, timed } from '../stopwatch.ts'

interface Phase {
  readonly model: string
  readonly name: string
  /** An epoch of that phase, from 0. */
  readonly epoch: number
  /** Pairs. */
  readonly batch: number
  /** Of the forward pass and of the step, for each pair. */
  readonly flops: readonly [number, number]
  readonly parts: readonly Part[]
}

type Part = 'forward' | 'step'

const phases: readonly Phase[] = [
  { model: 'tiny', name: 'tiny', epoch: 0, batch: 2, flops: [1e9, 3e9], parts: ['forward', 'step'] },
  { model: 'r50', name: 'r50 frozen', epoch: 0, batch: 1, flops: [118e9, 129e9], parts: ['forward', 'step'] },
  // its forward pass is that of the frozen one
  { model: 'r50', name: 'r50 unfrozen', epoch: 10, batch: 1, flops: [118e9, 259e9], parts: ['step'] },
]

export function trainingCases(): BenchCase[] {
  return phases.flatMap((phase) =>
    phase.parts.map((part) => ({
      name: `training ${part} ${phase.name}, ${phase.batch} ${phase.batch === 1 ? 'pair' : 'pairs'}`,
      expected: { seconds: 3, flops: phase.batch * (phase.flops[part === 'forward' ? 0 : 1] ?? 0) },
      start: () => start(phase, part),
    })),
  )
}

export interface BenchTrainer {
  readonly device: Device
  readonly trainer: Trainer
  readonly images: TrainerOptions['images']
  readonly anchors: number
  /** A step after `trainer.startEpoch`. */
  readonly step: () => Promise<unknown>
}

/** A trainer on noise, on a device of its own. @throws OutOfMemoryError */
export async function openTrainer(
  model: string,
  batch: number,
  exchange?: TrainerOptions['exchange'],
): Promise<BenchTrainer> {
  const config = namedConfig(model)
  const { train_cfg } = config.model
  if (train_cfg === null) throw new Error(`The configuration ${model} has no model.train_cfg.`)
  const device = await openDevice()
  try {
    const { exemplar_size, search_size } = train_cfg.rpn
    const images = {
      template: noise(device, [batch, exemplar_size, exemplar_size, 4], 'template'),
      search: noise(device, [batch, search_size, search_size, 4], 'search'),
    }
    const anchors = new TargetBuilder(config.model).numAnchors
    const trainer = new Trainer({ device, config, state: initialWeights(config.model, 1), images, exchange })
    const targets = {
      labels: new Float32Array(batch * anchors),
      labelWeights: new Float32Array(batch * anchors).fill(1 / anchors),
      boxTargets: new Float32Array(batch * anchors * 4),
      boxWeights: new Float32Array(batch * anchors * 4).fill(1 / anchors),
    }
    const rates = trainer.optimizer.groups.map(() => 1e-6)
    return { device, trainer, images, anchors, step: () => trainer.step({ ids: ['noise'], targets }, rates) }
  } catch (error) {
    await device.close()
    throw error
  }
}

async function start({ model, epoch, batch }: Phase, part: Part): Promise<Running> {
  const { device, trainer, images, anchors, step } = await openTrainer(model, batch)
  try {
    const facts = () => ({ 'GPU bytes held': device.memory.bytes, 'GPU bytes at most': device.memory.peakBytes })
    const dispose = () => device.close()
    if (part === 'step') {
      await trainer.startEpoch(epoch)
      const { flops = 0, bytes = 0 } = trainer.stats ?? {}
      return { variant: '', cost: { flops, bytes }, sample: () => timed(step), facts, dispose }
    }
    const targets = emptyTargets(device, batch, anchors)
    const program = await capture(device, (r) => {
      const tape = new Tape(r)
      const mode = epochMode(namedConfig(model), epoch)
      return tape.noGrad(() => trainer.model.forwardTrain(tape, images, targets, mode).total.data)
    })
    const stopwatch = new Stopwatch(device)
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
