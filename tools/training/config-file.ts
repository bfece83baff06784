// Configurations in files: Python as MMTracking writes them (read as data, never run), JSON, and modules that export one.
// Modules are programs and are run: only files that end like modules are imported.

import { readFile } from 'node:fs/promises'
import { dirname, extname, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fromMMTracking } from 'siamrpn'
import { readPythonConfig } from '../python-config/config.ts'
import { ConfigFileError } from './errors.ts'

const readers: Readonly<Record<string, (file: string) => Promise<unknown>>> = {
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
  const reader = readers[extname(file).toLowerCase()]
  if (reader === undefined) {
    throw new ConfigFileError(
      `${file} is no configuration file, expected one that ends in ${configFileKinds.join(', ')}`,
    )
  }
  return await reader(file)
}

async function readPython(file: string): Promise<unknown> {
  const { entries, used } = await readPythonConfig(slashed(resolve(file)), {
    resolve: (from, path) => slashed(resolve(dirname(from), path)),
    read: readText,
  })
  return fromMMTracking(entries, used, file)
}

async function readJson(file: string): Promise<unknown> {
  const text = await readText(file)
  try {
    return fromMMTracking(JSON.parse(text), undefined, file)
  } catch (cause) {
    throw cause instanceof SyntaxError ? unreadable(file, cause) : cause
  }
}

/** The export `config`, or the only one. */
async function importModule(file: string): Promise<unknown> {
  let module: Record<string, unknown>
  try {
    module = await import(pathToFileURL(resolve(file)).href)
  } catch (cause) {
    throw unreadable(file, cause)
  }
  const names = Object.keys(module)
  const name = names.includes('config') ? 'config' : names.length === 1 ? names[0] : undefined
  if (name !== undefined) return module[name]
  throw new ConfigFileError(
    `${file} exports ${names.join(', ') || 'nothing'}, expected one called config, or a single one`,
  )
}

async function readText(file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (cause) {
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
