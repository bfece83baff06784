// The folder of a training run: its lock, its checkpoints, and the pointer to the last one. What a killed run has left behind
// (a lock without its process, half-written files) is cleared away by the next one.

import { appendFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { TrainingError } from 'siamrpn/train'
import { makeFolder, writeWhole } from '../frames/atomic.ts'
import { readBounded } from '../read-bounded.ts'
import { takeLock } from './lock.ts'

/** Names the last checkpoint. */
const pointerName = 'last_checkpoint'
/** Bytes; what is longer is no name of a file. */
const longestPointer = 4096
const lockName = 'training.lock'
const extension = '.safetensors'
const checkpointName = /^(epoch|iter)_(\d+)\.safetensors$/
/** As `data/atomic.ts` names unfinished files. */
const temporaryName = /^\..*\.[0-9a-f]{8}\.tmp$/s

export class WorkDir {
  readonly path: string
  readonly #unlock: () => Promise<void>

  private constructor(path: string, unlock: () => Promise<void>) {
    this.path = path
    this.#unlock = unlock
  }

  /**
   * Makes the folder if need be and takes its lock.
   * @throws WorkDirBusyError if another process trains in it; TrainingError if it cannot be written
   */
  static async open(path: string): Promise<WorkDir> {
    let unlock: (() => Promise<void>) | undefined
    try {
      await makeFolder(path)
      unlock = await takeLock(join(path, lockName), path)
      for (const name of await readdir(path)) if (temporaryName.test(name)) await rm(join(path, name), { force: true })
    } catch (cause) {
      await unlock?.()
      if (cause instanceof TrainingError) throw cause
      throw new TrainingError(`cannot use the folder ${path}: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      })
    }
    return new WorkDir(path, unlock)
  }

  /** `epoch_3` -> `<path>/epoch_3.safetensors` */
  file(name: string): string {
    return join(this.path, `${name}${extension}`)
  }

  /** Path of the last checkpoint: what the pointer says, or the furthest one that is there. Undefined if there is none. */
  async lastCheckpoint(): Promise<string | undefined> {
    const pointer = await readBounded(join(this.path, pointerName), longestPointer).catch(() => '')
    const named = pointer.toString().trim()
    const names = await readdir(this.path)
    if (names.includes(named)) return join(this.path, named)
    const known = names.filter((name) => checkpointName.test(name)).sort((a, b) => order(b) - order(a))
    return known[0] === undefined ? undefined : join(this.path, known[0])
  }

  /** Makes `--resume` begin with this checkpoint. @param name without extension @throws OutputError */
  async pointTo(name: string): Promise<void> {
    await writeWhole(join(this.path, pointerName), `${name}${extension}\n`)
  }

  /** The checkpoints that are there, the earliest first. */
  async checkpoints(iterationsPerEpoch: number): Promise<{ readonly name: string; readonly iteration: number }[]> {
    const found = (await readdir(this.path)).flatMap((file) => {
      const [, kind, number] = checkpointName.exec(file) ?? []
      if (kind === undefined) return []
      const iteration = Number(number) * (kind === 'epoch' ? iterationsPerEpoch : 1)
      return [{ name: file.slice(0, -extension.length), iteration }]
    })
    return found.sort((a, b) => a.iteration - b.iteration)
  }

  /** Adds a line to a file of the folder. @throws TrainingError, when the disk is full for instance */
  append(name: string, line: string): void {
    appendLine(join(this.path, name), `${line}\n`)
  }

  async remove(name: string): Promise<void> {
    await rm(this.file(name), { force: true })
  }

  /** Gives the lock back. */
  async close(): Promise<void> {
    await this.#unlock()
  }
}

/** Adds to a file at once, so that a killed process leaves nothing unwritten. @throws TrainingError */
export function appendLine(path: string, data: string | Uint8Array): void {
  try {
    appendFileSync(path, data)
  } catch (cause) {
    throw new TrainingError(`cannot write ${path}: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}

/** Epoch checkpoints and iteration checkpoints are not compared by number: of those without a pointer, epochs come first. */
function order(name: string): number {
  const [, kind, number] = checkpointName.exec(name) ?? []
  return Number(number) + (kind === 'epoch' ? 1e9 : 0)
}
