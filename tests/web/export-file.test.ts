// What an export is written to where the browser has no storage for files.

import { expect, test } from 'vitest'
import { inMemory } from '../../web/src/session/export-file.ts'

test('bytes stand where they were written, in whichever order, however many they are', async () => {
  const { writable, content } = inMemory()
  const writer = writable.getWriter()
  const write = (position: number, ...bytes: number[]) =>
    writer.write({ type: 'write', position, data: Uint8Array.from(bytes) })
  const large = 3_000_000
  await write(0, 1, 2, 3)
  await write(large, 7)
  await write(1, 9)
  await writer.close()
  const bytes = new Uint8Array(await (await content()).arrayBuffer())
  expect([bytes.length, ...bytes.slice(0, 5), bytes[large]]).toEqual([large + 1, 1, 9, 3, 0, 0, 7])
})
