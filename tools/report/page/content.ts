// All that the page shows, worked out once from the data: the sections only lay it out.

import type { Measure } from '../../metrics/scores.ts'
import type { ReportData } from '../data.ts'
import { worstFailures } from '../failures.ts'
import { type FilmStrip, filmStripIfThere } from '../film-strip.ts'
import { accuracyRobustnessPlot } from '../plots/accuracy-robustness.ts'
import { attributePlot } from '../plots/attributes.ts'
import { curvePlots } from '../plots/curves.ts'
import type { Plot } from '../plots/plot.ts'
import { type DrawnTracker, drawnTrackers } from '../plots/trackers.ts'
import { trainingPlots } from '../plots/training.ts'
import { type Trace, traceAll } from '../traces.ts'

export interface Content {
  readonly data: ReportData
  /** Ours first. */
  readonly trackers: readonly DrawnTracker[]
  /** The one that trackers are ranked by. */
  readonly main: Measure | undefined
  /** The traces of our tracker, in the benchmark's order. */
  readonly traces: readonly Trace[]
  readonly curves: readonly Plot[]
  readonly attributes: Plot | undefined
  readonly training: readonly Plot[]
  readonly strips: readonly FilmStrip[]
  /** Failures whose images could not be read. */
  readonly unseen: number
}

export interface ContentOptions {
  /** How many failures are shown. */
  readonly failures: number
  /** Bytes of all their pictures, base64. */
  readonly pictureBytes: number
  readonly signal?: AbortSignal
}

/** Reads the images of the failures that are shown. @throws the signal's reason */
export async function gather(data: ReportData, options: ContentOptions): Promise<Content> {
  const trackers = drawnTrackers(data)
  const traces = traceAll(data.benchmark, data.ours)
  const chosen = worstFailures(traces, options.failures)
  const strips: FilmStrip[] = []
  for (const choice of chosen) {
    options.signal?.throwIfAborted()
    const strip = await filmStripIfThere(choice, options.pictureBytes / chosen.length, data.read)
    if (strip) strips.push(strip)
  }
  const accuracyRobustness = accuracyRobustnessPlot(trackers)
  return {
    data,
    trackers,
    main: data.ours.scores.measures[0],
    traces,
    curves: [...curvePlots(trackers), ...(accuracyRobustness ? [accuracyRobustness] : [])],
    attributes: attributePlot(trackers),
    training: data.training ? trainingPlots(data.training) : [],
    strips,
    unseen: chosen.length - strips.length,
  }
}

/** Every plot of the page. */
export function allPlots({ curves, attributes, training }: Content): Plot[] {
  return [...curves, ...(attributes ? [attributes] : []), ...training]
}
