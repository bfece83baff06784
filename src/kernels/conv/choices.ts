// Which plans a device's convolutions take: those that were found to be the fastest there, else those that reasoning chooses.
// There is one `ConvChoices` per device (`device.attached(ConvChoices)`); without measurements it adds nothing.

import type { ConvProblem } from './geometry.ts'
import { type ConvAdapter, type ConvLimits, type ConvPlan, chooseConv } from './plan.ts'
import { chooseWeightGradient, type WeightGradientPlan } from './weight-gradient-plan.ts'

/** Something for which a plan is to be chosen. The gradient of an input is made of forward convolutions. */
export interface ConvQuestion {
  readonly kind: 'forward' | 'weight gradient'
  readonly problem: ConvProblem
  readonly limits: ConvLimits
}

export class ConvChoices {
  readonly #forward = new Map<string, ConvPlan>()
  readonly #weightGradient = new Map<string, WeightGradientPlan>()
  #asked: Map<string, ConvQuestion> | undefined

  /** The plan of a forward convolution. */
  forward(adapter: ConvAdapter, problem: ConvProblem, limits: ConvLimits): ConvPlan {
    const key = this.#ask({ kind: 'forward', problem, limits })
    return this.#forward.get(key) ?? chooseConv(adapter, problem, limits)
  }

  /** The plan of the gradient of a filter. */
  weightGradient(adapter: ConvAdapter, problem: ConvProblem, limits: ConvLimits): WeightGradientPlan {
    const key = this.#ask({ kind: 'weight gradient', problem, limits })
    return this.#weightGradient.get(key) ?? chooseWeightGradient(adapter, problem, limits)
  }

  /** From now on a forward convolution like this takes this plan. */
  setForward(question: ConvQuestion, plan: ConvPlan): void {
    this.#forward.set(questionKey(question), plan)
  }

  /** From now on the gradient of a filter like this takes this plan. */
  setWeightGradient(question: ConvQuestion, plan: WeightGradientPlan): void {
    this.#weightGradient.set(questionKey(question), plan)
  }

  /** What `record` asks, each question once. */
  questions(record: () => unknown): ConvQuestion[] {
    const asked = new Map<string, ConvQuestion>()
    const before = this.#asked
    this.#asked = asked
    try {
      record()
    } finally {
      this.#asked = before
    }
    return [...asked.values()]
  }

  #ask(question: ConvQuestion): string {
    const key = questionKey(question)
    this.#asked?.set(key, question)
    return key
  }
}

/** A text that says everything on which the answer depends, and that people can read. */
export function questionKey({ kind, problem, limits }: ConvQuestion): string {
  const { batch, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, ...window } = problem
  const { kernelHeight, kernelWidth, stride, paddingY, paddingX, dilation, groups } = window
  const { allowWinograd = true, firstChannel, transformedOnly = false, halfFilter = false, halfImages = false } = limits
  return [
    `${kind} ${batch}x${inHeight}x${inWidth}x${inChannels} to ${outHeight}x${outWidth}x${outChannels}`,
    `filter ${kernelHeight}x${kernelWidth}`,
    `stride ${stride}`,
    `padding ${paddingY},${paddingX}`,
    `dilation ${dilation}`,
    ...(groups > 1 ? [`groups ${groups}`] : []),
    ...(allowWinograd ? [] : ['no Winograd']),
    ...(firstChannel === undefined ? [] : [`from channel ${firstChannel}`]),
    ...(transformedOnly ? ['transformed filter'] : []),
    ...(halfFilter ? ['filter in half precision'] : []),
    ...(halfImages ? ['images in half precision'] : []),
  ].join(', ')
}
