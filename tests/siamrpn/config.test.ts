import { describe, expect, test } from 'vitest'
import { backboneChannels, mapSizes, parseConfig } from '../../src/siamrpn/config.ts'
import { configNames, namedConfig } from '../../src/siamrpn/configs/index.ts'
import { r50 } from '../../src/siamrpn/configs/r50.ts'
import { ConfigError } from '../../src/siamrpn/errors.ts'
import { readGoldenSection } from '../golden/check/reader.ts'
import { goldenDirectory } from '../golden-directory.ts'
import { r50With, resNetOf } from './helpers.ts'

function failure(value: unknown, source?: string): ConfigError {
  try {
    parseConfig(value, source)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the configuration was accepted')
}

describe('shipped configurations', () => {
  test.each(configNames)('%s is sound', (name) => {
    expect(namedConfig(name).model.type).toBe('SiamRPN')
  })

  test('r50 comes back unchanged but for added defaults', () => {
    expect(parseConfig(r50)).toMatchObject(r50)
  })

  test('parsing is idempotent', () => {
    const once = parseConfig(r50)
    expect(parseConfig(once)).toEqual(once)
  })

  test('an unknown name lists the known ones', () => {
    expect(() => namedConfig('r51')).toThrow(
      /found "r51", expected one of mobile, base, r50, r50_fp16, tiny, small, micro/,
    )
    expect(() => namedConfig('toString')).toThrow(ConfigError)
  })

  test('the names and widths are those of the golden models', async () => {
    interface Entry {
      name: string
      shape: number[]
    }
    const { json } = await readGoldenSection<{ models: Record<string, { entries: Entry[] }> }>(goldenDirectory, 'A')
    for (const [golden, name] of Object.entries({ r50: 'r50', small: 'small', tiny: 'micro' })) {
      const { model } = namedConfig(name)
      const outputs = (entry: string) => json.models[golden]!.entries.find((e) => e.name === entry)!.shape[0]
      const { stem_channels, base_channels } = resNetOf(model)
      expect(outputs('backbone.conv1.weight')).toBe(stem_channels ?? base_channels)
      expect([2, 3, 4].map((stage) => outputs(`backbone.layer${stage}.0.conv3.weight`))).toEqual(
        backboneChannels(model.backbone),
      )
      expect(outputs('neck.convs.0.conv.weight')).toBe(model.neck?.out_channels)
    }
  })
})

describe('defaults', () => {
  test('are those of MMTracking and mmdet', () => {
    const { model } = parseConfig({
      model: {
        type: 'SiamRPN',
        backbone: { type: 'SOTResNet', depth: 50, out_indices: [1], strides: [1, 2, 1, 1] },
        neck: { type: 'ChannelMapper', in_channels: [512], out_channels: 32 },
        head: {
          type: 'SiameseRPNHead',
          anchor_generator: { type: 'SiameseRPNAnchorGenerator', strides: [8], ratios: [1], scales: [8] },
          in_channels: [32],
        },
        test_cfg: r50.model.test_cfg,
      },
    })
    expect(model.backbone).toMatchObject({
      base_channels: 64,
      num_stages: 4,
      stem_channels: null,
      dilations: [1, 1, 1, 1],
      frozen_stages: -1,
      norm_eval: true,
    })
    expect(model.neck).toMatchObject({ kernel_size: 3, norm_cfg: null, act_cfg: { type: 'ReLU' } })
    expect(model.head).toMatchObject({
      kernel_size: 3,
      weighted_sum: false,
      norm_cfg: { type: 'BN', eps: 1e-5, momentum: 0.1 },
      bbox_coder: { target_means: [0, 0, 0, 0], target_stds: [1, 1, 1, 1] },
      loss_cls: { type: 'CrossEntropyLoss', reduction: 'sum', loss_weight: 1 },
      loss_bbox: { type: 'L1Loss', reduction: 'sum', loss_weight: 1.2 },
    })
    expect(model.train_cfg).toBeNull()
  })

  test('only the model is needed', () => {
    const config = parseConfig({ model: r50.model })
    expect(config).toMatchObject({ cudnn_benchmark: false, log_level: 'INFO', workflow: [['train', 1]] })
    expect(config.data).toBeUndefined()
  })

  test('classes that the seed names in its comments are known', () => {
    const config = parseConfig(
      r50With({
        'model.head.loss_cls': { type: 'FocalLoss' },
        'model.train_cfg.rpn.sampler': { type: 'PseudoSampler' },
        'model.train_cfg.rpn.assigner.neg_iou_thr': [0.1, 0.3],
        optimizer: { type: 'AdamW', lr: 1e-4 },
        'log_config.hooks.1': { type: 'TensorboardLoggerHook' },
        'data.train.1.pipeline.4': { type: 'SeqGrayAug', prob: 0.25 },
      }),
    )
    expect(config.model.head.loss_cls).toEqual({
      type: 'FocalLoss',
      use_sigmoid: true,
      gamma: 2,
      alpha: 0.25,
      reduction: 'mean',
      loss_weight: 1,
    })
    expect(config.optimizer).toMatchObject({ betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.01 })
    for (const type of ['SmoothL1Loss', 'IoULoss', 'GIoULoss']) {
      expect(parseConfig(r50With({ 'model.head.loss_bbox': { type } })).model.head.loss_bbox.type).toBe(type)
    }
  })
})

describe('messages', () => {
  test('an unknown key comes with its path and the nearest known key', () => {
    const error = failure(r50With({ 'model.head.anchor_generator.stirdes': [8] }), 'mine.json')
    expect(error.message).toMatch(
      /^configuration mine\.json: model\.head\.anchor_generator\.stirdes: unknown key, did you mean 'strides'\? Known keys: type, strides, ratios/,
    )
    expect(error.problems).toMatchObject([
      { path: 'model.head.anchor_generator.stirdes', found: [8], nearest: 'strides' },
    ])
  })

  test('the nearest key is one of the class at hand', () => {
    expect(failure(r50With({ 'optimizer.nestrov': true })).problems).toMatchObject([{ nearest: 'nesterov' }])
    const error = failure(r50With({ optimizer: { type: 'AdamW', nestrov: true, beta: [0.9, 0.99] } }))
    expect(error.problems.map(({ path }) => path)).toEqual(['optimizer.nestrov', 'optimizer.beta'])
    expect(error.problems.map(({ nearest }) => nearest)).toEqual([expect.not.stringMatching('nesterov'), 'betas'])
  })

  test('an unknown key deep inside lists and alternatives is found too', () => {
    const pipeline = 'data.train.0.dataset.pipeline'
    expect(failure(r50With({ [`${pipeline}.3.shfit`]: [1, 2] })).problems).toMatchObject([
      { path: `${pipeline}.3.shfit`, nearest: 'shift' },
    ])
  })

  test.each([
    ['model.backbone.base_channels', '64', 'found "64", expected a number'],
    ['model.backbone.base_channels', 6.5, 'found 6.5, expected an integer'],
    ['model.backbone.base_channels', -1, 'found -1, expected a number of more than 0'],
    ['model.backbone.depth', 101, 'found 101, expected 50 (supported depths: 50'],
    ['model.backbone.strides', [1, 2, 1], 'found [1,2,1], expected a list of at least 4 items, one for each'],
    ['model.backbone.strides.1', 4, 'found 4, expected one of 1, 2'],
    ['model.backbone.type', 'ResNet', "found \"ResNet\", expected one of 'SOTResNet', 'MobileNetV2'"],
    ['model.test_cfg.context_amount', Number.NaN, 'found NaN, expected a number'],
    ['model.test_cfg.rpn.lr', 2, 'found 2, expected a number of at most 1'],
    ['model.head.weighted_sum', 1, 'found 1, expected true or false'],
    [
      'model.head.loss_bbox.type',
      'DIoULoss',
      "found \"DIoULoss\", expected one of 'L1Loss', 'SmoothL1Loss', 'IoULoss', 'GIoULoss'",
    ],
    ['model.head', null, 'found null, expected an object'],
    ['data.train', 3, 'found 3, expected an object or a list'],
    ['model.train_cfg.rpn.assigner.neg_iou_thr', 'low', 'found "low", expected a number or a list'],
  ])('%s = %j says: %s', (path, found, message) => {
    const error = failure(r50With({ [path]: found }))
    expect(error.problems[0]!.path).toBe(path)
    expect(error.message).toContain(`${path}: ${message}`)
  })

  test('a missing entry is called missing', () => {
    expect(failure(r50With({ 'model.test_cfg.rpn.lr': undefined })).message).toBe(
      'configuration: model.test_cfg.rpn.lr: missing, expected a number',
    )
    expect(failure(undefined).message).toBe('configuration: the top level: missing, expected an object')
  })

  test('all problems are listed, one per line', () => {
    const { message } = failure(r50With({ 'model.backbone.depth': 18, total_epoch: 3 }))
    expect(message.split('\n')).toHaveLength(3)
    expect(message).toMatch(/^configuration: 2 problems\n/)
  })
})

describe('parts that must fit one another', () => {
  test.each([
    [
      'neck and backbone',
      { 'model.neck.in_channels': [256, 512, 1024] },
      'model.neck.in_channels: found [256,512,1024], expected [512, 1024, 2048], the output channels of model.backbone',
    ],
    [
      'number of levels of head and neck',
      { 'model.head.in_channels': [256, 256] },
      'model.head.in_channels: found [256,256], expected [256, 256, 256], one entry per level',
    ],
    [
      'channels of head and neck',
      { 'model.head.in_channels': [256, 256, 128] },
      'each equal to model.neck.out_channels',
    ],
    ['levels in order', { 'model.backbone.out_indices': [3, 2, 1] }, 'ascending order'],
    [
      'outputs and stages',
      { 'model.backbone.num_stages': 3, 'model.backbone.frozen_stages': -1 },
      'model.backbone.out_indices: found [1,2,3], expected stages below model.backbone.num_stages, 3',
    ],
    [
      'frozen stages and stages',
      { 'model.backbone.num_stages': 3 },
      'model.backbone.frozen_stages: found 4, expected at most model.backbone.num_stages, 3',
    ],
    ['levels of one stride', { 'model.backbone.strides': [1, 2, 2, 1] }, 'give [8, 16, 16]'],
    [
      'anchor stride and backbone stride',
      { 'model.head.anchor_generator.strides': [16] },
      'model.head.anchor_generator.strides: found [16]',
    ],
    [
      'exemplar and search size',
      { 'model.test_cfg.search_size': 127 },
      'model.test_cfg.search_size: found 127, expected more than model.test_cfg.exemplar_size, 127',
    ],
    [
      'exemplar sizes of training and tracking',
      { 'model.test_cfg.exemplar_size': 120 },
      'model.train_cfg.rpn.exemplar_size: found 127, expected 120',
    ],
    [
      'exemplar size and centre',
      { model: { ...r50.model, train_cfg: null, test_cfg: { ...r50.model.test_cfg, exemplar_size: 60 } } },
      'holds the 7x7 centre (its maps are [6, 6, 6])',
    ],
    [
      'centre and kernel',
      { 'model.test_cfg.center_size': 2 },
      'model.test_cfg.center_size: found 2, expected at least model.head.kernel_size, 3',
    ],
    ['shared size and its users', { exemplar_size: 100 }, 'exemplar_size: found 100, expected 127'],
    [
      'crops of training and model',
      { 'data.train.1.pipeline.3.target_size': [127, 287] },
      'data.train.1.pipeline.3.target_size: found [127,287], expected [127, 255]',
    ],
    [
      'crop size of training',
      { 'data.train.0.dataset.pipeline.2.crop_size': 411 },
      'data.train.0.dataset.pipeline.2.crop_size: found 411, expected 511',
    ],
    [
      'learning rates and epochs',
      { total_epochs: 30 },
      'lr_config.lr_configs.1.end_epoch: found 20, expected at least total_epochs, 30',
    ],
    [
      'intervals of the learning rate',
      { 'lr_config.lr_configs.0.end_epoch': 20 },
      'lr_config.lr_configs.1.end_epoch: found 20, expected more than 20',
    ],
  ])('%s', (_, changes, message) => {
    expect(failure(r50With(changes)).message).toContain(message)
  })

  test('a search size may differ between training and tracking', () => {
    expect(parseConfig(r50With({ 'model.test_cfg.search_size': 287 })).model.test_cfg.search_size).toBe(287)
  })
})

test('map sizes are those of the seed: 15, 31 and 25', () => {
  expect(mapSizes(namedConfig('r50').model)).toEqual({
    exemplar: [15, 15, 15],
    search: [31, 31, 31],
    score: [25, 25, 25],
  })
})
