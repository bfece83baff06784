// Everything that was measured, with what it was measured on, for --json and bench/results/.

import { readFileSync } from 'node:fs'
import os from 'node:os'
import type { AdapterFacts } from '../src/gpu/device.ts'
import { version } from '../src/gpu/version.ts'
import type { CaseResult } from './case.ts'
import type { PeerReport } from './peers/compare.ts'
import type { GradientReport } from './peers/compare-gradients.ts'
import { type Roofline, rooflineShare } from './roofline.ts'

export interface Measured {
  readonly adapter: AdapterFacts
  readonly roofline?: Roofline | undefined
  readonly results: readonly CaseResult[]
  /** Names of cases that did not run: the time did not suffice, or the run was interrupted. */
  readonly leftOut?: readonly string[] | undefined
  readonly peers?: PeerReport | undefined
  readonly gradients?: GradientReport | undefined
}

/** The report as plain data. */
export function makeReport(
  { adapter, roofline, results, leftOut, peers, gradients }: Measured,
  date = new Date(),
): object {
  return {
    date: date.toISOString(),
    machine: machineFacts(adapter),
    roofline,
    cases: results.map((result) => {
      const share = result.cost && roofline ? rooflineShare(result.cost, result.minMs, roofline) : undefined
      return { ...result, rooflineShare: share }
    }),
    leftOut,
    peers,
    gradients,
  }
}

/** What was measured on. */
export function machineFacts(adapter: AdapterFacts) {
  return {
    adapter: adapter.description,
    vendor: adapter.vendor,
    architecture: adapter.architecture,
    kind: adapter.kind,
    processor: os.cpus()[0]?.model.trim() ?? '',
    cores: os.cpus().length,
    platform: `${os.platform()} ${os.arch()}`,
    node: process.version,
    webgpu: packageVersion('webgpu'),
    siamrpn: version,
  }
}

function packageVersion(name: string): string {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url)
  const { version }: { version?: unknown } = JSON.parse(readFileSync(file, 'utf8'))
  return String(version)
}
