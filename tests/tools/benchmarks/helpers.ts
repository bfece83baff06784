// Data sets of a few small files: readers look for images, they do not open them, so empty files will do.

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Finding } from '../../../tools/benchmarks/types.ts'

/** Writes text files by their path below `root`. */
export async function place(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }
}

/** Empty image files with the numbers `from` to `to`. */
export async function placeImages(folder: string, [from, to]: readonly [number, number], digits = 4): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (let number = from; number <= to; number++) {
    await writeFile(join(folder, `${String(number).padStart(digits, '0')}.jpg`), '')
  }
}

/** `count` lines with the box 1, 2, 30, 40. */
export function boxLines(count: number, separator = ','): string {
  return `${[1, 2, 30, 40].join(separator)}\n`.repeat(count)
}

/** A `tell` that keeps what it is told, as `severity place message` with the root left out. */
export function keepFindings(root: string): { readonly found: string[]; readonly tell: (finding: Finding) => void } {
  const found: string[] = []
  return {
    found,
    tell: ({ severity, place, message }) =>
      void found.push(`${severity} ${place} ${message}`.replaceAll(`${root}/`, '').replaceAll(root, 'ROOT')),
  }
}
