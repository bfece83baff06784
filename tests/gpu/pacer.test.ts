// The pacer with a clock of our own.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Pacer } from '../../src/gpu/pacer.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Runs one piece of work that the device finishes `duration` ms after its submission; returns when it was asked for. */
async function askedAfter(pacer: Pacer, duration: number): Promise<number> {
  const start = performance.now()
  let asked = Number.NaN
  const done = pacer.through(
    () => undefined,
    async () => {
      asked = performance.now() - start
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, duration - asked)))
      return 'value'
    },
  )
  await vi.runAllTimersAsync()
  expect(await done).toBe('value')
  return asked
}

describe('on a software adapter', () => {
  test('the first result is asked for at once, later ones after most of the time that runs have taken', async () => {
    const pacer = new Pacer({ kind: 'cpu' })
    expect(await askedAfter(pacer, 1000)).toBe(0)
    expect(await askedAfter(pacer, 1000)).toBeCloseTo(800, -1)
    expect(await askedAfter(pacer, 500)).toBeCloseTo(800, -1)
    // The fastest of the last three runs counts: 800 ms, because that is when its result was asked for.
    expect(await askedAfter(pacer, 500)).toBeCloseTo(640, -1)
  })

  test('short runs are not slept through', async () => {
    const pacer = new Pacer({ kind: 'cpu' })
    for (let run = 0; run < 3; run++) expect(await askedAfter(pacer, 9)).toBe(0)
  })

  test('a slow run is forgotten after three more', async () => {
    const pacer = new Pacer({ kind: 'cpu' })
    for (const duration of [100, 1000, 1000, 1000]) await askedAfter(pacer, duration)
    expect(await askedAfter(pacer, 1000)).toBeCloseTo(800, -1)
  })
})

describe('while a result is pending', () => {
  beforeEach(() => {
    vi.useRealTimers()
  })

  /** Turns of the event loop in the second of two runs, whose results are `duration` ms after they were asked for. */
  async function turnsWhilePending(pacer: Pacer, duration: number): Promise<number> {
    let turns = 0
    const result = async () => {
      let pending = true
      turns = 0
      const count = () => {
        turns++
        if (pending) setImmediate(count)
      }
      setImmediate(count)
      await new Promise((resolve) => setTimeout(resolve, duration))
      pending = false
    }
    for (let run = 0; run < 2; run++) await pacer.through(() => undefined, result)
    return turns
  }

  test('a software adapter has the processor: the event loop naps 4 ms in each turn', async () => {
    const turns = await turnsWhilePending(new Pacer({ kind: 'cpu' }), 500)
    expect(turns).toBeGreaterThan(1)
    expect(turns).toBeLessThan(150)
  })

  test('on a GPU the event loop does not nap', async () => {
    expect(await turnsWhilePending(new Pacer({ kind: 'gpu' }), 500)).toBeGreaterThan(300)
  })
})

test('on a GPU nothing is slept', async () => {
  const pacer = new Pacer({ kind: 'gpu' })
  for (let run = 0; run < 3; run++) expect(await askedAfter(pacer, 1000)).toBe(0)
})

describe.each(['cpu', 'gpu'] as const)('on a %s', (kind) => {
  test('work is submitted before anything is waited for', async () => {
    const order: string[] = []
    const pacer = new Pacer({ kind })
    const done = pacer.through(
      () => order.push('work'),
      async () => order.push('result'),
    )
    expect(order).toEqual(['work', 'result'])
    await done
  })

  test('what work or result throws is passed on, and counts as no run', async () => {
    const pacer = new Pacer({ kind })
    const failing = () => {
      throw new Error('lost')
    }
    await expect(pacer.through(failing, async () => 1)).rejects.toThrow('lost')
    await expect(
      pacer.through(
        () => undefined,
        async () => failing(),
      ),
    ).rejects.toThrow('lost')
    expect(await askedAfter(pacer, 1000)).toBe(0)
  })
})
