// Section E: thirty steps of SGD on two batches in turn, frozen and unfrozen, and the switch between the two in a schedule:
// losses step by step, gradient norms, and the parameters at the end.

import * as z from 'zod'
import type { Device } from '../../../src/gpu/device.ts'
import type { TrainingImages } from '../../../src/siamrpn/trainable.ts'
import { epochMode } from '../../../src/siamrpn/training-mode.ts'
import type { TrainBatch, Trainer } from '../../../src/train/trainer.ts'
import type { GoldenSet } from './golden-set.ts'
import { hashWeights } from './models.ts'
import type { GoldenSection } from './reader.ts'
import type { CaseReport, SectionReport } from './report.ts'
import { driftingRun, frozenNoise, frozenRunTolerance, runNoise, slowRunTolerance } from './tolerances.ts'
import { goldenImages, goldenTargets, rowOf, sampled, valuesOf, withTrainer } from './training.ts'

const batchSchema = z.object({
  z: z.string(),
  x: z.string(),
  targets: z.object({
    labels: z.string(),
    labels_weights: z.string(),
    bbox_targets: z.string(),
    bbox_weights: z.string(),
  }),
})

const runSchema = z.object({
  id: z.string(),
  mode: z.enum(['frozen', 'unfrozen']),
  epoch: z.int().nonnegative(),
  lr_backbone: z.number(),
  lr_rest: z.number(),
  loss_f64: z.array(z.number()),
  grad_norm_f64: z.array(z.number()),
  rel_loss_drift_f32_by_step: z.array(z.number()),
  param_names: z.array(z.string()),
  sample_idx: z.string(),
  param_after_30: z.string(),
  f32_param_maxabs: z.number(),
})

/** Columns: epoch, lr_backbone, lr_rest, loss, grad_norm, parameters, batch norms that train, parameters with momentum. */
const switchRow = z.tuple([
  z.number(),
  z.number(),
  z.number(),
  z.number(),
  z.number(),
  z.number(),
  z.number(),
  z.number(),
])

const schema = z.object({
  hash_salt: z.string(),
  model: z.string(),
  batches: z.array(batchSchema).min(1),
  runs: z.array(runSchema),
  runner_switch: z.object({ rows_f64: z.array(switchRow) }),
})

type SectionE = GoldenSection<z.infer<typeof schema>>
type Run = z.infer<typeof runSchema>

interface Batch {
  readonly images: TrainingImages
  readonly batch: TrainBatch
}

export async function checkE(set: GoldenSet, report: SectionReport): Promise<void> {
  const section = await set.section('E', schema)
  const device = await set.device()
  const batches = section.json.batches.map(({ z: template, x: search, targets }, index) => ({
    images: goldenImages(device, section, { template, search }),
    batch: { ids: [`batch ${index}`], targets: goldenTargets(section, targets) },
  }))
  try {
    const runs = report.list('runs', section.json.runs)
    // One frozen run is quick; the switch goes through later epochs and the released backbone.
    const quick = runs.find(({ mode }) => mode === 'frozen')
    for (const run of runs) {
      if (!set.slow && run !== quick) {
        report.leaveForSlow(run.id)
        continue
      }
      await report.check(run.id, (one) => checkRun(set, section, { run, batches }, one))
    }
    await report.check('E.runner_switch', (one) => checkSwitch(set, section, batches, one))
  } finally {
    for (const { images } of batches) for (const image of [images.template, images.search]) device.release(image)
  }
}

interface RunCase {
  readonly run: Run
  readonly batches: readonly Batch[]
}

async function checkRun(set: GoldenSet, section: SectionE, { run, batches }: RunCase, one: CaseReport): Promise<void> {
  set.say(`running ${run.id}`)
  await onFreshModel(set, section, batches, async (trainer, images) => {
    const device = await set.device()
    await trainer.startEpoch(run.epoch)
    const losses: number[] = []
    const norms: number[] = []
    for (let step = 0; step < run.loss_f64.length; step++) {
      const { losses: found, gradNorm } = await oneStep(device, trainer, images, batches[step % batches.length], [
        run.lr_rest,
        run.lr_backbone,
      ])
      losses.push(found)
      norms.push(gradNorm)
    }
    const tolerances = run.loss_f64.map((_, step) => runTolerance(run, step))
    for (const [step, expected] of run.loss_f64.entries()) {
      one.relative(`loss of step ${step}`, [losses[step] ?? Number.NaN], [expected], tolerances[step] ?? 0)
    }
    one.exact('steps', norms.length, run.grad_norm_f64.length)
    if (run.mode === 'frozen') one.relative('gradient norms', norms, run.grad_norm_f64, 10 * frozenRunTolerance)
    await checkEnd(section, run, trainer, one)
  })
}

