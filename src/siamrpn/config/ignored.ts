// Entries of a configuration that are accepted, because MMTracking's files have them, but that change nothing here. A training run
// says so once in its log. docs/configuration.md lists them beside all the others.

import type { Config } from './schema.ts'

/** An entry that was given and changes nothing. */
export interface IgnoredEntry {
  readonly path: string
  /** Why, as the end of a sentence. */
  readonly reason: string
}

/** What of a configuration is ignored; entries that say what is done here anyway are not. */
export function ignoredEntries(config: Config): IgnoredEntry[] {
  const entries: (IgnoredEntry | false)[] = [
    config.dist_params !== undefined && {
      path: 'dist_params',
      reason: 'several ranks exchange by MPI (--launcher mpi), which has its own settings',
    },
    config.log_level !== 'INFO' && { path: 'log_level', reason: 'the log has every line' },
    !config.deterministic && { path: 'deterministic', reason: 'training always is' },
    !config.find_unused_parameters && {
      path: 'find_unused_parameters',
      reason: 'parameters without gradient are known',
    },
  ]
  return entries.filter((entry) => entry !== false)
}
