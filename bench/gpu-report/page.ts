// The report as a page of tables, in Markdown, and as files.

import { writeWhole } from '../../tools/frames/atomic.ts'
import {
  makeGpuReport,
  type Report,
  type ReportOptions,
  type Section,
  type SectionResult,
  type Table,
} from './report.ts'

export function reportPage({ date, seconds, budgetSeconds, missing, sections }: Report): string {
  const head = [
    '# siamrpn on this adapter',
    '',
    `${date}, ${seconds.toFixed(0)} s of ${budgetSeconds} s. Times are medians of wall time unless a column says otherwise.`,
    ...(missing.length > 0 ? ['', `Not run: ${missing.join(', ')}.`] : []),
  ]
  return `${[...head, ...sections.flatMap(sectionLines)].join('\n')}\n`
}

function sectionLines({ title, seconds, findings, failure }: SectionResult): string[] {
  return [
    '',
    `## ${title}`,
    ...(findings?.tables ?? []).flatMap(tableLines),
    ...(findings?.notes ?? []).flatMap((note) => ['', note]),
    ...(failure === undefined ? [] : ['', `**Failed**: ${cell(failure)}`]),
    '',
    `(${seconds.toFixed(1)} s)`,
  ]
}

function tableLines({ title, titles, rows }: Table): string[] {
  if (rows.length === 0) return []
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  const rule = `|${titles.map((_, k) => (k === 0 ? '---' : '---:')).join('|')}|`
  return ['', ...(title ? [`### ${title}`, ''] : []), line(titles), rule, ...rows.map(line)]
}

/** Text that stays in its cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')
}

/** Writes the report to a file, and a page beside it. @returns whether it was interrupted */
export async function writeGpuReport(
  file: string,
  sections: readonly Section[],
  options: Omit<ReportOptions, 'save'>,
): Promise<boolean> {
  const page = pagePath(file)
  const save = async (report: Report) => {
    await writeWhole(file, `${JSON.stringify(report, null, 1)}\n`)
    await writeWhole(page, reportPage(report))
  }
  const { sections: results } = await makeGpuReport(sections, { ...options, save })
  if (results.length > 0) options.say(`written: ${file}, ${page}`)
  return options.signal.aborted
}

/** Where the page of a report is. @throws Error for a file that is no `.json` */
export function pagePath(file: string): string {
  if (/\.json$/i.test(file)) return file.replace(/\.json$/i, '.md')
  throw new Error(
    `--gpu-report wants a file that ends in .json, found \`${file}\`; the page is written beside it as .md`,
  )
}
