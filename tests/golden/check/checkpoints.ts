// Section J: checkpoint files. Every file is read with the library's own readers and compared value by value; the pysot files
// then go through the network, with pysot's anchors.

import { createHash } from 'node:crypto'
import * as z from 'zod'
import { readCheckpoint } from '../../../src/formats/checkpoint.ts'
import type { StateDict } from '../../../src/formats/state-dict.ts'
import { capture } from '../../../src/gpu/program.ts'
import { SiameseRPNAnchorGenerator } from '../../../src/siamrpn/anchors.ts'
import { overrideConfig } from '../../../src/siamrpn/config.ts'
import { Network } from '../../../src/siamrpn/network.ts'
import { checkRunnerCheckpoint, checkTricky, checkWeights, runnerSchema, trickySchema } from './checkpoint-files.ts'
import type { GoldenSet, NamedModel } from './golden-set.ts'
import { hashTensor, noiseImage } from './hash.ts'
import { readMap, uploadMap, withTensors } from './maps.ts'
import { GoldenDataError, type GoldenSection } from './reader.ts'
import { logitMagnitude, type SectionReport } from './report.ts'
import { logitTolerance } from './tolerances.ts'

const four = z.tuple([z.number(), z.number(), z.number(), z.number()])

const pysotSchema = z.object({
  files: z.array(z.string()),
  /** pysot's names, `module.` included, to MMTracking's. */
  mapping: z.record(z.string(), z.string()),
  z_key: z.string(),
  x_key: z.string(),
  cls_score: z.string(),
  bbox_pred: z.string(),
  pysot_anchors_xyxy: z.array(four),
  mmtracking_base_anchors_xyxy: z.array(four),
})

const schema = z.object({
  hash_salt: z.string(),
  files: z.record(
    z.string(),
    z.object({ bytes: z.int(), sha256: z.string(), format: z.enum(['zip', 'legacy']).optional() }),
  ),
  mmtrack_checkpoint: runnerSchema,
  tricky: trickySchema,
  pysot_checkpoint: pysotSchema,
})

type SectionJ = z.infer<typeof schema>

/** `num_batches_tracked` of the pysot files. */
const pysotCounter = 7n

export async function checkJ(set: GoldenSet, report: SectionReport): Promise<void> {
  const section = await set.section('J', schema)
  const { files, mmtrack_checkpoint, tricky, pysot_checkpoint } = section.json
  for (const [file, { bytes, sha256 }] of report.list('files', Object.entries(files))) {
    await report.check(`file ${file}`, async (one) => {
      const found = await set.bytes(file)
      one.exact('bytes', found.length, bytes)
      one.exact('sha256', createHash('sha256').update(found).digest('hex'), sha256)
    })
  }
  for (const file of report.list('mmtrack_checkpoint.files', mmtrack_checkpoint.files)) {
    const bytes = await set.bytes(file)
    await report.check(file, (one) =>
      checkRunnerCheckpoint(section, mmtrack_checkpoint, readCheckpoint(bytes, file), one),
    )
  }
  for (const file of report.list('tricky.files', tricky.files)) {
    const bytes = await set.bytes(file)
    await report.check(file, (one) => checkTricky(tricky, bytes, one))
  }
  const model = await goldenModel(set, section)
  for (const file of report.list('pysot_checkpoint.files', pysot_checkpoint.files))
    await checkPysotFile(set, section, { file, model }, report)
  await report.check('anchors', (one) => {
    const { anchor_generator } = model.config.model.head
    const anchors = (variant: 'pysot' | 'mmtracking') => [
      ...new SiameseRPNAnchorGenerator({ ...anchor_generator, variant }).baseAnchors,
    ]
    one.exact("pysot's", anchors('pysot'), pysot_checkpoint.pysot_anchors_xyxy.flat())
    one.exact("MMTracking's", anchors('mmtracking'), pysot_checkpoint.mmtracking_base_anchors_xyxy.flat())
  })
}

/** The model of section A that the files were made with: the one with the shapes of MMTracking's checkpoint. */
async function goldenModel(set: GoldenSet, section: GoldenSection<SectionJ>): Promise<NamedModel> {
  const { state } = section.json.mmtrack_checkpoint
  const fits = ({ golden }: NamedModel) =>
    golden.entries.every(({ name, shape }) => {
      const key = state[name]
      return key !== undefined && section.tensor(key).shape.join() === shape.join()
    })
  const model = [...(await set.models()).values()].find(fits)
  if (model) return model
  throw new GoldenDataError('no model of A.json has the shapes of the checkpoint of section J')
}

async function checkPysotFile(
  set: GoldenSet,
  section: GoldenSection<SectionJ>,
  { file, model }: { readonly file: string; readonly model: NamedModel },
  report: SectionReport,
): Promise<void> {
  const bytes = await set.bytes(file)
  const golden = section.json.pysot_checkpoint
  await report.check(file, async (one) => {
    const checkpoint = readCheckpoint(bytes, file)
    const { format, part, anchors, stateDict } = checkpoint
    one.exact('kind', { format, part, anchors }, { format: 'pysot', part: 'tracker', anchors: 'pysot' })
    one.exact('names', new Set(stateDict.keys()).size, Object.keys(golden.mapping).length)
    const rules = new Map(model.golden.entries.map((entry) => [entry.name, entry]))
    const expected = Object.entries(golden.mapping).map(([source, target]) => {
      const rule = rules.get(target)
      if (!rule)
        throw new GoldenDataError(`the mapping of section J has '${target}', which model ${model.name} has not`)
      const count = rule.shape.reduce((product, size) => product * size, 1)
      const key = `${section.json.hash_salt}pysot:${source.replace(/^module\./, '')}`
      const { a, b } = rule
      const values = a === undefined || b === undefined ? BigInt64Array.of(pysotCounter) : hashTensor(key, count, a, b)
      return { name: target, shape: rule.shape, values }
    })
    checkWeights(stateDict, expected, one)
    const maps = await networkMaps(set, section, model, stateDict)
    for (const name of ['cls_score', 'bbox_pred'] as const) {
      const values = section.float32(golden[name])
      one.exact(`${name}, shape`, maps[name].shape, section.tensor(golden[name]).shape)
      one.relative(name, maps[name].data, values, logitTolerance, logitMagnitude(values))
    }
  })
}

/** The maps of white noise, one template and one search image. */
async function networkMaps(set: GoldenSet, section: GoldenSection<SectionJ>, model: NamedModel, weights: StateDict) {
  const device = await set.device()
  const { z_key, x_key } = section.json.pysot_checkpoint
  const config = overrideConfig(model.config, 'model.head.anchor_generator.variant=pysot').model
  const network = new Network(config)
  await network.load(device, weights)
  try {
    return await withTensors(device, async (lend) => {
      const image = (key: string, size: number) =>
        lend(uploadMap(device, { data: noiseImage(key, 3 * size * size), shape: [1, 3, size, size] }, 4))
      const template = image(z_key, config.test_cfg.exemplar_size)
      const search = image(x_key, config.test_cfg.search_size)
      const program = await capture(device, (r) =>
        network.forwardHead(r, network.forwardTemplate(r, template), network.forwardSearch(r, search)),
      )
      program.run()
      const maps = {
        cls_score: await readMap(device, program.result.cls),
        bbox_pred: await readMap(device, program.result.bbox),
      }
      program.destroy()
      return maps
    })
  } finally {
    network.release(device)
  }
}
