// The model that ships with the package: models/tiny.safetensors, found from the sources as well as from dist/.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../errors.ts'

const relativePath = join('models', 'tiny.safetensors')

/** Its path. @throws UsageError if the package is not whole */
export function defaultModel(from = dirname(fileURLToPath(import.meta.url))): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, relativePath)
    if (existsSync(path)) return path
    if (dirname(folder) === folder) {
      throw new UsageError(`no ${relativePath} in ${from} or above; give a model with --checkpoint`)
    }
  }
}
