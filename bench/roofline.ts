// What this adapter can do at best: arithmetic on registers and copies of large arrays, each in several forms, of which the
// best counts, because a single form reads too low on some adapter. A kernel's share of the roofline is the time that it would
// need at these rates, by whichever of the two it needs more, over the time that it took.
// Source: Williams, Waterman and Patterson, Roofline: an insightful visual performance model, CACM 2009.

import { readFileSync } from 'node:fs'
import type { Device } from '../src/gpu/device.ts'
import { capture } from '../src/gpu/program.ts'
import type { Recorder } from '../src/gpu/recorder.ts'
import { linearGrid } from '../src/kernels/launch.ts'
import { Stopwatch } from './stopwatch.ts'

export interface Roofline {
  /** FLOP/s, a multiply-add counted as two. */
  readonly flops: number
  /** Bytes read and written per second. */
  readonly bytes: number
  readonly probes: readonly Probe[]
}

/** One form with its rate in FLOP/s or bytes/s. */
export interface Probe {
  readonly form: string
  readonly kind: 'flops' | 'bytes'
  readonly rate: number
}

/** What a piece of work costs. */
export interface Cost {
  readonly flops: number
  readonly bytes: number
}

/** Time at the roofline over time taken: 1 is as fast as this adapter can, for data that does not fit its caches. */
export function rooflineShare({ flops, bytes }: Cost, ms: number, roofline: Pick<Roofline, 'flops' | 'bytes'>): number {
  return (1000 * Math.max(flops / roofline.flops, bytes / roofline.bytes)) / ms
}

/**
 * Runs all probes, a few seconds.
 * @param onProbe told before each
 * @param hasTime asked before each but the first of arithmetic and of memory, which run in any case
 */
export async function measureRoofline(
  device: Device,
  onProbe: (form: string) => void = () => {},
  hasTime: () => boolean = () => true,
): Promise<Roofline> {
  const probes: Probe[] = []
  for (const form of computeForms) {
    if (probes.length > 0 && !hasTime()) break
    if (form.subgroups && !device.adapter.features.has('subgroups')) continue
    onProbe(form.name)
    probes.push({ form: form.name, kind: 'flops', rate: await probeCompute(device, form) })
  }
  probes.push(...(await probeMemory(device, onProbe, hasTime)))
  const best = (kind: Probe['kind']) =>
    Math.max(...probes.filter((probe) => probe.kind === kind).map(({ rate }) => rate))
  return { flops: best('flops'), bytes: best('bytes'), probes }
}

interface ComputeForm {
  readonly name: string
  readonly shader: string
  readonly entryPoint?: string
  readonly workgroup: number
  /** Per invocation and step. */
  readonly multiplyAdds: number
  readonly subgroups?: boolean
}

/** Multiply-adds per chain and step in peak_chains.wgsl. */
const chain = 16

/** Those that most likely are the best come first, for runs that have little time. */
const computeForms: readonly ComputeForm[] = [
  { name: 'rows, as conv2d_subgroup', shader: 'peak_rows', workgroup: 8, multiplyAdds: 256, subgroups: true },
  ...[16, 8, 12, 32].map((chains) => ({
    name: `${chains} chains`,
    shader: 'peak_chains',
    entryPoint: `chains${chains}`,
    workgroup: 64,
    multiplyAdds: chains * chain,
  })),
  { name: 'outer products, as conv2d_tiled', shader: 'peak_outer', workgroup: 64, multiplyAdds: 64 },
]

/** A probe runs at least this long, in milliseconds, so that submitting and waiting do not count. */
const probeMs = 30

const probeRuns = 6

/** Invocations that fill the adapter. */
const probeInvocations = { cpu: 1 << 14, gpu: 1 << 20 } as const

async function probeCompute(device: Device, form: ComputeForm): Promise<number> {
  const invocations = probeInvocations[device.adapter.kind]
  const output = device.empty([invocations, 4], 'f32', 'peak')
  const stopwatch = new Stopwatch(device)
  const time = async (steps: number, runs: number) => {
    const program = await capture(device, (r) => {
      r.dispatch({
        kernel: { ...benchShader(form.shader), ...(form.entryPoint && { entryPoint: form.entryPoint }) },
        label: form.name,
        workgroups: linearGrid(r.adapter, invocations, form.workgroup),
        bindings: { output, params: { steps, factor: 0.97, offset: 0.013 } },
      })
    })
    const ms = await stopwatch.best(() => program.run(), runs)
    program.destroy()
    return ms
  }
  await time(1, 1) // compiles
  let steps = 64
  let ms = await time(steps, probeRuns)
  while (ms < probeMs) {
    steps *= Math.min(64, Math.max(2, Math.ceil((1.25 * probeMs) / ms)))
    ms = await time(steps, probeRuns)
  }
  device.release(output)
  return (2 * form.multiplyAdds * steps * invocations * 1000) / ms
}

/** Large enough for no cache to hold. */
const streamBytes = { cpu: 64 << 20, gpu: 256 << 20 } as const

const streamForms = [
  { WORKGROUP: 64, ITEMS: 1 },
  { WORKGROUP: 64, ITEMS: 4 },
  { WORKGROUP: 64, ITEMS: 64 },
  { WORKGROUP: 8, ITEMS: 256 },
] as const

async function probeMemory(device: Device, onProbe: (form: string) => void, hasTime: () => boolean): Promise<Probe[]> {
  const { kind, maxBindingBytes } = device.adapter
  const bytes = Math.min(streamBytes[kind], maxBindingBytes)
  const input = device.empty([bytes / 4], 'f32', 'stream.input')
  const output = device.empty([bytes / 4], 'f32', 'stream.output')
  const probes: Probe[] = []
  const probe = async (form: string, submit: () => void) => {
    if (probes.length > 0 && !hasTime()) return
    onProbe(form)
    const stopwatch = new Stopwatch(device)
    await stopwatch.best(submit, 1) // compiles, and touches the memory for the first time
    const ms = await stopwatch.best(submit, probeRuns)
    probes.push({ form, kind: 'bytes', rate: (2 * bytes * 1000) / ms })
  }
  for (const constants of streamForms) {
    const count = bytes / 16
    const record = (r: Recorder) =>
      r.dispatch({
        kernel: { ...benchShader('stream_scale'), constants },
        label: 'stream',
        workgroups: linearGrid(r.adapter, count / constants.ITEMS, constants.WORKGROUP),
        bindings: { input, output, params: { count, factor: 1.5 } },
      })
    const program = await capture(device, record)
    await probe(`scale, ${constants.ITEMS} x ${constants.WORKGROUP} vec4`, () => program.run())
    program.destroy()
  }
  await probe('buffer copy', () => {
    const encoder = device.gpu.createCommandEncoder({ label: 'buffer copy' })
    encoder.copyBufferToBuffer(input.storage.buffer, 0, output.storage.buffer, 0, bytes)
    device.gpu.queue.submit([encoder.finish()])
  })
  for (const tensor of [input, output]) device.release(tensor)
  return probes
}

function benchShader(name: string): { name: string; source: string } {
  return { name: `${name}.wgsl`, source: readFileSync(new URL(`./shaders/${name}.wgsl`, import.meta.url), 'utf8') }
}

/** Part of the roofline's arithmetic that kernels reach on average. */
const usualShare = 0.2
/** Floating-point operations per second of an adapter that has not been measured. */
const unknownFlops = 1e12

/** Floating-point operations per second that a kernel may be expected to reach, to tell how long something will take. */
export function usualFlops(roofline?: Pick<Roofline, 'flops'>): number {
  return usualShare * (roofline?.flops ?? unknownFlops)
}
