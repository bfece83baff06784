// A configuration by name, or from a file: JSON, or a module that exports one.

import { readFile } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { configNames, namedConfig } from '../../configs/index.ts'
import { type Config, parseConfig } from '../siamrpn/config.ts'
import { UsageError } from './errors.ts'

/** Reads what a file holds, before it is checked. */
type ConfigReader = (file: string) => Promise<unknown>

const readers: Readonly<Record<string, ConfigReader>> = {
  '.json': readJson,
  '.js': importModule,
  '.mjs': importModule,
  '.ts': importModule,
}

/** @throws UsageError for a file that cannot be read, ConfigError for what is wrong in it */
export async function loadConfig(nameOrFile: string): Promise<Config> {
  if (configNames.includes(nameOrFile)) return namedConfig(nameOrFile)
  const reader = readers[extname(nameOrFile)]
  if (reader === undefined) {
    const kinds = Object.keys(readers).join(', ')
    throw new UsageError(
      `--config ${nameOrFile} is neither a known configuration (${configNames.join(', ')}) nor a file of a known kind (${kinds})`,
    )
  }
  return parseConfig(await reader(nameOrFile), nameOrFile)
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw unreadable(file, cause)
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
  throw new UsageError(
    `${file} exports ${names.join(', ') || 'nothing'}, expected one configuration, or one called config`,
  )
}

function unreadable(file: string, cause: unknown): UsageError {
  return new UsageError(`cannot read the configuration ${file}: ${cause instanceof Error ? cause.message : cause}`, {
    cause,
  })
}
