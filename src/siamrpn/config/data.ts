// Schema of the data side: pipelines, datasets and the `data` entry. Tracking does not read it; it is checked and carried along
// so that one configuration describes a model and how it was trained.
// Sources: mmtrack/datasets (sot_train_dataset.py, sot_imagenet_vid_dataset.py, sot_coco_dataset.py, lasot_dataset.py,
// dataset_wrappers.py, pipelines/*), mmdet/datasets/dataset_wrappers.py. `SyntheticClips`, `ClipFolder`, `CutoutDataset` and the steps
// beside `SeqAffineCrop` are this project's.

import * as z from 'zod'
import { fraction, nonNegative, pixels, positiveInteger } from './model.ts'

/** One value for the exemplar, one for the search image. */
const pair = <T extends z.ZodType>(value: T) => z.tuple([value, value])
const vector3 = z.tuple([z.number(), z.number(), z.number()])

/** Frames: largest distance between exemplar and search frame, 0: the same image; or its bounds, at most and at least 0. */
const frameRange = z.union([z.int().nonnegative(), z.tuple([z.int().nonpositive(), z.int().nonnegative()])])
/** Share of positive pairs. */
const positiveShare = fraction.default(0.8)

const loading = { to_float32: z.boolean().default(false) }
const annotations = { with_bbox: z.boolean().default(true), with_label: z.boolean().default(true) }

/**
 * Steps that make images on the host: SeqAffineCrop in the place of SeqCropLikeSiamFC and SeqShiftScaleAug, and what can stand
 * around it. Pairs of values: exemplar, search image.
 */
const hostSteps = [
  /** A textured rectangle in or around the box becomes the target, where both images are one. */
  z.strictObject({
    type: z.literal('SeqSubBox'),
    prob: fraction.default(0.2),
    /** Sides of the rectangle in parts of the box's. */
    size: z.tuple([z.number().positive(), z.number().positive()]).default([0.35, 0.9]),
    /** Pixels; smaller ones are drawn again. */
    min_size: nonNegative.default(8),
    max_ratio: z.number().min(1).default(4),
    /** Standard deviation of its bytes. */
    min_contrast: nonNegative.default(25),
  }),
  z.strictObject({
    type: z.literal('SeqAffineCrop'),
    context_amount: nonNegative.default(0.5),
    exemplar_size: positiveInteger.default(127),
    target_size: pair(positiveInteger).default([127, 255]),
    /** Largest shift either way, in parts of half the side. */
    shift: pair(fraction).default([0.03, 0.35]),
    /** The search image's in a share of `far_prob` of the pairs. */
    far_shift: fraction.default(0.7),
    far_prob: fraction.default(0.25),
    /** Natural logarithm of the largest change of scale. */
    scale: pair(nonNegative).default([0.05, 0.4]),
    /** Degrees either way. */
    rotate: pair(z.number().min(0).max(180)).default([0, 8]),
    /** Natural logarithm of the largest change of the aspect ratio. */
    stretch: pair(nonNegative).default([0, 0.15]),
    /** Share of pairs of which both images are mirrored. */
    flip_prob: fraction.default(0.5),
    /** What lies outside of the frame, by weight: its mean color, its edge repeated, a random color, black. */
    fill: z
      .strictObject({ mean: nonNegative, replicate: nonNegative, random: nonNegative, zero: nonNegative })
      .refine(({ mean, replicate, random, zero }) => mean + replicate + random + zero > 0, 'weights, not all 0')
      .default({ mean: 0.6, replicate: 0.2, random: 0.1, zero: 0.1 }),
    /** Share of much reduced images that are made without aliasing. */
    antialias_prob: fraction.default(0.7),
  }),
  /** A piece of another image covers part of the object in the search image. */
  z.strictObject({
    type: z.literal('SeqOcclude'),
    prob: fraction.default(0.12),
    /** Folder of photographs; absent: a piece of the exemplar's image. */
    img_prefix: z.string().optional(),
  }),
  /** Exposure, contrast and tint: the same for both images, then the search image's own. Amounts: logarithm of the largest gain. */
  z.strictObject({
    type: z.literal('SeqLightAug'),
    prob: fraction.default(0.6),
    amount: nonNegative.default(0.35),
    search_prob: fraction.default(0.6),
    search_amount: nonNegative.default(0.3),
  }),
  /** Out of focus, or moved by a few pixels. */
  z.strictObject({ type: z.literal('SeqFocusAug'), prob: pair(fraction).default([0.08, 0.25]) }),
  /** Normal noise whose standard deviation lies between these. */
  z.strictObject({
    type: z.literal('SeqNoiseAug'),
    prob: pair(fraction).default([0, 0.1]),
    std: z.tuple([nonNegative, nonNegative]).default([2, 12]),
  }),
] as const

