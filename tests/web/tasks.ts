// How long the page's main thread is kept busy without a pause, from Chromium's trace. Times are the thread's own on the processor, so
// that other programs on the machine count for nothing.

import type { OpenedPage } from './site.ts'

/** Of Chromium's trace: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU */
interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** Microseconds: begin, how long by the clock, and how long on the processor. */
  readonly ts: number
  readonly dur?: number
  readonly tdur?: number
  readonly args: { readonly name?: string }
}

export interface Tasks {
  /** Tasks of the main thread in all. */
  readonly count: number
  /** Of each that took longer than the bound: its milliseconds, and those of what it consisted of, by the trace's names. */
  readonly long: readonly string[]
}

/** What the page's main thread did during `work`, with all tasks above `bound` milliseconds. */
export async function tasksDuring(
  { context, page }: OpenedPage,
  bound: number,
  work: () => Promise<void>,
): Promise<Tasks> {
  const client = await context.newCDPSession(page)
  const events: TraceEvent[] = []
  client.on('Tracing.dataCollected', ({ value }) => {
    for (const event of value) events.push(event as unknown as TraceEvent)
  })
  const complete = new Promise<void>((resolve) => {
    client.once('Tracing.tracingComplete', () => resolve())
  })
  const includedCategories = ['toplevel', 'devtools.timeline', 'v8', '__metadata']
  await client.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories } })
  try {
    await work()
  } finally {
    await client.send('Tracing.end')
    await complete
    await client.detach()
  }
  return tasksOf(events, 1000 * bound)
}

function tasksOf(events: readonly TraceEvent[], bound: number): Tasks {
  const threads = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
  const own = events.filter(({ pid, tid }) => threads.some((thread) => thread.pid === pid && thread.tid === tid))
  const tasks = own.filter(({ name }) => name.endsWith('::RunTask'))
  const long = tasks.filter(({ tdur = 0 }) => tdur > bound)
  const shown = ({ name, tdur = 0 }: TraceEvent) => `${name} ${(tdur / 1000).toFixed(0)} ms`
  return {
    count: tasks.length,
    long: long.map((task) => {
      const parts = own.filter(
        ({ ts, tdur = 0 }) => ts > task.ts && ts < task.ts + (task.dur ?? 0) && tdur > bound / 10,
      )
      return [task, ...parts].map(shown).join(', ')
    }),
  }
}
