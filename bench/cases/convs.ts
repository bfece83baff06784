// Convolutions: the layers (a) to (f) on which other libraries have been timed, bare, and every distinct convolution of R50's
// search branch as the library runs it, with folded batch norm, residual and ReLU.

import { ConvModule, type ConvSpec } from '../../src/nn/conv-module.ts'
import type { ConvNode } from '../../src/nn/counting-layers.ts'
import { namedConfig } from '../../src/siamrpn/configs/index.ts'
import { type BenchCase, operationCase } from '../case.ts'
import { noise, noiseWeights } from '../data.ts'
import { convTensors, multiplyAdds, searchNetwork } from '../network.ts'
import { correlationCase } from './operations.ts'

/** One bare layer; a square input of `size` pixels. */
interface BareLayer {
  readonly name: string
  readonly channels: readonly [number, number]
  readonly kernel: number
  readonly size: number
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
}

const bareLayers: readonly BareLayer[] = [
  { name: 'layer a: 1x1 1024->256, 31x31', channels: [1024, 256], kernel: 1, size: 31 },
  { name: 'layer b: 3x3 d2 256->256, 31x31', channels: [256, 256], kernel: 3, size: 31, padding: 2, dilation: 2 },
  { name: 'layer c: 3x3 d4 512->512, 31x31', channels: [512, 512], kernel: 3, size: 31, padding: 4, dilation: 4 },
  { name: 'layer d: 1x1 512->2048, 31x31', channels: [512, 2048], kernel: 1, size: 31 },
  { name: 'layer e: 7x7 s2 3->64, 255x255', channels: [3, 64], kernel: 7, size: 255, stride: 2 },
]

/** The layers of the peers' tables. */
export function layerCases(): BenchCase[] {
  const convs = bareLayers.map(bareCase)
  return [...convs, correlationCase('layer f: correlation 256, 29x29 * 5x5', { channels: 256, size: 29, kernel: 5 })]
}

function bareCase({ name, channels, kernel, size, ...geometry }: BareLayer): BenchCase {
  const [inChannels, outChannels] = channels
  const spec = { name, inChannels, outChannels, kernel, stride: 1, padding: 0, dilation: 1, ...geometry }
  const { padding, dilation, stride } = spec
  const outSize = Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1
  const directFlops = 2 * outSize ** 2 * outChannels * kernel ** 2 * inChannels
  const prepare: Prepare = async (device) => {
    const module = new ConvModule([{ ...spec, bias: false, eps: 0, padInput: paddedChannels(inChannels) }], {
      inputSizes: [size],
    })
    await module.load(device, noiseWeights(new Map([[`${name}.weight`, outChannels * inChannels * kernel ** 2]])))
    const input = noise(device, [1, size, size, paddedChannels(inChannels)], 'input')
    return {
      record: (r) => module.forward(r, input),
      release: () => {
        module.release(device)
        device.release(input)
      },
      directFlops,
    }
  }
  return operationCase(name, prepare, { expected: expected(directFlops) })
}

type Prepare = Parameters<typeof operationCase>[1]

/** A run that finds out how often to repeat it, and a sample. */
function expected(directFlops: number) {
  return { seconds: 1, flops: 2 * directFlops }
}

/** An RGB image has four channels on the device. */
export function paddedChannels(channels: number): number {
  return channels === 3 ? 4 : channels
}

/** A convolution of R50's search branch, and how often a frame runs it. */
export interface SearchConv {
  readonly name: string
  readonly node: ConvNode
  readonly count: number
}

/** Every distinct one. */
export function searchConvs(): SearchConv[] {
  const groups = new Map<string, { node: ConvNode; count: number }>()
  for (const node of asRun(searchNetwork(namedConfig('r50').model).nodes.filter((node) => node.op === 'conv'))) {
    const name = convName(node)
    const group = groups.get(name)
    if (group) group.count++
    else groups.set(name, { node, count: 1 })
  }
  return [...groups].map(([name, group]) => ({ name, ...group }))
}

export function convCases(): BenchCase[] {
  return searchConvs().map(convCase)
}

/** The head's two branches read the same features: their first convolutions are one for the library. */
function asRun(nodes: readonly ConvNode[]): ConvNode[] {
  return nodes.flatMap((node) => {
    if (!node.spec.name.includes('search_convs')) return [node]
    const spec: ConvSpec = { ...node.spec, outChannels: 2 * node.spec.outChannels }
    return node.spec.name.includes('cls_heads') ? [{ ...node, spec }] : []
  })
}

/** Geometry and epilogue in one line. */
function convName({ spec, residual, activation, inSize }: ConvNode): string {
  const { inChannels, outChannels, kernel, stride, padding, dilation, norm } = spec
  const geometry = [
    `conv ${kernel}x${kernel}`,
    ...(stride > 1 ? [`s${stride}`] : []),
    ...(padding > 0 ? [`p${padding}`] : []),
    ...(dilation > 1 ? [`d${dilation}`] : []),
    `${inChannels}->${outChannels}, ${inSize}x${inSize}`,
  ].join(' ')
  const epilogue = [
    norm ? 'bn' : 'bias',
    ...(residual ? ['add'] : []),
    ...(activation === 'none' ? [] : [activation]),
  ].join('+')
  return `${geometry}, ${epilogue}`
}

function convCase({ name, node, count }: SearchConv): BenchCase {
  const directFlops = 2 * multiplyAdds(node)
  const prepare: Prepare = async (device) => {
    const { spec, inSize, outSize, activation } = node
    const module = new ConvModule([spec], { inputSizes: [inSize] })
    await module.load(device, noiseWeights(convTensors(spec)))
    const input = noise(device, [1, inSize, inSize, paddedChannels(spec.inChannels)], 'input')
    const residual = node.residual ? noise(device, [1, outSize, outSize, spec.outChannels], 'residual') : undefined
    return {
      record: (r) => module.forward(r, input, { residual, activation }),
      release: () => {
        module.release(device)
        for (const tensor of [input, residual]) if (tensor) device.release(tensor)
      },
      directFlops,
    }
  }
  return operationCase(name, prepare, { perFrame: count, expected: expected(directFlops) })
}
