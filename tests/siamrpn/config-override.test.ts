import { describe, expect, test } from 'vitest'
import { overrideConfig, parseConfig, type TrainDatasetConfig } from '../../src/siamrpn/config.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { photoPipeline, photoTrainData } from '../../src/siamrpn/configs/photo-data.ts'
import { ConfigError } from '../../src/siamrpn/errors.ts'

const r50 = namedConfig('r50')

describe('overrideConfig', () => {
  test('sets a number and leaves everything else and the original alone', () => {
    const changed = overrideConfig(r50, 'model.test_cfg.rpn.lr=0.3')
    expect(changed.model.test_cfg.rpn).toEqual({ penalty_k: 0.05, window_influence: 0.42, lr: 0.3 })
    expect(r50.model.test_cfg.rpn.lr).toBe(0.38)
    expect({ ...changed, model: null }).toEqual({ ...r50, model: null })
  })

  test('does nothing without overrides', () => {
    expect(overrideConfig(r50, [])).toEqual(r50)
  })

  test.each([
    ['cudnn_benchmark=False', ['cudnn_benchmark'], false],
    ['cudnn_benchmark=false', ['cudnn_benchmark'], false],
    ['load_from=model.safetensors', ['load_from'], 'model.safetensors'],
    ['load_from="a b"', ['load_from'], 'a b'],
    ['work_dir=2024', ['work_dir'], '2024'],
    ['work_dir=None', ['work_dir'], null],
    ['log_level = DEBUG', ['log_level'], 'DEBUG'],
    [
      'workflow=[("train", 2), ("val", 1)]',
      ['workflow'],
      [
        ['train', 2],
        ['val', 1],
      ],
    ],
    ["evaluation.metric=['track']", ['evaluation', 'metric'], ['track']],
    ['optimizer_config.grad_clip=None', ['optimizer_config', 'grad_clip'], null],
    ['optimizer_config.grad_clip={"max_norm": 5}', ['optimizer_config', 'grad_clip', 'max_norm'], 5],
    ['data.train.0.times=2', ['data', 'train', 0, 'times'], 2],
    ['data.train[0].times=2', ['data', 'train', 0, 'times'], 2],
    ['lr_config.lr_configs[1].end_lr_factor=1e-2', ['lr_config', 'lr_configs', 1, 'end_lr_factor'], 0.01],
    [
      'optimizer.paramwise_cfg.custom_keys.neck.lr_mult=2',
      ['optimizer', 'paramwise_cfg', 'custom_keys', 'neck', 'lr_mult'],
      2,
    ],
    [
      'optimizer.paramwise_cfg.custom_keys["backbone.layer1"].decay_mult=0',
      ['optimizer', 'paramwise_cfg', 'custom_keys', 'backbone.layer1', 'decay_mult'],
      0,
    ],
  ])('%s', (override, path, value) => {
    expect(overrideConfig(r50, override)).toHaveProperty(path, value)
  })

  test('applies several in order and checks them together', () => {
    const changed = overrideConfig(r50, [
      'model.neck.out_channels=64',
      'model.head.in_channels=[64, 64, 64]',
      'total_epochs=3',
      'total_epochs=4',
    ])
    expect(changed.model.head.in_channels).toEqual([64, 64, 64])
    expect(changed.total_epochs).toBe(4)
  })

  test('a new class keeps the options that it shares with the old one', () => {
    expect(overrideConfig(r50, ['optimizer.type=AdamW', 'optimizer.lr=0.001']).optimizer).toEqual({
      type: 'AdamW',
      lr: 0.001,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weight_decay: 0.0001,
      paramwise_cfg: { custom_keys: { backbone: { lr_mult: 0.1, decay_mult: 1 } } },
    })
    expect(overrideConfig(r50, 'model.head.loss_cls.type=FocalLoss').model.head.loss_cls).toMatchObject({
      type: 'FocalLoss',
      use_sigmoid: true,
      reduction: 'sum',
    })
  })

  test('an entry that was left out can be built up', () => {
    const { optimizer: _, ...rest } = r50
    expect(overrideConfig(rest, ['optimizer.type=SGD', 'optimizer.lr=0.1']).optimizer).toMatchObject({
      lr: 0.1,
      momentum: 0,
    })
    expect(() => overrideConfig(rest, 'optimizer.lr=0.1')).toThrow(
      'with optimizer.lr=0.1: optimizer: missing, expected optimizer.type to be set before',
    )
  })
})

