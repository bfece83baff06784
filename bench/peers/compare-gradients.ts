// A convolution's forward pass and both gradients, ours against jax-js: the only one of the compared libraries that differentiates
// a dilated convolution on WebGPU (tfjs refuses, ONNX Runtime has no training in JavaScript). In turn, in processes of their own.

import { runChild } from '../child.ts'
import { significant, textTable } from '../table.ts'
import { relativeError } from './contend.ts'
import { type GradientMessage, gradientTaskName } from './contend-gradients.ts'
import { ensureInstalled, installedVersion } from './install.ts'

export interface GradientResult {
  readonly name: string
  readonly version: string
  readonly firstMs: number
  readonly stepsMs: readonly number[]
  readonly cpuMs: readonly number[]
  /** Some values of all results. */
  readonly values: readonly number[]
}

export interface GradientReport {
  readonly task: string
  readonly rounds: number
  readonly ours: GradientResult
  readonly peer: GradientResult
}

const limitMs = 300_000

const script = (name: string) => new URL(`./children/gradients-${name}.ts`, import.meta.url)

/** Runs the comparison. @throws InstallError, ChildError */
export async function compareGradients(rounds: number, say: (line: string) => void): Promise<GradientReport> {
  await ensureInstalled(say)
  let report: GradientReport | undefined
  for (let round = 1; round <= rounds; round++) {
    say(`round ${round}/${rounds}: ${gradientTaskName}`)
    const ours = await runOne('siamrpn', installedVersion() ?? '', report?.ours)
    const peer = await runOne('jax-js', installedVersion('@jax-js/jax') ?? '', report?.peer)
    report = { task: gradientTaskName, rounds, ours, peer }
  }
  if (!report) throw new Error('a comparison has at least one round')
  return report
}

/** Both results, how many times longer the peer takes, and how far its results are from ours. */
export function gradientTable({ ours, peer, task }: GradientReport): string {
  const rows = [ours, peer].map((one) => {
    const { name, version, firstMs, stepsMs, cpuMs, values } = one
    const best = Math.min(...stepsMs)
    const times = [firstMs, best, Math.min(...cpuMs)].map((ms) => significant(ms / 1000))
    const error = one === ours ? '' : relativeError(values, ours.values).toExponential(1)
    return [name, version, ...times, error, `1 : ${significant(best / Math.min(...ours.stepsMs))}`]
  })
  return `${task}\n${textTable(['library', 'version', 'first s', 'step s', 'cpu s', 'difference', 'ours : peer'], rows, 2)}`
}

async function runOne(name: string, version: string, before: GradientResult | undefined): Promise<GradientResult> {
  const messages = await runChild<GradientMessage>(script(name), { limitMs })
  const steps = messages.flatMap((message) => (message.kind === 'step' ? [message] : []))
  const timedSteps = steps.filter(({ first }) => !first)
  return {
    name,
    version,
    firstMs: steps.find(({ first }) => first)?.ms ?? Number.NaN,
    stepsMs: [...(before?.stepsMs ?? []), ...timedSteps.map(({ ms }) => ms)],
    cpuMs: [...(before?.cpuMs ?? []), ...timedSteps.map(({ cpuMs }) => cpuMs)],
    values: messages.find((message) => message.kind === 'samples')?.values ?? [],
  }
}
