// Autosave: the project of each clip in the browser's own storage (IndexedDB), found again by what identifies the clip.

import type { ClipFacts, Project } from '../model/project.ts'
import { packed, type SavedProject, unpacked } from '../model/saved.ts'

const databaseName = 'siamrpn'
const storeName = 'projects'

/** Projects that are kept; the oldest go first. */
const mostProjects = 50

interface Saved {
  readonly key: string
  readonly time: number
  readonly project: SavedProject
}

/** Name, size and length: the same file opened again gives the same key. */
export function clipKey({ name, width, height, frameCount }: ClipFacts): string {
  return `${name} ${width}x${height} ${frameCount}`
}

/** @throws DOMException where the storage is full or refused */
export async function saveProject(project: Project): Promise<void> {
  const saved: Saved = { key: clipKey(project.clip), time: Date.now(), project: packed(project) }
  await withStore('readwrite', (store) => store.put(saved))
  if ((await withStore<number>('readonly', (store) => store.count())) <= mostProjects) return
  const all = await withStore<Saved[]>('readonly', (store) => store.getAll())
  const old = all.sort((a, b) => b.time - a.time).slice(mostProjects)
  for (const { key } of old) await withStore('readwrite', (store) => store.delete(key))
}

export async function savedProject(clip: ClipFacts): Promise<Project | undefined> {
  const saved = await withStore<Saved | undefined>('readonly', (store) => store.get(clipKey(clip)))
  return saved && unpacked(saved.project)
}

async function withStore<T>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const database = await openDatabase()
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(storeName, mode)
      const request = use(transaction.objectStore(storeName))
      transaction.oncomplete = () => resolve(request.result)
      transaction.onerror = () => reject(transaction.error ?? new DOMException('The transaction failed'))
      transaction.onabort = () =>
        reject(transaction.error ?? new DOMException('The transaction was ended', 'AbortError'))
    })
  } finally {
    database.close()
  }
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(databaseName, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(storeName, { keyPath: 'key' })
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
    request.onblocked = () => reject(new DOMException('Another tab holds the storage', 'BlockedError'))
  })
}