describe('shared entries', () => {
  test('search_size reaches model and pipelines', () => {
    const changed = overrideConfig(r50, 'search_size=287')
    expect(changed.model.test_cfg.search_size).toBe(287)
    expect(changed.model.train_cfg?.rpn.search_size).toBe(287)
    expect(JSON.stringify(changed)).not.toContain('255')
    expect(JSON.stringify(changed)).toContain('"target_size":[127,287]')
  })

  test('an entry with a value of its own keeps it', () => {
    const changed = overrideConfig(r50, ['model.test_cfg.search_size=271', 'search_size=287'])
    expect(changed.model.test_cfg.search_size).toBe(271)
  })

  test('data_root moves all files', () => {
    const text = JSON.stringify(overrideConfig(r50, 'data_root=/mnt/sets/').data)
    expect(text.match(/"\/mnt\/sets\//g)).toHaveLength(10)
    expect(text).not.toContain('"data/')
  })

  test('data_root moves folders of clips, cut-outs and photographs, too, and the pipelines stay alike', () => {
    const options = { data_root: 'data/photos/', exemplar_size: 127, search_size: 255 }
    const { crop_size, ...rest } = r50
    const data = { samples_per_gpu: 2, workers_per_gpu: 0, train: photoTrainData(options) }
    const before = parseConfig({ ...rest, data_root: options.data_root, train_pipeline: photoPipeline(options), data })
    const after = overrideConfig(before, 'data_root=/mnt/sets/')
    expect(JSON.stringify(after)).not.toContain('data/photos')
    const train = after.data?.train as Extract<TrainDatasetConfig, { type: 'RandomSampleConcatDataset' }>
    for (const { pipeline } of train.dataset_cfgs as readonly { readonly pipeline?: unknown }[]) {
      expect(pipeline).toEqual(after.train_pipeline)
    }
    expect(train.dataset_cfgs[2]).toMatchObject({ path: '/mnt/sets/cutouts', background_path: '/mnt/sets/photos' })
    expect(() => overrideConfig(before, 'search_size=191')).not.toThrow()
  })

  test('a step of train_pipeline changes in every dataset', () => {
    const changed = overrideConfig(r50, 'train_pipeline.4.prob=[0.5, 0.5]')
    expect(JSON.stringify(changed).match(/"SeqColorAug","prob":\[0\.5,0\.5\]/g)).toHaveLength(4)
    const own = overrideConfig(r50, ['data.train.1.pipeline.4.prob=[0, 0]', 'train_pipeline.4.prob=[0.5, 0.5]'])
    expect(JSON.stringify(own).match(/"SeqColorAug","prob":\[0\.5,0\.5\]/g)).toHaveLength(3)
  })
})

describe('faults', () => {
  test.each([
    ['model.tset_cfg.rpn.lr=0.3', "model.tset_cfg: unknown key, did you mean 'test_cfg'?"],
    ['model.test_cfg.rpn.learning_rate=0.3', 'model.test_cfg.rpn.learning_rate: unknown key, did you mean'],
    ['model.test_cfg.rpn.lr=fast', 'model.test_cfg.rpn.lr: found "fast", expected a number'],
    ['model.test_cfg.rpn.lr.x=1', 'model.test_cfg.rpn.lr: found 0.38, expected no key below it'],
    ['model.neck.out_channels=64', 'model.head.in_channels: found [256,256,256], expected [64, 64, 64]'],
    ['data.train.3.times=2', 'data.train: found 3, expected an index from 0 to 2'],
    ['data.train.first.times=2', 'data.train: found "first", expected an index from 0 to 2'],
    ['model.head.loss_bbox.type=L2Loss', 'model.head.loss_bbox.type: found "L2Loss", expected one of \'L1Loss\''],
    ['total_epochs', 'override: found "total_epochs", expected key.path=value'],
    ['=3', 'override: found "=3", expected key.path=value'],
    ['model..neck=3', 'override: found "model..neck=3"'],
    ['optimizer.paramwise_cfg.custom_keys.constructor.x=3', 'constructor.x: unknown key'],
    ['__proto__.x=3', '__proto__: unknown key'],
  ])('%s', (override, message) => {
    expect(() => overrideConfig(r50, override)).toThrow(ConfigError)
    expect(() => overrideConfig(r50, override)).toThrow(message)
  })
})
