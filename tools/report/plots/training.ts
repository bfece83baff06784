// A training run as curves: the loss with its parts, the learning rate, the norm of the gradient, and what was measured after
// epochs. Noisy curves are drawn faintly, with a running mean over them.

import { rounded } from '../numbers.ts'
import { color, otherStyle } from '../palette.ts'
import type { LoggedStep, TrainingLog } from '../training-log.ts'
import { baseOption, type Plot, tooltip, xAxis, yAxis } from './plot.ts'
import { legendOption } from './trackers.ts'

const mostPoints = 400
/** Share of a new value in the running mean, and how many values make one worth drawing. */
const meanShare = 0.12
const noisyFrom = 30

interface Kind {
  readonly id: string
  readonly title: string
  readonly caption: string
  readonly y: string
  readonly of: 'train' | 'held'
  readonly takes: (name: string) => boolean
  readonly smooth: boolean
  readonly digits: number
}

const shares = new Set(['success', 'norm_precision', 'precision'])

const kinds: readonly Kind[] = [
  {
    id: 'training-loss',
    title: 'Loss',
    caption: 'The sum and its parts: which anchor holds the object (cls), and where exactly its box is (bbox).',
    y: 'Loss',
    of: 'train',
    takes: (name) => name.startsWith('loss'),
    smooth: true,
    digits: 4,
  },
  {
    id: 'training-held-out',
    title: 'On clips held out',
    caption: 'Measured after epochs on clips that the training does not see, percent.',
    y: 'Percent',
    of: 'held',
    takes: (name) => shares.has(name),
    smooth: false,
    digits: 1,
  },
  {
    id: 'training-rate',
    title: 'Learning rate',
    caption: 'As the schedule set it.',
    y: 'Learning rate',
    of: 'train',
    takes: (name) => /^lr\b|^lr_/.test(name),
    smooth: false,
    digits: 6,
  },
  {
    id: 'training-gradient',
    title: 'Norm of the gradient',
    caption: 'Before clipping. Peaks are steps that clipping made shorter.',
    y: 'Norm',
    of: 'train',
    takes: (name) => name === 'grad_norm',
    smooth: true,
    digits: 2,
  },
]

/** Those that the log has values for. */
export function trainingPlots(log: TrainingLog): Plot[] {
  return kinds.flatMap((kind) => {
    const steps = thinned(log[kind.of])
    const names = [...new Set(steps.flatMap(({ values }) => Object.keys(values)))].filter(kind.takes)
    return names.length === 0 ? [] : [plot(kind, steps, sumFirst(names))]
  })
}

function plot(kind: Kind, steps: readonly LoggedStep[], names: readonly string[]): Plot {
  const colorOf = (index: number) => (index === 0 ? color('ours') : otherStyle(index - 1).color)
  const legend = names.map((name, index) => ({ name, color: colorOf(index), isOurs: false }))
  const series = names.flatMap((name, index) => {
    const points = steps.flatMap(({ epoch, values }): [number, number][] => {
      const value = values[name]
      return value === undefined ? [] : [[rounded(epoch), Number(value.toPrecision(5))]]
    })
    const color = colorOf(index)
    const smooth = kind.smooth && points.length >= noisyFrom
    const line = { name, type: 'line', showSymbol: kind.of === 'held', symbolSize: 6, emphasis: { disabled: true } }
    const style = (width: number, opacity: number) => ({ itemStyle: { color }, lineStyle: { color, width, opacity } })
    return [
      ...(smooth ? [{ ...line, ...style(1, 0.3), id: `raw ${name}`, silent: true, data: points }] : []),
      { ...line, ...style(2.2, 1), data: smooth ? runningMean(points) : points },
    ]
  })
  return {
    id: kind.id,
    title: kind.title,
    caption: kind.caption,
    width: 420,
    height: 260,
    digits: kind.digits,
    legend,
    option: {
      ...baseOption({ left: 66 }),
      legend: legendOption(legend),
      tooltip: tooltip('axis'),
      xAxis: xAxis({ name: 'Epoch', min: 0, max: Math.max(1, Math.ceil(steps.at(-1)?.epoch ?? 1)) }),
      yAxis: { ...yAxis({ name: kind.y, ...(kind.of === 'held' ? { min: 0 } : {}) }), nameGap: 50 },
      series,
    },
  }
}

/** So that it has the first color. */
function sumFirst(names: readonly string[]): string[] {
  const first = ['loss', 'success', 'lr']
  return names.toSorted((a, b) => Number(first.includes(b)) - Number(first.includes(a)))
}

function runningMean(points: readonly [number, number][]): [number, number][] {
  let mean = points[0]?.[1] ?? 0
  return points.map(([x, y]) => {
    mean += meanShare * (y - mean)
    return [x, Number(mean.toPrecision(5))]
  })
}

/** Means of stretches, where there are more steps than a plot has room for. */
function thinned(steps: readonly LoggedStep[]): readonly LoggedStep[] {
  const size = Math.ceil(steps.length / mostPoints)
  if (size <= 1) return steps
  return Array.from({ length: Math.ceil(steps.length / size) }, (_, index) => {
    const stretch = steps.slice(index * size, (index + 1) * size)
    const names = [...new Set(stretch.flatMap(({ values }) => Object.keys(values)))]
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    return {
      epoch: mean(stretch.map(({ epoch }) => epoch)),
      values: Object.fromEntries(
        names.map((name) => [name, mean(stretch.flatMap(({ values }) => values[name] ?? []))]),
      ),
    }
  })
}