const trainStepSchema = z.discriminatedUnion('type', [
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
  ...hostSteps,
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

const testStepSchema = z.discriminatedUnion('type', [
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
  /** Not in MMTracking: share of negative pairs that show two objects of one category. */
  hard_neg_prob: fraction.optional(),
})

/** Not in MMTracking: boxes that nothing is to be learned from; with it, crowds are left out, too. */
const boxFilterSchema = z.strictObject({
  /** The least shorter side of an object, in pixels. */
  min_size: nonNegative.default(0),
  /** Longer side / shorter side. */
  max_ratio: z.number().min(1).default(Number.MAX_VALUE),
  /** Share of the image; looked at where the annotations state the image's size. */
  max_area: z.number().positive().default(Number.MAX_VALUE),
})

const cocoVidEntries = {
  ann_file: z.string(),
  img_prefix: z.string().default(''),
  box_filter: boxFilterSchema.optional(),
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
const syntheticClipsSchema = z.strictObject({
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
const clipFolderSchema = z.strictObject({
  type: z.literal('ClipFolder'),
  path: z.string(),
  /** Clips whose path begins with one of these; absent: all. */
  include: z.array(z.string()).min(1).optional(),
  /** Clips whose path begins with one of these do not count. */
  exclude: z.array(z.string()).optional(),
  box_filter: boxFilterSchema.optional(),
  frame_range: frameRange.default(100),
  pos_prob: positiveShare,
  filter_key_img: z.boolean().default(false),
  /** Absent: `train_pipeline`. */
  pipeline: trainPipelineSchema.optional(),
})

/** Objects with masks, laid over photographs: NAME.png (white: the object) beside NAME.jpg. */
const cutoutDatasetSchema = z.strictObject({
  type: z.literal('CutoutDataset'),
  path: z.string(),
  /** Folder of photographs to lay them over. */
  background_path: z.string(),
  /** The least shorter side of a mask, in pixels. */
  min_size: positiveInteger.default(12),
  pos_prob: positiveShare,
  /** Degrees between exemplar and search image, either way, and of the share `far_turn_prob` of the pairs. */
  turn: z.number().min(0).max(180).default(15),
  far_turn: z.number().min(0).max(180).default(100),
  far_turn_prob: fraction.default(0.3),
  /** Numbers of other objects in the search image, one of them drawn; a negative pair draws from those above 0. */
  look_alikes: z
    .array(z.int().min(0).max(8))
    .min(1)
    .refine((counts) => counts.some((count) => count > 0), 'numbers, at least one above 0')
    .default([0, 0, 1, 2]),
  /** Share of the other objects that are of the same kind, which is what the names begin with (`person-0001`). */
  same_kind_prob: fraction.default(0.5),
  /** Absent: `train_pipeline`. */
  pipeline: trainPipelineSchema.optional(),
})

const sources = [
  z.strictObject({ type: z.literal('SOTTrainDataset'), ...cocoVidEntries, ref_img_sampler: refImgSamplerSchema }),
  sampledDataset('SOTImageNetVIDDataset'),
  sampledDataset('SOTCocoDataset'),
  syntheticClipsSchema,
  clipFolderSchema,
  cutoutDatasetSchema,
] as const

/** A data set that wraps no other one. */
const sourceDatasetSchema = z.discriminatedUnion('type', sources)

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
  /** Not in MMTracking: decoded images that are kept in memory at most, by pipelines with SeqAffineCrop, in megabytes. */
  image_cache_mb: nonNegative.default(1500),
  /** Samples of an epoch, drawn from all; null: every sample once. */
  samples_per_epoch: positiveInteger.nullable().default(null),
  /** Several datasets are concatenated. Absent: nothing is trained on. */
  train: z.union([trainDatasetSchema, z.array(trainDatasetSchema).min(1)]).optional(),
  val: testDatasetSchema.nullable().default(null),
  test: testDatasetSchema.nullable().default(null),
})
