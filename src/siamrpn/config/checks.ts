// Checks of a configuration beyond the shape of its entries: parts that have to fit one another. Every check names both
// sides, so that the reader can see which of them is wrong.

import { checkLongTerm } from './check-long-term.ts'
import { checkSchedule } from './check-schedule.ts'
import { isBenchmark } from './data.ts'
import { backboneChannels, levelStrides, mapSizes } from './geometry.ts'
import type { ConfigProblem } from './problem.ts'
import type { Config, ModelConfig, TrainDatasetConfig } from './schema.ts'

/** All contradictions of a configuration, none if it is sound. */
export function crossCheck(config: Config): ConfigProblem[] {
  const missing = checkStages(config.model)
  if (missing.length > 0) return missing
  return [
    ...checkLevels(config.model),
    ...checkChannels(config.model),
    ...checkMaps(config.model),
    ...checkSizes(config),
    ...checkPairs(config),
    ...checkPipelines(config),
    ...checkTestPipelines(config),
    ...checkSchedule(config),
    ...checkEvaluation(config),
  ]
}

/** Nothing may speak of stages that do not exist, and every stage needs its stride and dilation. */
function checkStages({ backbone }: ModelConfig): ConfigProblem[] {
  if (backbone.type !== 'SOTResNet') return []
  const { num_stages, out_indices, frozen_stages } = backbone
  const problems: ConfigProblem[] = []
  for (const name of ['strides', 'dilations'] as const) {
    if (backbone[name].length >= num_stages) continue
    problems.push({
      path: `model.backbone.${name}`,
      found: backbone[name],
      expected: `a list of at least ${num_stages} items, one for each of model.backbone.num_stages`,
    })
  }
  if (out_indices.some((stage) => stage >= num_stages)) {
    problems.push({
      path: 'model.backbone.out_indices',
      found: out_indices,
      expected: `stages below model.backbone.num_stages, ${num_stages}`,
    })
  }
  if (frozen_stages > num_stages) {
    problems.push({
      path: 'model.backbone.frozen_stages',
      found: frozen_stages,
      expected: `at most model.backbone.num_stages, ${num_stages}`,
    })
  }
  return problems
}

function checkLevels(model: ModelConfig): ConfigProblem[] {
  const { backbone, head, neck } = model
  const problems: ConfigProblem[] = []
  const out_indices = outIndices(backbone)
  if (out_indices.some((stage, i) => i > 0 && stage <= (out_indices[i - 1] ?? -1))) {
    problems.push({
      path: 'model.backbone.out_indices',
      found: out_indices,
      expected: 'stages in ascending order, each once',
    })
    return problems
  }
  const strides = levelStrides(model)
  const [anchorStride] = head.anchor_generator.strides
  if (strides.some((stride) => stride !== anchorStride)) {
    problems.push({
      path: 'model.head.anchor_generator.strides',
      found: head.anchor_generator.strides,
      expected: `the stride of every ${neck?.upsample_cfg ? 'resized level' : 'backbone output'}; ${stridesOf(backbone)} ${show(strides)}`,
    })
  }
  return problems
}

function checkChannels({ backbone, neck, head }: ModelConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const channels = backboneChannels(backbone)
  const outputs = `the output channels of model.backbone (${widthOf(backbone)})`
  if (neck !== null && !equal(neck.in_channels, channels)) {
    problems.push({
      path: 'model.neck.in_channels',
      found: neck.in_channels,
      expected: `${show(channels)}, ${outputs}`,
    })
  }
  const levels = neck === null ? channels : channels.map(() => neck.out_channels)
  if (!equal(head.in_channels, levels)) {
    problems.push({
      path: 'model.head.in_channels',
      found: head.in_channels,
      expected: `${show(levels)}, ${neck === null ? outputs : 'one entry per level, each equal to model.neck.out_channels'}`,
    })
  }
  return problems
}

function widthOf(backbone: ModelConfig['backbone']): string {
  switch (backbone.type) {
    case 'AlexNet':
      return `widen_factor ${backbone.widen_factor}`
    case 'MobileNetV2':
      return `widen_factor ${backbone.widen_factor}, out_indices ${show(backbone.out_indices)}`
    case 'SOTResNet':
      return `base_channels ${backbone.base_channels}, out_indices ${show(backbone.out_indices)}`
  }
}

/** What the strides of a backbone's outputs come from, up to the numbers themselves. */
function stridesOf(backbone: ModelConfig['backbone']): string {
  if (backbone.type === 'AlexNet') return 'AlexNet has'
  return `strides ${show(backbone.strides)} and out_indices ${show(backbone.out_indices)} give`
}

