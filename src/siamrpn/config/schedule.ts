// Schema of the training schedule: optimizer, learning rate, hooks, logging. Tracking does not read it.
// Sources: mmcv/runner (optimizer, hooks), mmtrack/core/optimizer/sot_optimizer_hook.py, mmtrack/core/lr_updater.

import * as z from 'zod'
import { fraction, nonNegative, positiveInteger } from './model.ts'

const paramwiseSchema = z.strictObject({
  /** Factors for the parameters whose name contains the key; the longest key wins. */
  custom_keys: z
    .record(z.string(), z.strictObject({ lr_mult: nonNegative.default(1), decay_mult: nonNegative.default(1) }))
    .default({}),
})

const betaSchema = z.number().min(0).lt(1)
const paramwise = paramwiseSchema.nullable().default(null)

const adam = {
  lr: nonNegative.default(1e-3),
  betas: z.tuple([betaSchema, betaSchema]).default([0.9, 0.999]),
  eps: nonNegative.default(1e-8),
  /** Divide by the largest average of the gradient's square so far. Absent: false. */
  amsgrad: z.boolean().optional(),
}

export const optimizerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('SGD'),
    lr: nonNegative,
    momentum: nonNegative.default(0),
    dampening: nonNegative.default(0),
    weight_decay: nonNegative.default(0),
    nesterov: z.boolean().default(false),
    paramwise_cfg: paramwise,
  }),
  z.strictObject({ type: z.literal('Adam'), ...adam, weight_decay: nonNegative.default(0), paramwise_cfg: paramwise }),
  z.strictObject({
    type: z.literal('AdamW'),
    ...adam,
    weight_decay: nonNegative.default(1e-2),
    paramwise_cfg: paramwise,
  }),
])

const gradClipSchema = z.strictObject({
  max_norm: z.number().positive(),
  norm_type: z.literal(2, '2 (gradients are clipped by their Euclidean norm)').default(2),
})

const gradClip = gradClipSchema.nullable().default(null)
/** Batches whose gradients are averaged into one update. */
const cumulativeIters = positiveInteger.default(1)

