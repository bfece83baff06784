// The trackers of a report in the order and the look that they have in all plots: ours thick and in one colour, the others thin.

import type { MeasureName, Scores } from '../../../data/metrics/scores.ts'
import type { ReportData, ReportTracker } from '../data.ts'
import { formatMeasure } from '../numbers.ts'
import { colour, otherStyle } from '../palette.ts'

export interface DrawnTracker {
  readonly name: string
  readonly scores: Scores
  readonly isOurs: boolean
  readonly color: string
  readonly dash: 'solid' | 'dashed' | 'dotted'
}

/** Ours first. Names that come twice are numbered. */
export function drawnTrackers({ ours, others }: Pick<ReportData, 'ours' | 'others'>): DrawnTracker[] {
  const taken = new Set<string>()
  const unique = ({ name }: ReportTracker) => {
    let result = name
    for (let count = 2; taken.has(result); count++) result = `${name} (${count})`
    taken.add(result)
    return result
  }
  return [
    { name: unique(ours), scores: ours.scores, isOurs: true, color: colour('ours'), dash: 'solid' },
    ...others.map((tracker, index) => ({
      name: unique(tracker),
      scores: tracker.scores,
      isOurs: false,
      ...otherStyle(index),
    })),
  ]
}

/** The best first; those without a value at the end. */
export function ranked(trackers: readonly DrawnTracker[], measure: MeasureName): DrawnTracker[] {
  const lower = trackers[0]?.scores.measures.find(({ name }) => name === measure)?.better === 'lower'
  const worst = lower ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  const value = ({ scores }: DrawnTracker) => scores.overall.values[measure] ?? worst
  const sign = lower ? 1 : -1
  return trackers.toSorted((a, b) => (value(a) === value(b) ? 0 : sign * (value(a) - value(b))))
}

/** `[49.6] SiamRPN++`, as legends of published plots have it. */
export function legendName({ name, scores }: DrawnTracker, measure: MeasureName): string {
  const found = scores.measures.find((candidate) => candidate.name === measure)
  return found ? `[${formatMeasure(found, scores.overall.values[measure])}] ${name}` : name
}

const inside = 7
const rowHeight = 19
const characterWidth = 6.6
const widest = 150

/** What changes in a legend of points. */
export const dots = { icon: 'circle', itemWidth: 11, itemHeight: 11, itemGap: 9 } as const

export interface LegendEntry {
  readonly name: string
  readonly isOurs: boolean
}

/** Inside the plot where the curves leave room; many trackers need the space below it. Returns the height that takes. */
export function legend(
  entries: readonly LegendEntry[],
  corner: 'top' | 'bottom',
): { readonly option: Readonly<Record<string, unknown>>; readonly below: number } {
  const below = entries.length > inside ? 22 + Math.ceil(entries.length / 2) * rowHeight : 0
  const width = Math.min(widest, Math.max(...entries.map(({ name }) => name.length)) * characterWidth)
  const place =
    below > 0
      ? { left: 50, right: 10, bottom: 0, orient: 'horizontal' }
      : { right: 26, orient: 'vertical', ...(corner === 'top' ? { top: 20 } : { bottom: 60 }) }
  return {
    below,
    option: {
      ...place,
      itemWidth: 22,
      itemHeight: 14,
      itemGap: 2,
      padding: [6, 9],
      backgroundColor: colour('card'),
      borderRadius: 6,
      borderWidth: below > 0 ? 0 : 1,
      borderColor: colour('line'),
      textStyle: { color: colour('ink'), fontSize: 12, width, overflow: 'truncate', lineHeight: 15 },
      inactiveColor: colour('faint'),
      icon: 'path://M0 4H22V6H0Z',
      data: entries.map(({ name, isOurs }) => ({ name, ...(isOurs ? { textStyle: { fontWeight: 'bold' } } : {}) })),
    },
  }
}
