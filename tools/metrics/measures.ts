// The measures and plots of each protocol: what tables and figures are headed with, and how the numbers come about.

import type { Protocol } from '../benchmarks/types.ts'
import { got10kThresholds } from './got10k.ts'
import { overlapThresholds, pixelThresholds, relativeThresholds } from './ope.ts'
import type { Axis, Measure } from './scores.ts'

/** In the order of tables; the first is the one that trackers are ranked by. */
export const measures: Readonly<Record<Protocol, readonly Measure[]>> = {
  ope: [
    {
      name: 'success',
      title: 'Success (AUC)',
      unit: 'percent',
      better: 'higher',
      digits: 1,
      meaning: 'Area under the curve of the share of frames with an overlap above 0, 0.05 ... 1; mean over sequences.',
    },
    {
      name: 'normPrecision',
      title: 'Norm. precision',
      unit: 'percent',
      better: 'higher',
      digits: 1,
      meaning: 'Share of frames with the centre at most 0.2 true box sizes away; mean over sequences.',
    },
    {
      name: 'precision',
      title: 'Precision',
      unit: 'percent',
      better: 'higher',
      digits: 1,
      meaning: 'Share of frames with the centre at most 20 pixels away; mean over sequences.',
    },
    {
      name: 'meanOverlap',
      title: 'Mean overlap',
      unit: 'ratio',
      better: 'higher',
      digits: 3,
      meaning: 'Mean overlap over the frames of a sequence, 0 where the object is not to be seen; mean over sequences.',
    },
  ],
  got10k: [
    {
      name: 'ao',
      title: 'AO',
      unit: 'ratio',
      better: 'higher',
      digits: 3,
      meaning: 'Mean overlap over all frames that show the object, each sequence without its first frame.',
    },
    {
      name: 'sr50',
      title: 'SR 0.50',
      unit: 'ratio',
      better: 'higher',
      digits: 3,
      meaning: 'Share of those frames with an overlap above 0.5.',
    },
    {
      name: 'sr75',
      title: 'SR 0.75',
      unit: 'ratio',
      better: 'higher',
      digits: 3,
      meaning: 'Share of those frames with an overlap above 0.75.',
    },
  ],
  vot: [
    {
      name: 'eao',
      title: 'EAO',
      unit: 'ratio',
      better: 'higher',
      digits: 3,
      meaning: 'Expected average overlap: mean over the lengths that the challenge names, with failures as overlap 0.',
    },
    {
      name: 'accuracy',
      title: 'Accuracy',
      unit: 'ratio',
      better: 'higher',
      digits: 3,
      meaning: 'Mean overlap while tracking, without the first frames after a start; sequences weigh by their length.',
    },
    {
      name: 'robustness',
      title: 'Robustness',
      unit: 'per 100 frames',
      better: 'lower',
      digits: 3,
      meaning: 'Failures (overlap 0, the tracker is started again) per 100 frames.',
    },
    {
      name: 'failures',
      title: 'Failures',
      unit: 'count',
      better: 'lower',
      digits: 0,
      meaning: 'How often the tracker failed and was started again.',
    },
  ],
}

/**
 * The plots of a protocol.
 *
 * @param length of the longest fragment, in frames (VOT)
 */
export function axesOf(protocol: Protocol, length = 0): readonly Axis[] {
  switch (protocol) {
    case 'ope':
      return opeAxes
    case 'got10k':
      return [{ ...successAxis, thresholds: got10kThresholds, measure: 'ao' }]
    case 'vot':
      return [
        {
          name: 'expectedOverlap',
          title: 'Expected overlap',
          x: 'Sequence length (frames)',
          y: 'Expected average overlap',
          thresholds: Array.from({ length }, (_, index) => index),
          measure: 'eao',
        },
      ]
  }
}

const successAxis: Axis = {
  name: 'success',
  title: 'Success plot',
  x: 'Overlap threshold',
  y: 'Success rate',
  thresholds: overlapThresholds,
  measure: 'success',
}

const opeAxes: readonly Axis[] = [
  successAxis,
  {
    name: 'precision',
    title: 'Precision plot',
    x: 'Centre distance threshold (pixels)',
    y: 'Precision',
    thresholds: pixelThresholds,
    measure: 'precision',
  },
  {
    name: 'normPrecision',
    title: 'Normalised precision plot',
    x: 'Centre distance threshold (box sizes)',
    y: 'Precision',
    thresholds: relativeThresholds,
    measure: 'normPrecision',
  },
]
