// Schema of the data side: pipelines, datasets and the `data` entry. Tracking does not read it; it is checked and carried along
// so that one configuration describes a model and how it was trained.
// Sources: mmtrack/datasets (sot_train_dataset.py, sot_imagenet_vid_dataset.py, sot_coco_dataset.py, lasot_dataset.py,
// dataset_wrappers.py, pipelines/*), mmdet/datasets/dataset_wrappers.py. `SyntheticClips` and `ClipFolder` are this project's.

import * as z from 'zod'
import { nonNegative, pixels, positiveInteger } from './model.ts'

const fraction = z.number().min(0).max(1)
/** One value for the exemplar, one for the search image. */
const pair = <T extends z.ZodType>(value: T) => z.tuple([value, value])
const vector3 = z.tuple([z.number(), z.number(), z.number()])

/** Frames: largest distance between exemplar and search frame, 0: the same image; or its bounds, at most and at least 0. */
const frameRange = z.union([z.int().nonnegative(), z.tuple([z.int().nonpositive(), z.int().nonnegative()])])
/** Share of positive pairs. */
const positiveShare = fraction.default(0.8)

const loading = { to_float32: z.boolean().default(false) }
const annotations = { with_bbox: z.boolean().default(true), with_label: z.boolean().default(true) }

export const trainStepSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('PairSampling'),
    frame_range: frameRange.default(5),
    pos_prob: positiveShare,
    /** The exemplar's frame is no search frame. */
    filter_template_img: z.boolean().default(false),
  }),
  z.strictObject({ type: z.literal('LoadMultiImagesFromFile'), ...loading }),
  z.strictObject({ type: z.literal('SeqLoadAnnotations'), ...annotations }),
  z.strictObject({
    type: z.literal('SeqCropLikeSiamFC'),
    context_amount: nonNegative.default(0.5),
    exemplar_size: pixels.default(127),
    crop_size: pixels.default(511),
  }),
  z.strictObject({
    type: z.literal('SeqShiftScaleAug'),
    target_size: pair(pixels).default([127, 255]),
    /** Largest shift, pixels. */
    shift: pair(nonNegative).default([4, 64]),
    /** Largest relative change of scale. */
    scale: pair(nonNegative).default([0.05, 0.18]),
  }),
  z.strictObject({
    type: z.literal('SeqColorAug'),
    prob: pair(fraction).default([1, 1]),
    /** Rows: R, G, B; columns: principal components. */
    rgb_var: z.tuple([vector3, vector3, vector3]).default([
      [-0.55919361, 0.98062831, -0.41940627],
      [1.72091413, 0.19879334, -1.82968581],
      [4.64467907, 4.73710203, 4.88324118],
    ]),
  }),
  z.strictObject({ type: z.literal('SeqGrayAug'), prob: fraction.default(0) }),
  z.strictObject({ type: z.literal('SeqBlurAug'), prob: pair(fraction).default([0, 0.2]) }),
  z.strictObject({
    type: z.literal('VideoCollect'),
    keys: z.array(z.string()),
    meta_keys: z.array(z.string()).optional(),
  }),
  z.strictObject({ type: z.literal('ConcatVideoReferences') }),
  z.strictObject({ type: z.literal('ConcatSameTypeFrames'), num_key_frames: z.literal(1).default(1) }),
  z.strictObject({ type: z.literal('SeqDefaultFormatBundle'), ref_prefix: z.string().default('ref') }),
])

const testTransformSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('VideoCollect'), keys: z.array(z.string()) }),
  z.strictObject({ type: z.literal('ImageToTensor'), keys: z.array(z.string()) }),
])

export const testStepSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('LoadImageFromFile'), ...loading }),
  z.strictObject({ type: z.literal('LoadAnnotations'), ...annotations }),
  z.strictObject({
    type: z.literal('MultiScaleFlipAug'),
    scale_factor: z.literal(1, '1 (a tracker sees its frames at their own scale)'),
    flip: z.literal(false, 'false (a tracker sees its frames unflipped)').default(false),
    transforms: z.array(testTransformSchema),
  }),
])

export const trainPipelineSchema = z.array(trainStepSchema).min(1)
export const testPipelineSchema = z.array(testStepSchema).min(1)

const refImgSamplerSchema = z.strictObject({
  frame_range: frameRange.default(5),
  pos_prob: positiveShare,
  filter_key_img: z.boolean().default(false),
  return_key_img: z.boolean().default(true),
})

const cocoVidEntries = {
  ann_file: z.string(),
  img_prefix: z.string().default(''),
  pipeline: trainPipelineSchema,
  test_mode: z.literal(false, 'false (this data set is for training)').default(false),
}

