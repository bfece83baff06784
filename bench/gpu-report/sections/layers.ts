// Each distinct convolution of R50's search branch by each form that may be the fastest for it.

import { openDevice } from '../../../src/gpu/device.ts'
import { convCandidates } from '../../../src/kernels/conv/candidates.ts'
import type { ConvQuestion } from '../../../src/kernels/conv/choices.ts'
import { type ConvProblem, convFlops } from '../../../src/kernels/conv/geometry.ts'
import { planName } from '../../../src/kernels/conv/plan-name.ts'
import { forwardTrial, measureCandidates } from '../../../src/kernels/conv/trial.ts'
import { paddedChannels, type SearchConv, searchConvs } from '../../cases/convs.ts'
import { type Roofline, usualFlops } from '../../roofline.ts'
import { significant } from '../../table.ts'
import type { Findings, Section, SectionContext } from '../report.ts'

interface LayerResult {
  readonly name: string
  readonly perFrame: number
  readonly flops: number
  /** Milliseconds by form, the default first. */
  readonly forms: readonly { readonly form: string; readonly milliseconds: number }[]
  readonly leftOut: readonly { readonly form: string; readonly reason: string }[]
  readonly candidates: number
}

/** @param roofline of this adapter, if it is known */
export function layersSection(roofline: () => Roofline | undefined): Section {
  return {
    name: 'layers',
    title: "R50's convolutions by each form",
    share: 8,
    run: (context) => measureLayers(context, roofline()),
  }
}

async function measureLayers({ budget, signal, say }: SectionContext, roofline?: Roofline): Promise<Findings> {
  const device = await openDevice()
  try {
    const cost = ({ node, count }: SearchConv) => count * convFlops(problemOf(node))
    const layers = searchConvs().sort((a, b) => cost(b) - cost(a))
    const results: LayerResult[] = []
    for (const [index, { name, node, count }] of layers.entries()) {
      if (budget.left === 0 || signal.aborted) break
      const question: ConvQuestion = { kind: 'forward', problem: problemOf(node), limits: {} }
      const seconds = (2 * convFlops(question.problem)) / usualFlops(roofline)
      if (1000 * seconds > budget.left) continue
      say(name)
      const plans = convCandidates(device.adapter, question.problem)
      const leftOut: { form: string; reason: string }[] = []
      const note = (at: number, reason: string) => void leftOut.push({ form: nameOf(at), reason })
      const nameOf = (at: number) => planName(plans[at] ?? { variant: 'direct' })
      // The largest come first: up to three times an equal share each.
      const time = Math.min(budget.left, (3 * budget.left) / (layers.length - index))
      const timings = await measureCandidates(device, forwardTrial(device, question), plans, time, note)
      const forms = timings.map((timing) => ({ form: nameOf(timing.index), milliseconds: timing.milliseconds }))
      const flops = convFlops(question.problem)
      results.push({ name, perFrame: count, flops, forms, leftOut, candidates: plans.length })
    }
    return findings(results, layers.length, roofline)
  } finally {
    await device.close()
  }
}

function findings(results: readonly LayerResult[], layers: number, roofline?: Roofline): Findings {
  const rows = results.map((result) => {
    const { name, perFrame, flops, forms, candidates } = result
    const [standard] = forms
    const best = bestOf(result)
    const rate = best ? flops / best.milliseconds / 1e6 : Number.NaN
    return [
      name,
      String(perFrame),
      standard?.form ?? '',
      significant(standard?.milliseconds ?? Number.NaN),
      best?.form ?? '',
      significant(best?.milliseconds ?? Number.NaN),
      significant(rate),
      roofline ? ((1e11 * rate) / roofline.flops).toFixed(1) : '',
      `${forms.length}/${candidates}`,
    ]
  })
  const sum = (of: (result: LayerResult) => number | undefined) =>
    significant(results.reduce((total, result) => total + result.perFrame * (of(result) ?? Number.NaN), 0))
  const whole = ['all of a frame', '', '', sum(({ forms }) => forms[0]?.milliseconds), '', sum(bestMs), '', '', '']
  const done = results.length === layers
  const leftOut = results.flatMap((result) => result.leftOut.map((one) => [result.name, one.form, one.reason]))
  return {
    data: { layers: results },
    tables: [
      {
        title: '',
        titles: ['layer', 'x', 'default form', 'ms', 'best form', 'ms', 'GFLOP/s (direct)', '% of peak', 'timed'],
        rows: done ? [...rows, whole] : rows,
      },
      { title: 'How often a form is the best', titles: ['form', 'layers'], rows: wins(results) },
      { title: 'Wrong or refused', titles: ['layer', 'form', 'reason'], rows: leftOut },
    ],
    notes: [
      'Bare convolutions. % of peak counts the arithmetic of the textbook formula, so Winograd can be above 100.',
      ...(done ? [] : [`${layers - results.length} of ${layers} layers were not timed: the time did not suffice.`]),
    ],
  }
}

function bestOf({ forms }: LayerResult) {
  const [first, ...others] = forms
  return others.reduce((a, b) => (a && b.milliseconds >= a.milliseconds ? a : b), first)
}

function bestMs(result: LayerResult): number | undefined {
  return bestOf(result)?.milliseconds
}

function wins(results: readonly LayerResult[]): string[][] {
  const counts = new Map<string, number>()
  for (const result of results) {
    const best = bestOf(result)
    if (best) counts.set(best.form, (counts.get(best.form) ?? 0) + 1)
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([form, count]) => [form, String(count)])
}

function problemOf({ spec, inSize, outSize }: SearchConv['node']): ConvProblem {
  const { inChannels, outChannels, kernel, stride, padding, dilation } = spec
  return {
    ...{ batch: 1, inHeight: inSize, inWidth: inSize, inChannels: paddedChannels(inChannels) },
    ...{ outHeight: outSize, outWidth: outSize, outChannels, kernelHeight: kernel, kernelWidth: kernel },
    ...{ stride, paddingY: padding, paddingX: padding, dilation, groups: 1 },
  }
}
