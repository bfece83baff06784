// Gradients of convolutions against their forward pass: the layers of R50 that training spends its time in, and narrow ones. The
// three programs of a layer run in turn, so that a machine whose speed drifts treats them alike; a sample is all three.

import type { Device } from '../../src/gpu/device.ts'
import { capture, type Program } from '../../src/gpu/program.ts'
import type { Recorder } from '../../src/gpu/recorder.ts'
import type { GpuTensor } from '../../src/gpu/tensor.ts'
import type { ConvChoice } from '../../src/kernels/conv/benchmark.ts'
import { packConvWeight, releaseConvWeight } from '../../src/kernels/conv/filter.ts'
import { conv2d } from '../../src/kernels/conv/forward.ts'
import { convInputGradient } from '../../src/kernels/conv/input-gradient.ts'
import { convWeightGradient } from '../../src/kernels/conv/weight-gradient.ts'
import { type BenchCase, type BenchContext, chosenKernels, type Running, variantName } from '../case.ts'
import { noise } from '../data.ts'
import { type Sample, Stopwatch } from '../stopwatch.ts'

interface Layer {
  readonly name: string
  readonly batch: number
  readonly size: number
  readonly channels: readonly [number, number]
  readonly kernel: number
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
}

const layers: readonly Layer[] = [
  { name: '1x1 256->1024, 31x31', batch: 1, size: 31, channels: [256, 1024], kernel: 1 },
  { name: '1x1 1024->256, 31x31', batch: 1, size: 31, channels: [1024, 256], kernel: 1 },
  { name: '3x3 d2 256->256, 31x31', batch: 1, size: 31, channels: [256, 256], kernel: 3, padding: 2, dilation: 2 },
  { name: '3x3 64->64, 63x63', batch: 1, size: 63, channels: [64, 64], kernel: 3, padding: 1 },
  { name: '3x3 s2 128->128, 63x63', batch: 1, size: 63, channels: [128, 128], kernel: 3, stride: 2 },
  { name: '1x1 s2 256->512, 63x63', batch: 1, size: 63, channels: [256, 512], kernel: 1, stride: 2 },
  { name: '1x1 256->10, 25x25, batch 2', batch: 2, size: 25, channels: [256, 10], kernel: 1 },
  { name: '3x3 32->32, 31x31, batch 8', batch: 8, size: 31, channels: [32, 32], kernel: 3, padding: 1 },
  { name: '3x3 16->16, 63x63, batch 2', batch: 2, size: 63, channels: [16, 16], kernel: 3, padding: 1 },
]

/** Forward, gradient of the input, gradient of the filter. */
const parts = ['forward', 'input', 'filter'] as const
type Part = (typeof parts)[number]

export function gradientCases(): BenchCase[] {
  return layers.map((layer) => ({
    name: `gradients: conv ${layer.name}`,
    expected: { seconds: 1.5, flops: 6 * layerFlops(layer) },
    start: (context) => start(context, layer),
  }))
}

async function start({ device, choose }: BenchContext, layer: Layer): Promise<Running> {
  const prepared = prepare(device, layer)
  const { records, flops } = prepared
  const stopwatch = new Stopwatch(device)
  const programs = new Map<Part, Program<GpuTensor>>()
  const choices: ConvChoice[] = []
  let kernels: string[] = []
  for (const part of parts) {
    choices.push(...((await chosenKernels(device, records[part], choose)).choices ?? []))
    const program = await capture(device, (r) => {
      const result = records[part](r)
      kernels = [...kernels, `${part}: ${variantName(r.steps.filter(({ form }) => form))}`]
      return result
    })
    programs.set(part, program)
    await stopwatch.best(() => program.run(), 1) // a driver may compile now
  }
  const fastest: Record<Part, Sample> = {
    forward: { ms: Number.POSITIVE_INFINITY, cpuMs: Number.POSITIVE_INFINITY },
    input: { ms: Number.POSITIVE_INFINITY, cpuMs: Number.POSITIVE_INFINITY },
    filter: { ms: Number.POSITIVE_INFINITY, cpuMs: Number.POSITIVE_INFINITY },
  }
  return {
    variant: kernels.join('; '),
    ...(choices.length > 0 && { choices }),
    directFlops: 3 * flops,
    async sample() {
      const total = { ms: 0, cpuMs: 0 }
      for (const [part, program] of programs) {
        const { ms, cpuMs } = await stopwatch.sample(() => program.run())
        const best = fastest[part]
        fastest[part] = { ms: Math.min(best.ms, ms), cpuMs: Math.min(best.cpuMs, cpuMs) }
        total.ms += ms
        total.cpuMs += cpuMs
      }
      return total
    },
    facts: () => speeds(device, fastest),
    async dispose() {
      for (const program of programs.values()) program.destroy()
      prepared.release()
    },
  }
}

/** Speeds of the gradients as parts of the forward pass's, in the same FLOPs: by CPU time where that is the work. */
function speeds({ adapter }: Device, fastest: Readonly<Record<Part, Sample>>) {
  const time = ({ ms, cpuMs }: Sample) => (adapter.kind === 'cpu' ? cpuMs : ms)
  return {
    'input gradient : forward': time(fastest.forward) / time(fastest.input),
    'filter gradient : forward': time(fastest.forward) / time(fastest.filter),
  }
}

function outputSize({ size, kernel, stride = 1, padding = 0, dilation = 1 }: Layer): number {
  return Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1
}

/** Of each of the three parts. */
function layerFlops(layer: Layer): number {
  const { batch, channels, kernel } = layer
  return 2 * batch * outputSize(layer) ** 2 * channels[0] * channels[1] * kernel ** 2
}

function prepare(device: Device, layer: Layer) {
  const { batch, size, channels, kernel, stride = 1, padding = 0, dilation = 1 } = layer
  const [inChannels, outChannels] = channels
  const outSize = outputSize(layer)
  const shape = [outChannels, inChannels, kernel, kernel]
  const count = outChannels * inChannels * kernel ** 2
  const weight = packConvWeight(device, new Float32Array(count).fill(0.01), shape)
  const input = noise(device, [batch, size, size, inChannels], 'input')
  const gradient = noise(device, [batch, outSize, outSize, outChannels], 'gradient')
  const geometry = { weight, stride, padding, dilation }
  const records: Record<Part, (r: Recorder) => GpuTensor> = {
    // as training runs it
    forward: (r) => conv2d(r, { input, allowWinograd: false, ...geometry }),
    input: (r) => convInputGradient(r, { gradient, inputShape: input.shape, ...geometry }),
    filter: (r) => convWeightGradient(r, { input, gradient, ...geometry }),
  }
  return {
    records,
    flops: layerFlops(layer),
    release() {
      releaseConvWeight(device, weight)
      for (const tensor of [input, gradient]) device.release(tensor)
    },
  }
}
