// Loads a configuration by its name or from a file.

import { type Config, parseConfig } from 'siamrpn'
import { configNames, namedConfig } from 'siamrpn/configs'
import { UsageError } from '../errors.ts'
import { configFileKinds, readConfigFile } from '../training/config-file.ts'

/** @throws UsageError for an unknown name, ConfigFileError or PythonConfigError for a file, ConfigError for what it holds */
export async function loadConfig(nameOrFile: string): Promise<Config> {
  if (configNames.includes(nameOrFile)) return namedConfig(nameOrFile)
  if (!configFileKinds.some((kind) => nameOrFile.toLowerCase().endsWith(kind))) {
    throw new UsageError(
      `--config ${nameOrFile} is neither a known configuration (${configNames.join(', ')}) ` +
        `nor a file of a known kind (${configFileKinds.join(', ')})`,
    )
  }
  return parseConfig(await readConfigFile(nameOrFile), nameOrFile)
}
