// The curves that trackers are judged by, one plot per axis of the scores: success, precision and normalised precision (OPE),
// success (GOT-10k), expected overlap (VOT). Legends are sorted by score, as in the published plots.

import type { Axis } from '../../metrics/scores.ts'
import { rounded } from '../numbers.ts'
import { baseOption, type Plot, tooltip, xAxis, yAxis } from './plot.ts'
import { type DrawnTracker, legendName, legendOption, ranked } from './trackers.ts'

const mostPoints = 240
const mostTrackers = 15

const captions: Readonly<Record<Axis['name'], string>> = {
  success:
    'Share of the frames whose box overlaps the truth by more than the threshold. The higher the curve stays towards the right, the tighter the boxes.',
  precision:
    'Share of the frames on which the centre of the box is at most so many pixels from the true centre; 20 pixels is the usual mark.',
  normPrecision:
    'The same with distances in widths and heights of the object, so that large and small objects count alike; 0.2 is the usual mark.',
  expectedOverlap:
    'Mean overlap that a track of so many frames has from its start on, counting 0 after a failure. EAO is its mean over the usual lengths.',
}

/** One per axis. */
export function curvePlots(trackers: readonly DrawnTracker[]): Plot[] {
  const axes = trackers[0]?.scores.axes ?? []
  return axes.flatMap((axis) => {
    const drawn = trackers.filter(({ scores }) => curveOf(scores, axis).length > 0)
    return drawn.length === 0 ? [] : [curvePlot(axis, chosen(ranked(drawn, axis.measure)))]
  })
}

/** The best, and ours. */
function chosen(sorted: readonly DrawnTracker[]): DrawnTracker[] {
  return sorted.filter(({ isOurs }, index) => isOurs || index < mostTrackers)
}

function curvePlot(axis: Axis, trackers: readonly DrawnTracker[]): Plot {
  const entries = trackers.map((tracker) => ({
    name: legendName(tracker, axis.measure),
    color: tracker.color,
    isOurs: tracker.isOurs,
  }))
  const highest = Math.max(...trackers.flatMap(({ scores }) => curveOf(scores, axis).map(({ y }) => y)))
  return {
    id: fileName(axis.name),
    title: axis.title,
    caption: captions[axis.name],
    width: 420,
    height: 340,
    digits: 3,
    legend: entries,
    option: {
      ...baseOption(),
      legend: legendOption(entries),
      tooltip: { ...tooltip('axis'), order: 'valueDesc' },
      xAxis: xAxis({ name: axis.x, min: axis.thresholds[0], max: axis.thresholds.at(-1) }),
      yAxis: yAxis({ name: axis.y, min: 0, ...(highest > 0.6 ? { max: 1 } : {}) }),
      series: trackers.map((tracker, index) => ({
        name: entries[index]?.name,
        type: 'line',
        showSymbol: false,
        symbolSize: 7,
        z: tracker.isOurs ? 4 : 3,
        itemStyle: { color: tracker.color },
        lineStyle: { color: tracker.color, width: tracker.isOurs ? 3.4 : 1.7, type: tracker.dash },
        emphasis: { disabled: true },
        data: curveOf(tracker.scores, axis).map(({ x, y }) => [rounded(x), rounded(y)]),
      })),
    },
  }
}

function curveOf({ overall, axes }: DrawnTracker['scores'], { name }: Axis): { x: number; y: number }[] {
  const thresholds = axes.find((candidate) => candidate.name === name)?.thresholds ?? []
  const values = overall.curves[name] ?? []
  const step = Math.max(1, Math.ceil(values.length / mostPoints))
  return values.flatMap((y, index) => {
    const x = thresholds[index]
    const isShown = index % step === 0 || index === values.length - 1
    return x === undefined || !Number.isFinite(y) || !isShown ? [] : [{ x, y }]
  })
}

function fileName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
