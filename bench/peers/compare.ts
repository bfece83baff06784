// The comparison: every library runs the same frame in a process of its own, one after the other, we first; with several rounds,
// all of them in turn in each, because a machine's speed drifts. Reported are the fastest frames and ratios of those.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cached } from '../cache.ts'
import { runChild } from '../child.ts'
import { benchModel } from '../data.ts'
import { searchNetwork } from '../network.ts'
import { median } from '../stopwatch.ts'
import { significant, textTable } from '../table.ts'
import { type Contender, contender, ours } from './contenders.ts'
import { ensureInstalled, installedVersion } from './install.ts'
import type { PeerMessage, PeerRequest } from './messages.ts'
import { encodeModel } from './onnx/model.ts'
import { searchGraph } from './onnx/search-graph.ts'

export interface PeerResult {
  readonly name: string
  readonly version: string
  /** Until ready for the first frame. */
  readonly loadMs: number
  /** The first frame, which compiles. */
  readonly firstMs: number
  /** The timed frames of all rounds, in order. */
  readonly framesMs: readonly number[]
  readonly cpuMs: readonly number[]
  /** Largest difference over largest magnitude: of ours to MMTracking's numbers, of the others' to ours. */
  readonly error: { readonly cls: number; readonly bbox: number } | undefined
  /** Why there are no frames. */
  readonly failure?: string
}

export interface PeerReport {
  readonly model: string
  readonly rounds: number
  readonly ours: PeerResult
  readonly peers: readonly PeerResult[]
}

export interface CompareOptions {
  readonly names: readonly string[]
  /** Model of the golden data. */
  readonly model: string
  readonly rounds: number
  readonly say: (line: string) => void
}

/** One library gets so long for loading, warming up and its frames. */
const limitMs = 900_000

/** Runs the comparison. @throws InstallError; ChildError if we ourselves fail, for then there is nothing to compare with */
export async function comparePeers({ names, model, rounds, say }: CompareOptions): Promise<PeerReport> {
  const chosen = names.map(contender)
  await ensureInstalled(say)
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-bench-'))
  try {
    return await runRounds(chosen, join(folder, 'tensors.safetensors'), { names, model, rounds, say })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** @param tensors where we leave our inputs and outputs for the others */
async function runRounds(
  chosen: readonly Contender[],
  tensors: string,
  { model, rounds, say }: CompareOptions,
): Promise<PeerReport> {
  const results = new Map<Contender, PeerResult>()
  for (let round = 1; round <= rounds; round++) {
    for (const one of [ours, ...chosen]) {
      say(`round ${round}/${rounds}: ${one.name}`)
      const result = await runContender(one, { model, tensors }, say)
      if (one === ours && result.failure) throw new Error(result.failure)
      results.set(one, merge(results.get(one), result))
    }
  }
  const of = (one: Contender) => results.get(one) ?? failed(one, 'did not run')
  return { model, rounds, ours: of(ours), peers: chosen.map(of) }
}

/** Results with how many times longer the peer takes than we do. */
export function peerTable({ ours: own, peers }: PeerReport): string {
  const fastest = Math.min(...own.framesMs)
  const rows = [own, ...peers].map((result) => {
    const { name, version, loadMs, firstMs, framesMs, cpuMs, error, failure } = result
    if (failure) return [name, version, `failed: ${failure.split('\n')[0]}`]
    const best = Math.min(...framesMs)
    const seconds = [loadMs, firstMs, best, median(framesMs), Math.min(...cpuMs)].map((ms) => significant(ms / 1000))
    const errors = [error?.cls, error?.bbox].map((value) => value?.toExponential(1) ?? '')
    return [name, version, ...seconds, ...errors, `1 : ${significant(best / fastest)}`]
  })
  const titles = ['library', 'version', 'load s', 'first s', 'frame s', 'median s', 'cpu s', 'error cls', 'error bbox']
  return textTable([...titles, 'ours : peer'], rows, 2)
}

type Inputs = Pick<PeerRequest, 'model' | 'tensors'>

async function runContender(one: Contender, inputs: Inputs, say: (line: string) => void): Promise<PeerResult> {
  try {
    const request: PeerRequest = {
      ...inputs,
      file: one.file ? await modelFile(inputs.model, one.file) : '',
      options: { ...one.options },
    }
    const { nodeFlags = [] } = one
    const onMessage = (message: PeerMessage) => {
      const line = describe(message)
      if (line) say(`  ${line}`)
    }
    const messages = await runChild(one.script, { request, nodeFlags, limitMs, onMessage })
    const result = collect(one, messages)
    say(`  fastest of ${result.framesMs.length}: ${significant(Math.min(...result.framesMs) / 1000)} s`)
    return result
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    say(`  failed: ${reason}`)
    return failed(one, reason)
  }
}

function collect(one: Contender, messages: readonly PeerMessage[]): PeerResult {
  const frames = messages.flatMap((message) => (message.kind === 'frame' ? [message] : []))
  const timed = frames.filter(({ first }) => !first)
  return {
    ...failed(one, ''),
    failure: undefined,
    loadMs: messages.find((message) => message.kind === 'loaded')?.ms ?? Number.NaN,
    firstMs: frames.find(({ first }) => first)?.ms ?? Number.NaN,
    framesMs: timed.map(({ ms }) => ms),
    cpuMs: timed.map(({ cpuMs }) => cpuMs),
    error: messages.find((message) => message.kind === 'error'),
  }
}

function failed(one: Contender, failure: string): PeerResult {
  const version = installedVersion(one.package) ?? ''
  const { name } = one
  return { name, version, loadMs: Number.NaN, firstMs: Number.NaN, framesMs: [], cpuMs: [], error: undefined, failure }
}

function merge(before: PeerResult | undefined, now: PeerResult): PeerResult {
  if (!before || before.failure) return now
  if (now.failure) return before
  return {
    ...now,
    loadMs: Math.min(before.loadMs, now.loadMs),
    firstMs: Math.min(before.firstMs, now.firstMs),
    framesMs: [...before.framesMs, ...now.framesMs],
    cpuMs: [...before.cpuMs, ...now.cpuMs],
  }
}

/** What to show while a library runs; nothing for each single frame. */
function describe(message: PeerMessage): string | undefined {
  if (message.kind === 'loaded') return `loaded in ${significant(message.ms / 1000)} s`
  if (message.kind === 'frame' && message.first) return `first frame ${significant(message.ms / 1000)} s`
  return undefined
}

const cache = new URL('./.cache/', import.meta.url)

/** Raise it when the exported file changes. */
const modelVersion = 1

async function modelFile(model: string, kind: 'plain' | 'folded'): Promise<string> {
  return await cached(new URL(`${model}-${kind}-v${modelVersion}.onnx`, cache), async () => {
    const { config, state } = await benchModel(model)
    return encodeModel(searchGraph(searchNetwork(config.model), state, { folded: kind === 'folded' }))
  })
}
