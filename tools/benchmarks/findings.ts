// Collects what is wrong with a data set: equal complaints form a group that is counted in full while only some of its
// places are kept, so that a million bad lines take no more memory than a few.

import { cut } from 'siamrpn/gpu'
import type { Finding, Tell } from './types.ts'

const longestMessage = 2000

/** The same, of places and messages that are cut where a file's own words make them long. */
export function brief(tell: Tell): Tell {
  return ({ severity, place, message }) =>
    tell({ severity, place: cut(place, longestMessage), message: cut(message, longestMessage) })
}

/** Findings that differ in numbers and names alone. */
export interface FindingGroup {
  readonly severity: Finding['severity']
  /** All of them, kept or not. */
  readonly count: number
  /** The first ones. */
  readonly findings: readonly Finding[]
}

export class Findings {
  readonly #keep: number
  readonly #groups = new Map<string, { severity: Finding['severity']; count: number; findings: Finding[] }>()

  /** @param keep findings kept per group; `Infinity`: all */
  constructor(keep: number) {
    this.#keep = keep
  }

  /** Bound, so that it can be handed on as a `Tell`. */
  readonly tell = (finding: Finding): void => {
    const key = `${finding.severity} ${kindOf(finding.message)}`
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { severity: finding.severity, count: 0, findings: [] }
      this.#groups.set(key, group)
    }
    group.count++
    if (group.findings.length < this.#keep) group.findings.push(finding)
  }

  count(severity: Finding['severity']): number {
    return this.groups.reduce((sum, group) => sum + (group.severity === severity ? group.count : 0), 0)
  }

  /** Errors before warnings, the first one told first. */
  get groups(): readonly FindingGroup[] {
    const all = [...this.#groups.values()]
    return [
      ...all.filter(({ severity }) => severity === 'error'),
      ...all.filter(({ severity }) => severity === 'warning'),
    ]
  }
}

/** The message without what varies from place to place: a decoder's words, quoted text, paths, numbers. */
function kindOf(message: string): string {
  return message
    .replace(/(cannot read the image: ).*Vips.*/s, '$1')
    .replace(/"(?:[^"\\]|\\.)*"/g, '"')
    .replace(/\S*[\\/]\S*/g, '/')
    .replace(/[-+]?(?:\d+\.?\d*|nan\b)(?:e[-+]?\d+)?/gi, '0')
}
