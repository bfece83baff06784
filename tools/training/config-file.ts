// Configurations in files: Python as MMTracking writes them (read as data, never run), JSON, and modules that export one.
// Modules are programs and are run: only files that end like modules are imported.

import { dirname, extname, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type Config,
  fromMMTracking,
  parseConfig,
  parseTrackingConfig,
  type TrackingConfig,
  type TrackingExtra,
} from 'siamrpn'
import { configJsonLimits, parseJson } from 'siamrpn/formats'
import { readPythonConfig } from '../python-config/config.ts'
import { FileSizeError, mostTextBytes, readBounded } from '../read-bounded.ts'
import { ConfigFileError } from './errors.ts'

/** What a file says, as it says it. */
interface ConfigText {
  readonly entries: unknown
  /** Top-level names that other entries were made from. */
  readonly used?: ReadonlySet<string>
}

const readers: Readonly<Record<string, (file: string) => Promise<ConfigText>>> = {
  '.py': readPython,
  '.json': readJson,
  '.ts': importModule,
  '.mts': importModule,
  '.js': importModule,
  '.mjs': importModule,
}

/** Endings of the files that are read. */
export const configFileKinds: readonly string[] = Object.keys(readers)

/**
 * What a file says, in the words of the schema; `parseConfig` checks it.
 *
 * @throws ConfigFileError for a file that cannot be read or is of no known kind; PythonConfigError with line and source for
 * what is no data; ConfigError for entries of MMTracking that ask for what does not exist here
 */
export async function readConfigFile(file: string): Promise<unknown> {
  const { entries, used } = await readText(file)
  return fromMMTracking(entries, used, file)
}

/** What a file says, for training: every entry must be understood. @throws as `readConfigFile`, and ConfigError for what does not fit */
export async function readTrainingConfig(file: string): Promise<Config> {
  return parseConfig(await readConfigFile(file), file)
}

/**
 * What a file says, for tracking, whatever its training part says.
 * @param reads entries that are read beside the model
 * @throws as `readConfigFile`; ConfigError for what tracking reads and does not understand
 */
export async function readTrackingConfig(file: string, reads: readonly TrackingExtra[]): Promise<TrackingConfig> {
  const { entries, used } = await readText(file)
  return parseTrackingConfig(entries, { source: file, reads, ...(used && { used }) })
}

async function readText(file: string): Promise<ConfigText> {
  const reader = readers[extname(file).toLowerCase()]
  if (reader === undefined) {
    throw new ConfigFileError(
      `${file} is no configuration file, expected one that ends in ${configFileKinds.join(', ')}`,
    )
  }
  return await reader(file)
}

async function readPython(file: string): Promise<ConfigText> {
  return await readPythonConfig(slashed(resolve(file)), {
    resolve: (from, path) => slashed(resolve(dirname(from), path)),
    read: readUtf8,
  })
}

async function readJson(file: string): Promise<ConfigText> {
  const text = await readUtf8(file)
  try {
    return { entries: parseJson(text, configJsonLimits) }
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

/** The export `config`, or the only one. */
async function importModule(file: string): Promise<ConfigText> {
  let module: Record<string, unknown>
  try {
    module = await import(pathToFileURL(resolve(file)).href)
  } catch (cause) {
    throw unreadable(file, cause)
  }
  const names = Object.keys(module)
  const name = names.includes('config') ? 'config' : names.length === 1 ? names[0] : undefined
  if (name !== undefined) return { entries: module[name] }
  throw new ConfigFileError(
    `${file} exports ${names.join(', ') || 'nothing'}, expected one called config, or a single one`,
  )
}

async function readUtf8(file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readBounded(file, mostTextBytes))
  } catch (cause) {
    if (cause instanceof FileSizeError) throw cause
    throw unreadable(file, cause)
  }
}

function unreadable(file: string, cause: unknown): ConfigFileError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new ConfigFileError(`cannot read the configuration ${file}: ${why}`, { cause })
}

function slashed(path: string): string {
  return path.replaceAll(sep, '/')
}
