// The network of `mobile` on larger images, its backbone fine-tuned, trained on public data: for machines with a GPU, on which it
// tracks in real time, an integrated one included. Exemplars of 129 and search images of 257 pixels stand for SiamRPN++'s 127 and
// 255: the backbone's own strides want 32 k + 1, and score maps then have a middle position (25x25, as SiamRPN++'s).

import type { ConfigInput } from '../config.ts'
import { mobile } from './mobile.ts'
import { photoPipeline } from './photo-data.ts'

const dataRoot = 'data/'
const exemplarSize = 129
const searchSize = 257
const samplesPerGpu = 64
const crossPairs = 12
const posProb = 0.88

/** As in `mobile`: shares in the loss per pair instead of per positive pair. */
const positiveShare = (posProb * samplesPerGpu) / (samplesPerGpu + crossPairs)

/** Pieces of COCO's photographs cover objects; the rest is `mobile`'s. */
const trainPipeline = photoPipeline({ data_root: dataRoot, exemplar_size: exemplarSize, search_size: searchSize }).map(
  (step) => (step.type === 'SeqOcclude' ? { ...step, img_prefix: `${dataRoot}coco/train2017` } : step),
)

const { rpn } = mobile.model.train_cfg

/** A data set of videos in the form that `siamrpn dataset convert` writes. */
function videos(ann_file: string, img_prefix: string) {
  return {
    type: 'SOTTrainDataset' as const,
    ann_file: `${dataRoot}${ann_file}`,
    img_prefix: `${dataRoot}${img_prefix}`,
    box_filter: { min_size: 5, max_ratio: 8 },
    pipeline: trainPipeline,
    ref_img_sampler: { frame_range: 100, pos_prob: posProb },
  }
}

export const base = {
  ...mobile,
  exemplar_size: exemplarSize,
  search_size: searchSize,
  model: {
    ...mobile.model,
    // The weights' batch norms are folded (mean 0, variance 1): their statistics stay, in the layers that train too.
    backbone: { ...mobile.model.backbone, frozen_stages: 2, norm_eval: true },
    head: {
      ...mobile.model.head,
      // 64 pixels, half of the exemplar.
      anchor_generator: { ...mobile.model.head.anchor_generator, base_sizes: [64] },
      loss_bbox: { type: 'L1Loss', reduction: 'sum', loss_weight: 0.3 / positiveShare },
    },
    train_cfg: {
      rpn: {
        ...rpn,
        pos_weight: 0.5 / positiveShare,
        cross_pairs: crossPairs,
        exemplar_size: exemplarSize,
        search_size: searchSize,
      },
    },
    test_cfg: { ...mobile.model.test_cfg, exemplar_size: exemplarSize, search_size: searchSize, center_size: 9 },
  },
  data_root: dataRoot,
  train_pipeline: trainPipeline,
  data: {
    ...mobile.data,
    samples_per_gpu: samplesPerGpu,
    workers_per_gpu: 8,
    samples_per_epoch: 64_000,
    train: {
      type: 'RandomSampleConcatDataset',
      dataset_cfgs: [
        {
          type: 'SOTTrainDataset',
          ann_file: `${dataRoot}coco/annotations/instances_train2017.json`,
          img_prefix: `${dataRoot}coco/train2017`,
          box_filter: { min_size: 10, max_ratio: 6, max_area: 0.85 },
          pipeline: trainPipeline,
          ref_img_sampler: { frame_range: 0, pos_prob: posProb, hard_neg_prob: 0.5 },
        },
        {
          type: 'CutoutDataset',
          path: `${dataRoot}cutouts`,
          background_path: `${dataRoot}coco/train2017`,
          pos_prob: posProb,
          pipeline: trainPipeline,
        },
        videos('got10k_train.json', 'GOT-10k'),
        videos('lasot_train.json', 'LaSOT'),
      ],
      dataset_sampling_weights: [0.25, 0.15, 0.35, 0.25],
    },
  },
  optimizer: {
    ...mobile.optimizer,
    lr: 0.001,
    paramwise_cfg: { custom_keys: { backbone: { lr_mult: 0.1 } } },
  },
  lr_config: { ...mobile.lr_config, warmup_iters: 1000, warmup_ratio: 0.001 },
  custom_hooks: [{ type: 'ExpMomentumEMAHook', momentum: 0.0005, total_iter: 500 }],
  total_epochs: 40,
  evaluation: { ...mobile.evaluation, interval: 5, start: 5 },
  log_config: { ...mobile.log_config, interval: 50 },
  work_dir: './work_dirs/base',
} satisfies ConfigInput
