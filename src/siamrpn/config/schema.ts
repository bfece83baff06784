// Schema of a whole configuration, entry by entry as MMTracking writes it, and the types that follow from it.
// Only `model` is needed for tracking; the rest describes training and is checked where it is given.

import * as z from 'zod'
import type { testDatasetSchema, trainDatasetSchema } from './data.ts'
import { dataSchema, testPipelineSchema, trainPipelineSchema } from './data.ts'
import type {
  anchorGeneratorSchema,
  assignerSchema,
  backboneSchema,
  bboxCoderSchema,
  headSchema,
  neckSchema,
  samplerSchema,
  testCfgSchema,
  trainCfgSchema,
} from './model.ts'
import { modelSchema, pixels, positiveInteger } from './model.ts'
import {
  checkpointConfigSchema,
  customHookSchema,
  evaluationSchema,
  fp16Schema,
  logConfigSchema,
  lrConfigSchema,
  optimizerConfigSchema,
  optimizerSchema,
  workflowSchema,
} from './schedule.ts'

const path = z.string().nullable().default(null)

export const configSchema = z.strictObject({
  /** Time the variants of every kernel once per problem and keep the fastest. */
  cudnn_benchmark: z.boolean().default(false),
  crop_size: pixels.optional(),
  exemplar_size: pixels.optional(),
  search_size: pixels.optional(),
  model: modelSchema,
  data_root: z.string().optional(),
  train_pipeline: trainPipelineSchema.optional(),
  test_pipeline: testPipelineSchema.optional(),
  data: dataSchema.optional(),
  optimizer: optimizerSchema.optional(),
  optimizer_config: optimizerConfigSchema.optional(),
  fp16: fp16Schema.nullable().default(null),
  lr_config: lrConfigSchema.optional(),
  custom_hooks: z.array(customHookSchema).max(1).default([]),
  checkpoint_config: checkpointConfigSchema.optional(),
  evaluation: evaluationSchema.optional(),
  log_config: logConfigSchema.optional(),
  total_epochs: positiveInteger.optional(),
  /** Seed of every random choice of training; null: 0. */
  seed: z.int().nonnegative().nullable().default(null),
  /** Read by MMTracking only: training here always is. */
  deterministic: z.boolean().default(true),
  /** Read by MMTracking only. */
  find_unused_parameters: z.boolean().default(true),
  /** Read by MMTracking only: training here uses one adapter. */
  dist_params: z.strictObject({ backend: z.string(), port: z.union([z.string(), z.int()]).optional() }).optional(),
  log_level: z.enum(['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']).default('INFO'),
  work_dir: path,
  /** Checkpoint whose weights training starts from. */
  load_from: path,
  /** Checkpoint whose training is continued. */
  resume_from: path,
  workflow: workflowSchema.default([['train', 1]]),
})

/** A checked configuration with every default filled in. */
export type Config = z.output<typeof configSchema>
/** A configuration as one writes it: defaults may be left out. */
export type ConfigInput = z.input<typeof configSchema>

export type ModelConfig = z.output<typeof modelSchema>
export type BackboneConfig = z.output<typeof backboneSchema>
export type NeckConfig = z.output<typeof neckSchema>
export type HeadConfig = z.output<typeof headSchema>
export type AnchorGeneratorConfig = z.output<typeof anchorGeneratorSchema>
export type BBoxCoderConfig = z.output<typeof bboxCoderSchema>
export type AssignerConfig = z.output<typeof assignerSchema>
export type SamplerConfig = z.output<typeof samplerSchema>
export type TrainConfig = z.output<typeof trainCfgSchema>
export type TestConfig = z.output<typeof testCfgSchema>

export type DataConfig = z.output<typeof dataSchema>
export type TrainDatasetConfig = z.output<typeof trainDatasetSchema>
export type TestDatasetConfig = z.output<typeof testDatasetSchema>
export type CheckpointConfig = z.output<typeof checkpointConfigSchema>
export type EvaluationConfig = z.output<typeof evaluationSchema>
export type LogConfig = z.output<typeof logConfigSchema>
export type WorkflowConfig = z.output<typeof workflowSchema>
export type TrainPipelineInput = z.input<typeof trainPipelineSchema>
export type TestPipelineInput = z.input<typeof testPipelineSchema>
export type LrConfig = z.output<typeof lrConfigSchema>
export type Fp16Config = z.output<typeof fp16Schema>
export type CustomHookConfig = z.output<typeof customHookSchema>
export type ImgNormConfig = NonNullable<ModelConfig['img_norm_cfg']>
