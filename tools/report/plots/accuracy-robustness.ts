// VOT's accuracy-robustness plot: how well a tracker fits while it is on the object, against how likely it is to stay there.
// The horizontal axis is the chance of no failure over S = 30 frames, exp(-S * failures / frames), as the VOT toolkit draws it.

import { rounded } from '../numbers.ts'
import { color } from '../palette.ts'
import { baseOption, type Plot, tooltip, xAxis, yAxis } from './plot.ts'
import { type DrawnTracker, dots, legendName, legendOption } from './trackers.ts'

const sensitivity = 30

/** Undefined where the scores know no accuracy and robustness. */
export function accuracyRobustnessPlot(trackers: readonly DrawnTracker[]): Plot | undefined {
  const points = trackers.flatMap((tracker) => {
    const { accuracy, robustness } = tracker.scores.overall.values
    if (accuracy === undefined || robustness === undefined) return []
    const reliability = Math.exp((-sensitivity * robustness) / 100)
    return [{ tracker, name: legendName(tracker, 'eao'), at: [rounded(reliability), rounded(accuracy)] }]
  })
  if (points.length === 0) return undefined
  const legend = points.map(({ name, tracker }) => ({ name, color: tracker.color, isOurs: tracker.isOurs }))
  return {
    id: 'accuracy-robustness',
    title: 'Accuracy and robustness',
    caption: `Better trackers are nearer the top right corner. Across: the chance that ${sensitivity} frames pass without a failure.`,
    width: 420,
    height: 340,
    digits: 3,
    legend,
    option: {
      ...baseOption(),
      legend: { ...legendOption(legend), ...dots },
      tooltip: tooltip('item'),
      xAxis: xAxis({ name: `Robustness (S = ${sensitivity})`, min: 0, max: 1 }),
      yAxis: yAxis({ name: 'Accuracy', min: 0, max: 1 }),
      series: points.map(({ tracker, name, at }) => ({
        name,
        type: 'scatter',
        symbolSize: tracker.isOurs ? 17 : 11,
        z: tracker.isOurs ? 4 : 3,
        itemStyle: { color: tracker.color, borderColor: color('card'), borderWidth: 1.5 },
        data: [at],
      })),
    },
  }
}
