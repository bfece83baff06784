// Section D: one training step, frozen and unfrozen: losses, every parameter's gradient, parameters after the update, and
// the running statistics of the batch norms that train.

import * as z from 'zod'
import { type StateDict, toTypedArray } from '../../../src/formats/state-dict.ts'
import type { GoldenSet } from './golden-set.ts'
import { hashWeights } from './models.ts'
import type { GoldenSection } from './reader.ts'
import type { CaseReport, SectionReport } from './report.ts'
import { frozenGradientTolerance, gradientNoise, kernelTolerance, lossTolerance } from './tolerances.ts'
import {
  euclideanNorm,
  goldenImages,
  goldenTargets,
  rowOf,
  sampled,
  type TargetKeys,
  valuesOf,
  withTrainer,
} from './training.ts'

const targetsSchema = z.object({
  labels: z.string(),
  labels_weights: z.string(),
  bbox_targets: z.string(),
  bbox_weights: z.string(),
}) satisfies z.ZodType<TargetKeys>

const lossSchema = z.object({ loss_rpn_cls: z.number(), loss_rpn_bbox: z.number(), loss: z.number() })

const caseSchema = z.object({
  id: z.string(),
  model: z.string(),
  mode: z.enum(['frozen', 'unfrozen']),
  epoch: z.int().nonnegative(),
  targets: targetsSchema,
  loss: lossSchema,
  total_grad_norm: z.number(),
  f32_total_grad_norm: z.number(),
  lr: z.object({ backbone: z.number(), rest: z.number() }),
  param_names: z.array(z.string()),
  has_grad: z.array(z.boolean()),
  grad_l2: z.string(),
  sample_idx: z.string(),
  grad_samples: z.string(),
  param_after: z.string(),
  bn_train_modules: z.array(z.string()),
  bn_idx: z.string(),
  bn_running_mean: z.string(),
  bn_running_var: z.string(),
  bn_num_batches_tracked: z.array(z.int()),
  f32_grad_relerr_per_param: z.array(z.number()),
})

const schema = z.object({ hash_salt: z.string(), cases: z.array(caseSchema) })

type Case = z.infer<typeof caseSchema>
type SectionD = GoldenSection<z.infer<typeof schema>>

/** What a step left behind. */
interface After {
  readonly golden: Case
  readonly section: SectionD
  readonly before: StateDict
  readonly state: StateDict
  readonly gradients: ReadonlyMap<string, Float32Array>
}

export async function checkD(set: GoldenSet, report: SectionReport): Promise<void> {
  const section = await set.section('D', schema)
  for (const golden of report.list('cases', section.json.cases)) {
    if (!set.slow && (await set.isSlow(golden.model))) {
      report.leaveForSlow(golden.id)
      continue
    }
    await report.check(golden.id, (one) => checkCase(set, section, golden, one))
  }
}

async function checkCase(set: GoldenSet, section: SectionD, golden: Case, one: CaseReport): Promise<void> {
  const device = await set.device()
  const { golden: model, config } = await set.model(golden.model)
  const before = hashWeights(model.entries, section.json.hash_salt)
  const images = goldenImages(device, section, { template: 'D.z_u8', search: 'D.x_u8' })
  set.say(`running ${golden.id}`)
  try {
    await withTrainer({ device, config, state: before, images, keepGradients: true }, async (trainer) => {
      await trainer.startEpoch(golden.epoch)
      const batch = { ids: [golden.id], targets: goldenTargets(section, golden.targets) }
      const { losses, gradNorm = Number.NaN } = await trainer.step(batch, [golden.lr.rest, golden.lr.backbone])
      for (const name of ['loss_rpn_cls', 'loss_rpn_bbox', 'loss'] as const) {
        one.relative(name, [losses[name]], [golden.loss[name]], lossTolerance)
      }
      const noise = Math.abs(golden.f32_total_grad_norm / golden.total_grad_norm - 1)
      const tolerance = Math.max(frozenGradientTolerance, gradientNoise * noise)
      one.relative('gradient norm', [gradNorm], [golden.total_grad_norm], tolerance)
      const after = { golden, section, before, state: await trainer.modelState(), gradients: await trainer.gradients() }
      checkGradients(after, one)
      checkParameters(after, one)
      checkStatistics(after, one)
    })
  } finally {
    for (const image of [images.template, images.search]) device.release(image)
  }
}

