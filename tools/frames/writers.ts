// Writers for what a tracking run produces, chosen by the extension of the output's name: annotated pictures as .mp4,
// animated .webp or a folder of PNG files, results as .json or .txt. All of them are complete or absent (`atomic.ts`).

import { extname } from 'node:path'
import { OutputError } from './errors.ts'
import { openFolderWriter } from './write-folder.ts'
import { openMp4Writer } from './write-mp4.ts'
import { openJsonWriter, openTextWriter } from './write-results.ts'
import { openWebpWriter } from './write-webp.ts'
import type { OpenWriter, RunFacts, Writer } from './writer.ts'

const byExtension: Readonly<Record<string, OpenWriter>> = {
  '.mp4': openMp4Writer,
  '.webp': openWebpWriter,
  '.json': openJsonWriter,
  '.txt': openTextWriter,
  '': openFolderWriter,
}

/** What outputs can be called, in words, for help texts and errors. */
export const outputKinds = '.mp4, .webp, .json, .txt, or a folder (no extension) for PNG files'

/** Why nothing can be written under this name, or undefined if its extension is known. */
export function outputProblem(path: string): string | undefined {
  const extension = extensionOf(path)
  return extension in byExtension ? undefined : `the extension is ${extension}, expected ${outputKinds}`
}

/**
 * Opens the writer that the extension of `path` asks for; a name without extension or with a final slash is a folder.
 *
 * @throws OutputError; FfmpegMissingError for .mp4 without ffmpeg
 */
export async function openWriter(path: string, facts: RunFacts): Promise<Writer> {
  const open = chooseWriter(path)
  return await open(path, facts)
}

/** Opens several outputs as one writer: they finish together, and an error in one aborts all. */
export async function openWriters(paths: readonly string[], facts: RunFacts): Promise<Writer> {
  const writers: Writer[] = []
  const abort = async () => {
    await Promise.all(writers.map((writer) => writer.abort()))
  }
  const orAbort = async <T>(action: () => Promise<T>): Promise<T> => {
    try {
      return await action()
    } catch (error) {
      await abort()
      throw error
    }
  }
  await orAbort(async () => {
    for (const path of paths) writers.push(await openWriter(path, facts))
  })
  return {
    path: paths.join(', '),
    pictures: writers.some((writer) => writer.pictures),
    async write(record) {
      await orAbort(() => Promise.all(writers.map((writer) => writer.write(record))))
    },
    finish: (metadata, name) =>
      orAbort(async () => {
        const written: string[] = []
        for (const writer of writers) written.push(...(await writer.finish(metadata, name)))
        return written
      }),
    abort,
  }
}

function chooseWriter(path: string): OpenWriter {
  const open = byExtension[extensionOf(path)]
  if (open === undefined) throw new OutputError(`cannot write ${path}: ${outputProblem(path)}`)
  return open
}

function extensionOf(path: string): string {
  return /[\\/]$/.test(path) ? '' : extname(path).toLowerCase()
}
