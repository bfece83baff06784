// Outputs that are complete or absent: everything is written under a temporary name in the target's own folder and
// renamed at the end. An existing file survives until then, and survives an error.

import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { OutputError } from './errors.ts'

/** Something under a temporary name that becomes the target on `commit` and vanishes on `discard`. */
export interface Pending {
  readonly temporary: string
  commit(): Promise<void>
  /** Safe to call at any time, any number of times, after `commit` too. */
  discard(): Promise<void>
}

/** A file under a temporary name, open for writing. */
export interface PendingFile extends Pending {
  readonly handle: FileHandle
}

/**
 * Starts a file that will become `path`. Missing parent folders are made.
 *
 * @throws OutputError when the folder cannot be written or `path` is a folder
 */
export async function pendingFile(path: string): Promise<PendingFile> {
  if (await isFolder(path)) throw new OutputError(`cannot write ${path}: it is a folder, expected a file name`)
  const temporary = await temporaryName(path)
  const handle = await attempt(path, () => open(temporary, 'wx'))
  const forget = removeAtExit(temporary)
  let isOpen = true
  const close = async () => {
    if (isOpen) await handle.close()
    isOpen = false
  }
  return {
    temporary,
    handle,
    async commit() {
      await attempt(path, async () => {
        await close()
        await rename(temporary, path)
        forget()
      })
    },
    async discard() {
      await close().catch(() => undefined)
      await rm(temporary, { force: true })
      forget()
    },
  }
}

/** Writes a whole file at once. @throws OutputError */
export async function writeWhole(path: string, contents: string | Uint8Array): Promise<void> {
  const file = await pendingFile(path)
  try {
    await attempt(path, () => file.handle.writeFile(contents))
    await file.commit()
  } finally {
    await file.discard()
  }
}

/**
 * Starts a folder that will become `path`. An existing folder is replaced only if it is empty or holds nothing but
 * names that `isOurs` accepts, so that no folder of somebody's pictures is lost to a slip.
 *
 * @throws OutputError
 */
export async function pendingFolder(path: string, isOurs: (name: string) => boolean): Promise<Pending> {
  const target = path.replace(/[\\/]+$/, '') || path
  const existing = await isFolder(target)
  if (existing) {
    const foreign = (await readdir(target)).find((name) => !isOurs(name))
    if (foreign !== undefined) {
      throw new OutputError(`will not replace the folder ${target}: it holds ${foreign}; give an empty or a new folder`)
    }
  }
  const temporary = await temporaryName(target)
  await attempt(target, () => mkdir(temporary))
  const forget = removeAtExit(temporary)
  return {
    temporary,
    async commit() {
      await attempt(target, async () => {
        const old = existing ? await temporaryName(target) : undefined
        if (old !== undefined) await rename(target, old)
        await rename(temporary, target)
        forget()
        if (old !== undefined) await rm(old, { recursive: true })
      })
    },
    async discard() {
      await rm(temporary, { recursive: true, force: true })
      forget()
    },
  }
}

/** Has the path removed if the process exits before the returned function is called. */
function removeAtExit(path: string): () => void {
  const remove = () => rmSync(path, { recursive: true, force: true })
  process.once('exit', remove)
  return () => process.off('exit', remove)
}

async function temporaryName(path: string): Promise<string> {
  const folder = dirname(path)
  await attempt(path, () => mkdir(folder, { recursive: true }))
  return join(folder, `.${basename(path)}.${randomUUID().slice(0, 8)}.tmp`)
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw new OutputError(`cannot write ${path}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}
