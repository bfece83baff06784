import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { overrideConfig, parseConfig } from '../../../src/siamrpn/config.ts'
import { namedConfig } from '../../../src/siamrpn/configs/index.ts'
import { r50 } from '../../../src/siamrpn/configs/r50.ts'
import { PythonConfigError } from '../../../tools/python-config/errors.ts'
import { configFileKinds, readConfigFile, readTrackingConfig } from '../../../tools/training/config-file.ts'
import { ConfigFileError } from '../../../tools/training/errors.ts'

const configs = fileURLToPath(new URL('./configs/', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'siamrpn-config-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const read = async (name: string) => parseConfig(await readConfigFile(join(configs, name)), name)

/** A file of this content, in a folder of its own. */
function written(name: string, content: string | Uint8Array): string {
  const file = join(mkdtempSync(join(scratch, 'case-')), name)
  writeFileSync(file, content)
  return file
}

/** A file that is based on the configuration of MMTracking 0.14. */
const based = (content: string) =>
  written('x.py', `_base_ = '${join(configs, 'siamese_rpn_r50_20e_lasot.py')}'\n${content}`)

async function refusal(file: string): Promise<Error> {
  return await readConfigFile(file).then(
    (value) => {
      parseConfig(value, file)
      throw new Error('the configuration was accepted')
    },
    (error: Error) => error,
  )
}

describe('the configuration of MMTracking', () => {
  test('as documented is r50, entry by entry', async () => {
    const documented = await readConfigFile(join(configs, 'siamese_rpn_r50.py'))
    expect(documented).toEqual(JSON.parse(JSON.stringify(r50)))
    expect(Object.keys(documented as object)).toEqual(Object.keys(r50))
    expect(parseConfig(documented)).toEqual(parseConfig(r50))
  })

  test('of version 0.14 has the model and the schedule of r50, its own pipeline and data', async () => {
    const { seed, work_dir, model, optimizer, optimizer_config, lr_config, total_epochs, ...rest } =
      await read('siamese_rpn_r50_20e_lasot.py')
    const expected = parseConfig(r50)
    expect({ model, optimizer, optimizer_config, lr_config, total_epochs }).toEqual({
      model: expected.model,
      optimizer: expected.optimizer,
      optimizer_config: expected.optimizer_config,
      lr_config: expected.lr_config,
      total_epochs: 20,
    })
    expect({ seed, work_dir }).toEqual({ seed: 1, work_dir: './work_dirs/siamese_rpn_r50_20e_lasot' })
    expect(rest.train_pipeline?.map(({ type }) => type)).toEqual([
      'PairSampling',
      'LoadMultiImagesFromFile',
      'SeqLoadAnnotations',
      'SeqCropLikeSiamFC',
      'SeqShiftScaleAug',
      'SeqColorAug',
      'SeqBlurAug',
      'VideoCollect',
      'ConcatSameTypeFrames',
      'SeqDefaultFormatBundle',
    ])
    expect(rest.data).toMatchObject({
      samples_per_epoch: 600000,
      train: {
        type: 'RandomSampleConcatDataset',
        dataset_cfgs: [
          { type: 'SOTImageNetVIDDataset', img_prefix: 'data/ILSVRC/Data/VID', pipeline: rest.train_pipeline },
          { type: 'SOTCocoDataset', ann_file: 'data/coco/annotations/instances_train2017.json' },
          { type: 'SOTCocoDataset' },
        ],
      },
      val: { type: 'LaSOTDataset', only_eval_visible: true },
    })
    expect(Object.keys(rest)).not.toContain('training')
  })

  test.each([
    ['otb100', 'OTB100Dataset', { penalty_k: 0.4, window_influence: 0.5, lr: 0.4 }],
    ['uav123', 'UAV123Dataset', { penalty_k: 0.1, window_influence: 0.1, lr: 0.5 }],
    ['vot2018', 'VOTDataset', { penalty_k: 0.04, window_influence: 0.44, lr: 0.33 }],
    ['trackingnet', 'LaSOTDataset', { penalty_k: 0.05, window_influence: 0.42, lr: 0.38 }],
    ['got10k', 'GOT10kDataset', { penalty_k: 0.05, window_influence: 0.42, lr: 0.38 }],
  ])('for %s changes only what it says', async (name, val, rpn) => {
    const base = await read('siamese_rpn_r50_20e_lasot.py')
    const variant = await read(`siamese_rpn_r50_20e_${name}.py`)
    expect(variant.data?.val).toMatchObject({ type: val, pipeline: base.test_pipeline, test_mode: true })
    expect(variant.model.test_cfg.rpn).toEqual(rpn)
    expect({ ...variant.model, test_cfg: undefined }).toEqual({ ...base.model, test_cfg: undefined })
    expect(variant.lr_config).toEqual(base.lr_config)
  })

  test('for OTB100 puts SeqGrayAug between the crop and the shift', async () => {
    const { train_pipeline, data } = await read('siamese_rpn_r50_20e_otb100.py')
    expect(train_pipeline?.slice(3, 6).map(({ type }) => type)).toEqual([
      'SeqCropLikeSiamFC',
      'SeqGrayAug',
      'SeqShiftScaleAug',
    ])
    expect(data).toMatchObject({
      samples_per_gpu: 16,
      workers_per_gpu: 4,
      train: { dataset_cfgs: [{}, { pipeline: train_pipeline }] },
    })
  })

  test('in half precision is that of single precision, with fp16; r50_fp16 has it', async () => {
    const half = await read('siamese_rpn_r50_fp16_20e_lasot.py')
    const single = await read('siamese_rpn_r50_20e_lasot.py')
    expect({ ...half, work_dir: null }).toEqual({ ...single, fp16: { loss_scale: 512 }, work_dir: null })
    const named = namedConfig('r50_fp16')
    expect([named.fp16, named.optimizer_config]).toEqual([half.fp16, half.optimizer_config])
  })

  test('in half precision is no obstacle to tracking, which reads the same model', async () => {
    const { config, unread } = await readTrackingConfig(join(configs, 'siamese_rpn_r50_fp16_20e_lasot.py'), [
      'data.test',
    ])
    const single = await read('siamese_rpn_r50_20e_lasot.py')
    expect(unread).toEqual([])
    expect(config.model).toEqual(single.model)
    expect(config.data?.test).toEqual(single.data?.test)
  })

  test('can be overridden like any other', async () => {
    const config = overrideConfig(await read('siamese_rpn_r50_20e_lasot.py'), 'data_root=/mnt/')
    expect(config.data).toMatchObject({ val: { img_prefix: '/mnt/lasot/LaSOTBenchmark' } })
  })
})

describe('files based on it', () => {
  test('variables that the schema does not know are left out if they are used', async () => {
    const config = parseConfig(await readConfigFile(based('epochs = 30\ntotal_epochs = epochs - 10\n')))
    expect(config.total_epochs).toBe(20)
    expect(config).not.toHaveProperty('epochs')
  })

  test.each([
    ["optimiser = dict(type='SGD')", /optimiser: unknown key, did you mean 'optimizer'\?/],
    ['model = dict(backbone=dict(strydes=(1, 2)))', /model\.backbone\.strydes: unknown key, did you mean 'strides'\?/],
    ['data = dict(samples_per_gpu=0)', /data\.samples_per_gpu: found 0/],
    [
      'lr_config = dict(policy="OneCycle")',
      /lr_config\.policy: found "OneCycle", expected one of 'SiameseRPN', 'fixed', 'step'/,
    ],
    ['evaluation = dict(save_best="eao")', /evaluation\.save_best: found "eao", expected a measure that LaSOTDataset/],
  ])('%s is refused', async (content, message) => {
    const file = based(content)
    const value = await readConfigFile(file)
    expect(() => parseConfig(value, file)).toThrow(message)
  })

  test('Python that is no data is refused with its place', async () => {
    const file = based('import os\n')
    const error = await refusal(file)
    expect(error).toBeInstanceOf(PythonConfigError)
    expect(error.message).toContain(`${file}:2: \`import\` is refused`)
  })

  test('a base that is missing is told where it is named', async () => {
    const error = await refusal(written('x.py', "\n_base_ = './none.py'\n"))
    expect(error.message).toMatch(/x\.py:2: _base_ cannot be read: .*none\.py.*ENOENT/)
  })
})

describe('other files', () => {
  test('JSON', async () => {
    const value = await readConfigFile(
      written('x.json', JSON.stringify({ ...r50, runner: { type: 'EpochBasedRunner', max_epochs: 20 } })),
    )
    expect(parseConfig(value)).toEqual(parseConfig(r50))
  })

  test.each([
    ['one called config', 'export const other = 1\nexport const config = { a: 1 }\n'],
    ['the only one', 'export const small = { a: 1 }\n'],
  ])('a module gives %s', async (_, content) => {
    expect(await readConfigFile(written('x.mjs', content))).toEqual({ a: 1 })
  })

  test('r50 is read from its own module', async () => {
    expect(
      await readConfigFile(fileURLToPath(new URL('../../../src/siamrpn/configs/r50.ts', import.meta.url))),
    ).toEqual(r50)
  })

  test.each<[string, string, string | Uint8Array, RegExp]>([
    [
      'a module of several',
      'x.mjs',
      'export const a = 1\nexport const b = 2\n',
      /exports a, b, expected one called config/,
    ],
    ['a module of none', 'x.mjs', 'const a = 1\n', /exports nothing/],
    [
      'a broken module',
      'x.mjs',
      'throw new Error("broken inside")\n',
      /cannot read the configuration .*: broken inside/,
    ],
    ['broken JSON', 'x.json', '{"a": ', /cannot read the configuration .*JSON/],
    ['text that is no UTF-8', 'x.py', new Uint8Array([0x61, 0xff]), /cannot read the configuration/],
    ['another kind', 'x.yaml', 'a: 1\n', /is no configuration file, expected one that ends in \.py, \.json/],
  ])('%s is refused', async (_, name, content, message) => {
    const error = await refusal(written(name, content))
    expect(error).toBeInstanceOf(ConfigFileError)
    expect(error.message).toMatch(message)
  })

  test('a missing file is named', async () => {
    for (const kind of configFileKinds) {
      expect((await refusal(join(scratch, `none${kind}`))).message).toMatch(/cannot read the configuration .*none/)
    }
  })
})

test('the test data names its source', () => {
  expect(readFileSync(join(configs, 'siamese_rpn_r50.py'), 'utf8')).toMatch(/^# .*MMTracking.*Apache-2\.0/)
})