/** Gradients before clipping: their norms and samples, relative to the parameter's largest sample or root mean square. */
function checkGradients({ golden, section, gradients }: After, one: CaseReport): void {
  const norms = section.float64(golden.grad_l2)
  const indices = section.float64(golden.sample_idx)
  const samples = section.float64(golden.grad_samples)
  const columns = section.tensor(golden.sample_idx).shape[1] ?? 0
  const found = golden.param_names.map((name) => gradients.has(name))
  one.exact('parameters with a gradient', found, golden.has_grad)
  const floor = typicalNoise(golden)
  for (const [row, name] of golden.param_names.entries()) {
    const gradient = gradients.get(name)
    const norm = norms[row] ?? 0
    if (!gradient) continue
    const noise = Math.max(golden.f32_grad_relerr_per_param[row] ?? 0, floor)
    const vanishes = norm < vanishing * golden.total_grad_norm
    // Where the true gradient is zero only noise is left: compared with the size of all gradients together.
    const tolerance = vanishes ? frozenGradientTolerance : Math.max(frozenGradientTolerance, gradientNoise * noise)
    const scale = vanishes ? golden.total_grad_norm : norm
    one.relative(`|gradient of ${name}|`, [euclideanNorm(gradient)], [norm], tolerance, scale)
    const expected = rowOf(samples, row, columns)
    const largest = vanishes ? scale : Math.max(norm / Math.sqrt(gradient.length), ...expected.map(Math.abs))
    one.relative(
      `gradient of ${name}`,
      sampled(gradient, indices, row, columns),
      expected,
      sampleShare * tolerance,
      largest,
    )
  }
}

/**
 * The median of PyTorch's own float32 deviations below a released backbone, else 0: which ReLU and max pooling decisions flip
 * differs from one implementation to another, so a parameter that PyTorch's flips happened to spare is not spared by ours.
 */
function typicalNoise({ mode, param_names, has_grad, f32_grad_relerr_per_param }: Case): number {
  if (mode === 'frozen') return 0
  const noises = param_names.flatMap((name, row) => {
    return has_grad[row] && name.startsWith('backbone.') ? [f32_grad_relerr_per_param[row] ?? 0] : []
  })
  return noises.toSorted((a, b) => a - b)[Math.floor(noises.length / 2)] ?? 0
}

/** Of the norm of all gradients: below it a gradient is zero but for rounding. */
const vanishing = 1e-9

/** One element of a gradient may be further off than its norm. */
const sampleShare = 4

function checkParameters({ golden, section, before, state }: After, one: CaseReport): void {
  const indices = section.float64(golden.sample_idx)
  const samples = section.float64(golden.param_after)
  const columns = section.tensor(golden.sample_idx).shape[1] ?? 0
  const touched: string[] = []
  for (const [row, name] of golden.param_names.entries()) {
    const [old, now] = [valuesOf(before, name), valuesOf(state, name)]
    if (!golden.has_grad[row] && now.some((value, i) => value !== old[i])) touched.push(name)
    one.relative(`${name} after`, sampled(now, indices, row, columns), rowOf(samples, row, columns), kernelTolerance)
  }
  one.exact('parameters without gradient that moved', touched, [])
}

function checkStatistics({ golden, section, state }: After, one: CaseReport): void {
  const counts = [...state].filter(([name]) => name.endsWith('.num_batches_tracked'))
  const trained = counts.filter(([, tensor]) => Number(toTypedArray(tensor)[0]) > 0).map(([name]) => name)
  const names = golden.bn_train_modules.map((name) => `${name}.num_batches_tracked`)
  one.exact('batch norms that train', trained.toSorted(), names.toSorted())
  const found = golden.bn_train_modules.map((name) => {
    const tensor = state.get(`${name}.num_batches_tracked`)
    return tensor ? Number(toTypedArray(tensor)[0]) : Number.NaN
  })
  one.exact('num_batches_tracked', found, golden.bn_num_batches_tracked)
  const indices = section.float64(golden.bn_idx)
  const columns = section.tensor(golden.bn_idx).shape[1] ?? 0
  for (const entry of ['running_mean', 'running_var'] as const) {
    const samples = section.float64(golden[`bn_${entry}`])
    for (const [row, name] of golden.bn_train_modules.entries()) {
      const values = sampled(valuesOf(state, `${name}.${entry}`), indices, row, columns)
      one.relative(`${name}.${entry}`, values, rowOf(samples, row, columns), statistics)
    }
  }
}

/** Running statistics, of the largest sample. */
const statistics = 1e-4
