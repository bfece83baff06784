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

/** All runs in turn; milliseconds by which they took longer than the device needed. */
async function delays(pacer: Pacer, durations: readonly number[]): Promise<number[]> {
  const late: number[] = []
  for (const duration of durations) late.push(Math.max(0, (await askedAfter(pacer, duration)) - duration))
  return late
}

const software = { adapter: { kind: 'cpu' }, stopsThread: true } as const
const gpu = { adapter: { kind: 'gpu' }, stopsThread: true } as const

describe('on a software adapter', () => {
  test('three runs after the first are asked for at once, later ones after most of the time that they took', async () => {
    const pacer = new Pacer(software)
    for (const duration of [9000, 1000, 1000, 1000]) expect(await askedAfter(pacer, duration)).toBe(0)
    expect(await askedAfter(pacer, 1000)).toBeCloseTo(800, -1)
  })

  test('short runs are not slept through', async () => {
    const pacer = new Pacer(software)
    for (let run = 0; run < 8; run++) expect(await askedAfter(pacer, 9)).toBe(0)
  })

  test.each([0, 1, 2, 3, 4, 5, 12])(
    'a 30 s run as number %i among 80 ms ones delays none of the others',
    async (at) => {
      const durations = Array.from({ length: 40 }, (_, run) => (run === at ? 30_000 : 80))
      const late = await delays(new Pacer(software), durations)
      expect(late.reduce((sum, value) => sum + value, 0)).toBeLessThan(100)
    },
  )

  test('one short run among long ones changes nothing', async () => {
    const pacer = new Pacer(software)
    for (const duration of [1000, 1000, 1000, 1000, 1, 1000]) await askedAfter(pacer, duration)
    expect(await askedAfter(pacer, 1000)).toBeCloseTo(800, -1)
  })

  test('runs that become ten times faster are late by less than four old runs in all, and then not any more', async () => {
    const pacer = new Pacer(software)
    await delays(
      pacer,
      Array.from({ length: 10 }, () => 1000),
    )
    const late = await delays(
      pacer,
      Array.from({ length: 20 }, () => 100),
    )
    expect(late.reduce((sum, value) => sum + value, 0)).toBeLessThan(4000)
    expect(late.slice(-5)).toEqual([0, 0, 0, 0, 0])
  })

  test('runs that become slower are slept through after three', async () => {
    const pacer = new Pacer(software)
    await delays(pacer, [100, 100, 100, 100, 100, 1000, 1000, 1000])
    expect(await askedAfter(pacer, 1000)).toBeCloseTo(800, -1)
  })
})

describe('while a result is pending', () => {
  beforeEach(() => {
    vi.useRealTimers()
  })

  /** Turns of the event loop in a first run, whose result is there `duration` ms after it was asked for. */
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
    await pacer.through(() => undefined, result)
    return turns
  }

  test('a software adapter has the processor: the event loop naps in each turn, in the first run too', async () => {
    const turns = await turnsWhilePending(new Pacer(software), 500)
    expect(turns).toBeGreaterThan(1)
    expect(turns).toBeLessThan(300)
  })

  test('a host that does not want its thread stopped keeps it', async () => {
    expect(await turnsWhilePending(new Pacer({ ...software, stopsThread: false }), 500)).toBeGreaterThan(300)
  })

  test('on a GPU the event loop does not nap', async () => {
    expect(await turnsWhilePending(new Pacer(gpu), 500)).toBeGreaterThan(300)
  })
})

test('on a GPU nothing is slept', async () => {
  const pacer = new Pacer(gpu)
  for (let run = 0; run < 3; run++) expect(await askedAfter(pacer, 1000)).toBe(0)
})

describe.each([software, gpu])('on a $adapter.kind', (device) => {
  test('work is submitted before anything is waited for', async () => {
    const order: string[] = []
    const pacer = new Pacer(device)
    const done = pacer.through(
      () => order.push('work'),
      async () => order.push('result'),
    )
    expect(order).toEqual(['work', 'result'])
    await done
  })

  test('what work or result throws is passed on, and counts as no run', async () => {
    const pacer = new Pacer(device)
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
