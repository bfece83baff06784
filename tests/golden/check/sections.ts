// The sections of a golden set and who checks them.

import { checkH } from './augmentation.ts'
import { checkJ } from './checkpoints.ts'
import { checkC } from './forward.ts'
import type { GoldenSet } from './golden-set.ts'
import { checkF } from './head-logic.ts'
import { checkB } from './kernels.ts'
import type { SectionReport } from './report.ts'
import { checkI } from './schedules-metrics.ts'
import { checkA } from './state-dicts.ts'
import { checkE } from './thirty-steps.ts'
import { checkG } from './tracking.ts'
import { checkD } from './training-step.ts'

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
