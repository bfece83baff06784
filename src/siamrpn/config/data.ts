// Schema of the data side: pipelines, datasets and the `data` entry. Tracking does not read it; it is checked and carried along
// so that one configuration describes a model and how it was trained.
// Sources: mmtrack/datasets (sot_train_dataset.py, lasot_dataset.py, pipelines/*), mmdet/datasets/dataset_wrappers.py.

import * as z from 'zod'
import { nonNegative, positiveInteger } from './model.ts'

const fraction = z.number().min(0).max(1)
/** One value for the exemplar, one for the search image. */
const pair = <T extends z.ZodType>(value: T) => z.tuple([value, value])
const vector3 = z.tuple([z.number(), z.number(), z.number()])

const loading = { to_float32: z.boolean().default(false) }
const annotations = { with_bbox: z.boolean().default(true), with_label: z.boolean().default(true) }

export const trainStepSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('LoadMultiImagesFromFile'), ...loading }),
  z.strictObject({ type: z.literal('SeqLoadAnnotations'), ...annotations }),
  z.strictObject({
    type: z.literal('SeqCropLikeSiamFC'),
    context_amount: nonNegative.default(0.5),
    exemplar_size: positiveInteger.default(127),
    crop_size: positiveInteger.default(511),
  }),
  z.strictObject({
    type: z.literal('SeqShiftScaleAug'),
    target_size: pair(positiveInteger).default([127, 255]),
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
  z.strictObject({ type: z.literal('VideoCollect'), keys: z.array(z.string()) }),
  z.strictObject({ type: z.literal('ConcatVideoReferences') }),
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
  /** Largest distance between exemplar and search frame; 0: the same image. */
  frame_range: z.int().nonnegative().default(5),
  /** Share of positive pairs. */
  pos_prob: fraction.default(0.8),
  filter_key_img: z.boolean().default(false),
  return_key_img: z.boolean().default(true),
})

const sotTrainDatasetSchema = z.strictObject({
  type: z.literal('SOTTrainDataset'),
  ann_file: z.string(),
  img_prefix: z.string().default(''),
  pipeline: trainPipelineSchema,
  ref_img_sampler: refImgSamplerSchema,
})

export const trainDatasetSchema = z.discriminatedUnion('type', [
  sotTrainDatasetSchema,
  z.strictObject({ type: z.literal('RepeatDataset'), times: positiveInteger, dataset: sotTrainDatasetSchema }),
])

export const testDatasetSchema = z.strictObject({
  type: z.literal('LaSOTDataset'),
  test_load_ann: z.boolean().default(false),
  ann_file: z.string(),
  img_prefix: z.string().default(''),
  pipeline: testPipelineSchema,
  ref_img_sampler: z.null().default(null),
  test_mode: z.boolean().default(false),
})

export const dataSchema = z.strictObject({
  /** Batch size. */
  samples_per_gpu: positiveInteger,
  /** Processes that decode images. */
  workers_per_gpu: z.int().nonnegative(),
  /** Several datasets are concatenated. */
  train: z.union([trainDatasetSchema, z.array(trainDatasetSchema).min(1)]),
  val: testDatasetSchema.nullable().default(null),
  test: testDatasetSchema.nullable().default(null),
})
