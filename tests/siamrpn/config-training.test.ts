// The entries of a configuration that only training reads: data sets and what wraps them, hooks, seeds.

import { describe, expect, test } from 'vitest'
import { type Config, type ConfigInput, ignoredEntries, overrideConfig, parseConfig } from '../../src/siamrpn/config.ts'
import { r50 } from '../../src/siamrpn/configs/r50.ts'
import { ConfigError } from '../../src/siamrpn/errors.ts'
import { pixelSteps } from '../../tools/training/training.ts'

type Train = NonNullable<ConfigInput['data']>['train']

function withTrain(train: unknown): Config {
  return parseConfig({ ...r50, data: { ...r50.data, train } })
}

function problems(value: () => unknown): string {
  try {
    value()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'accepted'
}

const coco = { type: 'SOTCocoDataset', ann_file: 'a.json', pipeline: r50.train_pipeline }

describe('training data', () => {
  test('MMTracking 0.14 samples from several data sets by weight', () => {
    const pairs = { type: 'PairSampling', frame_range: 100, pos_prob: 0.8 }
    const { data } = withTrain({
      type: 'RandomSampleConcatDataset',
      dataset_sampling_weights: [0.25, 0.75],
      dataset_cfgs: [coco, { ...coco, type: 'SOTImageNetVIDDataset', pipeline: [pairs, ...r50.train_pipeline] }],
    })
    const sets = data?.train as Extract<typeof data, object>['train'] & { dataset_cfgs: { pipeline: unknown[] }[] }
    expect(sets.dataset_cfgs[0]).toMatchObject({ split: 'train', test_mode: false })
    expect(sets.dataset_cfgs[1]?.pipeline[0]).toEqual({ ...pairs, filter_template_img: false })
  })

  test('generated clips and folders have defaults, and need no pipeline of their own', () => {
    expect(withTrain({ type: 'SyntheticClips' }).data?.train).toEqual({
      ...{ type: 'SyntheticClips', seed: 1, clips: 4096, frames_per_clip: 100, width: 320, height: 240 },
      ...{ frame_range: 100, pos_prob: 0.8 },
    })
    expect(withTrain([{ type: 'ClipFolder', path: 'clips' }]).data?.train).toMatchObject([{ frame_range: 100 }])
  })

  test.each([
    [{ type: 'ClipFolder' }, /data\.train\.path: missing, expected a string/],
    [{ type: 'SyntheticClips', clip: 3 }, /data\.train\.clip: unknown key, did you mean 'clips'/],
    [{ type: 'SyntheticClips', width: 20 }, /data\.train\.width: found 20, expected a number of at least 64/],
    [
      { type: 'RandomSampleConcatDataset', dataset_cfgs: [] },
      /dataset_cfgs: found \[\], expected a list of at least 1/,
    ],
    [{ ...coco, split: 'val' }, /data\.train\.split: found "val"/],
  ])('%j is refused', (train, message) => {
    expect(problems(() => withTrain(train))).toMatch(message)
  })

  test('an override reaches into it', () => {
    const config = overrideConfig(withTrain({ type: 'SyntheticClips' }), [
      'data.train.clips=8',
      'data.samples_per_epoch=80',
    ])
    expect(config.data).toMatchObject({ train: { clips: 8 }, samples_per_epoch: 80 })
  })
})

describe('the pipeline', () => {
  const steps = (train: Train) => {
    const config = withTrain(train)
    return pixelSteps(config, config.data!)
  }

  test('is that of the data sets, or the shared one', () => {
    expect(steps({ type: 'SyntheticClips' })).toEqual(parseConfig(r50).train_pipeline)
    const short = r50.train_pipeline.filter(({ type }) => type !== 'SeqBlurAug')
    expect(steps({ type: 'SyntheticClips', pipeline: short }).map(({ type }) => type)).not.toContain('SeqBlurAug')
  })

  test('is one for all of a batch, but for the sampling of pairs', () => {
    const clips = { type: 'SyntheticClips', pipeline: r50.train_pipeline } as const
    const short = r50.train_pipeline.slice(0, -1)
    expect(steps([clips, { ...clips, pipeline: [{ type: 'PairSampling' }, ...r50.train_pipeline] }])).toHaveLength(9)
    expect(
      problems(() => steps([clips, { type: 'RepeatDataset', times: 2, dataset: { ...clips, pipeline: short } }])),
    ).toMatch(/data\.train\.1\.dataset\.pipeline: found .*, expected the steps of data\.train\.0\.pipeline/)
  })
})

describe('the optimizer hook', () => {
  test('may gather gradients over several batches, by itself or with the release of the backbone', () => {
    const gathering = { type: 'GradientCumulativeOptimizerHook', cumulative_iters: 4 }
    expect(parseConfig({ ...r50, optimizer_config: gathering }).optimizer_config).toEqual({
      ...gathering,
      grad_clip: null,
    })
    const both = overrideConfig(parseConfig(r50), 'optimizer_config.cumulative_iters=7')
    expect(both.optimizer_config).toMatchObject({ type: 'SiameseRPNOptimizerHook', cumulative_iters: 7 })
    expect(parseConfig(r50).optimizer_config).toMatchObject({ cumulative_iters: 1 })
  })
})

describe('half precision', () => {
  const scaleOf = (set: string) => overrideConfig(parseConfig(r50), set).fp16
  const { enabled, ...defaults } = {
    init_scale: 65536,
    growth_interval: 2000,
    growth_factor: 2,
    backoff_factor: 0.5,
    enabled: true,
  }

  test('is off unless fp16 says otherwise, and its scale is mmcv’s', () => {
    expect(parseConfig(r50).fp16).toBeNull()
    expect(scaleOf('fp16={}')).toEqual({ loss_scale: 512 })
    expect(parseConfig({ ...r50, fp16: { loss_scale: {} } }).fp16).toEqual({ loss_scale: { ...defaults, enabled } })
  })

  test.each<[string, unknown]>([
    ['fp16.loss_scale=512.', 512],
    ['fp16.loss_scale=.5', 0.5],
    ['fp16.loss_scale=dynamic', 'dynamic'],
    [
      "fp16.loss_scale={'init_scale': 8., 'growth_interval': 100}",
      { ...defaults, enabled, init_scale: 8, growth_interval: 100 },
    ],
  ])('is set by %s', (set, loss_scale) => {
    expect(scaleOf(set)).toEqual({ loss_scale })
  })

  test.each([
    ['fp16.loss_scale=0', /fp16\.loss_scale: found 0, expected a number of more than 0/],
    ['fp16.loss_scale=1e39', /fp16\.loss_scale: found 1e\+39, expected a number of at most 3\.4/],
    ['fp16.loss_scale=static', /fp16\.loss_scale: found "static", expected a number or 'dynamic' or an object/],
    ['fp16.loss_scale=None', /fp16\.loss_scale: found null, expected a number or 'dynamic' or an object/],
    ['fp16.loss_scale={"mode": "dynamic"}', /fp16\.loss_scale\.mode: unknown key/],
    ['fp16.loss_scale={"init_scale": -1}', /fp16\.loss_scale\.init_scale: found -1/],
    ['fp16.loss_scale={"growth_factor": 1}', /growth_factor: found 1, expected a number of more than 1/],
    ['fp16.loss_scale={"backoff_factor": 1}', /backoff_factor: found 1, expected a number of less than 1/],
    ['fp16.loss_scale={"growth_interval": 0.5}', /growth_interval: found 0\.5, expected an integer/],
    ['fp16.loss_scale={"enabled": false}', /enabled: found false, expected true/],
    ['fp16.scale=2', /fp16\.scale: unknown key, did you mean 'loss_scale'/],
    ['fp16=512', /fp16: found 512, expected an object/],
  ])('%s is refused', (set, message) => {
    expect(problems(() => scaleOf(set))).toMatch(message)
  })
})

test('the test pipeline of a benchmark loads images and boxes as they are; anything else is named', () => {
  const [load, boxes, augment] = r50.test_pipeline
  const withPipeline = (pipeline: unknown) =>
    problems(() => parseConfig({ ...r50, data: { ...r50.data, test: { ...r50.data.test, pipeline } } }))
  expect(withPipeline([load, boxes, augment])).toBe('accepted')
  expect(withPipeline([boxes, load, augment])).toMatch(
    /data\.test\.pipeline: found \["LoadAnnotations","LoadImageFromFile","MultiScaleFlipAug"\], expected LoadImageFromFile, LoadA/,
  )
  expect(withPipeline([load, { ...boxes, with_bbox: false }, augment])).toMatch(
    /data\.test\.pipeline\.1\.with_bbox: found false/,
  )
  const transforms = [
    { type: 'VideoCollect', keys: ['img'] },
    { type: 'ImageToTensor', keys: ['img'] },
  ]
  expect(withPipeline([load, boxes, { ...augment, transforms }])).toMatch(
    /data\.test\.pipeline\.2\.transforms\.0\.keys: found \["img"\], expected with img and gt_bboxes/,
  )
  expect(withPipeline([load, boxes, { ...augment, transforms: transforms.slice(1) }])).toMatch(
    /pipeline\.2\.transforms: found \["ImageToTensor"\], expected VideoCollect, ImageToTensor/,
  )
  expect(withPipeline([load, boxes, { ...augment, flip: true }])).toMatch(/pipeline\.2\.flip: found true/)
})

test('entries of the runtime that MMTracking writes are known', () => {
  const runtime = {
    seed: 1,
    deterministic: true,
    find_unused_parameters: true,
    dist_params: { backend: 'nccl', port: '29500' },
  }
  expect(parseConfig({ ...r50, ...runtime })).toMatchObject(runtime)
  expect(parseConfig(r50).seed).toBeNull()
})

test('entries that change nothing are told, the others are not', () => {
  const given = { ...r50, cudnn_benchmark: true, dist_params: { backend: 'nccl' }, log_level: 'ERROR' } as const
  expect(ignoredEntries(parseConfig(given)).map(({ path }) => path)).toEqual(['dist_params', 'log_level'])
  const quiet = { ...r50, cudnn_benchmark: false, dist_params: undefined }
  expect(ignoredEntries(parseConfig(quiet))).toEqual([])
})
