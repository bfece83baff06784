// Chooses convolution kernels by measurement (`cudnn_benchmark`): every distinct problem of a recording is computed by each plan
// that may be the fastest, on random numbers, and the fastest whose result is right is taken from then on. What was found is
// remembered in a store, by adapter, driver, version of the library and problem.

import type { Device } from '../../gpu/device.ts'
import { Recorder } from '../../gpu/recorder.ts'
import { version } from '../../gpu/version.ts'
import { convCandidates, planKey, weightGradientCandidates } from './candidates.ts'
import { ConvChoices, type ConvQuestion, questionKey } from './choices.ts'
import { convFlops } from './geometry.ts'
import type { ConvPlan } from './plan.ts'
import { forwardTrial, gradientTrial, measureCandidates, type Timings } from './trial.ts'
import type { WeightGradientPlan } from './weight-gradient-plan.ts'

/** Where texts are remembered between runs: a file, a browser's database. */
export interface ChoiceStore {
  /** Undefined if nothing is there, or nothing that can be read. */
  read(key: string): Promise<string | undefined>
  write(key: string, text: string): Promise<void>
}

export interface BenchmarkOptions {
  /** Default: nothing is remembered. */
  readonly store?: ChoiceStore | undefined
  /** Seconds for all problems together; those that are left keep their default. Default 20. */
  readonly seconds?: number
  /** Told before the first and after each problem. */
  readonly onProgress?: (done: number, total: number) => void
}

/** What was found for one problem. */
export interface ConvChoice {
  /** The problem, in words. */
  readonly problem: string
  readonly plan: ConvPlan | WeightGradientPlan
  /** Of the plan, and of the default plan. */
  readonly milliseconds: number
  readonly defaultMilliseconds: number
  /** How many plans were timed; 0 if the choice was remembered. */
  readonly timed: number
}

const defaultSeconds = 20

/**
 * Measures the convolutions that `record` would record and that have not been measured on this device; later recordings take
 * what was found. Costs nothing for problems that the store knows.
 * @param record as for `capture`; it only says which convolutions there are, nothing is allocated or compiled for it
 * @returns the choices, those of remembered ones included, the most expensive problem first
 */
export async function benchmarkConvs(
  device: Device,
  record: (r: Recorder) => unknown,
  { store, seconds = defaultSeconds, onProgress = () => {} }: BenchmarkOptions = {},
): Promise<ConvChoice[]> {
  const choices = device.attached(ConvChoices)
  const questions = choices
    .questions(() => record(new Recorder(device)))
    .map((question) => openQuestion(device, question))
  const open = questions.filter(({ candidates }) => candidates.length > 1).sort((a, b) => b.flops - a.flops)
  const remembered = new Remembered(store, storeKey(device))
  await remembered.load()
  const deadline = performance.now() + seconds * 1000
  const found: ConvChoice[] = []
  for (const [index, question] of open.entries()) {
    onProgress(index, open.length)
    const known = remembered.find(question)
    const choice = known ?? (await measure(device, question, shareOf(deadline, open.length - index)))
    if (!choice) continue
    question.take(choices, choice.plan)
    found.push(choice)
    if (!known) remembered.add(choice)
  }
  onProgress(open.length, open.length)
  await remembered.save()
  return found
}

/** Milliseconds for the next of `left` problems, the most expensive of them: at most three times its equal share. */
function shareOf(deadline: number, left: number): number {
  return Math.min((3 * (deadline - performance.now())) / left, deadline - performance.now())
}

/** A question with the plans that could answer it. */
interface OpenQuestion {
  readonly key: string
  readonly flops: number
  readonly candidates: readonly (ConvPlan | WeightGradientPlan)[]
  /** Times the candidates; the first is the default. */
  time(device: Device, milliseconds: number): Promise<Timings>
  /** Remembers that a plan answers it. Does nothing for what is no candidate. */
  take(choices: ConvChoices, plan: ConvPlan | WeightGradientPlan): void
}

function openQuestion({ adapter }: Device, question: ConvQuestion): OpenQuestion {
  const { kind, problem, limits } = question
  const common = { key: questionKey(question), flops: convFlops(problem) }
  if (kind === 'forward') {
    const candidates = convCandidates(adapter, problem, limits)
    return {
      ...common,
      candidates,
      time: (device, milliseconds) =>
        measureCandidates(device, forwardTrial(device, question), candidates, milliseconds),
      take(choices, plan) {
        const same = candidates.find((candidate) => planKey(candidate) === planKey(plan))
        if (same) choices.setForward(question, same)
      },
    }
  }
  const candidates = weightGradientCandidates(adapter, problem, limits)
  return {
    ...common,
    candidates,
    time: (device, milliseconds) =>
      measureCandidates(device, gradientTrial(device, question), candidates, milliseconds),
    take(choices, plan) {
      const same = candidates.find((candidate) => planKey(candidate) === planKey(plan))
      if (same) choices.setWeightGradient(question, same)
    },
  }
}

/** Undefined if there is no time left, even for the default. */
async function measure(device: Device, question: OpenQuestion, milliseconds: number): Promise<ConvChoice | undefined> {
  if (milliseconds <= 0) return undefined
  const timings = await question.time(device, milliseconds)
  const [first] = timings
  if (!first) return undefined
  const best = timings.reduce((a, b) => (b.milliseconds < a.milliseconds ? b : a))
  const plan = question.candidates[best.index]
  if (!plan) return undefined
  const times = { milliseconds: best.milliseconds, defaultMilliseconds: first.milliseconds }
  return { problem: question.key, plan, ...times, timed: timings.length }
}

/** What a choice depends on besides its problem. */
function storeKey({ adapter }: Device): string {
  const { vendor, architecture, device, description } = adapter
  return [vendor, architecture, device, description, `siamrpn ${version}`, `kernels ${kernelVersion}`].join(' ').trim()
}

/** Raised where a convolution kernel or the candidates change between versions: what was measured before does not count any more. */
const kernelVersion = 2

/** The choices of former runs, and those of this one. */
class Remembered {
  readonly #store: ChoiceStore | undefined
  readonly #key: string
  readonly #choices = new Map<string, ConvChoice>()
  #changed = false

  constructor(store: ChoiceStore | undefined, key: string) {
    this.#store = store
    this.#key = key
  }

  async load(): Promise<void> {
    const text = await this.#store?.read(this.#key)
    if (text === undefined) return
    for (const choice of parseChoices(text)) this.#choices.set(choice.problem, choice)
  }

  /** Only what is still a candidate. */
  find({ key, candidates }: OpenQuestion): ConvChoice | undefined {
    const choice = this.#choices.get(key)
    const known = choice && candidates.some((candidate) => planKey(candidate) === planKey(choice.plan))
    return known ? { ...choice, timed: 0 } : undefined
  }

  add(choice: ConvChoice): void {
    this.#choices.set(choice.problem, choice)
    this.#changed = true
  }

  async save(): Promise<void> {
    if (this.#changed) await this.#store?.write(this.#key, JSON.stringify([...this.#choices.values()], null, 1))
  }
}

/** What can be read of a store's text; the rest is measured again. */
function parseChoices(text: string): ConvChoice[] {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return []
  }
  return Array.isArray(found) ? found.filter(isChoice) : []
}

function isChoice(value: unknown): value is ConvChoice {
  return (
    typeof value === 'object' &&
    value !== null &&
    'problem' in value &&
    typeof value.problem === 'string' &&
    'plan' in value &&
    'milliseconds' in value &&
    typeof value.milliseconds === 'number' &&
    'defaultMilliseconds' in value &&
    typeof value.defaultMilliseconds === 'number'
  )
}