/** Stages whose outputs are returned; an AlexNet has one output. */
function outIndices(backbone: ModelConfig['backbone']): readonly number[] {
  return backbone.type === 'AlexNet' ? [0] : backbone.out_indices
}

/** The maps of all levels are correlated and summed, so they must exist and be of one size. */
function checkMaps(model: ModelConfig): ConfigProblem[] {
  const { test_cfg, train_cfg, head } = model
  const problems: ConfigProblem[] = []
  if (test_cfg.center_size < head.kernel_size) {
    problems.push({
      path: 'model.test_cfg.center_size',
      found: test_cfg.center_size,
      expected: `at least model.head.kernel_size, ${head.kernel_size}`,
    })
    return problems
  }
  const configs = [{ path: 'model.test_cfg', sizes: test_cfg }]
  if (train_cfg !== null)
    configs.push({ path: 'model.train_cfg.rpn', sizes: { ...test_cfg, ...train_cfg.rpn, rpn: test_cfg.rpn } })
  const { long_term } = test_cfg
  if (long_term !== null) {
    configs.push({ path: 'model.test_cfg.long_term', sizes: { ...test_cfg, search_size: long_term.search_size } })
  }
  for (const { path, sizes } of configs) {
    const maps = mapSizes(model, sizes.exemplar_size, sizes.search_size)
    const smallest = Math.min(...maps.exemplar)
    if (smallest < test_cfg.center_size) {
      problems.push({
        path: `${path}.exemplar_size`,
        found: sizes.exemplar_size,
        expected: `an exemplar whose feature map holds the ${test_cfg.center_size}x${test_cfg.center_size} centre (its maps are ${show(maps.exemplar)})`,
      })
    }
    if (Math.min(...maps.score) < 1) {
      problems.push({
        path: `${path}.search_size`,
        found: sizes.search_size,
        expected: `a search image whose feature map is larger than the exemplar's centre (its maps are ${show(maps.search)})`,
      })
    } else if (new Set(maps.score).size > 1) {
      problems.push({
        path: 'model.backbone.out_indices',
        found: outIndices(model.backbone),
        expected: `levels whose maps have one size (the search maps are ${show(maps.search)})`,
      })
    }
  }
  return problems
}

function checkSizes(config: Config): ConfigProblem[] {
  const { test_cfg, train_cfg } = config.model
  const problems: ConfigProblem[] = []
  if (test_cfg.search_size <= test_cfg.exemplar_size) {
    problems.push({
      path: 'model.test_cfg.search_size',
      found: test_cfg.search_size,
      expected: `more than model.test_cfg.exemplar_size, ${test_cfg.exemplar_size}`,
    })
  }
  problems.push(...checkLongTerm(test_cfg))
  if (train_cfg !== null && train_cfg.rpn.exemplar_size !== test_cfg.exemplar_size) {
    problems.push({
      path: 'model.train_cfg.rpn.exemplar_size',
      found: train_cfg.rpn.exemplar_size,
      expected: `${test_cfg.exemplar_size}, as model.test_cfg.exemplar_size`,
    })
  }
  for (const name of ['exemplar_size', 'search_size'] as const) {
    const shared = config[name]
    const used = train_cfg === null ? [test_cfg[name]] : [test_cfg[name], train_cfg.rpn[name]]
    if (shared !== undefined && !used.includes(shared)) {
      problems.push({ path: name, found: shared, expected: `${used[0]}, as model.test_cfg.${name}` })
    }
  }
  return problems
}

/** What a training step makes of its batch. */
function checkPairs({ model, data }: Config): ConfigProblem[] {
  const { train_cfg, head } = model
  if (train_cfg === null) return []
  const { cross_pairs, hard_negatives } = train_cfg.rpn
  const problems: ConfigProblem[] = []
  if (data !== undefined && cross_pairs >= data.samples_per_gpu) {
    const expected = `fewer than data.samples_per_gpu, ${data.samples_per_gpu}: each exemplar meets the sample before its own`
    problems.push({ path: 'model.train_cfg.rpn.cross_pairs', found: cross_pairs, expected })
  }
  if (hard_negatives !== null && head.loss_cls.type !== 'CrossEntropyLoss') {
    const expected = `null with ${head.loss_cls.type} (model.head.loss_cls), which weighs hard anchors itself`
    problems.push({ path: 'model.train_cfg.rpn.hard_negatives', found: hard_negatives, expected })
  }
  return problems
}

