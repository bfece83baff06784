// The report as a page of tables, in Markdown.

import type { Report, SectionResult, Table } from './report.ts'

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
