// One rank of a model of the tests: trains it with the others on batches of two, and prints, on rank 0, losses and weights.

import { openDevice } from '../../../src/gpu/device.ts'
import { allGatherJson } from '../../../tools/distributed/collective.ts'
import { MpiCollective } from '../../../tools/distributed/mpi-collective.ts'
import { launchedBy, MpiLibrary } from '../../../tools/distributed/mpi-library.ts'
import { hashOf } from '../../../tools/distributed/share.ts'
import { withTrainer } from '../../train/trainer-helpers.ts'
import { valuesOf } from './steps.ts'

const steps = Number(process.argv[2])
const mpi = MpiLibrary.open(launchedBy(process.env)!)
const collective = await MpiCollective.open(mpi, { patience: 600_000 })
const { rank, ranks } = collective
const device = await openDevice()
/** Many buckets: the first ones travel while the backward pass goes on. */
const exchange = { ranks, bucketBytes: 16_384, sum: (values: Float32Array) => collective.sum(values) }
const own = await withTrainer(device, { exchange }, async ({ trainer, step }) => {
  await trainer.startEpoch(0)
  const losses: number[] = []
  for (let k = 0; k < steps; k++) losses.push((await step(k * ranks + rank)).losses.loss)
  const [model, optimizer] = [await trainer.modelState(), await trainer.optimizerState()]
  return { losses, hash: hashOf(model, optimizer), weights: valuesOf(model) }
})
const all = await allGatherJson(collective, 'the outcome', { losses: own.losses, hash: own.hash })
const outcome = { losses: all.map(({ losses }) => losses), hashes: all.map(({ hash }) => hash), weights: own.weights }
if (rank === 0) process.stdout.write(`${JSON.stringify(outcome)}\n`)
await device.close()
await collective.close()
