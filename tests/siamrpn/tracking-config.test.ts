// A configuration read for tracking: whatever its training part says is no obstacle, and what describes the model still is one.

import { describe, expect, test } from 'vitest'
import { fromMMTracking, parseConfig, parseTrackingConfig, type TrackingExtra } from '../../src/siamrpn/config.ts'
import { r50 } from '../../src/siamrpn/configs/r50.ts'
import { ConfigError } from '../../src/siamrpn/errors.ts'
import { r50With } from './helpers.ts'

const training: readonly [what: string, changes: Record<string, unknown>, unread: string[]][] = [
  [
    'a scale of half precision',
    { fp16: { loss_scale: 'static' }, 'optimizer_config.type': 'SiameseRPNFp16OptimizerHook' },
    ['fp16.loss_scale'],
  ],
  ['another optimizer', { optimizer: { type: 'Lion', lr: 1e-4 } }, ['optimizer.type']],
  ['options of an optimizer', { 'optimizer.foreach': true }, ['optimizer.foreach']],
  ['another schedule', { lr_config: { policy: 'OneCycle', max_lr: 1 } }, ['lr_config.policy']],
  ['a schedule too short', { total_epochs: 40 }, ['lr_config.lr_configs.1.end_epoch']],
  ['schedules of momentum', { momentum_config: { policy: 'cyclic' } }, ['momentum_config']],
  [
    'other hooks',
    { custom_hooks: [{ type: 'SyncNormHook' }, { type: 'Mine', a: [1] }] },
    ['custom_hooks.0.type', 'custom_hooks.1.type'],
  ],
  ['another runner', { runner: { type: 'IterBasedRunner', max_iters: 9 } }, ['runner.type']],
  [
    'unknown loggers',
    { 'log_config.hooks': [{ type: 'WandbLoggerHook', init_kwargs: {} }] },
    ['log_config.hooks.0.type'],
  ],
  ['code of other files', { custom_imports: { imports: ['my.hooks'] } }, ['custom_imports']],
  ['entries that nobody knows', { my_entry: 1, other: { deep: [2] } }, ['my_entry', 'other']],
  ['another workflow', { workflow: [['test', 1]] }, ['workflow.0.0']],
  ['checkpoints of another kind', { checkpoint_config: { interval: 'often' } }, ['checkpoint_config.interval']],
  ['losses', { 'model.head.loss_cls.type': 'VarifocalLoss' }, ['model.head.loss_cls.type']],
  ['samplers', { 'model.train_cfg.rpn.sampler.type': 'OHEMSampler' }, ['model.train_cfg.rpn.sampler.type']],
  ['initial weights', { 'model.backbone.init_cfg.type': 'Kaiming' }, ['model.backbone.init_cfg.type']],
  ['data sets', { 'data.train': { type: 'MyDataset' } }, ['data.train.type']],
  ['steps of a pipeline', { train_pipeline: [{ type: 'MyAug' }] }, ['train_pipeline.0.type']],
  ['no batch size', { 'data.samples_per_gpu': undefined }, ['data.samples_per_gpu']],
  ['a batch without size', { 'data.samples_per_gpu': 0 }, ['data.samples_per_gpu']],
  ['data that are a list', { data: [1] }, ['data']],
]

describe('the training part', () => {
  test.each(training)('may have %s', (_, changes, unread) => {
    const value = r50With(changes)
    const before = structuredClone(value)
    const found = parseTrackingConfig(value)
    expect(found.unread.toSorted()).toEqual(unread.toSorted())
    const { model } = parseConfig(r50)
    expect(found.config.model.backbone.type).toBe('SOTResNet')
    expect({ ...found.config.model.test_cfg }).toEqual(model.test_cfg)
    expect(found.config.cudnn_benchmark).toBe(true)
    expect(value).toEqual(before)
  })

  test.each(training)('is refused by training where it has %s', (_, changes) => {
    expect(() => parseConfig(fromMMTracking(r50With(changes)))).toThrow(ConfigError)
  })

  test('may have all of it at once, and the data set that is measured on is still read', () => {
    const all = Object.assign({}, ...training.map(([, changes]) => changes), { data: { ...r50.data, train: 5 } })
    const { config, unread } = parseTrackingConfig(r50With(all), { reads: ['data.test'] })
    expect(config.data?.test).toEqual(parseConfig(r50).data?.test)
    expect(config.data?.train).toBeUndefined()
    expect(config.model.train_cfg).toBeNull()
    expect(unread).toEqual(
      expect.arrayContaining(['fp16.loss_scale', 'optimizer.type', 'data.train', 'model.head.loss_cls.type']),
    )
  })

  test('is kept where it is understood', () => {
    const { config, unread } = parseTrackingConfig(r50With({ runner: { type: 'EpochBasedRunner', max_epochs: 20 } }))
    expect(config).toEqual(parseConfig(r50))
    expect(unread).toEqual([])
  })

  test('may hold more entries that are not known than are told one by one', () => {
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`entry_${i}`, i]))
    const { config, unread } = parseTrackingConfig({ ...r50With({}), ...many })
    const { backbone, head, test_cfg } = parseConfig(r50).model
    const bare = { ...backbone, frozen_stages: -1, init_cfg: null }
    expect(config.model).toMatchObject({ backbone: bare, head, test_cfg, train_cfg: null })
    expect(unread).toContain('entry_2999')
  })
})

describe('what tracking reads', () => {
  test.each<[Record<string, unknown>, RegExp]>([
    [
      { 'model.backbone.depth': 101, fp16: { loss_scale: 1 } },
      /^configuration x\.py: model\.backbone\.depth: found 101/,
    ],
    [{ 'model.test_cfg.rpn.lr': 'fast' }, /model\.test_cfg\.rpn\.lr: found "fast"/],
    [{ 'model.backbone.strydes': [1] }, /model\.backbone\.strydes: unknown key, did you mean 'strides'/],
    [{ cudnn_benchmark: 3 }, /cudnn_benchmark: found 3, expected true or false/],
    [{ model: undefined }, /model: missing/],
    [{ optim_wrapper: { type: 'OptimWrapper' } }, /optim_wrapper: .* MMTracking 1\.x/],
  ])('is refused as ever: %j', (changes, message) => {
    expect(() => parseTrackingConfig(r50With(changes), { source: 'x.py' })).toThrow(message)
    expect(() => parseTrackingConfig(r50With(changes), { source: 'x.py' })).toThrow(ConfigError)
  })

  test.each([null, 5, 'text', [1]])('%j is no configuration', (value) => {
    expect(() => parseTrackingConfig(value)).toThrow(ConfigError)
  })

  test('has the data set that is measured on in it where it is asked for', () => {
    const value = r50With({ 'data.test': { type: 'MyVideos' } })
    expect(parseTrackingConfig(value).unread).toEqual(['data.test.type'])
    expect(() => parseTrackingConfig(value, { reads: ['data.test'] })).toThrow(/data\.test\.type: found "MyVideos"/)
  })

  test.each<[entry: TrackingExtra, type: string]>([
    ['model.train_cfg', 'model.train_cfg.rpn.sampler.type'],
    ['model.head.loss_cls', 'model.head.loss_cls.type'],
    ['model.head.loss_bbox', 'model.head.loss_bbox.type'],
  ])('has %s in it where teaching reads it', (entry, path) => {
    const value = r50With({ [path]: 'Unknown' })
    expect(parseTrackingConfig(value).unread).toEqual([path])
    expect(() => parseTrackingConfig(value, { reads: [entry] })).toThrow(`${path}: found "Unknown"`)
  })
})
