// Results without pictures: .json with everything, .txt in the form that benchmark toolkits and ground-truth files have.

import { extname } from 'node:path'
import { type PendingFile, pendingFile } from './atomic.ts'
import type { Box } from './types.ts'
import type { FrameRecord, RunFacts, Writer } from './writer.ts'

/** The `format` field of result files. */
export const resultsFormat = 'siamrpn-results'

/**
 * Opens a .json output: `{ format, version, width, height, fps, ...metadata, targets, frames: [{ frame, targets: [{ box:
 * [x, y, width, height], score }] }] }`, boxes in pixels, `frame` the index in the source.
 */
export async function openJsonWriter(path: string, facts: RunFacts): Promise<Writer> {
  const file = await pendingFile(path)
  const lines: string[] = []
  return {
    path,
    pictures: false,
    write({ index, targets }) {
      const entries = targets.map(({ box, score }) => ({ box: numbers(box), score: round(score, 6) }))
      lines.push(JSON.stringify({ frame: index, targets: entries }))
      return Promise.resolve()
    },
    async finish(metadata = {}, name = (asked) => asked) {
      const head = JSON.stringify({ format: resultsFormat, version: 1, ...metadata, ...facts }, undefined, 2)
      const body = lines.map((line) => `    ${line}`).join(',\n')
      await save(file, name(path), `${head.slice(0, -2)},\n  "frames": [\n${body}\n  ]\n}\n`)
      return [name(path)]
    },
    abort: () => file.discard(),
  }
}

/**
 * Opens a .txt output: a line `x,y,width,height` per frame. Several targets go into several files, `name-1.txt`,
 * `name-2.txt` ..., because that is what every reader of such files expects.
 */
export async function openTextWriter(path: string, facts: RunFacts): Promise<Writer> {
  const extension = extname(path)
  const stem = path.slice(0, path.length - extension.length)
  const paths =
    facts.targets === 1 ? [path] : Array.from({ length: facts.targets }, (_, k) => `${stem}-${k + 1}${extension}`)
  const files: PendingFile[] = []
  const abort = async () => {
    await Promise.all(files.map((file) => file.discard()))
  }
  try {
    for (const name of paths) files.push(await pendingFile(name))
  } catch (error) {
    await abort()
    throw error
  }
  const records: FrameRecord[] = []
  return {
    path,
    pictures: false,
    write(record) {
      records.push(record)
      return Promise.resolve()
    },
    async finish(_metadata, name = (asked) => asked) {
      for (const [k, file] of files.entries()) {
        const lines = records.map(({ targets }) => {
          const box = targets[k]?.box
          return `${(box ? numbers(box) : [Number.NaN, Number.NaN, Number.NaN, Number.NaN]).join(',')}\n`
        })
        await save(file, name(paths[k] ?? path), lines.join(''))
      }
      return paths.map(name)
    },
    abort,
  }
}

async function save(file: PendingFile, target: string, text: string): Promise<void> {
  await file.write(text)
  await file.commit(target)
}

function numbers({ x, y, width, height }: Box): number[] {
  return [x, y, width, height].map((value) => round(value, 4))
}

function round(value: number, places: number): number {
  return Math.round(value * 10 ** places) / 10 ** places
}
