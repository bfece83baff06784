// Section C: the whole network on white noise with hash weights: every stage's samples and statistics, features of template and
// search image, logits and deltas. All of a case runs as one captured program.

import * as z from 'zod'
import { capture } from '../../../src/gpu/program.ts'
import type { Recorder } from '../../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../../src/gpu/tensor.ts'
import type { ChannelRange } from '../../../src/nn/folded-layers.ts'
import { imageChannels } from '../../../src/siamrpn/conv-specs.ts'
import type { GoldenSet } from './golden-set.ts'
import { noiseImage } from './hash.ts'
import { type Map4, readMap, uploadMap, withTensors } from './maps.ts'
import { GoldenDataError, type GoldenSection } from './reader.ts'
import { type CaseReport, logitMagnitude, type SectionReport } from './report.ts'
import { channels, entriesAt, perChannelSums, pixel, statistics } from './summaries.ts'
import { logitTolerance, stageTolerance } from './tolerances.ts'

const stageSchema = z.object({
  phase: z.enum(['z', 'x', 'head']),
  module: z.string(),
  shape: z.array(z.int()),
  mean: z.number(),
  std: z.number(),
  absmax: z.number(),
  idx: z.string(),
  val: z.string(),
})

const searchFeatureSchema = z.object({
  /** Map of channel 3. */
  channel3: z.string(),
  center_pixel: z.string(),
  sum: z.number(),
  abssum: z.number(),
  per_channel_sum: z.string(),
})

const caseSchema = z.object({
  id: z.string(),
  model: z.string(),
  batch: z.int().positive(),
  z_key: z.string(),
  x_key: z.string(),
  image_rule: z.string(),
  z_feats: z.array(z.string()),
  x_feats: z.array(searchFeatureSchema),
  stages: z.array(stageSchema),
  cls_score: z.string(),
  bbox_pred: z.string(),
})

const schema = z.object({ hash_salt: z.string(), cases: z.array(caseSchema) })

type SectionC = z.infer<typeof schema>
type Case = z.infer<typeof caseSchema>
type Stage = z.infer<typeof stageSchema>

/** Which channel `channel3` is. */
const searchChannel = 3

export async function checkC(set: GoldenSet, report: SectionReport): Promise<void> {
  const section = await set.section('C', schema)
  for (const golden of report.list('cases', section.json.cases)) {
    if (!set.slow && (await set.isSlow(golden.model))) {
      report.leaveForSlow(golden.id)
      continue
    }
    await report.check(golden.id, (one) => checkCase(set, section, golden, one))
  }
}

async function checkCase(
  set: GoldenSet,
  section: GoldenSection<SectionC>,
  golden: Case,
  one: CaseReport,
): Promise<void> {
  const outputs = await forward(set, section.json.hash_salt, golden)
  for (const stage of golden.stages) checkStage(section, stage, outputs.stages, one)
  for (const [level, key] of golden.z_feats.entries()) {
    const expected = section.tensor(key)
    const found = outputs.template[level]
    const part = found && channels(found, expected.shape[1] ?? 0)
    one.exact(`template features ${level}, shape`, part?.shape, expected.shape)
    if (part) one.relative(`template features ${level}`, part.data, section.float32(key), stageTolerance)
  }
  for (const [level, features] of golden.x_feats.entries()) {
    const found = outputs.search[level]
    if (found) checkSearchFeatures(section, features, { name: `search features ${level}`, found }, one)
    else one.fail(`search features ${level}`, `the network has only ${outputs.search.length} levels`)
  }
  one.exact(
    'number of levels',
    [outputs.template.length, outputs.search.length],
    [golden.z_feats.length, golden.x_feats.length],
  )
  for (const name of ['cls_score', 'bbox_pred'] as const) {
    const expected = section.float32(golden[name])
    one.exact(`${name}, shape`, outputs[name].shape, section.tensor(golden[name]).shape)
    one.relative(name, outputs[name].data, expected, logitTolerance, logitMagnitude(expected))
  }
}

/** What a module put out, and which channels of the tensor are its own. */
interface Observed {
  readonly tensor: GpuTensor
  readonly range: ChannelRange | undefined
}

interface Outputs {
  /** By `phase module`. */
  readonly stages: ReadonlyMap<string, Map4>
  readonly template: readonly Map4[]
  readonly search: readonly Map4[]
  readonly cls_score: Map4
  readonly bbox_pred: Map4
}

