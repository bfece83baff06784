// The default model: the frozen MobileNetV2 of a detector up to its fifth layer, with the neck and head of SiamRPN++ on its last
// three. The backbone keeps its own strides, as its weights were trained; the two coarser levels are resized to stride 8 behind the
// neck, which is exact at images of 32 k + 1 pixels. `npm run pretrained` writes the backbone's file.

import type { ConfigInput } from '../config.ts'
import { photoPipeline, photoTrainData } from './photo-data.ts'
import { r50 } from './r50.ts'

/** Seeds from here on are kept for measuring: see SyntheticClips. */
const heldOut = 1_000_000

const exemplarSize = 97
const searchSize = 193
const samplesPerGpu = 32

/** Negatives that a batch of 32 makes of its own features. */
const crossPairs = 6

/** Shares in the loss are per positive pair where they were found; here they are per pair, and so many pairs are positive. */
const positiveShare = (0.88 * samplesPerGpu) / (samplesPerGpu + crossPairs)

/**
 * Half as large as mmcv's initial filters and less: behind them stand batch norms, so the smaller a filter, the more a step of AdamW
 * turns it. With mmcv's, training takes some five times as many pairs. These are PyTorch's own.
 */
const initCfg = {
  type: 'Kaiming',
  a: Math.sqrt(5),
  mode: 'fan_in',
  nonlinearity: 'leaky_relu',
  distribution: 'uniform',
} as const

const photos = { data_root: 'data/', exemplar_size: exemplarSize, search_size: searchSize }
const trainPipeline = photoPipeline(photos)

export const mobile = {
  ...r50,
  exemplar_size: exemplarSize,
  search_size: searchSize,
  model: {
    ...r50.model,
    img_norm_cfg: { mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5], to_rgb: true },
    backbone: {
      type: 'MobileNetV2',
      widen_factor: 1,
      out_indices: [2, 3, 4],
      frozen_stages: 5,
      norm_eval: true,
      init_cfg: { type: 'Pretrained', checkpoint: 'models/pretrained/mobilenet_v2.safetensors' },
    },
    neck: {
      type: 'ChannelMapper',
      in_channels: [32, 64, 96],
      out_channels: 64,
      kernel_size: 1,
      norm_cfg: { type: 'BN' },
      act_cfg: null,
      upsample_cfg: { mode: 'bilinear', align_corners: true },
      init_cfg: initCfg,
    },
    head: {
      ...r50.model.head,
      // Anchors of 48 pixels, half of the exemplar: as large as the object that it shows.
      anchor_generator: { ...r50.model.head.anchor_generator, scales: [1], base_sizes: [48] },
      in_channels: [64, 64, 64],
      init_cfg: initCfg,
      loss_bbox: { type: 'L1Loss', reduction: 'sum', loss_weight: 0.3 / positiveShare },
    },
    train_cfg: {
      rpn: {
        assigner: {
          type: 'RelativeIoUAssigner',
          pos_iou_thr: 0.6,
          pos_best_ratio: 0.9,
          neg_iou_thr: 0.3,
          neg_best_ratio: 0.6,
        },
        sampler: { type: 'PseudoSampler' },
        num_neg: null,
        pos_weight: 0.5 / positiveShare,
        neg_weight: 0.25,
        hard_negatives: { num: 32, weight: 0.15 },
        cross_pairs: crossPairs,
        exemplar_size: exemplarSize,
        search_size: searchSize,
      },
    },
    test_cfg: {
      ...r50.model.test_cfg,
      exemplar_size: exemplarSize,
      search_size: searchSize,
      center_size: 7,
      rpn: { penalty_k: 0.05, window_influence: 0.2, lr: 0.2 },
    },
  },
  train_pipeline: trainPipeline,
  data: {
    samples_per_gpu: samplesPerGpu,
    workers_per_gpu: 1,
    samples_per_epoch: 3200,
    train: photoTrainData(photos),
    val: { type: 'SyntheticClips', seed: heldOut, clips: 8, frames_per_clip: 40 },
    test: { type: 'SyntheticClips', seed: heldOut, clips: 20, frames_per_clip: 100 },
  },
  optimizer: { type: 'AdamW', lr: 0.002, weight_decay: 0.0001 },
  optimizer_config: { type: 'OptimizerHook', grad_clip: { max_norm: 10 } },
  lr_config: {
    policy: 'CosineAnnealing',
    min_lr_ratio: 0.02,
    by_epoch: false,
    warmup: 'linear',
    warmup_iters: 200,
    warmup_ratio: 0.005,
  },
  // The average forgets the first weights within a few hundred steps.
  custom_hooks: [{ type: 'ExpMomentumEMAHook', momentum: 0.002, total_iter: 100 }],
  checkpoint_config: { interval: 1, max_keep_ckpts: 3 },
  total_epochs: 31,
  evaluation: { metric: ['track'], interval: 6, start: 6, rule: 'greater', save_best: 'success' },
  log_config: { interval: 20, hooks: [{ type: 'TextLoggerHook' }, { type: 'TensorboardLoggerHook' }] },
  work_dir: './work_dirs/mobile',
} satisfies ConfigInput
