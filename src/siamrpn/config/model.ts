// Schema of the `model` entry: one schema per MMTracking or mmdet class, with its name, its argument names and its defaults.
// `type` tells the classes apart. What a schema does not list is refused, because nothing here would read it.
// Sources: mmtrack/models/sot/siamrpn.py, mmtrack/models/backbones/sot_resnet.py, mmtrack/models/track_heads/
// siamese_rpn_head.py, mmdet/models/necks/channel_mapper.py, mmdet/models/losses, mmdet/core/bbox.

import * as z from 'zod'

/** Counts of epochs, samples and the like: far beyond any use, and far from where sums become inexact. */
export const positiveInteger = z.int().positive().max(1e9)
/** The side of an image, in pixels: what a device can hold of its features. */
export const pixels = z.int().positive().max(4096)
const channels = z.int().positive().max(16_384)
export const nonNegative = z.number().nonnegative()
export const fraction = z.number().min(0).max(1)
const fourNumbers = z.tuple([z.number(), z.number(), z.number(), z.number()])

/** Batch norm. `momentum` is the weight of the new batch in the running statistics. */
const normSchema = z.strictObject({
  type: z.literal('BN'),
  requires_grad: z.boolean().default(true),
  eps: z.number().positive().default(1e-5),
  momentum: fraction.default(0.1),
})

const activationSchema = z.strictObject({ type: z.literal('ReLU') })

const pretrainedSchema = z.strictObject({
  type: z.literal('Pretrained'),
  /** Path or URL of a state dict. */
  checkpoint: z.string(),
  /** Only entries below this name are taken, and the name is cut off. */
  prefix: z.string().nullable().default(null),
})

const xavierSchema = z.strictObject({
  type: z.literal('Xavier'),
  layer: z.literal('Conv2d').default('Conv2d'),
  distribution: z.enum(['normal', 'uniform']).default('normal'),
  gain: z.number().positive().default(1),
})

const kaimingSchema = z.strictObject({
  type: z.literal('Kaiming'),
  layer: z.literal('Conv2d').default('Conv2d'),
  a: z.number().nonnegative().default(0),
  mode: z.enum(['fan_in', 'fan_out']).default('fan_out'),
  nonlinearity: z.enum(['relu', 'leaky_relu']).default('relu'),
  distribution: z.enum(['normal', 'uniform']).default('normal'),
})

const filterInitSchema = z.discriminatedUnion('type', [xavierSchema, kaimingSchema])

/** One value per stage; values past `num_stages` are not read. */
const stages = <T extends z.ZodType>(value: T) => z.array(value).min(1).max(4)

const sotResNetSchema = z.strictObject({
  type: z.literal('SOTResNet'),
  depth: z.literal(50, '50 (supported depths: 50; only ResNet-50 has the dilated layout of SiameseRPN++)'),
  /** Width of the first stage; stage i has 4 * 2^i times as many output channels. */
  base_channels: channels.default(64),
  /** Width of the stem convolution; null: as `base_channels`. */
  stem_channels: channels.nullable().default(null),
  /** Stages that exist, from the first on. */
  num_stages: z.int().min(1).max(4).default(4),
  /** Stages whose outputs are returned, counted from 0. */
  out_indices: z.array(z.int().min(0).max(3)).min(1).max(4).default([0, 1, 2, 3]),
  /** Stages without gradient, the stem included; -1: none, 0: the stem, `num_stages`: all. */
  frozen_stages: z.int().min(-1).max(4).default(-1),
  strides: stages(z.literal([1, 2])).default([1, 2, 2, 2]),
  dilations: stages(z.int().positive().max(64)).default([1, 1, 1, 1]),
  norm_cfg: normSchema.prefault({ type: 'BN' }),
  /** Batch norm uses its running statistics in training too. */
  norm_eval: z.boolean().default(true),
  init_cfg: pretrainedSchema.nullable().default(null),
})

/** Layers of a MobileNetV2 behind the first convolution. */
const mobileLayers = 7

const mobileNetV2Schema = z.strictObject({
  type: z.literal('MobileNetV2'),
  /** Factor of all numbers of channels. */
  widen_factor: z.number().positive().default(1),
  /** Layers whose outputs are returned, counted from 0; layers behind the last of them do not exist here. */
  out_indices: z
    .array(
      z
        .int()
        .min(0)
        .max(mobileLayers - 1),
    )
    .min(1),
  /** Layers without gradient, the first convolution included; -1: none, 0: the first convolution alone. */
  frozen_stages: z.int().min(-1).max(mobileLayers).default(-1),
  /** Stride of the first block of each layer. Not in mmcls, where they are fixed; as pysot has them. */
  strides: z
    .array(z.literal([1, 2]))
    .length(mobileLayers)
    .default([1, 2, 2, 2, 1, 2, 1]),
  /** Dilation of each layer; its first block has that of the layer before. Not in mmcls; as pysot has them. */
  dilations: z.array(positiveInteger).length(mobileLayers).default([1, 1, 1, 1, 1, 1, 1]),
  norm_cfg: normSchema.prefault({ type: 'BN' }),
  /**
   * Not in mmcls: `pysot` cuts channels to whole numbers where mmcls rounds them to multiples of 8, expands in the first layer
   * too, and pads neither the first convolution nor strided blocks.
   */
  variant: z.enum(['mmcls', 'pysot']).default('mmcls'),
  act_cfg: z.strictObject({ type: z.literal('ReLU6') }).prefault({ type: 'ReLU6' }),
  /** Batch norm uses its running statistics in training too. */
  norm_eval: z.boolean().default(false),
  init_cfg: pretrainedSchema.nullable().default(null),
})

