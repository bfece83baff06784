// What the long-term rule of tracking must satisfy beyond the shape of its entries.

import type { ConfigProblem } from './problem.ts'
import type { ModelConfig } from './schema.ts'

/** Contradictions of `test_cfg.long_term`; none without the rule. */
export function checkLongTerm({ long_term, search_size }: ModelConfig['test_cfg']): ConfigProblem[] {
  if (long_term === null) return []
  const path = 'model.test_cfg.long_term'
  const problems: ConfigProblem[] = []
  if (long_term.search_size <= search_size) {
    const expected = `more than model.test_cfg.search_size, ${search_size}`
    problems.push({ path: `${path}.search_size`, found: long_term.search_size, expected })
  }
  if (long_term.confidence_low > long_term.confidence_high) {
    const expected = `at most ${path}.confidence_high, ${long_term.confidence_high}`
    problems.push({ path: `${path}.confidence_low`, found: long_term.confidence_low, expected })
  }
  return problems
}
