// The npm package that holds the pretrained detector: fetched by npm into a folder that is removed again, or given as a file,
// and accepted only if it is the very package that is known here.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { PretrainedFetchError, PretrainedFileError } from './errors.ts'
import { tarMember } from './tar.ts'

/** Name, version and contents as the registry states them. */
export const objectronPackage = {
  name: '@mediapipe/objectron',
  version: '0.4.1675468480',
  licence: 'Apache-2.0',
  integrity: 'sha512-IoWuW0ojc9GaSW6UoDCIXgwjLSqTEcR5w8NYuGH+R5+q+nKzS7KOIGfY/eyx4DttReumb398W6+PpW0DQ2Rs/w==',
  /** The file with the detector, and where in it the TFLite model begins: behind the names of its classes. */
  member: 'package/objectron_solution_packed_assets.data',
  modelStart: 184,
}

export const packageSpec = `${objectronPackage.name}@${objectronPackage.version}`

/** Runs a program and gives what it printed. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<string>

/**
 * The bytes of the package, by `npm pack`.
 * @throws PretrainedFetchError with what npm said
 */
export async function fetchPackage(run: RunProgram = runProgram): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-pretrained-'))
  try {
    const [program, ...args] = npmCommand()
    const pack = [...args, 'pack', packageSpec, '--json', '--pack-destination', folder, ...fewRetries]
    const output = await run(program, pack).catch((cause: unknown) => {
      throw new PretrainedFetchError(`npm could not fetch ${packageSpec}: ${reasonOf(cause)}${offline}`, { cause })
    })
    return await readFile(join(folder, packedName(output)))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * The TFLite model in the bytes of a package.
 * @param name what messages call the package's file
 * @throws PretrainedFileError unless it is the package that is known here
 */
export function detectorOf(bytes: Uint8Array, name: string): Uint8Array {
  const { integrity, member, modelStart } = objectronPackage
  const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
  if (found !== integrity) {
    throw new PretrainedFileError(
      `${name}: ${bytes.length} bytes with integrity ${found}, expected ${integrity}, that of ${packageSpec}`,
    )
  }
  return tarMember(gunzipSync(bytes), member, name).subarray(modelStart)
}

/** Without a network npm would try for 80 seconds, without a word. */
const fewRetries = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=2000']

const offline = `; without a network, fetch it elsewhere (npm pack ${packageSpec}) and give the file with --from`

/** npm as it was started itself, so that it is found on every system. */
function npmCommand(): readonly [string, ...string[]] {
  const own = process.env.npm_execpath
  return own?.endsWith('npm-cli.js') ? [process.execPath, own] : ['npm']
}

const runProgram: RunProgram = async (program, args) => {
  const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 1 << 26 })
  return stdout
}

function packedName(output: string): string {
  let answer: unknown
  try {
    answer = JSON.parse(output)
  } catch {
    answer = undefined
  }
  const [packed] = Array.isArray(answer) ? answer : []
  if (typeof packed?.filename === 'string') return packed.filename
  throw new PretrainedFetchError(`npm pack printed ${JSON.stringify(output.slice(0, 200))}, expected a list of files`)
}

/** The last line of npm's complaint that says anything. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'ENOENT') return 'the program npm was not found on the PATH'
  const printed = 'stderr' in error ? String(error.stderr) : ''
  const lines = printed
    .split('\n')
    .filter((line) => /^npm (error|ERR!)/.test(line) && !/complete log|A complete/.test(line))
  return (
    lines
      .slice(0, 3)
      .join(' ')
      .replaceAll(/npm (error|ERR!) ?/g, '')
      .trim() || error.message
  )
}
