// A plot as data: what ECharts draws to SVG in Node is also what it makes interactive in the page. So an option holds no
// functions, and its colors are those of the light palette.

import { color } from '../palette.ts'

/** An ECharts option in JSON. */
export type PlotOption = Readonly<Record<string, unknown>>

export interface LegendEntry {
  /** The series'. */
  readonly name: string
  readonly color: string
  readonly isOurs: boolean
}

export interface Plot {
  /** File name of the picture, and id in the page. */
  readonly id: string
  readonly title: string
  /** What it shows, for those who do not see it and those who see it for the first time. */
  readonly caption: string
  readonly option: PlotOption
  /** In order. */
  readonly legend: readonly LegendEntry[]
  /** CSS pixels that it is laid out for. */
  readonly width: number
  readonly height: number
  /** Digits of values in tooltips. */
  readonly digits: number
}

export const fontFamily = "Inter, 'Segoe UI', Roboto, Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

export interface AxisText {
  readonly name: string
  readonly min?: number
  readonly max?: number
  readonly log?: boolean
  readonly reversed?: boolean
}

/** A horizontal axis with its name in the middle below. */
export function xAxis({ name, min, max, reversed }: AxisText): PlotOption {
  return { ...axis({ name, min, max }), nameGap: 30, inverse: reversed === true }
}

/** A vertical axis with its name turned, beside it. */
export function yAxis({ name, min, max, log }: AxisText): PlotOption {
  return { ...axis({ name, min, max }), type: log ? 'log' : 'value', nameGap: 42, nameRotate: 90 }
}

function axis({ name, min, max }: AxisText): Record<string, unknown> {
  return {
    type: 'value',
    name,
    nameLocation: 'middle',
    nameTextStyle: { color: color('muted'), fontSize: 12 },
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    axisLine: { show: true, lineStyle: { color: color('line') } },
    axisTick: { show: false },
    axisLabel: { color: color('muted'), fontSize: 11.5 },
    splitLine: { lineStyle: { color: color('hairline') } },
  }
}

/** What all plots share. */
export function baseOption(grid: PlotOption = {}): PlotOption {
  return {
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily, color: color('ink') },
    grid: { left: 58, right: 18, top: 14, bottom: 50, outerBoundsMode: 'none', ...grid },
  }
}

/** A tooltip that belongs to the whole column, or to one thing. */
export function tooltip(trigger: 'axis' | 'item'): PlotOption {
  return {
    trigger,
    confine: true,
    backgroundColor: color('card'),
    borderColor: color('line'),
    textStyle: { color: color('ink'), fontSize: 12.5 },
    axisPointer: { type: 'line', lineStyle: { color: color('faint'), type: 'dashed' } },
  }
}
