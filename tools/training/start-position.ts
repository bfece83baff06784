// Where a resumed run goes on. With another number of ranks an iteration has another number of samples: as many samples count as
// done, as mmcv does it.
// Source: BaseRunner.resume of mmcv (runner/base_runner.py).

import { TrainingError } from 'siamrpn/train'
import type { Position } from './runner.ts'

/** How an epoch is cut. */
export interface EpochShape {
  readonly iterationsPerEpoch: number
  /** Of each rank. */
  readonly batchSize: number
  readonly ranks: number
}

/**
 * @param saved by the run that goes on
 * @param now this run's
 * @param path of the checkpoint, for messages
 * @throws TrainingError in the middle of an epoch of other data or another batch size
 */
export function startPosition(saved: Position & EpochShape, now: EpochShape, path: string): Position {
  const { epoch, iteration } = saved
  if (iteration === 0) return { epoch, iteration }
  // Epochs are filled up to whole iterations.
  const apart = Math.abs(saved.iterationsPerEpoch * saved.ranks - now.iterationsPerEpoch * now.ranks)
  if (
    saved.batchSize === now.batchSize &&
    (saved.ranks === now.ranks ? apart === 0 : apart < saved.ranks + now.ranks)
  ) {
    const done = Math.floor((iteration * saved.ranks) / now.ranks)
    return done < now.iterationsPerEpoch ? { epoch, iteration: done } : { epoch: epoch + 1, iteration: 0 }
  }
  throw new TrainingError(
    `${path} was saved in the middle of an epoch of ${described(saved)}; found ${described(now)}: the data or the batch size are ` +
      'others',
  )
}

function described({ iterationsPerEpoch, batchSize, ranks }: EpochShape): string {
  const each = ranks === 1 ? '' : ` on each of ${ranks} ranks`
  return `${iterationsPerEpoch} iterations with batches of ${batchSize}${each}`
}
