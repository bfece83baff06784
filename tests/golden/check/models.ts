// The models that section A lists: their configuration, derived from the shapes of their tensors, and their weights, which are
// functions of the tensors' names. A model's name in the files means nothing here.
// Source: tests/golden/README.md, "Hash generator"; A.json.

import * as z from 'zod'
import { elementCount, fromFloat32, type StateDict } from '../../../src/formats/state-dict.ts'
import { type Config, parseConfig } from '../../../src/siamrpn/config.ts'
import { r50 } from '../../../src/siamrpn/configs/r50.ts'
import { hashTensor } from './hash.ts'
import { GoldenDataError } from './reader.ts'

const entrySchema = z.object({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  dtype: z.enum(['float32', 'int64']),
  kind: z.enum(['param', 'buffer']),
  /** Values are fround(a * u + b); counters have neither. */
  a: z.number().optional(),
  b: z.number().optional(),
  lr_base: z.number().optional(),
})

/** One tensor of a state dict. */
export type ModelEntry = z.infer<typeof entrySchema>

export const modelSchema = z.object({
  config: z.string(),
  num_entries: z.int(),
  entries: z.array(entrySchema).min(1),
  num_param_tensors: z.int(),
  num_parameters: z.int(),
  parameters_per_module: z.record(z.string(), z.int()),
})

export type GoldenModel = z.infer<typeof modelSchema>

export const backboneSchema = z.object({
  strides: z.array(z.int()),
  dilations: z.array(z.int()),
  out_indices: z.array(z.int()),
})

/** What the files say of every model's backbone beyond its channels. */
export type GoldenBackbone = z.infer<typeof backboneSchema>

/**
 * The seed's configuration with the channels of these tensors.
 * @throws GoldenDataError if a tensor that tells them is missing
 * @throws ConfigError if they contradict each other
 */
export function modelConfig(model: Pick<GoldenModel, 'entries'>, backbone: GoldenBackbone, name: string): Config {
  const shapes = new Map(model.entries.map((entry) => [entry.name, entry.shape]))
  const size = (tensor: string, axis: number) => {
    const found = shapes.get(tensor)?.[axis]
    if (found === undefined) throw new GoldenDataError(`model ${name} of A.json has no tensor '${tensor}'`)
    return found
  }
  const levels = (pattern: (level: number) => string, axis: number) => {
    const count = [...shapes.keys()].filter((key) => /^neck\.convs\.\d+\.conv\.weight$/.test(key)).length
    return Array.from({ length: count }, (_, level) => size(pattern(level), axis))
  }
  const neck = (level: number) => `neck.convs.${level}.conv.weight`
  const seed = r50.model
  return parseConfig(
    {
      ...r50,
      model: {
        ...seed,
        backbone: {
          ...seed.backbone,
          ...backbone,
          base_channels: size('backbone.layer1.0.conv1.weight', 0),
          stem_channels: size('backbone.conv1.weight', 0),
          init_cfg: null,
        },
        neck: {
          ...seed.neck,
          in_channels: levels(neck, 1),
          out_channels: size(neck(0), 0),
          kernel_size: size(neck(0), 2),
        },
        head: {
          ...seed.head,
          in_channels: levels((level) => `head.cls_heads.${level}.kernel_convs.conv.weight`, 1),
          kernel_size: size('head.cls_heads.0.kernel_convs.conv.weight', 2),
          weighted_sum: shapes.has('head.cls_weight'),
        },
      },
    },
    `of golden model ${name}`,
  )
}

/** The weights of a model: the stream of `salt` + name, scaled; counters are 0. */
export function hashWeights(entries: readonly ModelEntry[], salt: string): StateDict {
  return new Map(
    entries.map(({ name, shape, dtype, a, b }) => {
      if (dtype === 'int64') return [name, { dtype: 'i64', shape, data: new Uint8Array(8 * elementCount(shape)) }]
      if (a === undefined || b === undefined)
        throw new GoldenDataError(`A.json has no rule for the values of '${name}'`)
      return [name, fromFloat32(hashTensor(salt + name, elementCount(shape), a, b), shape)]
    }),
  )
}
