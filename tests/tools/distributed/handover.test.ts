// How work is divided among ranks, and how its results travel; the ranks are within this process.

import { describe, expect, test } from 'vitest'
import { divide, Handover } from '../../../tools/distributed/handover.ts'
import { localCollectives } from './local-collective.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (data: Uint8Array) => new TextDecoder().decode(data)

describe('work divided among ranks', () => {
  test('has each item once, in its order, and parts of nearly the same cost', () => {
    const items = [3, 9, 1, 4, 7, 2, 8]
    const parts = divide(items, 3, (item) => item)
    expect(parts).toEqual([
      [9, 1, 2],
      [3, 8],
      [4, 7],
    ])
    expect(divide(items, 1, (item) => item)).toEqual([items])
    expect(divide([5], 2, (item) => item)).toEqual([[5], []])
  })
})

describe('results that are handed over', () => {
  test('reach all ranks, those of a rank in its order, each with where it comes from', async () => {
    const told = await Promise.all(
      localCollectives(3).map(async (collective) => {
        const heard: string[] = []
        const onResult = (data: Uint8Array, rank: number) => void heard.push(`${rank}: ${text(data)}`)
        const handover = new Handover(collective, { what: 'words', onResult })
        for (let i = 0; i < collective.rank; i++) handover.give(bytes(`word ${i}`))
        handover.give(bytes(''))
        expect(await handover.end(false)).toBe(false)
        expect(handover.signal.aborted).toBe(false)
        return heard
      }),
    )
    const of = (rank: number) => told.map((heard) => heard.filter((line) => line.startsWith(`${rank}`)))
    expect(of(0)).toEqual([['0: '], ['0: '], ['0: ']])
    expect(of(1)[0]).toEqual(['1: word 0', '1: '])
    expect(of(2)[1]).toEqual(['2: word 0', '2: word 1', '2: '])
  })

  test('come while others are still at work', async () => {
    const [first, second] = localCollectives(2)
    let arrived = () => {}
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const at = new Handover(first!, { what: 'words', onResult: () => arrived() })
    const other = new Handover(second!, { what: 'words', onResult: () => undefined })
    other.give(bytes('early'))
    const ended = other.end(false)
    await arrival
    await at.end(false)
    await ended
  })

  test('end early on all ranks when one asks for it', async () => {
    const [first, second] = localCollectives(2).map(
      (collective) => new Handover(collective, { what: 'words', onResult: () => undefined }),
    )
    const ended = first!.end(true)
    await new Promise((resolve) => second!.signal.addEventListener('abort', resolve))
    expect(await Promise.all([ended, second!.end(false)])).toEqual([true, true])
  })

  test('that never come, for the device of a rank hangs, are told on all ranks, and by whom they are missed', async () => {
    const outcomes = await Promise.all(
      localCollectives(3, 1200).map(async (collective) => {
        const handover = new Handover(collective, { what: 'words', onResult: () => undefined })
        const saying = setInterval(() => collective.rank !== 1 && handover.progress(), 100)
        const work = collective.rank === 2 ? Promise.resolve() : new Promise<void>(() => undefined)
        const working = handover.watched(work).then(async () => void (await handover.end(false)))
        const error = await working.then(
          () => undefined,
          (reason: Error) => reason,
        )
        clearInterval(saying)
        return error!
      }),
    )
    expect(outcomes.map(({ name }) => name)).toEqual(['DistributedError', 'PeerError', 'PeerError'])
    expect(outcomes[0]!.message).toMatch(
      /^rank 1 \(here\) came to an end with nothing for \d s \(words\): its device hangs, or it needs longer \(--timeout\)$/,
    )
  })

  test('that cannot be kept end the work, and the reason is told', async () => {
    const [first, second] = localCollectives(2)
    const full = new Handover(first!, {
      what: 'words',
      onResult: () => Promise.reject(new Error('the disk is full')),
    })
    const other = new Handover(second!, { what: 'words', onResult: () => undefined })
    other.give(bytes('lost'))
    await new Promise((resolve) => full.signal.addEventListener('abort', resolve))
    await expect(full.end(false)).rejects.toThrow('the disk is full')
  })
})