/** The AlexNet of pysot; not in MMTracking, mmdet or mmcls. It has one output, that of its last layer. */
const alexNetSchema = z.strictObject({
  type: z.literal('AlexNet'),
  /** Factor of all numbers of channels. */
  widen_factor: z.number().positive().max(16).default(1),
  /** Layers without gradient, from the first on; -1 or 0: none. */
  frozen_stages: z.int().min(-1).max(5).default(-1),
  norm_cfg: normSchema.prefault({ type: 'BN' }),
  /** Batch norm uses its running statistics in training too. */
  norm_eval: z.boolean().default(false),
  init_cfg: pretrainedSchema.nullable().default(null),
})

export const backboneSchema = z.discriminatedUnion('type', [sotResNetSchema, mobileNetV2Schema, alexNetSchema])

export const neckSchema = z.strictObject({
  type: z.literal('ChannelMapper'),
  in_channels: z.array(channels).min(1).max(4),
  out_channels: channels,
  kernel_size: z
    .int()
    .positive()
    .max(31)
    .refine((size) => size % 2 === 1, 'an odd number')
    .default(3),
  norm_cfg: normSchema.nullable().default(null),
  act_cfg: activationSchema.nullable().prefault({ type: 'ReLU' }),
  /**
   * Levels coarser than the first are resized to its size behind their convolutions. Not in mmdet's ChannelMapper; named as in
   * its FPN.
   */
  upsample_cfg: z
    .strictObject({ mode: z.literal('bilinear'), align_corners: z.literal(true) })
    .nullable()
    .default(null),
  init_cfg: filterInitSchema.nullable().prefault({ type: 'Xavier', distribution: 'uniform' }),
})

export const anchorGeneratorSchema = z.strictObject({
  type: z.literal('SiameseRPNAnchorGenerator'),
  /** Pixels of the search image per position of the score map; one level. */
  strides: z.tuple([pixels]),
  /** Height / width. */
  ratios: z.array(z.number().positive()).min(1).max(64),
  scales: z.array(z.number().positive()).min(1).max(64),
  /** Side of an anchor of scale 1; null: the stride. */
  base_sizes: z.tuple([pixels]).nullable().default(null),
  /** How a side is cut to an integer. Not in MMTracking: weights trained by pysot need `pysot`. */
  variant: z.enum(['mmtracking', 'pysot']).default('mmtracking'),
})

export const bboxCoderSchema = z.strictObject({
  type: z.literal('DeltaXYWHBBoxCoder'),
  target_means: fourNumbers.default([0, 0, 0, 0]),
  target_stds: fourNumbers.default([1, 1, 1, 1]),
})

const reduction = z.enum(['mean', 'sum']).default('mean')
const lossWeight = nonNegative.default(1)

const classificationLossSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('CrossEntropyLoss'),
    use_sigmoid: z.literal(false).default(false),
    class_weight: z.tuple([nonNegative, nonNegative]).nullable().default(null),
    reduction,
    loss_weight: lossWeight,
  }),
  z.strictObject({
    type: z.literal('FocalLoss'),
    use_sigmoid: z.literal(true).default(true),
    gamma: nonNegative.default(2),
    alpha: fraction.default(0.25),
    reduction,
    loss_weight: lossWeight,
  }),
])

const iouEps = z.number().positive().default(1e-6)

const regressionLossSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('L1Loss'), reduction, loss_weight: lossWeight }),
  z.strictObject({
    type: z.literal('SmoothL1Loss'),
    beta: z.number().positive().default(1),
    reduction,
    loss_weight: lossWeight,
  }),
  z.strictObject({
    type: z.literal('IoULoss'),
    eps: iouEps,
    mode: z.enum(['linear', 'square', 'log']).default('log'),
    reduction,
    loss_weight: lossWeight,
  }),
  z.strictObject({ type: z.literal('GIoULoss'), eps: iouEps, reduction, loss_weight: lossWeight }),
])

export const headSchema = z.strictObject({
  type: z.literal('SiameseRPNHead'),
  anchor_generator: anchorGeneratorSchema,
  in_channels: z.array(channels).min(1).max(4),
  kernel_size: z.int().positive().max(31).default(3),
  norm_cfg: normSchema.prefault({ type: 'BN' }),
  /** Levels are summed with learned softmax weights; otherwise averaged. */
  weighted_sum: z.boolean().default(false),
  bbox_coder: bboxCoderSchema.prefault({ type: 'DeltaXYWHBBoxCoder' }),
  loss_cls: classificationLossSchema.prefault({ type: 'CrossEntropyLoss', reduction: 'sum' }),
  loss_bbox: regressionLossSchema.prefault({ type: 'L1Loss', reduction: 'sum', loss_weight: 1.2 }),
  /** Null: as mmcv's ConvModule draws. */
  init_cfg: filterInitSchema.nullable().default(null),
})

