// The report of an evaluation: one page that needs nothing but itself, and its plots as PNG files.

import { join } from 'node:path'
import { pendingFile, writeWhole } from '../frames/atomic.ts'
import type { ReportData } from './data.ts'
import { allPlots, gather } from './page/content.ts'
import { pageHtml } from './page/page.ts'
import { plotPng } from './plots/render.ts'

export interface WriteReportOptions {
  /** How many of the worst failures are shown as film strips: 6. */
  readonly failures?: number
  readonly signal?: AbortSignal
}

/** Files that were written. */
export interface WrittenReport {
  readonly page: string
  readonly pictures: readonly string[]
}

const failuresShown = 6
const pictureBytes = 1_000_000

/**
 * Writes `report.html` and `plots/*.png` into the folder, which is made if need be; files of an earlier report are replaced.
 * Pictures of failures need the benchmark's images; those that cannot be read are left out.
 *
 * @throws OutputError; the signal's reason
 */
export async function writeReport(
  folder: string,
  data: ReportData,
  options: WriteReportOptions = {},
): Promise<WrittenReport> {
  const { failures = failuresShown, signal } = options
  const content = await gather(data, { failures, pictureBytes, ...(signal ? { signal } : {}) })
  const page = join(folder, 'report.html')
  await writeWhole(page, await pageHtml(content))
  const pictures: string[] = []
  for (const plot of allPlots(content)) {
    signal?.throwIfAborted()
    const file = join(folder, 'plots', `${plot.id}.png`)
    await writeBytes(file, await plotPng(plot))
    pictures.push(file)
  }
  return { page, pictures }
}

async function writeBytes(path: string, bytes: Uint8Array): Promise<void> {
  const file = await pendingFile(path)
  try {
    await file.write(bytes)
    await file.commit()
  } finally {
    await file.discard()
  }
}
