// The plot of attributes, which make videos hard: each attribute is a line with a dot per tracker, sorted by ours.

import type { Measure } from '../../metrics/scores.ts'
import { rounded } from '../numbers.ts'
import { color } from '../palette.ts'
import { baseOption, type Plot, type PlotOption, tooltip, xAxis } from './plot.ts'
import { type DrawnTracker, dots, legendOption } from './trackers.ts'

const rowHeight = 27
const characterWidth = 6.5
/** So that the dots of the first and the last line are not cut. */
const edge = 14

/** By the measure that trackers are ranked by; undefined where the data set names no attributes. */
export function attributePlot(trackers: readonly DrawnTracker[]): Plot | undefined {
  const ours = trackers[0]
  const measure = attributeMeasure(ours)
  if (!ours || !measure) return undefined
  const sign = measure.better === 'higher' ? 1 : -1
  const rows = ours.scores.attributes
    .flatMap(({ name, sequences, values }) => {
      const value = values[measure.name]
      return value === undefined ? [] : [{ name, sequences, value }]
    })
    .toSorted((a, b) => sign * (a.value - b.value))
  if (rows.length === 0) return undefined
  const labels = rows.map(({ name, sequences }) => `${name} (${sequences})`)
  const legend = trackers.map(({ name, color, isOurs }) => ({ name, color, isOurs }))
  return {
    id: 'attributes',
    title: `${measure.title} by attribute`,
    caption: `One line per attribute of the data set, the hardest for ${ours.name} at the foot; in brackets the number of videos.`,
    width: 1000,
    height: (rows.length - 1) * rowHeight + edge + 60,
    digits: measure.digits,
    legend,
    option: {
      ...baseOption({
        left: 24 + characterWidth * Math.max(...labels.map(({ length }) => length)),
        top: edge,
        bottom: 50,
      }),
      legend: { ...legendOption(legend), ...dots },
      tooltip: { ...tooltip('axis'), axisPointer: { type: 'shadow', axis: 'y' } },
      xAxis: xAxis({ name: `${measure.title}${measure.unit === 'percent' ? ' [%]' : ''}` }),
      yAxis: categories(labels),
      series: trackers.map((tracker) => ({
        name: tracker.name,
        type: 'scatter',
        clip: false,
        symbolSize: tracker.isOurs ? 13 : 8,
        z: tracker.isOurs ? 4 : 3,
        itemStyle: { color: tracker.color, borderColor: color('card'), borderWidth: 1.5 },
        data: rows.flatMap(({ name }, index) => {
          const row = tracker.scores.attributes.find((candidate) => candidate.name === name)
          const value = row?.values[measure.name]
          return value === undefined ? [] : [[rounded(value), index]]
        }),
      })),
    },
  }
}

/** VOT has no EAO per tag, so the first measure that attributes have is taken. */
export function attributeMeasure(tracker: DrawnTracker | undefined): Measure | undefined {
  const { measures = [], attributes = [] } = tracker?.scores ?? {}
  return measures.find(({ name }) => attributes.some(({ values }) => values[name] !== undefined))
}

function categories(names: readonly string[]): PlotOption {
  return {
    type: 'category',
    data: names,
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: color('ink'), fontSize: 12 },
    splitLine: { show: true, lineStyle: { color: color('line') } },
    boundaryGap: false,
  }
}
