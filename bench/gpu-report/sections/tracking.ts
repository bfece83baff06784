// Whole frames of R50 and of the model that ships: `update()` at 1, 4 and 16 targets, one call after the other (latency), and
// `stream()`, which uploads the next frame meanwhile; memory; and the time of each kernel where the adapter has timestamps.

import { openDevice } from '../../../src/gpu/device.ts'
import type { Box } from '../../../src/siamrpn/boxes.ts'
import { namedConfig } from '../../../src/siamrpn/configs/index.ts'
import { defaultModelName } from '../../../src/siamrpn/default-model.ts'
import type { PixelFrame } from '../../../src/siamrpn/frame.ts'
import type { TargetGroup } from '../../../src/siamrpn/target.ts'
import { SiamRPN } from '../../../src/siamrpn/tracker.ts'
import { searchFlops } from '../../cases/tracker.ts'
import { benchModel, videoFrame, videoSize } from '../../data.ts'
import { type Roofline, usualFlops } from '../../roofline.ts'
import { median } from '../../stopwatch.ts'
import { choiceLine, significant } from '../../table.ts'
import type { Findings, Section, SectionContext, TimeBudget } from '../report.ts'

interface TrackingResult {
  readonly model: string
  readonly targets: number
  readonly firstMs: number
  /** From the call to the boxes, one after the other. */
  readonly updateMs: readonly number[]
  /** Of each frame of a stream. */
  readonly streamMs: number | undefined
  readonly heldBytes: number
  readonly peakBytes: number
}

interface ModelResult {
  readonly model: string
  readonly loadMs: number
  readonly choices: readonly string[]
  readonly results: readonly TrackingResult[]
  /** Milliseconds of each kernel's form in a frame of one target, by the GPU's clock. */
  readonly kernels: readonly { readonly kernel: string; readonly form: string; readonly ms: number }[]
  readonly dispatches: number | undefined
}

const targetCounts = [1, 4, 16] as const

const frameCount = 8

/** @param roofline of this adapter, if it is known */
export function trackingSection(roofline: () => Roofline | undefined): Section {
  return {
    name: 'tracking',
    title: 'Tracking',
    share: 6,
    run: (context) => measureTracking(context, roofline()),
  }
}

async function measureTracking(context: SectionContext, roofline?: Roofline): Promise<Findings> {
  const models: ModelResult[] = []
  const notes: string[] = []
  for (const [model, share] of [
    [defaultModelName, 0.4],
    ['r50', 1],
  ] as const) {
    const budget = context.budget.part(share)
    const seconds = (3 * searchFlops(namedConfig(model).model)) / usualFlops(roofline)
    if (1000 * seconds >= budget.left || context.signal.aborted) {
      const left = `${(budget.left / 1000).toFixed(0)} s are left`
      notes.push(`${model} was left out: its first frames take about ${seconds.toFixed(0)} s, ${left}.`)
      continue
    }
    const frames = Array.from({ length: frameCount }, (_, index) => videoFrame(index))
    models.push(await measureModel(model, frames, { ...context, budget }, notes))
  }
  return { data: { models }, tables: tables(models), notes }
}

async function measureModel(
  model: string,
  frames: readonly PixelFrame[],
  { budget, signal, say }: SectionContext,
  notes: string[],
): Promise<ModelResult> {
  say(`${model}: loading`)
  const start = performance.now()
  const device = await openDevice()
  try {
    const seconds = Math.min(20, budget.left / 4000)
    const benchmark = device.adapter.kind === 'gpu' && { seconds }
    const tracker =
      model === 'r50'
        ? await benchModel(model).then(({ config, state }) => SiamRPN.create(state, { device, config, benchmark }))
        : await SiamRPN.load({ device, benchmark })
    const loadMs = performance.now() - start
    const results: TrackingResult[] = []
    let kernels: ModelResult['kernels'] = []
    let dispatches: number | undefined
    for (const [index, targets] of targetCounts.entries()) {
      if ((index > 0 && budget.left === 0) || signal.aborted) {
        notes.push(`${model} with ${targetCounts.slice(index).join(' and ')} targets was left out: no time was left.`)
        break
      }
      say(`${model}: ${targets} ${targets === 1 ? 'target' : 'targets'}`)
      const group = await tracker.init(frames[0] ?? videoFrame(0), boxes(targets))
      const time = budget.part(1 / (targetCounts.length - index))
      results.push({ model, targets, ...(await measureGroup(group, frames, time)), ...memoryOf(device) })
      if (targets === 1 && device.adapter.features.has('timestamp-query')) {
        const profile = await group.profile(frames[1] ?? videoFrame(1))
        dispatches = profile.entries.length
        kernels = sumByForm(profile.entries)
      }
      await group.release()
    }
    await tracker.close()
    return { model, loadMs, choices: tracker.convChoices.map(choiceLine), results, kernels, dispatches }
  } finally {
    await device.close()
  }
}