const maxIoUAssignerSchema = z.strictObject({
  type: z.literal('MaxIoUAssigner'),
  pos_iou_thr: fraction,
  /** Below it an anchor is negative; a pair gives a lower and an upper bound. */
  neg_iou_thr: z.union([fraction, z.tuple([fraction, fraction])]),
  min_pos_iou: fraction.default(0),
  gt_max_assign_all: z.boolean().default(true),
  ignore_iof_thr: z.number().default(-1),
  ignore_wrt_candidates: z.boolean().default(true),
  match_low_quality: z.boolean().default(true),
})

/**
 * Thresholds that give way where no anchor fits well: an anchor is positive above `min(pos_iou_thr, pos_best_ratio * best)` and
 * negative below `min(neg_iou_thr, neg_best_ratio * best)`, `best` being the largest overlap of any anchor. Not in mmdet.
 */
const relativeIoUAssignerSchema = z.strictObject({
  type: z.literal('RelativeIoUAssigner'),
  pos_iou_thr: fraction,
  pos_best_ratio: fraction,
  neg_iou_thr: fraction,
  neg_best_ratio: fraction,
})

export const assignerSchema = z.discriminatedUnion('type', [maxIoUAssignerSchema, relativeIoUAssignerSchema])

export const samplerSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('RandomSampler'),
    num: z.int().positive().max(1e6),
    pos_fraction: fraction,
    neg_pos_ub: z.number().default(-1),
    add_gt_as_proposals: z.boolean().default(true),
  }),
  z.strictObject({ type: z.literal('PseudoSampler') }),
])

export const trainCfgSchema = z.strictObject({
  rpn: z.strictObject({
    assigner: assignerSchema,
    sampler: samplerSchema,
    /** Samples of a negative pair, around the object; null: all anchors of the map. */
    num_neg: z.int().positive().max(1e6).nullable(),
    /** Shares of a pair's positives and of its negatives in the classification loss. Not in MMTracking, which halves it. */
    pos_weight: nonNegative.default(0.5),
    neg_weight: nonNegative.default(0.5),
    /**
     * The `num` negatives of each pair with the largest loss share `weight` in addition. Not in MMTracking; mmdet's OHEMSampler
     * chooses likewise.
     */
    hard_negatives: z.strictObject({ num: positiveInteger, weight: nonNegative }).nullable().default(null),
    /**
     * Negative pairs that a batch makes of its own features: as many exemplars, from the second on, meet the search image of the
     * sample before. Not in MMTracking.
     */
    cross_pairs: z.int().nonnegative().default(0),
    exemplar_size: pixels,
    search_size: pixels,
  }),
})

export const testCfgSchema = z.strictObject({
  exemplar_size: pixels,
  search_size: pixels,
  context_amount: nonNegative,
  center_size: pixels,
  /** Read by benchmarks only: OPE follows a target from the first frame to the last, VOT restarts it where it is lost. */
  test_mode: z.enum(['OPE', 'VOT']).optional(),
  rpn: z.strictObject({
    penalty_k: nonNegative,
    window_influence: fraction,
    /** Share of the new size in the smoothed size, times score and penalty. */
    lr: fraction,
  }),
  /** A larger search image while the score is low. Not in MMTracking; the defaults are those of pysot's long-term tracker. */
  long_term: z
    .strictObject({
      search_size: pixels.default(831),
      /** Below it the target is lost and its box stays. */
      confidence_low: fraction.default(0.85),
      /** Above it a lost target is found again. */
      confidence_high: fraction.default(0.998),
      /** While the target is lost. */
      window_influence: fraction.default(0.001),
    })
    .nullable()
    .default(null),
})

const threeNumbers = z.tuple([z.number(), z.number(), z.number()])

/** What pixels become before the network sees them: `(pixel - mean) / std`, channel by channel. */
const imgNormSchema = z.strictObject({
  /** In the order of channels that `to_rgb` gives, from 0 to 255. */
  mean: threeNumbers,
  std: z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]),
  /** Red, green, blue; otherwise blue, green, red. */
  to_rgb: z.boolean().default(true),
})

export const modelSchema = z.strictObject({
  type: z.literal('SiamRPN'),
  /** Null: blue, green, red from 0 to 255. In MMTracking a variable that the pipelines' Normalize steps take. */
  img_norm_cfg: imgNormSchema.nullable().default(null),
  backbone: backboneSchema,
  /** Null: the head reads the backbone's outputs. */
  neck: neckSchema.nullable().default(null),
  head: headSchema,
  train_cfg: trainCfgSchema.nullable().default(null),
  test_cfg: testCfgSchema,
})
