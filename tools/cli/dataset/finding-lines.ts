// Formats what is wrong with a data set or a result file as lines for the terminal: a few of each kind.

import { Findings } from '../../benchmarks/findings.ts'

const shown = 3

/** A collection of which `findingLines` shows the first few of each kind. */
export function collectFindings(): Findings {
  return new Findings(shown)
}

/** `warning: FILE:LINE: what`, errors first. */
export function findingLines({ groups }: Findings): string[] {
  return groups.flatMap(({ severity, findings, count }) => {
    const lines = findings.map(({ place, message }) => `${severity}: ${place}: ${message}`)
    return count > findings.length ? [...lines, `${severity}: and ${count - findings.length} more like it`] : lines
  })
}
