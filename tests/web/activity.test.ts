// One thing at a time: what is begun ends what is under way and waits for it.

import { expect, test, vi } from 'vitest'
import { Activity } from '../../web/src/session/activity.ts'

/** An activity that notes what happens, and work that lasts until it is stopped. */
function noted() {
  const log: string[] = []
  const complain = vi.fn()
  const activity = new Activity(complain)
  const work = (name: string) => async (signal: AbortSignal) => {
    log.push(`${name} begins`)
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    await Promise.resolve()
    log.push(`${name} ends`)
  }
  return { activity, log, complain, work }
}

test('what is begun waits until what was under way has ended', async () => {
  const { activity, log, work } = noted()
  void activity.run('playing', work('playing'))
  await vi.waitFor(() => expect(activity.kind.value).toBe('playing'))
  const following = activity.run('following', work('following'))
  await vi.waitFor(() => expect(activity.kind.value).toBe('following'))
  await activity.stop()
  await following
  expect(log).toEqual(['playing begins', 'playing ends', 'following begins', 'following ends'])
  expect(activity.busy.value).toBe(false)
})

test('of several that wait only the last one is done', async () => {
  const { activity, log, work } = noted()
  void activity.run('playing', work('playing'))
  await vi.waitFor(() => expect(activity.kind.value).toBe('playing'))
  void activity.run('opening', work('opening'))
  void activity.run('following', work('following'))
  await vi.waitFor(() => expect(activity.kind.value).toBe('following'))
  expect(log).toEqual(['playing begins', 'playing ends', 'following begins'])
  await activity.stop()
})

test('an error is told, the end by request is not, and both leave room for the next', async () => {
  const { activity, complain } = noted()
  await activity.run('opening', async () => {
    throw new Error('no such file')
  })
  expect(complain).toHaveBeenCalledExactlyOnceWith(new Error('no such file'))
  const exporting = activity.run('exporting', async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    signal.throwIfAborted()
  })
  await vi.waitFor(() => expect(activity.kind.value).toBe('exporting'))
  await activity.stop()
  await exporting
  expect(complain).toHaveBeenCalledTimes(1)
  const done = vi.fn(async () => undefined)
  await activity.run('playing', done)
  expect(done).toHaveBeenCalled()
})
