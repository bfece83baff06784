// Which parameters a search tries: ranges as MMTracking's sot_siamrpn_param_search takes them (numpy's `arange` of start, stop and
// step, rounded), every combination of them, or some at random.

import { Random, type TrackRule } from 'siamrpn'

/** In the order of MMTracking's loops, the outermost first. */
export const ruleKeys = ['penalty_k', 'lr', 'window_influence'] as const

export type RuleKey = (typeof ruleKeys)[number]

export type RuleRanges = Readonly<Record<RuleKey, readonly number[]>>

/** Digits after the point that MMTracking rounds to; a range that is written with more keeps them. */
const fewestDigits = 2

/** Largest value that makes sense. */
const bounds: Readonly<Record<RuleKey, number>> = {
  penalty_k: Number.POSITIVE_INFINITY,
  lr: 1,
  window_influence: 1,
}

/**
 * `start:stop:step` or `start,stop,step`, the stop excluded; or a single value.
 * @throws RangeError saying what is wrong with the text
 */
export function parseRange(key: RuleKey, text: string): number[] {
  const words = text.split(/[:,]/).map((word) => word.trim())
  const numbers = words.map((word) => (word === '' ? Number.NaN : Number(word)))
  if (!numbers.every(Number.isFinite) || (numbers.length !== 1 && numbers.length !== 3)) {
    throw new RangeError(
      `found ${JSON.stringify(text)}, expected start:stop:step, such as 0.01:0.2:0.03, or one number`,
    )
  }
  const [start = 0, stop, step = 0] = numbers
  const digits = Math.max(fewestDigits, ...words.map((word) => word.split('.')[1]?.length ?? 0))
  const values = stop === undefined ? [start] : arange(start, stop, step, digits)
  const wrong = values.find((value) => value < 0 || value > bounds[key])
  if (wrong !== undefined) {
    throw new RangeError(`${key} would be ${wrong}, expected 0 ${bounds[key] === 1 ? 'to 1' : 'or more'}`)
  }
  return values
}

function arange(start: number, stop: number, step: number, digits: number): number[] {
  if (!(step > 0)) throw new RangeError(`the step is ${step}, expected more than 0`)
  if (!(stop > start)) throw new RangeError(`the range from ${start} to ${stop} is empty: its end is excluded`)
  const unit = 10 ** digits
  return Array.from(
    { length: Math.ceil((stop - start) / step) },
    (_, i) => Math.round((start + i * step) * unit) / unit,
  )
}

/** Every combination, in the order of MMTracking's loops. */
export function ruleGrid({ penalty_k, lr, window_influence }: RuleRanges): TrackRule[] {
  return penalty_k.flatMap((k) =>
    lr.flatMap((rate) =>
      window_influence.map((influence) => ({ penalty_k: k, lr: rate, window_influence: influence })),
    ),
  )
}

/** `count` of the rules, chosen at random, in their order. */
export function randomRules(rules: readonly TrackRule[], count: number, seed: number): TrackRule[] {
  const chosen = new Set(new Random('search', seed).choose(rules.length, Math.min(count, rules.length)))
  return rules.filter((_, index) => chosen.has(index))
}

/** Tells rules apart; also a name. */
export function ruleName(rule: TrackRule): string {
  return ruleKeys.map((key) => `${key}=${rule[key]}`).join(' ')
}

/** The rules without those that come a second time. */
export function differentRules(rules: readonly TrackRule[]): TrackRule[] {
  return [...new Map(rules.map((rule) => [ruleName(rule), rule])).values()]
}

/** The options that put a rule into a configuration. */
export function ruleOptions(rule: TrackRule): string {
  return ruleKeys.map((key) => `--set model.test_cfg.rpn.${key}=${rule[key]}`).join(' ')
}
