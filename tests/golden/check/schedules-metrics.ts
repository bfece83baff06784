// Section I: learning rates of the `SiameseRPN` policy, and the measures of benchmarks (section-i-metrics.ts).

import * as z from 'zod'
import { parameterGroups } from '../../../src/nn/optimizer.ts'
import { parseConfig } from '../../../src/siamrpn/config.ts'
import { r50 } from '../../../src/siamrpn/configs/r50.ts'
import { LrSchedule, lrFactors, type Moment } from '../../../src/train/lr-schedule.ts'
import type { GoldenSet } from './golden-set.ts'
import { checkMetrics, metricsSchema } from './metrics.ts'
import { GoldenDataError } from './reader.ts'
import type { CaseReport, SectionReport } from './report.ts'
import { learningRateTolerance } from './tolerances.ts'

const interval = z.object({
  type: z.enum(['step', 'log']),
  start_lr_factor: z.number(),
  end_lr_factor: z.number(),
  end_epoch: z.int(),
})

const schema = z.object({
  lr_schedule: z.object({
    rows: z.array(z.object({ epoch: z.int(), factor: z.number(), lr_backbone: z.number(), lr_rest: z.number() })),
  }),
  lr_schedule_other: z.array(z.object({ lr_configs: z.array(interval), factors: z.array(z.number()) })),
  ...metricsSchema,
})

export async function checkI(set: GoldenSet, report: SectionReport): Promise<void> {
  const { json } = await set.section('I', schema)
  await report.check('lr_schedule', (one) => checkRates(one, json.lr_schedule.rows))
  for (const [index, { lr_configs, factors }] of report.list('lr_schedule_other', json.lr_schedule_other).entries()) {
    await report.check(`lr_schedule_other ${index}`, (one) => {
      compare(one, 'factors', lrFactors({ policy: 'SiameseRPN', lr_configs }), factors)
    })
  }
  await checkMetrics(set, json, report)
}

/** The beginning of an epoch of r50. */
function momentOf(epoch: number): Moment {
  return { epoch, iteration: epoch, maxEpochs: 20, iterationsPerEpoch: 1 }
}

/** With the configuration that the rows were made with. */
function checkRates(one: CaseReport, rows: z.infer<typeof schema>['lr_schedule']['rows']): void {
  const { optimizer, lr_config } = parseConfig(r50, 'r50')
  if (optimizer === undefined) throw new GoldenDataError('the configuration r50 has no optimizer')
  const schedule = new LrSchedule(lr_config)
  const groups = parameterGroups(optimizer)
  const rates = rows.map(({ epoch }) => schedule.rates(groups, momentOf(epoch)))
  const column = (index: number) => rates.map((row) => row[index] ?? Number.NaN)
  compare(
    one,
    'factors',
    rows.map(({ epoch }) => schedule.rates([{ lr: 1 }], momentOf(epoch))[0] ?? Number.NaN),
    rows.map(({ factor }) => factor),
  )
  compare(
    one,
    'rates of the rest',
    column(0),
    rows.map(({ lr_rest }) => lr_rest),
  )
  compare(
    one,
    'rates of the backbone',
    column(1),
    rows.map(({ lr_backbone }) => lr_backbone),
  )
}

/** Equal as the device applies them, and as close in float64 as numpy is to itself. */
function compare(one: CaseReport, quantity: string, found: readonly number[], expected: readonly number[]): void {
  one.exact(`${quantity} in float32`, found.map(Math.fround), expected.map(Math.fround))
  const ratios = found.map((value, i) => value / (expected[i] ?? Number.NaN))
  one.absolute(
    `${quantity} in float64`,
    ratios,
    expected.map(() => 1),
    learningRateTolerance,
  )
}
