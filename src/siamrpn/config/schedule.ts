// Schema of the training schedule: optimizer, learning rate, hooks, logging. Tracking does not read it.
// Sources: mmcv/runner (optimizer, hooks), mmtrack/core/optimizer/sot_optimizer_hook.py, mmtrack/core/lr_updater.

import * as z from 'zod'
import { nonNegative, positiveInteger } from './model.ts'

const paramwiseSchema = z.strictObject({
  /** Factors for the parameters whose name contains the key; the longest key wins. */
  custom_keys: z
    .record(z.string(), z.strictObject({ lr_mult: nonNegative.default(1), decay_mult: nonNegative.default(1) }))
    .default({}),
})

const betaSchema = z.number().min(0).lt(1)
const paramwise_cfg = paramwiseSchema.nullable().default(null)

export const optimizerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('SGD'),
    lr: nonNegative,
    momentum: nonNegative.default(0),
    dampening: nonNegative.default(0),
    weight_decay: nonNegative.default(0),
    nesterov: z.boolean().default(false),
    paramwise_cfg,
  }),
  z.strictObject({
    type: z.literal('AdamW'),
    lr: nonNegative.default(1e-3),
    betas: z.tuple([betaSchema, betaSchema]).default([0.9, 0.999]),
    eps: nonNegative.default(1e-8),
    weight_decay: nonNegative.default(1e-2),
    paramwise_cfg,
  }),
])

const gradClipSchema = z.strictObject({
  max_norm: z.number().positive(),
  norm_type: z.literal(2, '2 (gradients are clipped by their Euclidean norm)').default(2),
})

const grad_clip = gradClipSchema.nullable().default(null)
/** Batches whose gradients are averaged into one update. */
const cumulative_iters = positiveInteger.default(1)

export const optimizerConfigSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('OptimizerHook'), grad_clip }),
  z.strictObject({ type: z.literal('GradientCumulativeOptimizerHook'), cumulative_iters, grad_clip }),
  z.strictObject({
    type: z.literal('SiameseRPNOptimizerHook'),
    /** First epoch (from 0) in which the layers below train. */
    backbone_start_train_epoch: z.int().nonnegative(),
    backbone_train_layers: z.array(z.enum(['conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'layer4'])),
    /** Not in MMTracking, where it is a hook of its own. */
    cumulative_iters,
    grad_clip,
  }),
])

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

/** Half a cosine from the optimizer's rate down to `min_lr_ratio` times it. Source: mmcv/runner/hooks/lr_updater.py. */
const cosinePolicySchema = z.strictObject({
  policy: z.literal('CosineAnnealing'),
  min_lr_ratio: z.number().min(0).max(1),
  /** The rate changes with every epoch; otherwise with every iteration. */
  by_epoch: z.boolean().default(true),
  /** Over the first `warmup_iters` iterations the rate rises from `warmup_ratio` of what it would be. */
  warmup: z.literal('linear').nullable().default(null),
  warmup_iters: z.int().nonnegative().default(0),
  warmup_ratio: z.number().positive().max(1).default(0.1),
})

export const lrConfigSchema = z.discriminatedUnion('policy', [siameseRPNPolicySchema, cosinePolicySchema])

export const customHookSchema = z.discriminatedUnion('type', [
  z.strictObject({
    /**
     * A moving average of the weights, which evaluations and checkpoints have: after iteration x, from 0, the new weights count
     * `(1 - momentum) * exp(-(1 + x) / total_iter) + momentum`. Source: mmdet/core/hook/ema.py.
     */
    type: z.literal('ExpMomentumEMAHook'),
    momentum: z.number().gt(0).lt(1).default(0.0002),
    total_iter: positiveInteger.default(2000),
  }),
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
