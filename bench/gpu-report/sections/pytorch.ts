// PyTorch beside it, where it is installed: the same bare convolutions, the same search branch forward, and with gradients. It is
// a process of its own (pytorch.py) that answers line by line and is ended when its time is over.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { namedConfig } from '../../../src/siamrpn/configs/index.ts'
import { searchConvs } from '../../cases/convs.ts'
import { searchFlops } from '../../cases/tracker.ts'
import { searchNetwork } from '../../network.ts'
import { significant } from '../../table.ts'
import type { Findings, Section, SectionContext } from '../report.ts'

/** A line of pytorch.py. */
export type Answer =
  | {
      readonly kind: 'about'
      readonly torch: string
      readonly device: string
      readonly threads: number
      readonly tf32: boolean
    }
  | { readonly kind: 'layer'; readonly name: string; readonly ms: number }
  | { readonly kind: 'search'; readonly batch: number; readonly ms: number; readonly peakBytes: number | null }
  | { readonly kind: 'gradients'; readonly batch: number; readonly ms: number; readonly peakBytes: number | null }
  | { readonly kind: 'skipped'; readonly what: string }

/** Exit code of the script where `import torch` fails. */
const notInstalled = 3

/** FLOP/s that PyTorch reaches on a processor at least; on GPUs nothing has to be left out. */
const slowFlops = 2e10

/** @param python the interpreters that are tried, in order */
export function pytorchSection(python: readonly string[] = ['python3', '/usr/bin/python3', 'python']): Section {
  return {
    name: 'pytorch',
    title: 'PyTorch beside it',
    share: 4,
    async run(context) {
      for (const program of python) {
        const answers = await ask(program, context)
        if (answers) return findings(program, answers)
      }
      return { data: { installed: false }, tables: [], notes: [`PyTorch is not installed (${python.join(', ')}).`] }
    },
  }
}

/** @returns undefined if there is no such program, or no PyTorch in it */
async function ask(program: string, { budget, signal, say }: SectionContext): Promise<Answer[] | undefined> {
  const { model } = namedConfig('r50')
  const layers = searchConvs().map(({ name, node }) => ({ name, spec: node.spec, inSize: node.inSize }))
  const request = {
    layers,
    network: searchNetwork(model),
    targets: [1, 4, 16],
    training: [28, 14, 8, 4, 2, 1],
    seconds: (0.9 * budget.left) / 1000,
    frameSeconds: searchFlops(model) / slowFlops,
  }
  const child = spawn(program, [fileURLToPath(new URL('../pytorch.py', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'pipe'],
    signal,
    timeout: Math.max(1, Math.ceil(budget.left)),
  })
  const ended = new Promise<number | NodeJS.Signals | undefined>((resolve) => {
    child.on('error', () => resolve(undefined)) // there is none, or it was interrupted
    child.on('close', (code, killedBy) => resolve(code ?? killedBy ?? undefined))
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(-2000)
  })
  child.stdin.on('error', () => {}) // it may end before it has read everything
  child.stdin.end(JSON.stringify(request))
  const answers: Answer[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const answer: Answer = JSON.parse(line)
    answers.push(answer)
    if (answer.kind !== 'about') say('name' in answer ? answer.name : answer.kind)
  }
  const code = await ended
  if (code === notInstalled || (code === undefined && answers.length === 0)) return undefined
  if (typeof code === 'number' && code !== 0) {
    throw new Error(`PyTorch in ${program} ended with ${code}: ${complaint.trim().split('\n').slice(-3).join(' ')}`)
  }
  return answers
}

function findings(program: string, answers: readonly Answer[]): Findings {
  const of = <K extends Answer['kind']>(kind: K) =>
    answers.filter((answer): answer is Extract<Answer, { kind: K }> => answer.kind === kind)
  const mebibytes = (bytes: number | null) => (bytes === null ? '' : (bytes / 2 ** 20).toFixed(0))
  const [about] = of('about')
  const whole = [
    ...of('search').map((answer) => ['forward', answer] as const),
    ...of('gradients').map((answer) => ['forward and gradients', answer] as const),
  ]
  return {
    data: { installed: true, program, answers },
    tables: [
      {
        title: '',
        titles: ['program', 'version', 'device', 'threads', 'TF32'],
        rows: about ? [[program, about.torch, about.device, String(about.threads), about.tf32 ? 'on' : 'off']] : [],
      },
      {
        title: "R50's search branch",
        titles: ['what', 'batch', 'ms', 'images/s', 'MiB at most'],
        rows: whole.map(([what, { batch, ms, peakBytes }]) => [
          what,
          String(batch),
          significant(ms),
          significant((1000 * batch) / ms),
          mebibytes(peakBytes),
        ]),
      },
      {
        title: 'Bare convolutions',
        titles: ['layer', 'ms'],
        rows: of('layer').map(({ name, ms }) => [name, significant(ms)]),
      },
    ],
    notes: [
      [
        'Float32 without TF32, eager, channels first. The search branch has no crop, no upload and no choice of the box,',
        'which update() has; its gradients are a part of a training step, which computes the template branch and losses, too.',
      ].join(' '),
      ...(about ? [] : [`${program} has PyTorch, or was still looking for it, but gave no answer in time.`]),
      ...of('skipped').map(({ what }) => `Left out, the time did not suffice: ${what}.`),
    ],
  }
}
