// The head: at each level, template and search features are correlated channel by channel, once for classification and once
// for regression; levels are then summed. The two branches of a level read the same features, so their 3x3 convolutions are
// one call, and their correlations another. The template's side does not change from frame to frame and is a function of its
// own, computed once.
// Source: SiameseRPNHead and CorrelationHead of mmtrack/models/track_heads/siamese_rpn_head.py.

import { ShapeError } from '../gpu/errors.ts'
import type { ConvSpec } from '../nn/conv-module.ts'
import type { Layers } from '../nn/layers.ts'
import type { HeadConfig } from './config/schema.ts'
import { conv } from './conv-specs.ts'

const branches = ['cls', 'reg'] as const
type BranchName = (typeof branches)[number]

/** One level of one branch. */
export interface CorrelationSpecs {
  readonly name: string
  readonly kernelConv: ConvSpec
  readonly searchConv: ConvSpec
  readonly headConvs: readonly [ConvSpec, ConvSpec]
}

/** Maps of the head: logits `[N, H, W, 2 A]` and deltas `[N, H, W, 4 A]`, channel = class or coordinate * A + anchor. */
export interface HeadMaps<T> {
  readonly cls: T
  readonly bbox: T
}

/** One level's kernels and search features before they are correlated, sample by sample. */
export interface Pairing<T> {
  readonly kernel: T
  readonly features: T
}

type Level = Readonly<Record<BranchName, CorrelationSpecs>>

export class SiameseRPNHead {
  readonly levels: readonly Level[]
  readonly #weighted: boolean

  constructor(config: HeadConfig) {
    this.levels = config.in_channels.map((channels, level) => ({
      cls: levelSpecs(config, `head.cls_heads.${level}`, [channels, 2 * anchorsPerPosition(config)]),
      reg: levelSpecs(config, `head.reg_heads.${level}`, [channels, 4 * anchorsPerPosition(config)]),
    }))
    this.#weighted = config.weighted_sum
  }

  /** Every convolution, in PyTorch's order: all levels of `cls`, then all of `reg`. */
  get convs(): readonly ConvSpec[] {
    return branches.flatMap((name) =>
      this.levels.flatMap(({ [name]: { kernelConv, searchConv, headConvs } }) => [
        kernelConv,
        searchConv,
        ...headConvs,
      ]),
    )
  }

  /** Names of the logits of the levels; none if levels are averaged. */
  get vectors(): readonly string[] {
    return this.#weighted ? branches.map(weightOf) : []
  }

  /** Centre crops of the template's features, `[N, 7, 7, C]` per level, to correlation kernels `[N, 5, 5, 2 C]`: cls, then reg. */
  forwardKernels<T>(layers: Layers<T>, template: readonly T[]): T[] {
    return this.#each(template, 'template').map(({ level: { cls, reg }, input }) => {
      const kernel = layers.conv(input, [cls.kernelConv, reg.kernelConv], { activation: 'relu' })
      layers.observe([`${cls.name}.kernel_convs`, `${reg.name}.kernel_convs`], kernel)
      return kernel
    })
  }

  /**
   * Kernels of `forwardKernels` and search features `[N, h, w, C]` per level to the maps.
   * @param pair which kernel meets which search features; default: those of the same sample
   */
  forward<T>(
    layers: Layers<T>,
    kernels: readonly T[],
    search: readonly T[],
    pair: (one: Pairing<T>) => Pairing<T> = (one) => one,
  ): HeadMaps<T> {
    const levels = this.#each(search, 'search').map(({ level: { cls, reg }, input }, index) => {
      const kernel = kernels[index]
      if (kernel === undefined) {
        throw new ShapeError(`head: found ${kernels.length} kernels, expected ${this.levels.length}`)
      }
      const features = layers.conv(input, [cls.searchConv, reg.searchConv], { activation: 'relu' })
      layers.observe([`${cls.name}.search_convs`, `${reg.name}.search_convs`], features)
      const met = pair({ kernel, features })
      const correlation = layers.correlation(met.features, met.kernel, `head.${index}.correlation`)
      return {
        cls: branch(layers, layers.part(correlation, 0), cls),
        reg: branch(layers, layers.part(correlation, 1), reg),
      }
    })
    const sum = (name: BranchName) => {
      const maps = levels.map((level) => level[name])
      return layers.weightedSum(maps, this.#weighted ? weightOf(name) : undefined, `head.${name}`)
    }
    return { cls: sum('cls'), bbox: sum('reg') }
  }

  #each<T>(inputs: readonly T[], side: string): { level: Level; input: T }[] {
    if (inputs.length !== this.levels.length) {
      throw new ShapeError(`head: found ${inputs.length} levels of ${side} features, expected ${this.levels.length}`)
    }
    return this.levels.flatMap((level, index) => {
      const input = inputs[index]
      return input === undefined ? [] : [{ level, input }]
    })
  }
}

/** The number of anchors per position, A. */
export function anchorsPerPosition({ anchor_generator }: Pick<HeadConfig, 'anchor_generator'>): number {
  return anchor_generator.ratios.length * anchor_generator.scales.length
}

function weightOf(name: BranchName): string {
  return `head.${name}_weight`
}

function branch<T>(layers: Layers<T>, correlation: T, { name, headConvs }: CorrelationSpecs): T {
  const hidden = layers.conv(correlation, headConvs[0], { activation: 'relu' })
  layers.observe(`${name}.head_convs.0`, hidden)
  const output = layers.conv(hidden, headConvs[1])
  layers.observe(name, output)
  return output
}

function levelSpecs(
  { kernel_size, norm_cfg: { eps } }: HeadConfig,
  name: string,
  [channels, outputs]: readonly [number, number],
): CorrelationSpecs {
  const module = (part: string, size: number) =>
    conv(`${name}.${part}.conv`, [channels, channels], size, { norm: `${name}.${part}.bn`, eps })
  return {
    name,
    kernelConv: module('kernel_convs', kernel_size),
    searchConv: module('search_convs', kernel_size),
    headConvs: [module('head_convs.0', 1), conv(`${name}.head_convs.1.conv`, [channels, outputs], 1, { bias: true })],
  }
}
