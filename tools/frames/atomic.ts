// Outputs that are complete or absent: everything is written under a temporary name in the target's own folder and
// renamed at the end. An existing file survives until then, and survives an error. What a killed process has left under such
// a name is cleared away by the next one that writes in the folder.

import { createHash, randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { OutputError } from './errors.ts'

/** Something under a temporary name that becomes the target on `commit` and vanishes on `discard`. */
export interface Pending {
  readonly temporary: string
  /** @param target another name than the one it was begun for; nothing may have that name if it is a folder */
  commit(target?: string): Promise<void>
  /** Safe to call at any time, any number of times, after `commit` too. */
  discard(): Promise<void>
}

/** A file under a temporary name, open for writing. */
export interface PendingFile extends Pending {
  readonly handle: FileHandle
  /** Adds to the file. @throws OutputError */
  write(bytes: string | Uint8Array): Promise<void>
}

/**
 * Starts a file that will become `path`. Missing parent folders are made.
 *
 * @throws OutputError when the folder cannot be written or `path` is something else than a file, such as a folder or /dev/null
 */
export async function pendingFile(path: string): Promise<PendingFile> {
  const found = await stat(path).catch(() => undefined)
  if (found !== undefined && !found.isFile()) {
    const kind = found.isDirectory() ? 'a folder' : found.isFIFO() ? 'a pipe' : 'a device'
    throw new OutputError(`cannot write ${path}: it is ${kind}, expected a file name`)
  }
  const temporary = await temporaryName(path)
  const handle = await attempt(path, () => open(temporary, 'wx'))
  const forget = removeAtExit(temporary)
  let isOpen = true
  let written = 0
  const close = async () => {
    if (isOpen) await handle.close()
    isOpen = false
  }
  return {
    temporary,
    handle,
    async write(bytes) {
      const chunk = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
      await attempt(path, () => handle.appendFile(chunk))
      written += chunk.length
    },
    async commit(target = path) {
      await attempt(path, async () => {
        await close()
        const { size } = await stat(temporary)
        if (size < written) throw new Error(`${size} of ${written} bytes have arrived on the disk`)
        await rename(temporary, target)
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
    await file.write(contents)
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
    async commit(place = target) {
      await attempt(target, async () => {
        const old = existing && place === target ? await temporaryName(target) : undefined
        if (old !== undefined) await rename(target, old)
        await rename(temporary, place)
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

/**
 * Makes a folder and those above it that are missing, one by one: Node's own way says "no such file or directory" whatever keeps one
 * from being made, and never ends under /proc.
 * @throws what the system says of the first one that cannot be made
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'ENOENT' || dirname(path) === path) {
      if (await isFolder(path)) return
      throw error
    }
    await makeFolder(dirname(path))
    await mkdir(path).catch(async (again: unknown) => {
      if (!(await isFolder(path))) throw again
    })
  }
}

/** `.NAME.HOST-PID.RANDOM.tmp`: whose it is, so that it can be told from what a dead process has left. */
async function temporaryName(path: string): Promise<string> {
  const folder = dirname(path)
  await attempt(path, () => makeFolder(folder))
  const random = randomUUID().slice(0, 8)
  await clearLeftovers(folder)
  return join(folder, `.${basename(path).slice(0, longestName)}.${host()}-${process.pid}.${random}.tmp`)
}

/** File systems take 255 bytes; the rest of a temporary name has about 40. */
const longestName = 64
const leftoverName = /^\..*\.([0-9a-f]{6})-(\d+)\.[0-9a-f]{8}\.tmp$/s
const clearedFolders = new Set<string>()

function host(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 6)
}

/** Removes what processes of this machine that are gone were writing in a folder; once per folder. */
async function clearLeftovers(folder: string): Promise<void> {
  if (clearedFolders.has(folder)) return
  clearedFolders.add(folder)
  for (const name of await readdir(folder).catch(() => [])) {
    const [, owner, pid] = leftoverName.exec(name) ?? []
    if (owner !== host() || runs(Number(pid))) continue
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined)
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}

/** Runs what writes `path`. @throws OutputError that names it */
export async function attempt<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof OutputError) throw error
    throw new OutputError(`cannot write ${path}: ${error instanceof Error ? error.message : error}`, { cause: error })
  }
}
