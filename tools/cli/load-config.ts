// Loads a configuration by its name or from a file: for training, which has to understand all of it, or for tracking, which reads
// the model and leaves alone what it does not understand of the rest.

import { type Config, ownConfig, parseConfig, type TrackingConfig, type TrackingExtra } from 'siamrpn'
import { configNames, namedConfig } from 'siamrpn/configs'
import { r50 } from 'siamrpn/configs/r50'
import { readCheckpoint } from 'siamrpn/formats'
import { UsageError } from '../errors.ts'
import { configFileKinds, readTrackingConfig, readTrainingConfig } from '../training/config-file.ts'

/** @throws UsageError for an unknown name, ConfigFileError or PythonConfigError for a file, ConfigError for what it holds */
export async function loadConfig(nameOrFile: string): Promise<Config> {
  return isNamed(nameOrFile) ? namedConfig(nameOrFile) : await readTrainingConfig(nameOrFile)
}

/**
 * @param reads entries that are read beside the model
 * @throws as `loadConfig`, but not for what only training reads
 */
export async function loadTrackingConfig(
  nameOrFile: string,
  reads: readonly TrackingExtra[] = [],
): Promise<TrackingConfig> {
  if (isNamed(nameOrFile)) return { config: namedConfig(nameOrFile), unread: [] }
  return await readTrackingConfig(nameOrFile, reads)
}

/** The configuration that a checkpoint carries, or r50's. @throws what a checkpoint that does not parse throws */
export function ownOrR50(checkpoint: Uint8Array, path: string): Config {
  return ownConfig(readCheckpoint(checkpoint, path), path) ?? parseConfig(r50)
}

const mostNamed = 12

/** One line that names the entries that were left alone; none if there are none. */
export function unreadLines({ unread }: TrackingConfig): string[] {
  if (unread.length === 0) return []
  const named = unread.slice(0, mostNamed).join(', ')
  const more = unread.length > mostNamed ? ` and ${unread.length - mostNamed} more` : ''
  return [`not understood of the configuration, and only needed for training: ${named}${more}`]
}

function isNamed(nameOrFile: string): boolean {
  if (configNames.includes(nameOrFile)) return true
  if (configFileKinds.some((kind) => nameOrFile.toLowerCase().endsWith(kind))) return false
  throw new UsageError(
    `--config ${nameOrFile} is neither a known configuration (${configNames.join(', ')}) ` +
      `nor a file of a known kind (${configFileKinds.join(', ')})`,
  )
}
