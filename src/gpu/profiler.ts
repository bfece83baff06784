// Times every dispatch on the GPU. WebGPU writes timestamps only at the edges of a pass, so a profiled run has a pass per
// dispatch and is a little slower than a plain one. Shown as a table, or as a trace for chrome://tracing and Perfetto.

import type { EncodedStep } from './assembly.ts'
import type { Device } from './device.ts'
import { FeatureError } from './errors.ts'
import { bufferUsage } from './memory.ts'

export interface ProfileEntry {
  readonly label: string
  readonly kernel: string
  /** The form of the kernel that was chosen, where there are several. */
  readonly form?: string | undefined
  /** Milliseconds since the first dispatch began. */
  readonly start: number
  readonly ms: number
  readonly flops: number
  readonly bytes: number
}

/** The WebGPU limit on queries in one set. */
const maxQueries = 4096

export class Profile {
  readonly label: string
  readonly entries: readonly ProfileEntry[]

  constructor(label: string, entries: readonly ProfileEntry[]) {
    this.label = label
    this.entries = entries
  }

  /** Milliseconds that the dispatches took together. */
  get ms(): number {
    return this.entries.reduce((sum, entry) => sum + entry.ms, 0)
  }

  /** The dispatches as text, slowest first, or summed per kernel and form. */
  table(by: 'label' | 'kernel' = 'label'): string {
    const rows = (by === 'kernel' ? sumByKernel(this.entries) : [...this.entries]).sort((a, b) => b.ms - a.ms)
    const total = {
      label: 'total',
      kernel: '',
      form: undefined,
      ms: this.ms,
      flops: sum(rows, 'flops'),
      bytes: sum(rows, 'bytes'),
    }
    const forms = rows.some(({ form }) => form !== undefined)
    const header = ['label', 'kernel', ...(forms ? ['form'] : []), 'ms', '%', 'GFLOP/s', 'GB/s']
    const left = header.indexOf('ms')
    const cells = [...rows, total].map((row) => [
      row.label,
      row.kernel,
      ...(forms ? [row.form ?? ''] : []),
      row.ms.toFixed(3),
      this.ms > 0 ? ((100 * row.ms) / this.ms).toFixed(1) : '',
      row.flops > 0 && row.ms > 0 ? (row.flops / row.ms / 1e6).toFixed(2) : '',
      row.bytes > 0 && row.ms > 0 ? (row.bytes / row.ms / 1e6).toFixed(2) : '',
    ])
    const widths = header.map((title, k) => Math.max(title.length, ...cells.map((line) => line[k]?.length ?? 0)))
    const align = (text: string, k: number) => (k < left ? text.padEnd(widths[k] ?? 0) : text.padStart(widths[k] ?? 0))
    return [header, ...cells].map((line) => line.map(align).join('  ').trimEnd()).join('\n')
  }

  /** Chrome trace: complete events with times in microseconds. */
  chromeTrace(): { traceEvents: object[] } {
    const traceEvents = this.entries.map(({ label, kernel, form, start, ms, flops, bytes }) => {
      return {
        name: label,
        cat: kernel,
        ph: 'X',
        ts: start * 1e3,
        dur: ms * 1e3,
        pid: 1,
        tid: 1,
        args: { kernel, ...(form === undefined ? {} : { form }), flops, bytes },
      }
    })
    return { traceEvents }
  }
}

/** Runs the steps once, each in its own timed pass. @throws FeatureError without `timestamp-query` */
export async function profileSteps(device: Device, label: string, steps: readonly EncodedStep[]): Promise<Profile> {
  if (!device.adapter.features.has('timestamp-query')) {
    throw new FeatureError(`Profiling needs the feature timestamp-query, which \`${device.adapter.description}\` lacks`)
  }
  const entries: ProfileEntry[] = []
  let origin: bigint | undefined
  for (let first = 0; first < steps.length; first += maxQueries / 2) {
    const part = steps.slice(first, first + maxQueries / 2)
    const times = await timePart(device, part)
    origin ??= times[0]
    part.forEach((step, k) => {
      const begin = times[2 * k] ?? 0n
      const ns = Number((times[2 * k + 1] ?? begin) - begin)
      const { label, kernel, form, flops, bytes } = step
      entries.push({
        label,
        kernel,
        ...(form === undefined ? {} : { form }),
        start: Number(begin - (origin ?? begin)) / 1e6,
        ms: Math.max(ns, 0) / 1e6,
        flops,
        bytes,
      })
    })
  }
  return new Profile(label, entries)
}

async function timePart(device: Device, steps: readonly EncodedStep[]): Promise<BigUint64Array> {
  const count = 2 * steps.length
  const querySet = device.gpu.createQuerySet({ type: 'timestamp', count })
  const usage = bufferUsage.QUERY_RESOLVE | bufferUsage.COPY_SRC
  const resolved = device.memory.create(count * 8, usage, 'timestamps')
  try {
    const encoder = device.gpu.createCommandEncoder({ label: 'profile' })
    steps.forEach((step, k) => {
      const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * k, endOfPassWriteIndex: 2 * k + 1 }
      const pass = encoder.beginComputePass({ label: step.label, timestampWrites })
      pass.setPipeline(step.pipeline)
      pass.setBindGroup(0, step.group)
      pass.dispatchWorkgroups(...step.workgroups)
      pass.end()
    })
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0)
    device.gpu.queue.submit([encoder.finish()])
    return new BigUint64Array(await device.readBytes(resolved, 0, count * 8))
  } finally {
    querySet.destroy()
    device.memory.destroy(resolved)
  }
}

function sumByKernel(entries: readonly ProfileEntry[]): ProfileEntry[] {
  const sums = new Map<string, ProfileEntry>()
  for (const entry of entries) {
    const key = `${entry.kernel} ${entry.form ?? ''}`
    const known = sums.get(key) ?? { ...entry, label: '', ms: 0, flops: 0, bytes: 0 }
    const { ms, flops, bytes } = known
    sums.set(key, { ...known, ms: ms + entry.ms, flops: flops + entry.flops, bytes: bytes + entry.bytes })
  }
  return [...sums.values()]
}

function sum(rows: readonly { readonly flops: number; readonly bytes: number }[], key: 'flops' | 'bytes'): number {
  return rows.reduce((total, row) => total + row[key], 0)
}
