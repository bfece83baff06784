// Section A: the hash generator, and the models: names, shapes, order, element types and parameter counts of their state dicts
// and the geometry of their convolutions, all against models built from a configuration with the same channels.

import * as z from 'zod'
import type { ConvSpec } from '../../../src/nn/conv-module.ts'
import { stateDictShapes } from '../../../src/siamrpn/layout.ts'
import { SiameseNetwork } from '../../../src/siamrpn/siamese-network.ts'
import type { GoldenSet, NamedModel } from './golden-set.ts'
import { fnv1a, hashStream, hashTensor } from './hash.ts'
import { modelSchema } from './models.ts'
import { GoldenDataError } from './reader.ts'
import type { SectionReport } from './report.ts'

const convRow = z.tuple([z.string(), z.int(), z.int(), z.int(), z.int(), z.int(), z.int(), z.boolean()])
const columns = ['name', 'in', 'out', 'k', 'stride', 'pad', 'dil', 'bias']

const schema = z.looseObject({
  hash_salt: z.string(),
  hash_examples: z.array(z.object({ key: z.string(), fnv1a: z.int(), u: z.array(z.number()) })),
  /** `name[from:to]` to values. */
  weight_examples: z.record(z.string(), z.array(z.number())),
  models: z.record(z.string(), modelSchema),
})

type SectionA = z.infer<typeof schema>

/** Tables `convs_<model>`. */
const convTable = z.object({
  columns: z.array(z.string()).refine((names) => names.join() === columns.join()),
  rows: z.array(convRow),
})

export async function checkA(set: GoldenSet, report: SectionReport): Promise<void> {
  const { json } = await set.section('A', schema)
  for (const { key, fnv1a: seed, u } of report.list('hash_examples', json.hash_examples)) {
    await report.check(`hash of '${key}'`, (one) => {
      one.exact('fnv1a', fnv1a(key), seed)
      one.exact('stream', [...hashStream(key, u.length)], u)
    })
  }
  await checkWeightExamples(json, report)
  const models = await set.models()
  for (const model of report.list('models', [...models.values()])) await checkModel(model, report)
  await checkConvTables(json, models, report)
  const rated = Object.values(json.models).flatMap(({ entries }) =>
    entries.filter(({ lr_base }) => lr_base !== undefined),
  )
  report.leaveOut('learning rates and weight decays of the optimizer', rated.length)
}

async function checkWeightExamples(json: SectionA, report: SectionReport): Promise<void> {
  for (const [id, values] of report.list('weight_examples', Object.entries(json.weight_examples))) {
    await report.check(id, (one) => {
      const [, name = '', from = '', to = ''] = /^(.+)\[(\d+):(\d+)\]$/.exec(id) ?? []
      const entry = Object.values(json.models)
        .flatMap(({ entries }) => entries)
        .find((candidate) => candidate.name === name && sizeOf(candidate.shape) >= Number(to))
      if (entry?.a === undefined || entry.b === undefined) {
        throw new GoldenDataError(`weight example '${id}' of A.json belongs to no tensor with a rule`)
      }
      const found = hashTensor(json.hash_salt + name, Number(to), entry.a, entry.b).subarray(Number(from))
      one.exact('values', [...found], values.map(Math.fround))
    })
  }
}

async function checkModel({ name, golden, config }: NamedModel, report: SectionReport): Promise<void> {
  const shapes = stateDictShapes(config.model)
  await report.check(`state dict of ${name}`, (one) => {
    const expected = golden.entries
    one.exact('number of entries', [expected.length, shapes.size], [golden.num_entries, golden.num_entries])
    one.exact(
      'names and order',
      [...shapes.keys()],
      expected.map((entry) => entry.name),
    )
    for (const entry of expected) one.exact(`shape of ${entry.name}`, shapes.get(entry.name), entry.shape)
    const kinds = [...shapes.keys()].map((key) => [key, dtypeOf(key), isBuffer(key) ? 'buffer' : 'param'])
    one.exact(
      'element types and kinds',
      kinds,
      expected.map((entry) => [entry.name, entry.dtype, entry.kind]),
    )
  })
  await report.check(`parameters of ${name}`, (one) => {
    const parameters = [...shapes].filter(([key]) => !isBuffer(key))
    const perModule: Record<string, number> = {}
    for (const [key, shape] of parameters) {
      const module = key.split('.', 1)[0] ?? ''
      perModule[module] = (perModule[module] ?? 0) + sizeOf(shape)
    }
    one.exact('tensors', parameters.length, golden.num_param_tensors)
    one.exact(
      'numbers',
      parameters.reduce((sum, [, shape]) => sum + sizeOf(shape), 0),
      golden.num_parameters,
    )
    one.exact('numbers per module', perModule, golden.parameters_per_module)
  })
}

/** Tables of convolutions, called `convs_` and a model's name. */
async function checkConvTables(
  json: SectionA,
  models: ReadonlyMap<string, NamedModel>,
  report: SectionReport,
): Promise<void> {
  for (const [key, value] of Object.entries(json)) {
    if (!key.startsWith('convs_')) continue
    const table = convTable.safeParse(value)
    if (!table.success) throw new GoldenDataError(`${key} of A.json is no table with the columns ${columns.join(', ')}`)
    const model = models.get(key.slice('convs_'.length))
    if (!model) throw new GoldenDataError(`${key} of A.json is the table of a model that it does not list`)
    const specs = new SiameseNetwork(model.config.model).convs
    await report.check(key, (one) => {
      one.exact(
        'names and order',
        specs.map(({ name }) => name),
        table.data.rows.map(([name]) => name),
      )
      for (const [i, row] of table.data.rows.entries()) one.exact(row[0], convRowOf(specs[i]), row)
    })
  }
}

function convRowOf(spec: ConvSpec | undefined): unknown {
  if (!spec) return undefined
  const { name, inChannels, outChannels, kernel, stride, padding, dilation, bias } = spec
  return [name, inChannels, outChannels, kernel, stride, padding, dilation, bias]
}

function dtypeOf(name: string): string {
  return name.endsWith('.num_batches_tracked') ? 'int64' : 'float32'
}

function isBuffer(name: string): boolean {
  return /\.(running_mean|running_var|num_batches_tracked)$/.test(name)
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}
