// The data that the models on a pretrained MobileNetV2 are trained on, and how pairs are made of it: photographs with boxes, cut-outs
// over photographs, small photographs of many kinds, and videos. docs/models.md says what lies where and how to get such data.

import type { ConfigInput, TrainPipelineInput } from '../config.ts'

type TrainData = NonNullable<ConfigInput['data']>['train']

export interface PhotoDataOptions {
  /** Folder that all paths begin with, a slash at its end. */
  readonly data_root: string
  /** Pixels. */
  readonly exemplar_size: number
  readonly search_size: number
}

/** Share of pairs that show the same object. */
const posProb = 0.88

/** Windows are moved by up to 0.35 of half their side (a quarter of them 0.7), scaled by up to e^0.4, turned by up to 8 degrees. */
export function photoPipeline({ data_root, exemplar_size, search_size }: PhotoDataOptions): TrainPipelineInput {
  return [
    { type: 'LoadMultiImagesFromFile', to_float32: true },
    { type: 'SeqLoadAnnotations', with_bbox: true, with_label: false },
    { type: 'SeqSubBox', prob: 0.2 },
    {
      type: 'SeqAffineCrop',
      context_amount: 0.5,
      exemplar_size,
      target_size: [exemplar_size, search_size],
      shift: [0.03, 0.35],
      far_shift: 0.7,
      far_prob: 0.25,
      scale: [0.05, 0.4],
      rotate: [0, 8],
      stretch: [0, 0.15],
      flip_prob: 0.5,
      fill: { mean: 0.6, replicate: 0.2, random: 0.1, zero: 0.1 },
    },
    { type: 'SeqOcclude', prob: 0.12, img_prefix: `${data_root}photos` },
    { type: 'SeqLightAug', prob: 0.6, amount: 0.35, search_prob: 0.6, search_amount: 0.3 },
    { type: 'SeqGrayAug', prob: 0.12 },
    { type: 'SeqFocusAug', prob: [0.08, 0.25] },
    { type: 'SeqNoiseAug', prob: [0, 0.1], std: [2, 12] },
    { type: 'VideoCollect', keys: ['img', 'gt_bboxes', 'is_positive_pairs'] },
    { type: 'ConcatVideoReferences' },
    { type: 'SeqDefaultFormatBundle', ref_prefix: 'search' },
  ]
}

/** Photographs 0.35 (by their number), cut-outs 0.25, videos 0.25 (those not of the one large set 0.4 of them), Tiny ImageNet 0.15. */
export function photoTrainData(options: PhotoDataOptions): TrainData {
  const { data_root } = options
  const pipeline = photoPipeline(options)
  const stills = (folder: string, min_size: number, rest: { max_area: number; max_ratio?: number }) => ({
    type: 'SOTTrainDataset' as const,
    ann_file: `${data_root}${folder}/annotations.json`,
    img_prefix: `${data_root}${folder}/images`,
    box_filter: { min_size, ...rest },
    pipeline,
    ref_img_sampler: { frame_range: 0, pos_prob: posProb, hard_neg_prob: 0.5 },
  })
  const videos = {
    type: 'ClipFolder' as const,
    path: `${data_root}videos`,
    box_filter: { min_size: 5, max_ratio: 8 },
    frame_range: 25,
    pos_prob: posProb,
    pipeline,
  }
  const cutouts = {
    type: 'CutoutDataset' as const,
    path: `${data_root}cutouts`,
    background_path: `${data_root}photos`,
    pos_prob: posProb,
    turn: 15,
    far_turn: 100,
    far_turn_prob: 0.3,
    pipeline,
  }
  const photographs = { max_area: 0.85, max_ratio: 6 }
  return {
    type: 'RandomSampleConcatDataset',
    dataset_cfgs: [
      stills('stills', 10, photographs),
      stills('stills2', 10, photographs),
      cutouts,
      { ...videos, include: ['foda-'] },
      { ...videos, exclude: ['foda-'] },
      stills('tiny-imagenet', 12, { max_area: 0.7 }),
    ],
    dataset_sampling_weights: [0.187, 0.163, 0.25, 0.15, 0.1, 0.15],
  }
}