async function forward(set: GoldenSet, salt: string, golden: Case): Promise<Outputs> {
  const device = await set.device()
  const { config } = await set.model(golden.model)
  const network = await set.network(golden.model, salt)
  const { exemplar_size, search_size } = config.model.test_cfg
  set.say(`preparing ${golden.id}`)
  return await withTensors(device, async (lend) => {
    const image = (key: string, size: number) => lend(uploadMap(device, noiseBatch(key, golden, size), imageChannels))
    const template = image(golden.z_key, exemplar_size)
    const search = image(golden.x_key, search_size)
    const observed = new Map<string, Observed>()
    const wanted = new Set(golden.stages.map(({ phase, module }) => `${phase} ${module}`))
    const observer =
      (r: Recorder, phase: Stage['phase']) => (module: string, tensor: GpuTensor, range?: ChannelRange) => {
        const name = `${phase} ${module}`
        if (!wanted.has(name)) return
        observed.set(name, { tensor, range })
        r.keep(tensor)
      }
    const program = await capture(device, (r) => {
      const z = network.forwardTemplate(r, template, observer(r, 'z'))
      const x = network.forwardSearch(r, search, observer(r, 'x'))
      return { z, x, maps: network.forwardHead(r, z, x, observer(r, 'head')) }
    })
    try {
      set.say(`running ${golden.id}`)
      program.run()
      const read = (tensors: readonly GpuTensor[]) => inOrder(tensors, (tensor) => readMap(device, tensor))
      const stages = new Map<string, Map4>()
      for (const [name, { tensor, range }] of observed) {
        const map = await readMap(device, tensor)
        stages.set(name, range ? channels(map, range.count, range.first) : map)
      }
      return {
        stages,
        template: await read(program.result.z),
        search: await read(program.result.x),
        cls_score: await readMap(device, program.result.maps.cls),
        bbox_pred: await readMap(device, program.result.maps.bbox),
      }
    } finally {
      program.destroy()
    }
  })
}

function noiseBatch(key: string, { batch, image_rule, id }: Case, size: number): Map4 {
  if (!image_rule.startsWith('255*u')) throw new GoldenDataError(`case ${id} of section C: image rule '${image_rule}'`)
  return { data: noiseImage(key, batch * 3 * size * size), shape: [batch, 3, size, size] }
}

function checkStage(
  section: GoldenSection<SectionC>,
  stage: Stage,
  stages: ReadonlyMap<string, Map4>,
  one: CaseReport,
): void {
  const name = `${stage.phase} ${stage.module}`
  const found = stages.get(name)
  if (!found) {
    one.fail(name, 'the network has no such stage')
    return
  }
  one.exact(`${name}, shape`, found.shape, stage.shape)
  const samples = entriesAt(found.data, section.float64(stage.idx))
  one.relative(name, samples, section.float32(stage.val), stageTolerance, stage.absmax)
  const { mean, deviation, largest } = statistics(found.data)
  one.relative(`${name}, mean`, [mean], [stage.mean], stageTolerance, stage.absmax)
  one.relative(`${name}, deviation`, [deviation], [stage.std], stageTolerance, stage.absmax)
  one.relative(`${name}, magnitude`, [largest], [stage.absmax], stageTolerance, stage.absmax)
}

function checkSearchFeatures(
  section: GoldenSection<SectionC>,
  golden: z.infer<typeof searchFeatureSchema>,
  { name, found }: { readonly name: string; readonly found: Map4 },
  one: CaseReport,
): void {
  const [, , height, width] = found.shape
  const map = channels(found, 1, searchChannel)
  one.relative(`${name}, channel ${searchChannel}`, map.data, section.float32(golden.channel3), stageTolerance)
  const centre = pixel(found, Math.floor(height / 2), Math.floor(width / 2))
  one.relative(`${name}, centre`, centre, section.float32(golden.center_pixel), stageTolerance)
  const sums = perChannelSums(found)
  one.relative(`${name}, sums of channels`, sums, section.float64(golden.per_channel_sum), stageTolerance)
  const absolute = found.data.reduce((sum, value) => sum + Math.abs(value), 0)
  const total = sums.reduce((sum, value) => sum + value, 0)
  one.relative(`${name}, sum`, [total], [golden.sum], stageTolerance, golden.abssum)
  one.relative(`${name}, sum of magnitudes`, [absolute], [golden.abssum], stageTolerance, golden.abssum)
}

async function inOrder<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (const item of items) results.push(await map(item))
  return results
}
