// The network of `mobile` on larger images, its backbone fine-tuned, trained on public data: for machines with a GPU, on which it
// tracks in real time, an integrated one included. Exemplars of 129 and search images of 257 pixels stand for SiamRPN++'s 127 and
// 255: the backbone's own strides want 32 k + 1, and score maps then have a middle position (25x25, as SiamRPN++'s).

import type { ConfigInput } from '../config.ts'
import { mobile } from './mobile.ts'
import { photoPipeline } from './photo-data.ts'

const data_root = 'data/'
const exemplar_size = 129
const search_size = 257
const samples_per_gpu = 64
const cross_pairs = 12
const pos_prob = 0.88

/** As in `mobile`: shares in the loss per pair instead of per positive pair. */
const positive_share = (pos_prob * samples_per_gpu) / (samples_per_gpu + cross_pairs)

/** Pieces of COCO's photographs cover objects; the rest is `mobile`'s. */
const train_pipeline = photoPipeline({ data_root, exemplar_size, search_size }).map((step) =>
  step.type === 'SeqOcclude' ? { ...step, img_prefix: `${data_root}coco/train2017` } : step,
)

const { rpn } = mobile.model.train_cfg

/** A data set of videos in the form that `siamrpn dataset convert` writes. */
function videos(ann_file: string, img_prefix: string) {
  return {
    type: 'SOTTrainDataset' as const,
    ann_file: `${data_root}${ann_file}`,
    img_prefix: `${data_root}${img_prefix}`,
    box_filter: { min_size: 5, max_ratio: 8 },
    pipeline: train_pipeline,
    ref_img_sampler: { frame_range: 100, pos_prob },
  }
}

export const base = {
  ...mobile,
  exemplar_size,
  search_size,
  model: {
    ...mobile.model,
    // The weights' batch norms are folded (mean 0, variance 1): their statistics stay, in the layers that train too.
    backbone: { ...mobile.model.backbone, frozen_stages: 2, norm_eval: true },
    head: {
      ...mobile.model.head,
      // 64 pixels, half of the exemplar.
      anchor_generator: { ...mobile.model.head.anchor_generator, base_sizes: [64] },
      loss_bbox: { type: 'L1Loss', reduction: 'sum', loss_weight: 0.3 / positive_share },
    },
    train_cfg: {
      rpn: { ...rpn, pos_weight: 0.5 / positive_share, cross_pairs, exemplar_size, search_size },
    },
    test_cfg: { ...mobile.model.test_cfg, exemplar_size, search_size, center_size: 9 },
  },
  data_root,
  train_pipeline,
  data: {
    ...mobile.data,
    samples_per_gpu,
    workers_per_gpu: 8,
    samples_per_epoch: 64_000,
    train: {
      type: 'RandomSampleConcatDataset',
      dataset_cfgs: [
        {
          type: 'SOTTrainDataset',
          ann_file: `${data_root}coco/annotations/instances_train2017.json`,
          img_prefix: `${data_root}coco/train2017`,
          box_filter: { min_size: 10, max_ratio: 6, max_area: 0.85 },
          pipeline: train_pipeline,
          ref_img_sampler: { frame_range: 0, pos_prob, hard_neg_prob: 0.5 },
        },
        {
          type: 'CutoutDataset',
          path: `${data_root}cutouts`,
          background_path: `${data_root}coco/train2017`,
          pos_prob,
          pipeline: train_pipeline,
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