/** Parameters after the last step, in units of the drift that float32 shows in PyTorch itself. */
async function checkEnd(section: SectionE, run: Run, trainer: Trainer, one: CaseReport): Promise<void> {
  const state = await trainer.modelState()
  const indices = section.float64(run.sample_idx)
  const samples = section.float64(run.param_after_30)
  const columns = section.tensor(run.sample_idx).shape[1] ?? 0
  const found = run.param_names.flatMap((name, row) => sampled(valuesOf(state, name), indices, row, columns))
  const expected = run.param_names.flatMap((_, row) => rowOf(samples, row, columns))
  const bound = run.id === driftingRun.id ? driftingRun.parameter : parameterTolerance
  one.absolute('parameters after the last step', found, expected, Math.max(bound, runNoise * run.f32_param_maxabs))
}

/** Of parameters around 1, thirty updates later. */
const parameterTolerance = 5e-6

/**
 * Frozen runs are held to three times what PyTorch's float32 has drifted by that step. Unfrozen ones are chaotic: to four times that,
 * or `slowRunTolerance` at the lowest learning rate, where drift stays small; `driftingRun` more closely, as long as it is calm.
 */
function runTolerance({ mode, id, rel_loss_drift_f32_by_step }: Run, step: number): number {
  const drift = rel_loss_drift_f32_by_step[step] ?? 0
  if (mode === 'frozen') return Math.min(frozenRunTolerance, frozenNoise * drift)
  const noise = runNoise * drift
  if (id === driftingRun.id) return step < driftingRun.calmSteps ? noise : driftingRun.loss
  if (id.endsWith('lr_x0.1')) return slowRunTolerance
  return Math.max(slowRunTolerance, noise)
}

/** How far PyTorch's own float32 runs drift, step by step after the backbone's release, at the switch's learning rates or higher. */
function releasedDrift({ json }: SectionE): readonly number[] {
  return json.runs.find(({ mode }) => mode === 'unfrozen')?.rel_loss_drift_f32_by_step ?? []
}

/** The schedule from epoch 8 to 11: learning rates, what trains, and losses until the backbone is released and a while after. */
async function checkSwitch(
  set: GoldenSet,
  section: SectionE,
  batches: readonly Batch[],
  one: CaseReport,
): Promise<void> {
  const { rows_f64: rows } = section.json.runner_switch
  const drifts = releasedDrift(section)
  const { config } = await set.model(section.json.model)
  await onFreshModel(set, section, batches, async (trainer, images) => {
    const device = await set.device()
    let iteration = 0
    let before = Number.NaN
    let released = 0
    for (const row of rows) {
      const [epoch, lrBackbone, lrRest, loss, norm, parameters, norms, withMomentum] = row
      if (epoch !== before) {
        await trainer.startEpoch(epoch)
        iteration = 0
      }
      before = epoch
      const name = `epoch ${epoch}, iteration ${iteration}`
      const found = await oneStep(device, trainer, images, batches[iteration % batches.length], [lrRest, lrBackbone])
      const mode = epochMode(config, epoch)
      const tolerance =
        mode.name === 'frozen' ? frozenRunTolerance : Math.max(slowRunTolerance, drifts[released++] ?? 0)
      one.relative(`${name}, loss`, [found.losses], [loss], tolerance)
      one.relative(`${name}, gradient norm`, [found.gradNorm], [norm], 10 * tolerance)
      const names = trainer.model.parameters.map((parameter) => parameter.name)
      one.exact(`${name}, parameters that train`, names.filter((each) => mode.trains(each)).length, parameters)
      const batchNorms = names.filter((each) => /bn\d?\.weight$|downsample\.1\.weight$/.test(each))
      const training = batchNorms.filter((each) => mode.usesBatch(each.slice(0, -'.weight'.length)))
      one.exact(`${name}, batch norms that train`, training.length, norms)
      const states = [...trainer.optimizer.states()].filter(({ step }) => step > 0)
      one.exact(`${name}, parameters with momentum`, states.length, withMomentum)
      iteration++
    }
  })
}

async function onFreshModel(
  set: GoldenSet,
  section: SectionE,
  batches: readonly Batch[],
  body: (trainer: Trainer, images: TrainingImages) => Promise<void>,
): Promise<void> {
  const device = await set.device()
  const { golden, config } = await set.model(section.json.model)
  const [first] = batches
  if (!first) return
  const images = {
    template: device.empty(first.images.template.shape, 'f32', 'template'),
    search: device.empty(first.images.search.shape, 'f32', 'search'),
  }
  try {
    const state = hashWeights(golden.entries, section.json.hash_salt)
    await withTrainer({ device, config, state, images }, (trainer) => body(trainer, images))
  } finally {
    for (const image of [images.template, images.search]) device.release(image)
  }
}

async function oneStep(
  device: Device,
  trainer: Trainer,
  images: TrainingImages,
  batch: Batch | undefined,
  lr: readonly [number, number],
): Promise<{ losses: number; gradNorm: number }> {
  if (!batch) return { losses: Number.NaN, gradNorm: Number.NaN }
  device.copy(batch.images.template, images.template)
  device.copy(batch.images.search, images.search)
  const { losses, gradNorm = Number.NaN } = await trainer.step(batch.batch, lr)
  return { losses: losses.loss, gradNorm }
}
