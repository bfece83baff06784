// Several ranks under the mpirun of Open MPI and of MPICH, all on one software adapter.
import { describe, expect, test } from 'vitest'
import { openDevice } from '../../../src/gpu/device.ts'
import { withTrainer } from '../../train/trainer-helpers.ts'
import { launchers, outcome, run } from './launch-ranks.ts'
import { valuesOf } from './steps.ts'

describe.each(launchers)('$name', (launcher) => {
  const child = './collective-child.ts'

  test('sums in the order of ranks, to the bit; carries words; divides work; tells what ranks lack and how they differ', async () => {
    const [sums, words, [fails, differs]] = await outcome(launcher, 3, child, 'sums,words,failure')
    expect(sums).toEqual([0, 0, 0])
    expect(words).toEqual({
      all: ['', 'rank 1', 'rank 2rank 2'],
      first: 'from 0',
      shared: [
        ['a', 0],
        ['b', 1],
        ['c', 2],
        ['d', 0],
      ],
    })
    expect(fails).toEqual([
      'DistributedError',
      expect.stringMatching(/^rank 1 \(.+\): no such file\nrank 2 \(.+\): no such file$/),
    ])
    expect(differs[1]).toMatch(
      /^the ranks differ:\n {2}configuration\.data\.batch is 1 on rank 1 \(.+\), expected 0 as on rank 0\n/,
    )
  })

  test('names a rank that hangs', async () => {
    const { code, out } = await run(launcher, 3, child, ['hang', '3'])
    expect(code).not.toBe(0)
    expect(out).toMatch(/"DistributedError","rank 1 \(.+\) did not come to the exchange of gradients within 4 s/)
  })

  test('names a rank that answers, but whose device hangs', async () => {
    const { code, out } = await run(launcher, 3, child, ['stall', '3'])
    expect(code).not.toBe(0)
    expect(out).toMatch(
      /"rank":0,"message":\["DistributedError","rank 1 \(.+\) came to an end with nothing for [34] s \(the results\)/,
    )
  })

  test('waits for a rank that says that it is at work', async () => {
    expect(await outcome(launcher, 2, child, 'busy', '2')).toEqual([null])
  })

  test('ends all ranks within 30 s where one dies', async () => {
    const { code, out, seconds } = await run(launcher, 3, child, ['die'])
    expect([code === 0, out]).toEqual([false, expect.stringMatching(/^dying\n/)])
    expect(seconds).toBeLessThan(30)
  })
})

const [first] = launchers
describe.skipIf(!first)('ranks that train together', () => {
  const steps = 30
  test.each([2, 3])('%i of them are one that gathers over all their batches, over thirty steps', async (ranks) => {
    const device = await openDevice()
    const alone = await withTrainer(device, { cumulativeIters: ranks }, async ({ trainer, step }) => {
      await trainer.startEpoch(0)
      const losses: number[] = []
      for (let k = 0; k < steps * ranks; k++) losses.push((await step(k)).losses.loss)
      return { losses, weights: valuesOf(await trainer.modelState()) }
    })
    await device.close()
    const together = await outcome(first!, ranks, './step-child.ts', String(steps))
    expect(new Set(together.hashes).size).toBe(1)
    const apart = (a: readonly number[], b: readonly number[]) =>
      Math.max(...a.map((value, i) => Math.abs(value - b[i]!) / Math.max(1, Math.abs(b[i]!))))
    const losses = Array.from({ length: steps * ranks }, (_, k) => together.losses[k % ranks][Math.floor(k / ranks)])
    expect(apart(losses, alone.losses)).toBeLessThan(1e-6)
    expect(together.weights.length).toBe(alone.weights.length)
    expect(apart(together.weights, alone.weights)).toBeLessThan(1e-6)
    console.info(
      `${ranks} ranks: losses ${apart(losses, alone.losses)}, weights ${apart(together.weights, alone.weights)}`,
    )
  })
})
