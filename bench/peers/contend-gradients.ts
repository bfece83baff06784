// The part of the gradient comparison that both libraries' processes share: the layer and its inputs, a step to warm up, timed
// steps, and sums by which the results are compared. The layer is one of R50's: 3x3, dilation 2, 256 channels, 31x31.

import { hashTensor } from '../../tests/golden/check/hash.ts'
import { tell } from '../child.ts'
import { timed } from '../stopwatch.ts'

/** Dense, PyTorch's order of dimensions. */
export interface HostArray {
  readonly data: Float32Array
  readonly shape: readonly [number, number, number, number]
}

export interface GradientTask {
  /** `[1, C, H, W]` */
  readonly input: HostArray
  /** `[O, C, 3, 3]` */
  readonly filter: HostArray
  /** Of the output, `[1, O, H, W]`. */
  readonly gradient: HostArray
  readonly padding: number
  readonly dilation: number
}

/** Results in PyTorch's order of dimensions. */
export interface GradientResults {
  readonly output: Float32Array
  readonly input: Float32Array
  readonly filter: Float32Array
}

/** A step: everything from device tensors to results on the host; what it returns puts them in order, outside of the time. */
export type GradientStep = () => Promise<() => GradientResults>

export type GradientMessage =
  | { readonly kind: 'step'; readonly ms: number; readonly cpuMs: number; readonly first: boolean }
  /** Results at some places. */
  | { readonly kind: 'samples'; readonly values: readonly number[] }

export const gradientTaskName = 'conv 3x3 d2 256->256, 31x31: forward and both gradients'

const channelCount = 256
const mapSize = 31

/** Every library is timed for this long, in milliseconds, and for three steps in any case. */
const timedMs = 10_000
const minSteps = 3

/** Values compared of each result. */
const samples = 1000

export async function contendWithGradients(load: (task: GradientTask) => Promise<GradientStep>): Promise<void> {
  const step = await load(makeTask())
  let results = await measure(step, true)
  const start = performance.now()
  for (let count = 0; count < minSteps || performance.now() - start < timedMs; count++) {
    results = await measure(step, false)
  }
  const { output, input, filter } = results()
  await send({ kind: 'samples', values: [output, input, filter].flatMap(sample) })
  process.exit(0) // some libraries keep a thread alive
}

async function measure(step: GradientStep, first: boolean): Promise<() => GradientResults> {
  const box: { results?: () => GradientResults } = {}
  const time = await timed(async () => {
    box.results = await step()
  })
  await send({ kind: 'step', ...time, first })
  if (!box.results) throw new Error('a step ended without results')
  return box.results
}

function makeTask(): GradientTask {
  const image = (key: string): HostArray => {
    return {
      data: hashTensor(key, channelCount * mapSize * mapSize, 2, -1),
      shape: [1, channelCount, mapSize, mapSize],
    }
  }
  const filter = hashTensor('filter', channelCount * channelCount * 9, 0.04, -0.02)
  return {
    input: image('input'),
    filter: { data: filter, shape: [channelCount, channelCount, 3, 3] },
    gradient: image('gradient'),
    padding: 2,
    dilation: 2,
  }
}

/** Values at evenly spread places. */
function sample(values: Float32Array): number[] {
  return Array.from({ length: samples }, (_, k) => values[Math.floor((k * values.length) / samples)] ?? Number.NaN)
}

function send(message: GradientMessage): Promise<void> {
  return tell(message)
}

/** NCHW to NHWC. */
export function toChannelsLast({ data, shape: [batch, channels, height, width] }: HostArray): Float32Array {
  return reorder(data, [batch, channels, height * width])
}

/** NHWC to NCHW. @param shape NCHW */
export function toChannelsFirst(
  data: Float32Array,
  [batch, channels, height, width]: HostArray['shape'],
): Float32Array {
  return reorder(data, [batch, height * width, channels])
}

/** `[N, A, B]` to `[N, B, A]`. */
function reorder(data: Float32Array, [batch, rows, columns]: readonly [number, number, number]): Float32Array {
  const moved = new Float32Array(data.length)
  for (let n = 0; n < batch; n++) {
    for (let a = 0; a < rows; a++) {
      for (let b = 0; b < columns; b++) {
        moved[(n * columns + b) * rows + a] = data[(n * rows + a) * columns + b] ?? 0
      }
    }
  }
  return moved
}
