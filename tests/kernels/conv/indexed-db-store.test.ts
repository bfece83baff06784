import { expect, test } from 'vitest'
import { indexedDbStore } from '../../../src/kernels/conv/indexed-db-store.ts'

/** The little of IndexedDB that the store uses, in memory. */
function fakeFactory(fails = false) {
  const texts = new Map<string, string>()
  let made = false
  const answer = (result: unknown, before?: (request: IDBRequest) => void) => {
    const request = { result, error: new Error('denied') } as unknown as IDBOpenDBRequest
    queueMicrotask(() => {
      before?.(request)
      if (fails) request.onerror?.(new Event('error'))
      else request.onsuccess?.(new Event('success'))
    })
    return request
  }
  const store = {
    get: (key: string) => answer(texts.get(key)),
    put: (text: string, key: string) => {
      texts.set(key, text)
      return answer(key)
    },
  }
  const database = {
    createObjectStore: () => {
      made = true
    },
    transaction: () => {
      if (!made) throw new Error('no such store')
      return { objectStore: () => store }
    },
    close: () => {},
  }
  const upgrade = (request: IDBRequest) => {
    const opening = request as IDBOpenDBRequest
    if (!made) opening.onupgradeneeded?.(new Event('upgradeneeded') as IDBVersionChangeEvent)
  }
  return { open: () => answer(database, upgrade) } as unknown as IDBFactory
}

test('remembers texts by key, in a database that is made when it is needed', async () => {
  const factory = fakeFactory()
  expect(await indexedDbStore(factory).read('adapter')).toBeUndefined()
  await indexedDbStore(factory).write('adapter', '[1]')
  expect(await indexedDbStore(factory).read('adapter')).toBe('[1]')
  expect(await indexedDbStore(factory).read('another')).toBeUndefined()
})

test('remembers nothing where the page may not, or there is no database', async () => {
  for (const store of [indexedDbStore(fakeFactory(true)), indexedDbStore(undefined)]) {
    await store.write('adapter', '[1]')
    expect(await store.read('adapter')).toBeUndefined()
  }
})
