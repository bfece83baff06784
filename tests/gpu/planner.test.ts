import { describe, expect, test } from 'vitest'
import { aliveAt, type Lifetime, overlap, planMemory, total } from '../../src/gpu/planner.ts'

function lifetime(bytes: number, first: number, last: number): Lifetime {
  return { bytes, first, last }
}

/**
 * No plan of whole buffers can be smaller: if the tensors alive at each dispatch are sorted by size, the k-th largest buffer
 * must hold the largest of all k-th ones.
 */
function lowerBound(lifetimes: readonly Lifetime[]): number {
  const largest: number[] = []
  for (const { first } of lifetimes) {
    for (const [k, { bytes }] of aliveAt(lifetimes, first).entries()) largest[k] = Math.max(largest[k] ?? 0, bytes)
  }
  return largest.reduce((sum, bytes) => sum + bytes, 0)
}

/** A chain with skip connections of random length, from a fixed seed. */
function randomNetwork(seed: number): Lifetime[] {
  let state = seed
  const random = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    return state / 2 ** 32
  }
  return Array.from({ length: 3 + Math.floor(random() * 60) }, (_, first) => {
    return lifetime(4 * Math.ceil(random() * 1000), first, first + 1 + Math.floor(random() ** 3 * 6))
  })
}

describe('planMemory', () => {
  test('alternates a plain chain between two buffers', () => {
    const chain = [0, 1, 2, 3].map((step) => lifetime(100, step, step + 1))
    const plan = planMemory(chain)
    expect(plan.buffers).toEqual([100, 100])
    expect(plan.assignment[0]).toBe(plan.assignment[2])
    expect(plan.assignment[1]).toBe(plan.assignment[3])
  })

  test('does not reuse a buffer in the dispatch that still reads it', () => {
    const plan = planMemory([lifetime(100, 0, 1), lifetime(50, 1, 2)])
    expect(plan.assignment[0]).not.toBe(plan.assignment[1])
  })

  test('never gives a kept tensor’s buffer away afterwards', () => {
    const plan = planMemory([lifetime(8, 0, Number.POSITIVE_INFINITY), lifetime(8, 5, 6), lifetime(8, 9, 9)])
    expect(plan.assignment[1]).toBe(plan.assignment[2])
    expect(plan.assignment[0]).not.toBe(plan.assignment[1])
  })

  test('lets the output take over memory that was free before it', () => {
    const plan = planMemory([lifetime(8, 0, 1), lifetime(8, 1, 2), lifetime(8, 2, Number.POSITIVE_INFINITY)])
    expect(plan.buffers).toHaveLength(2)
  })

  test('tells apart equal lifetimes given as one object', () => {
    const same = lifetime(8, 0, 1)
    expect(new Set(planMemory([same, same]).assignment).size).toBe(2)
  })

  test('has nothing to do for no tensors', () => {
    expect(planMemory([])).toEqual({ buffers: [], assignment: [] })
  })

  test('is valid, large enough and near the lower bound on random networks', () => {
    let excess = 0
    const count = 200
    for (let seed = 1; seed <= count; seed++) {
      const lifetimes = randomNetwork(seed)
      const { buffers, assignment } = planMemory(lifetimes)
      const small = lifetimes.filter(({ bytes }, i) => buffers[assignment[i]!]! < bytes)
      const clashes = lifetimes.filter((a, i) =>
        lifetimes.some((b, j) => i < j && assignment[i] === assignment[j] && overlap(a, b)),
      )
      expect([small, clashes]).toEqual([[], []])
      const ratio = total({ buffers, assignment }) / lowerBound(lifetimes)
      expect(ratio).toBeGreaterThanOrEqual(1)
      expect(ratio).toBeLessThan(1.3)
      excess += ratio - 1
    }
    expect(excess / count).toBeLessThan(0.06)
  })
})
