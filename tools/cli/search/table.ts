// The sets of a search as a table for the terminal, the best one first.

import type { SearchMeasure } from '../../search/judge.ts'
import { ruleKeys } from '../../search/rules.ts'
import { ranking, type Saving, type SearchOutcome } from '../../search/search.ts'
import { alignedTable } from '../terminal.ts'

/** The best sets of those that have seen all videos; the first of the scores, the configuration's own, is always among them. */
export function ruleTable({ scores, measures }: SearchOutcome, measure: SearchMeasure, top: number): string[] {
  const [own] = scores
  const whole = scores.filter(({ leftOutAfter }) => leftOutAfter === undefined)
  const ranked = ranking(whole, measure).map((score, index) => ({ score, rank: index + 1 }))
  const shown = ranked.filter(({ score, rank }) => rank <= top || score === own)
  const others = [measure, ...measures.filter(({ name }) => name !== measure.name)]
  const head = ['rank', ...ruleKeys, ...others.map(({ title }) => title)]
  const rows = shown.map(({ score, rank }) => [
    `${rank}${score === own ? ' (config)' : ''}`,
    ...ruleKeys.map((key) => String(score.rule[key])),
    ...others.map(({ name, digits }) => score.values[name]?.toFixed(digits) ?? '-'),
  ])
  return alignedTable(head, rows)
}

/** What became of the others; undefined where there are none. */
export function leftOutLine({ scores }: Pick<SearchOutcome, 'scores'>): string | undefined {
  const after = scores.flatMap(({ leftOutAfter }) => leftOutAfter ?? [])
  if (after.length === 0) return undefined
  const stages = [...new Set(after)].sort((a, b) => a - b)
  const parts = stages.map((stage) => {
    const count = after.filter((one) => one === stage).length
    return `${count} after ${stage} video${stage === 1 ? '' : 's'}`
  })
  return `${parts.join(', ')}: their measures were in the worse half`
}

/** What the search has cost, against tracking once per set. */
export function savingLine({ computed, needed, reused, tracked }: Saving): string {
  const before = reused > 0 ? `; ${reused} of ${reused + tracked} tracks were there already` : ''
  if (computed === 0) return `no runs${before}`
  const factor = (needed / computed).toFixed(1)
  return `${computed} crops instead of ${needed} when tracking once per set: ${factor} times fewer${before}`
}
