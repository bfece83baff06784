// Where a run goes on that was saved with as many ranks, or with others.
import { describe, expect, test } from 'vitest'
import { TrainingError } from '../../../src/train/errors.ts'
import { startPosition } from '../../../tools/training/start-position.ts'

const shape = (iterationsPerEpoch: number, ranks: number, batchSize = 28) => ({ iterationsPerEpoch, ranks, batchSize })
const start = (iteration: number, saved: ReturnType<typeof shape>, now: ReturnType<typeof shape>) =>
  startPosition({ epoch: 3, iteration, ...saved }, now, 'last.safetensors')

describe('a run goes on', () => {
  test('where it was', () => {
    expect(start(7, shape(100, 2), shape(100, 2))).toEqual({ epoch: 3, iteration: 7 })
  })

  test('between epochs with any batches', () => {
    expect(start(0, shape(100, 1, 4), shape(3, 8, 28))).toEqual({ epoch: 3, iteration: 0 })
  })

  test('after as many samples with another number of ranks', () => {
    expect(start(50, shape(100, 2), shape(200, 1))).toEqual({ epoch: 3, iteration: 100 })
    expect(start(50, shape(100, 2), shape(50, 4))).toEqual({ epoch: 3, iteration: 25 })
    expect(start(51, shape(100, 2), shape(67, 3))).toEqual({ epoch: 3, iteration: 34 })
  })

  test('with the next epoch where the filled up end is all that is left', () => {
    expect(start(100, shape(101, 1), shape(34, 3))).toEqual({ epoch: 3, iteration: 33 })
    expect(start(33, shape(34, 3), shape(99, 1))).toEqual({ epoch: 4, iteration: 0 })
  })

  test('not in the middle of an epoch of other data, or with other batches', () => {
    expect(() => start(7, shape(100, 2), shape(100, 2, 14))).toThrow(TrainingError)
    expect(() => start(7, shape(100, 2), shape(101, 2))).toThrow(
      'last.safetensors was saved in the middle of an epoch of 100 iterations with batches of 28 on each of 2 ranks; found 101 ' +
        'iterations with batches of 28 on each of 2 ranks',
    )
    expect(() => start(7, shape(100, 1), shape(100, 4))).toThrow(TrainingError)
  })
})