/** MMTracking 0.14's own names for a COCO-VID file; pairs are drawn by the pipeline's PairSampling. */
const sampledDataset = <T extends string>(type: T) =>
  z.strictObject({
    type: z.literal(type),
    ...cocoVidEntries,
    split: z.literal('train', "'train' (this data set is for training)").default('train'),
  })

/** Generated clips: nothing to download. Seeds from 1000000 on are kept for measuring. */
export const syntheticClipsSchema = z.strictObject({
  type: z.literal('SyntheticClips'),
  seed: z.int().nonnegative().default(1),
  clips: z.int().positive().max(1e7).default(4096),
  frames_per_clip: z.int().positive().max(1e6).default(100),
  /** Pixels. */
  width: z.int().min(64).max(8192).default(320),
  height: z.int().min(64).max(8192).default(240),
  frame_range: z.int().nonnegative().default(100),
  pos_prob: positiveShare,
  /** Absent: `train_pipeline`. */
  pipeline: trainPipelineSchema.optional(),
})

/** A folder of clips with a box file each, as LaSOT or GOT-10k. */
export const clipFolderSchema = z.strictObject({
  type: z.literal('ClipFolder'),
  path: z.string(),
  frame_range: frameRange.default(100),
  pos_prob: positiveShare,
  filter_key_img: z.boolean().default(false),
  /** Absent: `train_pipeline`. */
  pipeline: trainPipelineSchema.optional(),
})

const sources = [
  z.strictObject({ type: z.literal('SOTTrainDataset'), ...cocoVidEntries, ref_img_sampler: refImgSamplerSchema }),
  sampledDataset('SOTImageNetVIDDataset'),
  sampledDataset('SOTCocoDataset'),
  syntheticClipsSchema,
  clipFolderSchema,
] as const

/** A data set that wraps no other one. */
export const sourceDatasetSchema = z.discriminatedUnion('type', sources)

const repeatDatasetSchema = z.strictObject({
  type: z.literal('RepeatDataset'),
  times: z.int().positive().max(1e6),
  dataset: sourceDatasetSchema,
})

export const trainDatasetSchema = z.discriminatedUnion('type', [
  ...sources,
  repeatDatasetSchema,
  z.strictObject({
    type: z.literal('RandomSampleConcatDataset'),
    dataset_cfgs: z.array(z.discriminatedUnion('type', [...sources, repeatDatasetSchema])).min(1),
    /** One per data set; null: all alike. */
    dataset_sampling_weights: z.array(nonNegative).min(1).nullable().default(null),
  }),
])

const benchmarkEntries = {
  test_load_ann: z.boolean().default(false),
  ann_file: z.string(),
  img_prefix: z.string().default(''),
  pipeline: testPipelineSchema,
  ref_img_sampler: z.null().default(null),
  split: z.enum(['train', 'val', 'test']).default('test'),
  test_mode: z.boolean().default(false),
  only_eval_visible: z.boolean().default(false),
}

const benchmark = <T extends string>(type: T) => z.strictObject({ type: z.literal(type), ...benchmarkEntries })

const benchmarks = [
  benchmark('LaSOTDataset'),
  benchmark('OTB100Dataset'),
  benchmark('UAV123Dataset'),
  benchmark('TrackingNetDataset'),
  benchmark('GOT10kDataset'),
  z.strictObject({
    type: z.literal('VOTDataset'),
    dataset_type: z.enum(['vot2018', 'vot2018_lt', 'vot2019', 'vot2019_lt', 'vot2020', 'vot2021']).default('vot2018'),
    ...benchmarkEntries,
  }),
] as const

/** Videos that trackers are compared on. */
export const benchmarkSchema = z.discriminatedUnion('type', benchmarks)

/** What is measured; with `val` in the workflow, a training data set gives pairs for the validation loss. */
export const testDatasetSchema = z.discriminatedUnion('type', [...benchmarks, ...sources])

type TestDataset = z.output<typeof testDatasetSchema>

export function isBenchmark(config: TestDataset): config is z.output<typeof benchmarkSchema> {
  return 'test_load_ann' in config
}

export const dataSchema = z.strictObject({
  /** Batch size. */
  samples_per_gpu: z.int().positive().max(65_536),
  /** Threads that decode images. */
  workers_per_gpu: z.int().nonnegative().max(64),
  /** They live as long as the training here, whatever this says. */
  persistent_workers: z.boolean().default(false),
  /** Samples of an epoch, drawn from all; null: every sample once. */
  samples_per_epoch: positiveInteger.nullable().default(null),
  /** Several datasets are concatenated. */
  train: z.union([trainDatasetSchema, z.array(trainDatasetSchema).min(1)]),
  val: testDatasetSchema.nullable().default(null),
  test: testDatasetSchema.nullable().default(null),
})