export const optimizerConfigSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('OptimizerHook'), grad_clip: gradClip }),
  z.strictObject({
    type: z.literal('GradientCumulativeOptimizerHook'),
    cumulative_iters: cumulativeIters,
    grad_clip: gradClip,
  }),
  z.strictObject({
    type: z.literal('SiameseRPNOptimizerHook'),
    /** First epoch (from 0) in which the layers below train. */
    backbone_start_train_epoch: z.int().nonnegative(),
    backbone_train_layers: z.array(z.enum(['conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'layer4'])),
    /** Not in MMTracking, where it is a hook of its own. */
    cumulative_iters: cumulativeIters,
    grad_clip: gradClip,
  }),
])

/** The largest finite float32: a larger scale would be infinite on the device. */
const largestSingle = 3.4028234663852886e38
const lossScale = z.number().positive().max(largestSingle)

/**
 * Training in half precision: the loss is multiplied by a scale before the backward pass, so that small gradients are not lost.
 * Sources: Fp16OptimizerHook of mmcv (runner/hooks/optimizer.py), torch/cuda/amp/grad_scaler.py.
 */
export const fp16Schema = z.strictObject({
  /** A number: the scale, always. `dynamic`: GradScaler's defaults. An object: its arguments. */
  loss_scale: z
    .union([
      lossScale,
      z.literal('dynamic'),
      z.strictObject({
        init_scale: lossScale.default(65536),
        /** After so many updates in a row whose gradients were finite, the scale is multiplied by `growth_factor`. */
        growth_interval: positiveInteger.default(2000),
        growth_factor: z.number().gt(1).default(2),
        /** What the scale is multiplied by when gradients were not finite. */
        backoff_factor: z.number().gt(0).lt(1).default(0.5),
        enabled: z.literal(true, 'true (a scale of 1 does nothing: loss_scale=1)').default(true),
      }),
    ])
    .default(512),
})

const lrIntervalSchema = z.strictObject({
  type: z.enum(['step', 'log']),
  start_lr_factor: z.number().positive(),
  end_lr_factor: z.number().positive(),
  /** First epoch after the interval; intervals follow one another. */
  end_epoch: positiveInteger,
})

const siameseRPNPolicySchema = z.strictObject({
  policy: z.literal('SiameseRPN'),
  lr_configs: z
    .array(lrIntervalSchema)
    .min(1)
    .default([
      { type: 'step', start_lr_factor: 0.2, end_lr_factor: 1, end_epoch: 5 },
      { type: 'log', start_lr_factor: 1, end_lr_factor: 0.1, end_epoch: 20 },
    ]),
})

/** What mmcv's policies have in common. */
const warmUp = {
  /** Over the first `warmup_iters` iterations the rate is lower than it would be: at first `warmup_ratio` of it. */
  warmup: z.enum(['constant', 'linear', 'exp']).nullable().default(null),
  warmup_iters: z.int().nonnegative().default(0),
  warmup_ratio: z.number().positive().max(1).default(0.1),
  /** `warmup_iters` counts epochs. Absent: false. */
  warmup_by_epoch: z.boolean().optional(),
}

const everyPolicy = {
  /** The rate changes with every epoch; otherwise with every iteration. */
  by_epoch: z.boolean().default(true),
  ...warmUp,
}

/** The rate that a cosine falls to, and the same in parts of the optimizer's rate: one of the two. */
const lowest = { min_lr: nonNegative.optional(), min_lr_ratio: fraction.optional() }

const countOrList = z.union([positiveInteger, z.array(positiveInteger).min(1)])

export const lrConfigSchema = z.discriminatedUnion('policy', [
  siameseRPNPolicySchema,
  z.strictObject({ policy: z.literal('fixed'), ...everyPolicy }),
  z.strictObject({
    policy: z.literal('step'),
    /** Epochs or iterations from one step to the next, or where the steps are. */
    step: countOrList,
    gamma: z.number().positive().default(0.1),
    min_lr: nonNegative.nullable().default(null),
    ...everyPolicy,
  }),
  z.strictObject({ policy: z.literal('exp'), gamma: z.number().positive(), ...everyPolicy }),
  z.strictObject({
    policy: z.literal('poly'),
    power: nonNegative.default(1),
    min_lr: nonNegative.default(0),
    ...everyPolicy,
  }),
  z.strictObject({ policy: z.literal('inv'), gamma: nonNegative, power: nonNegative.default(1), ...everyPolicy }),
  z.strictObject({ policy: z.literal('CosineAnnealing'), ...lowest, ...everyPolicy }),
  z.strictObject({
    policy: z.literal('CosineRestart'),
    /** Epochs or iterations of each cosine. */
    periods: z.array(positiveInteger).min(1),
    restart_weights: z.array(nonNegative).min(1).default([1]),
    ...lowest,
    ...everyPolicy,
  }),
  z.strictObject({
    policy: z.literal('cyclic'),
    by_epoch: z.literal(false, 'false (a cycle is counted in iterations)').default(false),
    /** Highest and lowest rate in parts of the optimizer's; a single one: the lowest is 1e5 times smaller. */
    target_ratio: z
      .union([z.number().positive(), z.tuple([z.number().positive()]), z.tuple([z.number().positive(), nonNegative])])
      .default([10, 1e-4]),
    cyclic_times: positiveInteger.default(1),
    step_ratio_up: z.number().min(0).lt(1).default(0.4),
    anneal_strategy: z.literal('cos', "'cos'").default('cos'),
    gamma: z.literal(1, '1 (every cycle is like the first)').default(1),
    ...warmUp,
  }),
])

const average = {
  momentum: z.number().gt(0).lt(1).default(0.0002),
  /** Iterations from one average to the next. Absent: 1. */
  interval: positiveInteger.optional(),
}

/** Running statistics are not averaged. Absent: false. */
const skipBuffers = z.boolean().optional()

/**
 * A moving average of the weights, which evaluations and checkpoints have: after an iteration, the new weights count as much as
 * the momentum says. Sources: mmdet/core/hook/ema.py, mmcv/runner/hooks/ema.py.
 */
export const customHookSchema = z.discriminatedUnion('type', [
  z.strictObject({
    /** mmdet's; after iteration x, from 0: `(1 - momentum) * exp(-(1 + x) / total_iter) + momentum`. */
    type: z.literal('ExpMomentumEMAHook'),
    ...average,
    skip_buffers: skipBuffers,
    total_iter: positiveInteger.default(2000),
  }),
  z.strictObject({
    /** mmdet's: `min(momentum ** interval, (1 + x) / (warm_up + x))`. */
    type: z.literal('LinearMomentumEMAHook'),
    ...average,
    skip_buffers: skipBuffers,
    warm_up: positiveInteger.default(100),
  }),
  /** mmcv's: as the linear one, in iterations that the interval divides, counted from 0; running statistics are not averaged. */
  z.strictObject({ type: z.literal('EMAHook'), ...average, warm_up: positiveInteger.default(100) }),
])

export const checkpointConfigSchema = z.strictObject({
  /** Epochs (or iterations) between two checkpoints; -1: none. */
  interval: z.union([z.literal(-1), positiveInteger]).default(-1),
  by_epoch: z.boolean().default(true),
  save_optimizer: z.boolean().default(true),
  /** Older checkpoints are deleted; -1: none is. */
  max_keep_ckpts: z.union([z.literal(-1), positiveInteger]).default(-1),
  save_last: z.boolean().default(true),
})

const metricSchema = z.literal('track')

export const evaluationSchema = z.strictObject({
  metric: z.union([metricSchema, z.array(metricSchema).min(1)]).default('track'),
  interval: positiveInteger.default(1),
  /** First epoch that is evaluated; null: the first. */
  start: z.int().nonnegative().nullable().default(null),
  rule: z.enum(['greater', 'less']).nullable().default(null),
  /** The checkpoint that is best by this measure is kept. */
  save_best: z.enum(['auto', 'success', 'norm_precision', 'precision', 'eao']).nullable().default(null),
})

const hookInterval = positiveInteger.nullable().default(null)

export const logConfigSchema = z.strictObject({
  /** Iterations between two lines. */
  interval: positiveInteger.default(10),
  hooks: z.array(
    z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('TextLoggerHook'), interval: hookInterval }),
      z.strictObject({
        type: z.literal('TensorboardLoggerHook'),
        log_dir: z.string().nullable().default(null),
        interval: hookInterval,
      }),
    ]),
  ),
})

export const workflowSchema = z.array(z.tuple([z.enum(['train', 'val']), positiveInteger])).min(1)
