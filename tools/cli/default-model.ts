// Chooses the weights that a command uses: those that its options name, or the model that ships with the library.

import { fileURLToPath } from 'node:url'
import { defaultModelName, defaultModel as libraryModel } from 'siamrpn'
import { UsageError } from '../errors.ts'

/** Path of the weights that ship. */
export function defaultModel(): string {
  return fileURLToPath(libraryModel())
}

/** What they are called where people read it. */
export const defaultModelTitle = `${defaultModelName}, trained by this project on photographs and videos`

/** A checkpoint's file or URL. @throws UsageError for a configuration that the model that ships is not of */
export function chosenCheckpoint(options: { readonly config?: string; readonly checkpoint?: string }): string {
  const { config, checkpoint } = options
  if (checkpoint !== undefined) return checkpoint
  if (config === undefined || config === defaultModelName) return defaultModel()
  throw new UsageError(`--config ${config} has no model of its own: give one with --checkpoint`)
}
