// The sections of a golden set and who checks them.

import type { GoldenSet } from './golden-set.ts'
import type { SectionReport } from './report.ts'
import { checkA } from './section-a.ts'
import { checkB } from './section-b.ts'
import { checkC } from './section-c.ts'
import { checkD } from './section-d.ts'
import { checkE } from './section-e.ts'
import { checkF } from './section-f.ts'
import { checkG } from './section-g.ts'
import { checkH } from './section-h.ts'
import { checkI } from './section-i.ts'
import { checkJ } from './section-j.ts'

/**
 * Checks all cases of a section.
 * @throws GoldenDataError if the section's files are missing or malformed
 */
export type SectionCheck = (set: GoldenSet, report: SectionReport) => Promise<void>

export interface Section {
  /** Name of its files. */
  readonly name: string
  readonly title: string
  readonly check: SectionCheck
}

export const sections: readonly Section[] = [
  { name: 'A', title: 'state dicts', check: checkA },
  { name: 'B', title: 'kernels', check: checkB },
  { name: 'C', title: 'whole forward', check: checkC },
  { name: 'D', title: 'one training step', check: checkD },
  { name: 'E', title: '30 training steps', check: checkE },
  { name: 'F', title: 'head logic', check: checkF },
  { name: 'G', title: 'tracking', check: checkG },
  { name: 'H', title: 'augmentation', check: checkH },
  { name: 'I', title: 'schedules, metrics', check: checkI },
  { name: 'J', title: 'checkpoints', check: checkJ },
]