/** The crops that the training pipelines make must be those that the model is configured for. */
function checkPipelines(config: Config): ConfigProblem[] {
  const { train_cfg } = config.model
  if (train_cfg === null) return []
  const { exemplar_size, search_size } = train_cfg.rpn
  const problems: ConfigProblem[] = []
  for (const { path, steps } of trainPipelines(config)) {
    for (const [i, step] of steps.entries()) {
      const cuts = step.type === 'SeqShiftScaleAug' || step.type === 'SeqAffineCrop'
      if (cuts && !equal(step.target_size, [exemplar_size, search_size])) {
        problems.push({
          path: `${path}.${i}.target_size`,
          found: step.target_size,
          expected: `${show([exemplar_size, search_size])}, exemplar and search size of model.train_cfg.rpn`,
        })
      }
      if (step.type !== 'SeqCropLikeSiamFC' && step.type !== 'SeqAffineCrop') continue
      if (step.exemplar_size !== exemplar_size) {
        problems.push({
          path: `${path}.${i}.exemplar_size`,
          found: step.exemplar_size,
          expected: `${exemplar_size}, as model.train_cfg.rpn.exemplar_size`,
        })
      }
      if (step.type === 'SeqCropLikeSiamFC' && config.crop_size !== undefined && step.crop_size !== config.crop_size) {
        problems.push({
          path: `${path}.${i}.crop_size`,
          found: step.crop_size,
          expected: `${config.crop_size}, as crop_size`,
        })
      }
    }
  }
  return problems
}

/** What a benchmark's pipeline has to do, and all that is done: the image as it is, and the box that a track begins with. */
function checkTestPipelines({ data }: Config): ConfigProblem[] {
  return (['val', 'test'] as const).flatMap((name) => {
    const dataset = data?.[name]
    return dataset && isBenchmark(dataset) ? checkTestPipeline(dataset.pipeline, `data.${name}.pipeline`) : []
  })
}

const testSteps = ['LoadImageFromFile', 'LoadAnnotations', 'MultiScaleFlipAug']
const testTransforms = ['VideoCollect', 'ImageToTensor']

function checkTestPipeline(steps: NonNullable<Config['test_pipeline']>, path: string): ConfigProblem[] {
  const found = steps.map(({ type }) => type)
  if (found.join() !== testSteps.join()) return [{ path, found, expected: `${testSteps.join(', ')}, in this order` }]
  return steps.flatMap((step, i): ConfigProblem[] => {
    if (step.type === 'LoadAnnotations' && !step.with_bbox) {
      return [
        { path: `${path}.${i}.with_bbox`, found: false, expected: 'true: a track begins with the box of a frame' },
      ]
    }
    if (step.type !== 'MultiScaleFlipAug') return []
    const types = step.transforms.map(({ type }) => type)
    if (types.join() !== testTransforms.join()) {
      return [
        { path: `${path}.${i}.transforms`, found: types, expected: `${testTransforms.join(', ')}, in this order` },
      ]
    }
    return step.transforms.flatMap(({ type, keys }, k) => {
      const needed = type === 'VideoCollect' ? ['img', 'gt_bboxes'] : ['img']
      if (needed.every((key) => keys.includes(key))) return []
      return [{ path: `${path}.${i}.transforms.${k}.keys`, found: keys, expected: `with ${needed.join(' and ')}` }]
    })
  })
}

type TrainSteps = NonNullable<Config['train_pipeline']>

function trainPipelines(config: Config): { path: string; steps: TrainSteps }[] {
  const found = config.train_pipeline === undefined ? [] : [{ path: 'train_pipeline', steps: config.train_pipeline }]
  const train = config.data?.train ?? []
  for (const [i, entry] of (Array.isArray(train) ? train : [train]).entries()) {
    found.push(...pipelinesOf(entry, Array.isArray(train) ? `data.train.${i}` : 'data.train'))
  }
  return found
}

function pipelinesOf(entry: TrainDatasetConfig, path: string): { path: string; steps: TrainSteps }[] {
  if (entry.type === 'RepeatDataset') return pipelinesOf(entry.dataset, `${path}.dataset`)
  if (entry.type === 'RandomSampleConcatDataset') {
    return entry.dataset_cfgs.flatMap((inner, i) => pipelinesOf(inner, `${path}.dataset_cfgs.${i}`))
  }
  return entry.pipeline === undefined ? [] : [{ path: `${path}.pipeline`, steps: entry.pipeline }]
}

function checkEvaluation({ evaluation, data }: Config): ConfigProblem[] {
  const val = data?.val?.type
  if (evaluation?.save_best !== 'eao' || val === undefined || val === 'VOTDataset') return []
  const expected = `a measure that ${val} (data.val) gives: success, norm_precision or precision`
  return [{ path: 'evaluation.save_best', found: 'eao', expected }]
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

function show(values: readonly number[]): string {
  return `[${values.join(', ')}]`
}
