// The trackers of a report in the order and the look that they have in all plots: ours thick and in one color, the others thin.

import type { MeasureName, Scores } from '../../metrics/scores.ts'
import type { ReportData, ReportTracker } from '../data.ts'
import { formatMeasure } from '../numbers.ts'
import { color, otherStyle } from '../palette.ts'
import type { LegendEntry, Plot, PlotOption } from './plot.ts'

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
    { name: unique(ours), scores: ours.scores, isOurs: true, color: color('ours'), dash: 'solid' },
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
  const value = scores.overall.values[measure]
  return found && value !== undefined ? `[${formatMeasure(found, value)}] ${name}` : name
}

const rowHeight = 18
const characterWidth = 6.6
const widest = 136
const columnWidth = 200

/** What changes in a legend of points. */
export const dots = { icon: 'circle', itemWidth: 11, itemHeight: 11, itemGap: 14 } as const

/** For pictures: below the plot, where it covers no curve. The page has a list of its own, which flows with its width. */
export function legendOption(entries: readonly LegendEntry[]): PlotOption {
  const width = Math.min(widest, Math.max(...entries.map(({ name }) => name.length)) * characterWidth)
  return {
    show: false,
    left: 14,
    right: 0,
    bottom: 10,
    orient: 'horizontal',
    itemWidth: 22,
    itemHeight: 14,
    itemGap: 8,
    padding: [4, 4, 0, 4],
    textStyle: { color: color('ink'), fontSize: 12, width, overflow: 'truncate', lineHeight: 15 },
    icon: 'path://M0 4H22V6H0Z',
    data: entries.map(({ name, isOurs }) => ({ name, ...(isOurs ? { textStyle: { fontWeight: 'bold' } } : {}) })),
  }
}

/** The plot with its legend, higher by what that takes. */
export function withLegend(plot: Plot): Plot {
  const { legend, option, width, height } = plot
  if (legend.length < 2) return plot
  const below = 16 + Math.ceil(legend.length / Math.floor(width / columnWidth)) * rowHeight
  const grid = Object(option.grid)
  return {
    ...plot,
    height: height + below,
    option: {
      ...option,
      legend: { ...Object(option.legend), show: true },
      grid: { ...grid, bottom: Number(grid.bottom) + below },
    },
  }
}
