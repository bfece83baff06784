// Where a page remembers which kernels were found to be the fastest: texts by key in the browser's IndexedDB.

import type { ChoiceStore } from './benchmark.ts'

const databaseName = 'siamrpn'
const storeName = 'kernels'

/**
 * A store in the browser's database. Where there is none, or the page may not use it, nothing is remembered.
 * @param factory default: the browser's
 */
export function indexedDbStore(factory: IDBFactory | undefined = globalThis.indexedDB): ChoiceStore {
  return {
    async read(key) {
      const found: unknown = await inStore(factory, 'readonly', (store) => store.get(key)).catch(() => undefined)
      return typeof found === 'string' ? found : undefined
    },
    async write(key, text) {
      // Without a database the choices hold for this page; the next one measures again.
      await inStore(factory, 'readwrite', (store) => store.put(text, key)).catch(() => undefined)
    },
  }
}

async function inStore(
  factory: IDBFactory | undefined,
  mode: IDBTransactionMode,
  use: (store: IDBObjectStore) => IDBRequest,
): Promise<unknown> {
  if (!factory) return undefined
  const opening = factory.open(databaseName, 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore(storeName)
  const database = await resultOf(opening)
  try {
    return await resultOf(use(database.transaction(storeName, mode).objectStore(storeName)))
  } finally {
    database.close()
  }
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
