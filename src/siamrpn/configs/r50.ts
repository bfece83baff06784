// SiameseRPN++ with ResNet-50: MMTracking's siamese_rpn_r50, complete, in its own order and names.

import type { ConfigInput, TestPipelineInput, TrainPipelineInput } from '../config.ts'

const cropSize = 511
const exemplarSize = 127
const searchSize = 255

const dataRoot = 'data/'

const trainPipeline: TrainPipelineInput = [
  { type: 'LoadMultiImagesFromFile', to_float32: true },
  { type: 'SeqLoadAnnotations', with_bbox: true },
  { type: 'SeqCropLikeSiamFC', context_amount: 0.5, exemplar_size: exemplarSize, crop_size: cropSize },
  { type: 'SeqShiftScaleAug', target_size: [exemplarSize, searchSize], shift: [4, 64], scale: [0.05, 0.18] },
  { type: 'SeqColorAug', prob: [1.0, 1.0] },
  { type: 'SeqBlurAug', prob: [0.0, 0.2] },
  { type: 'VideoCollect', keys: ['img', 'gt_bboxes', 'is_positive_pairs'] },
  { type: 'ConcatVideoReferences' },
  { type: 'SeqDefaultFormatBundle', ref_prefix: 'search' },
]

const testPipeline: TestPipelineInput = [
  { type: 'LoadImageFromFile', to_float32: true },
  { type: 'LoadAnnotations', with_bbox: true },
  {
    type: 'MultiScaleFlipAug',
    scale_factor: 1,
    flip: false,
    transforms: [
      { type: 'VideoCollect', keys: ['img', 'gt_bboxes'] },
      { type: 'ImageToTensor', keys: ['img'] },
    ],
  },
]

export const r50 = {
  cudnn_benchmark: true,
  crop_size: cropSize,
  exemplar_size: exemplarSize,
  search_size: searchSize,
  model: {
    type: 'SiamRPN',
    backbone: {
      type: 'SOTResNet',
      depth: 50,
      out_indices: [1, 2, 3],
      frozen_stages: 4,
      strides: [1, 2, 1, 1],
      dilations: [1, 1, 2, 4],
      norm_eval: true,
      init_cfg: {
        type: 'Pretrained',
        checkpoint: 'https://download.openmmlab.com/mmtracking/pretrained_weights/sot_resnet50.model',
      },
    },
    neck: {
      type: 'ChannelMapper',
      in_channels: [512, 1024, 2048],
      out_channels: 256,
      kernel_size: 1,
      norm_cfg: { type: 'BN' },
      act_cfg: null,
    },
    head: {
      type: 'SiameseRPNHead',
      anchor_generator: {
        type: 'SiameseRPNAnchorGenerator',
        strides: [8],
        ratios: [0.33, 0.5, 1, 2, 3],
        scales: [8],
      },
      in_channels: [256, 256, 256],
      weighted_sum: true,
      bbox_coder: {
        type: 'DeltaXYWHBBoxCoder',
        target_means: [0, 0, 0, 0],
        target_stds: [1, 1, 1, 1],
      },
      loss_cls: { type: 'CrossEntropyLoss', reduction: 'sum', loss_weight: 1.0 },
      loss_bbox: { type: 'L1Loss', reduction: 'sum', loss_weight: 1.2 },
    },
    train_cfg: {
      rpn: {
        assigner: {
          type: 'MaxIoUAssigner',
          pos_iou_thr: 0.6,
          neg_iou_thr: 0.3,
          min_pos_iou: 0.6,
          match_low_quality: false,
        },
        sampler: { type: 'RandomSampler', num: 64, pos_fraction: 0.25, add_gt_as_proposals: false },
        num_neg: 16,
        exemplar_size: exemplarSize,
        search_size: searchSize,
      },
    },
    test_cfg: {
      exemplar_size: exemplarSize,
      search_size: searchSize,
      context_amount: 0.5,
      center_size: 7,
      rpn: { penalty_k: 0.05, window_influence: 0.42, lr: 0.38 },
    },
  },
  data_root: dataRoot,
  train_pipeline: trainPipeline,
  test_pipeline: testPipeline,
  data: {
    samples_per_gpu: 28,
    workers_per_gpu: 2,
    train: [
      {
        type: 'RepeatDataset',
        times: 39,
        dataset: {
          type: 'SOTTrainDataset',
          ann_file: `${dataRoot}ILSVRC/annotations/imagenet_vid_train.json`,
          img_prefix: `${dataRoot}ILSVRC/Data/VID`,
          pipeline: trainPipeline,
          ref_img_sampler: { frame_range: 100, pos_prob: 0.8, filter_key_img: false, return_key_img: true },
        },
      },
      {
        type: 'SOTTrainDataset',
        ann_file: `${dataRoot}coco/annotations/instances_train2017.json`,
        img_prefix: `${dataRoot}coco/train2017`,
        pipeline: trainPipeline,
        ref_img_sampler: { frame_range: 0, pos_prob: 0.8, filter_key_img: false, return_key_img: true },
      },
      {
        type: 'SOTTrainDataset',
        ann_file: `${dataRoot}ILSVRC/annotations/imagenet_det_30plus1cls.json`,
        img_prefix: `${dataRoot}ILSVRC/Data/DET`,
        pipeline: trainPipeline,
        ref_img_sampler: { frame_range: 0, pos_prob: 0.8, filter_key_img: false, return_key_img: true },
      },
    ],
    val: {
      type: 'LaSOTDataset',
      test_load_ann: true,
      ann_file: `${dataRoot}lasot/annotations/lasot_test.json`,
      img_prefix: `${dataRoot}lasot/LaSOTTesting`,
      pipeline: testPipeline,
      ref_img_sampler: null,
      test_mode: true,
    },
    test: {
      type: 'LaSOTDataset',
      test_load_ann: true,
      ann_file: `${dataRoot}lasot/annotations/lasot_test.json`,
      img_prefix: `${dataRoot}lasot/LaSOTTesting`,
      pipeline: testPipeline,
      ref_img_sampler: null,
      test_mode: true,
    },
  },
  optimizer: {
    type: 'SGD',
    lr: 0.005,
    momentum: 0.9,
    weight_decay: 0.0001,
    paramwise_cfg: { custom_keys: { backbone: { lr_mult: 0.1, decay_mult: 1.0 } } },
  },
  optimizer_config: {
    type: 'SiameseRPNOptimizerHook',
    backbone_start_train_epoch: 10,
    backbone_train_layers: ['layer2', 'layer3', 'layer4'],
    grad_clip: { max_norm: 10.0, norm_type: 2 },
  },
  lr_config: {
    policy: 'SiameseRPN',
    lr_configs: [
      { type: 'step', start_lr_factor: 0.2, end_lr_factor: 1.0, end_epoch: 5 },
      { type: 'log', start_lr_factor: 1.0, end_lr_factor: 0.1, end_epoch: 20 },
    ],
  },
  checkpoint_config: { interval: 1 },
  evaluation: { metric: ['track'], interval: 1, start: 10, rule: 'greater', save_best: 'success' },
  log_config: { interval: 50, hooks: [{ type: 'TextLoggerHook' }] },
  total_epochs: 20,
  dist_params: { backend: 'nccl' },
  log_level: 'INFO',
  work_dir: './work_dirs/xxx',
  load_from: null,
  resume_from: null,
  workflow: [['train', 1]],
} satisfies ConfigInput
