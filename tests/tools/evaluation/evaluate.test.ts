// What measures a model in training: the videos that data.val names, and the names of the measures.

import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openDevice } from '../../../src/gpu/device.ts'
import { parseConfig, type TestDatasetConfig } from '../../../src/siamrpn/config.ts'
import { micro } from '../../../src/siamrpn/configs/micro.ts'
import { r50 } from '../../../src/siamrpn/configs/r50.ts'
import { stateDictShapes } from '../../../src/siamrpn/layout.ts'
import { randomWeights } from '../../../tools/cli/random-weights.ts'
import { SyntheticClips } from '../../../tools/clips/clips.ts'
import { writeLaSOT } from '../../../tools/clips/write.ts'
import { type EvaluationClips, evaluateModel, openEvaluationClips } from '../../../tools/evaluation/evaluate.ts'
import { boxLines, place, placeImages } from '../benchmarks/helpers.ts'
import { temporaryFolder } from '../frames/helpers.ts'

async function open(val: object): Promise<EvaluationClips> {
  const { data } = parseConfig({ ...r50, data: { ...r50.data, val } })
  return await openEvaluationClips(data?.val as TestDatasetConfig)
}

test('a benchmark by its folder, with only_eval_visible as configured', async () => {
  const root = join(await temporaryFolder(), 'lasot')
  await writeLaSOT(new SyntheticClips({ seed: 1, clips: 2, width: 96, height: 80, framesPerClip: 3 }), root)
  const entries = {
    type: 'LaSOTDataset',
    ann_file: join(root, 'none.json'),
    img_prefix: root,
    pipeline: r50.test_pipeline,
  }
  const { benchmark, read, onlyEvalVisible } = await open(entries)
  expect(benchmark).toMatchObject({ type: 'lasot', protocol: 'ope' })
  expect(benchmark.sequences).toHaveLength(2)
  expect(onlyEvalVisible).toBe(false)
  expect((await open({ ...entries, only_eval_visible: true })).onlyEvalVisible).toBe(true)
  const [first] = benchmark.sequences
  expect(await read(first!, 2)).toMatchObject({ width: 96, height: 80 })
})

test("generated clips and one's own; VOT with restarts and the interval of its challenge", async () => {
  const generated = await open({ type: 'SyntheticClips', seed: 3, clips: 2, width: 96, height: 80, frames_per_clip: 4 })
  expect(generated.benchmark.sequences.map(({ boxes }) => boxes.length)).toEqual([4, 4])
  const root = await temporaryFolder()
  await place(root, { 'list.txt': 'ants1\n', 'ants1/groundtruth.txt': boxLines(2) })
  await placeImages(join(root, 'ants1/color'), [1, 2], 8)
  const vot = {
    type: 'VOTDataset',
    dataset_type: 'vot2019',
    ann_file: '',
    img_prefix: root,
    pipeline: r50.test_pipeline,
  }
  expect(await open(vot)).toMatchObject({ benchmark: { protocol: 'vot' }, interval: [46, 291] })
  await placeImages(join(root, 'ants1/img'), [1, 2], 8)
  const own = await open({ type: 'ClipFolder', path: join(root, 'ants1') })
  expect(own).toMatchObject({ benchmark: { type: 'folder', sequences: [{ name: 'ants1' }] }, onlyEvalVisible: true })
})

test('training pairs and secret truth cannot be measured on', async () => {
  await expect(open({ type: 'SOTCocoDataset', ann_file: 'a.json', pipeline: r50.train_pipeline })).rejects.toThrow(
    /data\.val is a SOTCocoDataset, which cannot be evaluated on; expected a benchmark such as LaSOTDataset/,
  )
  const root = await temporaryFolder()
  await place(root, { 'TEST/anno/a_0.txt': boxLines(1) })
  await placeImages(join(root, 'TEST/frames/a_0'), [0, 2], 1)
  const entries = { type: 'TrackingNetDataset', ann_file: '', img_prefix: root, pipeline: r50.test_pipeline }
  await expect(open(entries)).rejects.toThrow(
    /data\.val is TrackingNet \(test\), of which only the first box of a video is published \(a_0\)/,
  )
})

test("measures by MMTracking's names, of one pass and of VOT", async () => {
  const device = await openDevice()
  onTestFinished(() => device.close())
  const config = parseConfig(micro)
  const state = randomWeights(stateDictShapes(config.model), 1)
  const clips = await open({ type: 'SyntheticClips', seed: 3, clips: 2, width: 96, height: 80, frames_per_clip: 3 })
  const done: number[] = []
  const scores = await evaluateModel(state, { device, config, clips, onClip: (count) => done.push(count) })
  expect(Object.keys(scores)).toEqual(['success', 'norm_precision', 'precision', 'mean_overlap', 'on_target'])
  expect(done).toEqual([1, 2])
  // The given box of the first of three frames counts, as in MMTracking.
  expect(scores.success).toBeGreaterThan(30)
  const vot = { ...clips, benchmark: { ...clips.benchmark, protocol: 'vot' }, interval: [1, 3] } as const
  expect(Object.keys(await evaluateModel(state, { device, config, clips: vot }))).toEqual(
    expect.arrayContaining(['eao', 'robustness', 'mean_overlap']),
  )
}, 300_000)
