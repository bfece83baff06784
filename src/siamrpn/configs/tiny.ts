// A small model: the classes of r50, three of its stages and narrow, trained from scratch, backbone and batch norms included
// and from the first epoch, on clips that the project renders itself. Small enough to train on a CPU in hours.

import type { ConfigInput } from '../config.ts'
import { r50 } from './r50.ts'

/** Seeds from here on are kept for measuring: see SyntheticClips. */
const heldOut = 1_000_000

const { rpn, ...trainConfig } = r50.model.train_cfg

/**
 * Trained on smaller search images than it tracks on, which the net allows, being convolutional: a step takes two thirds of
 * the time that 255 pixels take.
 */
const trainSearchSize = 191

/**
 * Shifts as far as the smaller image allows, scales farther than r50: tracking starts from boxes that are off, and has to find
 * back from them.
 */
const trainPipeline: typeof r50.train_pipeline = r50.train_pipeline.map((step) =>
  step.type === 'SeqShiftScaleAug'
    ? { ...step, target_size: [rpn.exemplar_size, trainSearchSize], shift: [4, 48], scale: [0.05, 0.28] }
    : step,
)

export const tiny = {
  ...r50,
  model: {
    ...r50.model,
    backbone: {
      ...r50.model.backbone,
      base_channels: 8,
      stem_channels: 8,
      num_stages: 3,
      out_indices: [1, 2],
      frozen_stages: -1,
      norm_eval: false,
      init_cfg: null,
    },
    neck: { ...r50.model.neck, in_channels: [64, 128], out_channels: 64 },
    head: {
      ...r50.model.head,
      in_channels: [64, 64],
      // Deltas of about 1: with AdamW's steps, all of one size, deltas of 0.1 drown in the noise of the last layer. They
      // make the boxes' loss some eight times larger, hence its weight.
      bbox_coder: { ...r50.model.head.bbox_coder, target_stds: [0.1, 0.1, 0.2, 0.2] },
      loss_bbox: { ...r50.model.head.loss_bbox, loss_weight: 0.3 },
    },
    // More anchors than r50's 64 and 16: a narrow model learns from small batches, and anchors cost next to nothing.
    train_cfg: {
      ...trainConfig,
      rpn: { ...rpn, sampler: { ...rpn.sampler, num: 256 }, num_neg: 64, search_size: trainSearchSize },
    },
    // Found by `siamrpn search` for the model that ships, on generated clips of seed 2000000.
    test_cfg: { ...r50.model.test_cfg, rpn: { penalty_k: 0.05, window_influence: 0.4, lr: 0.1 } },
  },
  train_pipeline: trainPipeline,
  data: {
    samples_per_gpu: 8,
    workers_per_gpu: 1,
    samples_per_epoch: 2048,
    train: { type: 'SyntheticClips', seed: 1, clips: 100_000, frames_per_clip: 100, frame_range: 60 },
    val: { type: 'SyntheticClips', seed: heldOut, clips: 8, frames_per_clip: 40 },
    test: { type: 'SyntheticClips', seed: heldOut, clips: 20, frames_per_clip: 100 },
  },
  optimizer: { type: 'AdamW', lr: 0.002, weight_decay: 0.0001 },
  optimizer_config: { type: 'OptimizerHook', grad_clip: { max_norm: 100 } },
  lr_config: {
    policy: 'SiameseRPN',
    lr_configs: [
      { type: 'step', start_lr_factor: 0.5, end_lr_factor: 1.0, end_epoch: 2 },
      { type: 'log', start_lr_factor: 1.0, end_lr_factor: 0.02, end_epoch: 24 },
    ],
  },
  checkpoint_config: { interval: 1, max_keep_ckpts: 3 },
  total_epochs: 24,
  evaluation: { metric: ['track'], interval: 6, start: 6, rule: 'greater', save_best: 'success' },
  log_config: { interval: 32, hooks: [{ type: 'TextLoggerHook' }, { type: 'TensorboardLoggerHook' }] },
  work_dir: './work_dirs/tiny',
} satisfies ConfigInput
