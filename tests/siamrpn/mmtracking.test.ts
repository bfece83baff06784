import { describe, expect, test } from 'vitest'
import { fromMMTracking, parseConfig } from '../../src/siamrpn/config.ts'
import { r50 } from '../../src/siamrpn/configs/r50.ts'
import { ConfigError } from '../../src/siamrpn/errors.ts'
import { r50With } from './helpers.ts'

describe('entries of other words', () => {
  test.each<[string, Record<string, unknown>]>([
    ['a runner beside total_epochs', { runner: { type: 'EpochBasedRunner', max_epochs: 20 } }],
    [
      'a runner instead of total_epochs',
      { total_epochs: undefined, runner: { type: 'EpochBasedRunner', max_epochs: 20 } },
    ],
    ['entries for other programs', { opencv_num_threads: 0, mp_start_method: 'fork', gpu_ids: [0], device: 'cuda' }],
    ['hooks that do nothing here', { custom_hooks: [{ type: 'NumClassCheckHook' }] }],
    ['no imports', { custom_imports: null, auto_scale_lr: { enable: false, base_batch_size: 16 } }],
    ['what every ResNet has', { 'model.backbone.style': 'pytorch', 'model.backbone.conv_cfg': null }],
    ['how overlaps are computed', { 'model.train_cfg.rpn.assigner.iou_calculator': { type: 'BboxOverlaps2D' } }],
    ['loggers by epoch', { 'log_config.hooks': [{ type: 'TextLoggerHook', by_epoch: true }] }],
    [
      'loaders',
      {
        'data.samples_per_gpu': 2,
        'data.train_dataloader': { samples_per_gpu: 28, workers_per_gpu: 2 },
        'data.test_dataloader': { samples_per_gpu: 1 },
      },
    ],
    ['a concatenation', { 'data.train': { type: 'ConcatDataset', datasets: r50.data.train } }],
  ])('%s', (_, changes) => {
    expect(parseConfig(fromMMTracking(r50With(changes)))).toEqual(parseConfig(r50))
  })

  test('an optimizer hook without a type is a plain one, as in mmcv', () => {
    const config = parseConfig(fromMMTracking(r50With({ optimizer_config: { grad_clip: null } })))
    expect(config.optimizer_config).toEqual({ type: 'OptimizerHook', grad_clip: null })
    expect(parseConfig(fromMMTracking(r50With({ optimizer_config: null }))).optimizer_config).toBeUndefined()
  })

  const grad_clip = { max_norm: 35, norm_type: 2 }
  const release = r50.optimizer_config
  test.each<[string, Record<string, unknown>, unknown, unknown]>([
    [
      'of MMTracking',
      { fp16: { loss_scale: 512 }, 'optimizer_config.type': 'SiameseRPNFp16OptimizerHook' },
      512,
      { ...release, cumulative_iters: 1 },
    ],
    [
      'of mmcv, with a scale of its own',
      { optimizer_config: { type: 'Fp16OptimizerHook', loss_scale: 'dynamic', grad_clip, distributed: false } },
      'dynamic',
      { type: 'OptimizerHook', grad_clip },
    ],
    [
      "with mmcv's default",
      { optimizer_config: { type: 'GradientCumulativeFp16OptimizerHook', cumulative_iters: 4 } },
      512,
      { type: 'GradientCumulativeOptimizerHook', cumulative_iters: 4, grad_clip: null },
    ],
    [
      'that says the scale twice',
      { fp16: { loss_scale: 8 }, optimizer_config: { type: 'Fp16OptimizerHook', loss_scale: 8 } },
      8,
      { type: 'OptimizerHook', grad_clip: null },
    ],
    ['of single precision, beside fp16', { fp16: {} }, 512, { ...release, cumulative_iters: 1 }],
  ])('the optimizer hook of half precision %s is fp16 and the plain hook', (_, changes, loss_scale, hook) => {
    const config = parseConfig(fromMMTracking(r50With(changes)))
    expect(config.fp16).toEqual({ loss_scale })
    expect(config.optimizer_config).toEqual(hook)
  })

  test('fp16 may be null', () => {
    expect(parseConfig(fromMMTracking(r50With({ fp16: null })))).toEqual(parseConfig(r50))
  })

  test('the value given is not changed', () => {
    const value = r50With({ runner: { type: 'EpochBasedRunner', max_epochs: 20 } })
    const before = structuredClone(value)
    fromMMTracking(value)
    expect(value).toEqual(before)
  })

  test('only variables are left out: used, and unknown to the schema', () => {
    const value = fromMMTracking({ ...r50, lr: 1, typo: 2 }, new Set(['lr', 'crop_size']))
    expect(value).toHaveProperty('crop_size')
    expect(value).not.toHaveProperty('lr')
    expect(value).toHaveProperty('typo')
  })

  test.each([null, 5, 'text', [1]])('%s is left to the schema', (value) => {
    expect(fromMMTracking(value)).toBe(value)
  })
})

describe('entries that ask for what does not exist here', () => {
  test.each<[Record<string, unknown>, RegExp]>([
    [
      { runner: { type: 'IterBasedRunner', max_iters: 100 } },
      /runner\.type: found "IterBasedRunner", expected 'EpochBasedRunner'/,
    ],
    [
      { runner: { type: 'EpochBasedRunner', max_epochs: 5 } },
      /runner\.max_epochs: found 5, expected 20, as total_epochs/,
    ],
    [{ runner: { type: 'EpochBasedRunner', max_epochs: 20, x: 1 } }, /runner\.x: found 1, expected no entry but/],
    [{ custom_imports: { imports: ['my.models'] } }, /custom_imports: .* Python code of other files is not run/],
    [
      { custom_hooks: [{ type: 'MyHook' }] },
      /custom_hooks\.0\.type: found "MyHook", expected one of ExpMomentumEMAHook,/,
    ],
    [
      { custom_hooks: [{ type: 'EMAHook', resume_from: 'a' }] },
      /custom_hooks\.0\.resume_from: found "a", expected null/,
    ],
    [{ 'model.backbone.style': 'caffe' }, /model\.backbone\.style: found "caffe", expected "pytorch"/],
    [
      { 'log_config.hooks': [{ type: 'TextLoggerHook', by_epoch: false }] },
      /log_config\.hooks\.0\.by_epoch: found false, expected true/,
    ],
    [{ auto_scale_lr: { enable: true } }, /auto_scale_lr\.enable: found true, expected false/],
    [
      { fp16: { loss_scale: 512 }, optimizer_config: { type: 'Fp16OptimizerHook', loss_scale: 'dynamic' } },
      /optimizer_config\.loss_scale: found "dynamic", expected 512, as fp16\.loss_scale/,
    ],
    [
      { optim_wrapper: { type: 'OptimWrapper' } },
      /optim_wrapper: .* MMTracking 1\.x; expected a configuration of 0\.x/,
    ],
  ])('%j', (changes, message) => {
    expect(() => fromMMTracking(r50With(changes), new Set(), 'x.py')).toThrow(message)
    expect(() => fromMMTracking(r50With(changes), new Set(), 'x.py')).toThrow(ConfigError)
  })
})
