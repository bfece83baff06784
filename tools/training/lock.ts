// A lock in a folder: a file that names the process which holds it. One that a killed process has left is taken over, by exactly
// one of those that find it: whoever wants it first takes a lock of its own for replacing that very owner, and replaces it by a
// rename.

import { createHash, randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { FileSizeError, readBounded } from '../read-bounded.ts'
import { WorkDirBusyError } from './errors.ts'

interface Owner {
  readonly pid: number
  readonly host: string
  /** Tells a process from a later one with its number. */
  readonly birth: string | null
}

/** What a lock file holds, as text and as owner; the owner is undefined where the text names none. */
interface Found {
  readonly text: string
  readonly owner: Owner | undefined
}

/** Locks that replace locks that replace locks: killed over and over at the worst moment. */
const mostLevels = 8
/** How often a lock that changes while it is looked at is looked at again. */
const mostTries = 20
/** Signals to the numbers beside go to groups of processes, or nowhere. */
const greatestPid = 2 ** 31 - 1
/** Bytes; what is longer names no process. */
const longestLock = 4096

/**
 * Takes a lock. It is given back by the returned function, and when the process exits.
 * @throws WorkDirBusyError if a process that lives holds it; what writing the file throws
 */
export async function takeLock(path: string, folder: string): Promise<() => Promise<void>> {
  const own: Owner = { pid: process.pid, host: hostname(), birth: await birth(process.pid) }
  const text = JSON.stringify({ ...own, key: randomUUID() })
  await acquire(path, text, { folder, level: 0 })
  const atExit = () => rmSync(path, { force: true })
  process.once('exit', atExit)
  return async () => {
    process.off('exit', atExit)
    if ((await read(path))?.text === text) await rm(path, { force: true })
  }
}

interface Attempt {
  readonly folder: string
  readonly level: number
}

async function acquire(path: string, text: string, attempt: Attempt): Promise<void> {
  for (let tries = 0; tries < mostTries; tries++) {
    if (await create(path, text)) return
    const found = await read(path)
    if (found === undefined) continue // It was given back meanwhile.
    if (found.owner !== undefined && (await lives(found.owner))) throw busy(found.owner, path, attempt.folder)
    if (attempt.level < mostLevels && (await replace(path, found, text, attempt))) return
  }
  throw new WorkDirBusyError(`other processes take turns at the lock ${path}; start one of them at a time`)
}

/** Puts the lock in the place of a dead owner's. @returns false if somebody else has */
async function replace(path: string, stale: Found, text: string, attempt: Attempt): Promise<boolean> {
  const key = createHash('sha256').update(stale.text).digest('hex').slice(0, 12)
  const claim = `${path}.${key}`
  await acquire(claim, text, { ...attempt, level: attempt.level + 1 })
  try {
    if ((await read(path))?.text !== stale.text) return false
    await withTemporary(path, text, (temporary) => rename(temporary, path))
    return true
  } finally {
    await rm(claim, { force: true })
  }
}

/** Makes the file with its whole content, or not at all. @returns false if there is one */
async function create(path: string, text: string): Promise<boolean> {
  try {
    await withTemporary(path, text, (temporary) => link(temporary, path))
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error))) throw error
  }
  // A file system without links: a reader may see the file before its content, and then waits.
  return await writeFile(path, text, { flag: 'wx' }).then(
    () => true,
    (error) => {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    },
  )
}

async function withTemporary(path: string, text: string, use: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomUUID().slice(0, 8)}`
  await writeFile(temporary, text, { flag: 'wx' })
  try {
    await use(temporary)
  } finally {
    await rm(temporary, { force: true })
  }
}

async function read(path: string): Promise<Found | undefined> {
  let text = ''
  try {
    text = (await readBounded(path, longestLock)).toString()
    const { pid, host, birth } = JSON.parse(text) ?? {}
    const isOwner = Number.isInteger(pid) && pid > 0 && pid <= greatestPid && typeof host === 'string'
    return { text, owner: isOwner ? { pid, host, birth: typeof birth === 'string' ? birth : null } : undefined }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    if (error instanceof SyntaxError || error instanceof FileSizeError) return { text, owner: undefined }
    throw error
  }
}

function busy(owner: Owner, path: string, folder: string): WorkDirBusyError {
  return new WorkDirBusyError(
    `process ${owner.pid} on ${owner.host} trains in ${folder}; give another --work-dir, or end it ` +
      `(if there is no such process, delete ${path})`,
  )
}

async function lives(owner: Owner): Promise<boolean> {
  if (owner.host !== hostname()) return true
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
  return owner.birth === null || owner.birth === (await birth(owner.pid))
}

/** When the system started a process, in its own units; null where it does not say. */
async function birth(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields[19] ?? null
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
