// The report of an adapter: time, failures and what is written, with sections that pretend and a clock that the test moves.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pagePath, reportPage, writeGpuReport } from '../../bench/gpu-report/page.ts'
import {
  makeGpuReport,
  type Report,
  type Section,
  type SectionContext,
  TimeBudget,
} from '../../bench/gpu-report/report.ts'
import { pytorchSection } from '../../bench/gpu-report/sections/pytorch.ts'

const never = new AbortController().signal

function pretend(name: string, share: number, run: (context: SectionContext) => void = () => {}): Section {
  return {
    name,
    title: `Section ${name}`,
    share,
    run: async (context) => {
      run(context)
      return { data: { name }, tables: [] }
    },
  }
}

test('each section gets its share of what is left, so that time that one does not use goes to the others', async () => {
  let time = 0
  const given: number[] = []
  const take = (part: number) => (context: SectionContext) => {
    given.push(context.budget.left / 1000)
    time += part * context.budget.left
  }
  const sections = [pretend('a', 1, take(0)), pretend('b', 2, take(1)), pretend('c', 2, take(2))]
  const options = { seconds: 100, signal: never, say: () => {}, save: async () => {}, now: () => time }
  const report = await makeGpuReport(sections, options)
  expect(given).toEqual([20, 50, 50])
  expect(report).toMatchObject({ seconds: 150, budgetSeconds: 100, missing: [] })
  expect(report.sections.map(({ seconds }) => seconds)).toEqual([0, 50, 100])
})

test('a section that fails is told; the others run; everything is saved section by section', async () => {
  const saved: string[] = []
  const fail = () => {
    throw new RangeError('the device was lost')
  }
  const report = await makeGpuReport([pretend('a', 1), pretend('b', 1, fail), pretend('c', 1)], {
    seconds: 10,
    signal: never,
    say: () => {},
    save: async ({ sections, missing }) => {
      saved.push(`${sections.map(({ name }) => name)}; ${missing}`)
    },
  })
  expect(saved).toEqual(['a; Section b,Section c', 'a,b; Section c', 'a,b,c; '])
  expect(report.sections[1]).toMatchObject({ failure: 'RangeError: the device was lost' })
  expect(report.sections[2]).toMatchObject({ findings: { data: { name: 'c' } } })
})

test('an interrupted report keeps what it has, as JSON and as a page', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'siamrpn-report-'))
  try {
    const ending = new AbortController()
    const sections = [pretend('a', 1), pretend('b', 1, () => ending.abort()), pretend('c', 1)]
    const file = join(folder, 'report.json')
    expect(await writeGpuReport(file, sections, { seconds: 10, signal: ending.signal, say: () => {} })).toBe(true)
    expect((await readdir(folder)).sort()).toEqual(['report.json', 'report.md'])
    const report: Report = JSON.parse(await readFile(file, 'utf8'))
    expect(report.sections.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(await readFile(join(folder, 'report.md'), 'utf8')).toContain('Not run: Section c.')
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('the page lies beside the file, which is JSON', () => {
  expect(pagePath('out/h200.json')).toBe('out/h200.md')
  expect(() => pagePath('out/h200.html')).toThrow(/ends in \.json, found `out\/h200\.html`/)
})

test('the page has a table for each, empty ones left out, and says what failed', () => {
  const tables = [
    { title: 'Speeds', titles: ['what', 'ms'], rows: [['a | b', '1.5']] },
    { title: 'Nothing', titles: ['what'], rows: [] },
  ]
  const page = reportPage({
    date: '2026-01-01',
    seconds: 12.4,
    budgetSeconds: 60,
    missing: [],
    sections: [
      { name: 'a', title: 'Frames', seconds: 2, findings: { data: {}, tables, notes: ['one was left out'] } },
      { name: 'b', title: 'Steps', seconds: 1, failure: 'Error: lost\n  at once' },
    ],
  })
  expect(page).toContain('## Frames\n\n### Speeds\n\n| what | ms |\n|---|---:|\n| a \\| b | 1.5 |\n\none was left out')
  expect(page).not.toContain('Nothing')
  expect(page).toContain('## Steps\n\n**Failed**: Error: lost at once')
})

test('a budget never falls below nothing', () => {
  let time = 0
  const budget = new TimeBudget(100, () => time)
  const half = budget.part(0.5)
  time = 80
  expect([budget.left, half.left]).toEqual([20, 0])
})

test('without PyTorch its section says so', async () => {
  const context = { budget: new TimeBudget(10_000), signal: never, say: () => {} }
  const { data, notes } = await pytorchSection(['no-such-python']).run(context)
  expect(data).toEqual({ installed: false })
  expect(notes).toEqual(['PyTorch is not installed (no-such-python).'])
})
