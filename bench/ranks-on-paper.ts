// A step on several ranks, on paper: when the backward pass of R50 comes past each bucket of gradients is counted from the recorded
// step, what an exchange costs is assumed, and the exchanges of the buckets follow each other while the device computes.
//
//   npx tsx bench/ranks-on-paper.ts

import { openDevice } from '../src/gpu/device.ts'
import { Recorder } from '../src/gpu/recorder.ts'
import { Tape } from '../src/nn/autograd.ts'
import { namedConfig } from '../src/siamrpn/configs/index.ts'
import { initialWeights } from '../src/siamrpn/initial-weights.ts'
import { emptyTargets } from '../src/siamrpn/target-tensors.ts'
import { TargetBuilder } from '../src/siamrpn/targets.ts'
import { TrainableSiamRPN } from '../src/siamrpn/trainable.ts'
import { epochMode } from '../src/siamrpn/training-mode.ts'
import { bucketsOf } from '../src/train/gradient-exchange.ts'

const pairs = 28
const flopsPerSecond = 10e12
const bucketBytes = 25 * 1024 * 1024
/** From the device to the host or back, each alone. */
const copyBytesPerSecond = 10e9
/** Additions of the host, in bytes that come in: measured, 25 MiB in 19 ms. */
const sumBytesPerSecond = 1.4e9
const ranks = [1, 2, 4, 8, 16, 32, 64]
/** Ranks that a node has at most. */
const nodeRanks = 8

interface Network {
  readonly name: string
  readonly bytesPerSecond: number
  readonly messageSeconds: number
  /** Measured with the additions, between ranks of one machine. */
  readonly within?: true
}

const networks: readonly Network[] = [
  { name: 'one node', bytesPerSecond: 0.74e9, messageSeconds: 4e-6, within: true },
  { name: '10 Gbit/s', bytesPerSecond: (0.9 * 10e9) / 8, messageSeconds: 50e-6 },
  { name: '25 Gbit/s', bytesPerSecond: (0.9 * 25e9) / 8, messageSeconds: 50e-6 },
  { name: '100 Gbit/s', bytesPerSecond: (0.9 * 100e9) / 8, messageSeconds: 5e-6 },
]

interface Bucket {
  readonly bytes: number
  /** Of the step, after which it is complete. */
  readonly flops: number
}

/** The buckets of a step of one pair, and its arithmetic. */
async function bucketsOfStep(epoch: number): Promise<{ readonly buckets: Bucket[]; readonly flops: number }> {
  const device = await openDevice()
  const config = namedConfig('r50')
  const { train_cfg } = config.model
  if (train_cfg === null) throw new Error('The configuration has no model.train_cfg.')
  const { exemplar_size, search_size } = train_cfg.rpn
  const model = new TrainableSiamRPN(device, config.model, initialWeights(config.model, 1))
  const images = {
    template: device.empty([1, exemplar_size, exemplar_size, 4], 'f32', 'template'),
    search: device.empty([1, search_size, search_size, 4], 'f32', 'search'),
  }
  const targets = emptyTargets(device, 1, new TargetBuilder(config.model).numAnchors)
  const recorder = new Recorder(device)
  const tape = new Tape(recorder)
  const flopsSoFar = () => recorder.steps.reduce((sum, step) => sum + step.flops, 0)
  const gathered: { readonly tensor: { readonly bytes: number }; readonly flops: number }[] = []
  const loss = model.forwardTrain(tape, images, targets, epochMode(config, epoch)).total
  tape.backward(loss, (_, tensor) => gathered.push({ tensor, flops: flopsSoFar() }))
  const buckets = bucketsOf(gathered, bucketBytes).map((members) => ({
    bytes: members.reduce((sum, { tensor }) => sum + tensor.bytes, 0),
    flops: members.at(-1)?.flops ?? 0,
  }))
  await device.close()
  return { buckets, flops: flopsSoFar() }
}

/** Seconds of an exchange: 2 (n - 1) / n of its bytes leave each rank, in 2 (n - 1) messages. */
function exchangeSeconds(
  bytes: number,
  n: number,
  { bytesPerSecond, messageSeconds }: (typeof networks)[number],
): number {
  const part = (n - 1) / n
  return (2 * part * bytes) / bytesPerSecond + 2 * (n - 1) * messageSeconds + (part * bytes) / sumBytesPerSecond
}

for (const [name, epoch] of [
  ['frozen', 0],
  ['released', 10],
] as const) {
  const { buckets, flops } = await bucketsOfStep(epoch)
  const seconds = (count: number) => (pairs * count) / flopsPerSecond
  const bytes = buckets.reduce((sum, bucket) => sum + bucket.bytes, 0)
  const where = buckets.map(
    (bucket) => `${(bucket.bytes / 1e6).toFixed(1)} at ${Math.round((100 * bucket.flops) / flops)} %`,
  )
  process.stdout.write(`${name}: ${(bytes / 1e6).toFixed(1)} MB in ${buckets.length} buckets: ${where.join(', ')}\n`)
  for (const network of networks) {
    const cells = ranks.map((n) => {
      const alone = seconds(flops)
      if (n === 1) return (1000 * alone).toFixed(0)
      if (network.within && n > nodeRanks) return ''
      const cost = buckets.map((bucket) => exchangeSeconds(bucket.bytes, n, network))
      let ends = 0
      for (const [index, bucket] of buckets.entries()) {
        const read = seconds(bucket.flops) + bucket.bytes / copyBytesPerSecond
        ends = Math.max(ends, read) + (cost[index] ?? 0)
      }
      const step = Math.max(alone, ends) + bytes / copyBytesPerSecond
      const after = alone + (2 * bytes) / copyBytesPerSecond + cost.reduce((a, b) => a + b, 0)
      return `${(1000 * step).toFixed(0)} / ${(1000 * after).toFixed(0)}`
    })
    process.stdout.write(`| ${name} | ${network.name} | ${cells.join(' | ')} |\n`)
  }
}