type Times = Pick<TrackingResult, 'firstMs' | 'updateMs' | 'streamMs'>

/** Half of the time for `update`, half for `stream`; at least one frame of the first. */
async function measureGroup(group: TargetGroup, frames: readonly PixelFrame[], budget: TimeBudget): Promise<Times> {
  const frame = (index: number) => frames[index % frames.length] ?? videoFrame(0)
  const update = async (index: number) => {
    const start = performance.now()
    await group.update(frame(index))
    return performance.now() - start
  }
  const firstMs = await update(0)
  const updateMs: number[] = []
  const half = budget.part(0.5)
  do updateMs.push(await update(updateMs.length + 1))
  while (half.left > 0 && updateMs.length < mostFrames)
  const count = Math.min(mostFrames, Math.floor(budget.left / median(updateMs)))
  if (count < leastStream) return { firstMs, updateMs, streamMs: undefined }
  const start = performance.now()
  let seen = 0
  for await (const _ of group.stream(Array.from({ length: count }, (_, index) => frame(index)))) seen++
  return { firstMs, updateMs, streamMs: (performance.now() - start) / seen }
}

const mostFrames = 300

/** A stream of fewer frames says nothing. */
const leastStream = 3

function memoryOf({ memory }: { readonly memory: { readonly bytes: number; readonly peakBytes: number } }) {
  return { heldBytes: memory.bytes, peakBytes: memory.peakBytes }
}

/** Boxes of different places and sizes, frame pixels. */
function boxes(count: number): Box[] {
  return Array.from({ length: count }, (_, k) => {
    const [width, height] = [60 + 4 * (k % 5), 48 + 4 * (k % 3)]
    const across = (videoSize.width - 100) / 4
    return { x: 10 + across * (k % 4), y: 10 + 80 * Math.floor(k / 4), width, height }
  })
}

function sumByForm(entries: readonly { kernel: string; form?: string | undefined; ms: number }[]) {
  const sums = new Map<string, { kernel: string; form: string; ms: number }>()
  for (const { kernel, form = '', ms } of entries) {
    const known = sums.get(`${kernel} ${form}`) ?? { kernel, form, ms: 0 }
    sums.set(`${kernel} ${form}`, { ...known, ms: known.ms + ms })
  }
  return [...sums.values()].sort((a, b) => b.ms - a.ms)
}

function tables(models: readonly ModelResult[]) {
  const rows = models.flatMap(({ results }) =>
    results.map(({ model, targets, firstMs, updateMs, streamMs = Number.NaN, heldBytes, peakBytes }) => {
      const typical = median(updateMs)
      const late = updateMs.toSorted((a, b) => a - b)[Math.ceil(0.95 * updateMs.length) - 1] ?? Number.NaN
      const times = [firstMs, typical, Math.min(...updateMs), late, 1000 / typical, streamMs, 1000 / streamMs]
      const sizes = [heldBytes, peakBytes].map((bytes) => (bytes / 2 ** 20).toFixed(1))
      return [model, String(targets), String(updateMs.length), ...times.map(significant), ...sizes]
    }),
  )
  const loads = models.map(({ model, loadMs, choices, dispatches, kernels }) => [
    model,
    significant(loadMs / 1000),
    String(choices.length),
    String(dispatches ?? ''),
    kernels.length > 0 ? significant(kernels.reduce((sum, { ms }) => sum + ms, 0)) : '',
  ])
  const latency = ['first ms', 'update ms', 'least ms', '95 % ms', 'update fps', 'stream ms', 'stream fps']
  return [
    { title: 'Frames of 480x360', titles: ['model', 'targets', 'n', ...latency, 'MiB held', 'MiB at most'], rows },
    {
      title: 'Loading, and a frame of one target',
      titles: ['model', 'load s', 'kernels measured', 'dispatches', 'ms on the GPU'],
      rows: loads,
    },
    ...models.map(({ model, kernels }) => ({
      title: `Kernels of a ${model} frame, by the GPU's clock`,
      titles: ['kernel', 'form', 'ms'],
      rows: kernels.slice(0, 15).map(({ kernel, form, ms }) => [kernel, form, significant(ms)]),
    })),
  ]
}
