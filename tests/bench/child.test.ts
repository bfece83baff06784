// Processes of their own: answers, failures, time limits.
import { expect, test } from 'vitest'
import { ChildError, runChild } from '../../bench/child.ts'

const script = new URL('./child-script.ts', import.meta.url)

test('gets the request and answers in order', async () => {
  const seen: unknown[] = []
  const request = { answer: [1, 'two'] }
  const messages = await runChild(script, { request, limitMs: 60_000, onMessage: (message) => seen.push(message) })
  expect(messages).toEqual([1, 'two'])
  expect(seen).toEqual(messages)
})

test('a failure shows the end of what the process printed', async () => {
  const failing = runChild(script, { request: { fail: 'no such model' }, limitMs: 60_000 })
  await expect(failing).rejects.toThrow(ChildError)
  await expect(failing).rejects.toThrow('no such model')
})

test('a process that takes too long is ended', async () => {
  await expect(runChild(script, { request: { hang: true }, limitMs: 3000 })).rejects.toThrow('stopped after 3 s')
})
