// Golden directories for tests: copies of the project's set with something changed, and the command run on them.

import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { readSafetensors, writeSafetensors } from '../../../../src/formats/safetensors.ts'
import { toTypedArray } from '../../../../src/formats/state-dict.ts'
import { goldenDirectory } from '../../../golden-directory.ts'
import { fakeTerminal } from '../../../tools/cli/fakes.ts'
import { runGolden } from '../run.ts'

const made: string[] = []
afterAll(async () => {
  for (const directory of made) await rm(directory, { recursive: true, force: true })
})

/** An empty directory that goes away after the tests of the file. */
export async function emptySet(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'siamrpn-golden-'))
  made.push(directory)
  return directory
}

/** A directory with these files of the project's set. */
export async function copyOf(...files: readonly string[]): Promise<string> {
  const directory = await emptySet()
  for (const file of files) await copyFile(join(goldenDirectory, file), join(directory, file))
  return directory
}

/** Changes a JSON file. */
// biome-ignore lint/suspicious/noExplicitAny: each test knows the fields that it changes.
export async function editJson(directory: string, file: string, edit: (json: any) => void): Promise<void> {
  const path = join(directory, file)
  const json = JSON.parse(await readFile(path, 'utf8'))
  edit(json)
  await writeFile(path, JSON.stringify(json))
}

/** Changes one value of a tensor, the first one by default. */
export async function editTensor(
  directory: string,
  file: string,
  key: string,
  edit: (value: number) => number,
  index = 0,
) {
  const path = join(directory, file)
  const { tensors, metadata } = readSafetensors(new Uint8Array(await readFile(path)))
  const tensor = tensors.get(key)
  if (!tensor) throw new Error(`${file} has no tensor '${key}'`)
  const values = toTypedArray(tensor).slice() as Float32Array
  values[index] = edit(values[index]!)
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  tensors.set(key, { ...tensor, data })
  await writeFile(path, writeSafetensors(tensors, metadata))
}

/** Runs the command; `lines` are those of standard output. */
export async function golden(...args: readonly string[]) {
  const terminal = fakeTerminal()
  const code = await runGolden(args, terminal)
  const out = terminal.stdout.text
  return { code, out, err: terminal.stderr.text, lines: out.trimEnd().split('\n') }
}
