// The command as a whole, with a small model of random weights, on two short generated clips.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeSafetensors } from '../../../../src/formats/safetensors.ts'
import { leftOutLine, ruleTable, savingLine } from '../../../../tools/cli/search/table.ts'
import type { RuleScore } from '../../../../tools/search/search.ts'
import { microWeights } from '../../../siamrpn/helpers.ts'
import { runFake } from '../fakes.ts'

const data = ['--config', 'micro', '--dataset', 'synthetic', '--seed', '2000000', '--clips', '2', '--frames', '3']

/** A search loads its own tracker: the fakes stay unused. */
const runSearch = (...args: string[]) => runFake(['search', ...args])

describe('siamrpn search', () => {
  let out: string
  let first: Awaited<ReturnType<typeof runSearch>>
  let report: { best: { options: string }; sets: { rule: unknown; values: unknown }[]; saving: object; measure: string }
  const readReport = async () => JSON.parse(await readFile(join(out, 'search.json'), 'utf8'))
  let model: string[]
  beforeAll(async () => {
    out = await mkdtemp(join(tmpdir(), 'siamrpn-search-'))
    model = ['--checkpoint', join(out, 'micro.safetensors')]
    await writeFile(join(out, 'micro.safetensors'), writeSafetensors(microWeights()))
    first = await runSearch(...data, ...model, '--lr', '0.2:0.5:0.2', '--window-influence', '0.1:0.7:0.5', '--out', out)
    expect(first.err).not.toContain('error')
    report = await readReport()
  })
  afterAll(() => rm(out, { recursive: true, force: true }))

  test('prints the best sets, what was saved, and the options for the configuration', () => {
    expect(first.code).toBe(0)
    expect(first.out).toContain('Generated clips of seed 2000000: 2 videos, 6 frames')
    expect(first.out).toContain("5, the configuration's own among them, by Success (AUC)")
    expect(first.out).toMatch(/rank +penalty_k +lr +window_influence +Success \(AUC\)/)
    expect(first.out).toMatch(/\n1\b.*\n2\b.*\n3\b.*\n4\b.*\n5\b/)
    expect(first.out).toContain('(config)')
    expect(first.out).toMatch(/network +\d+ crops instead of 20 when tracking once per set: \d\.\d times fewer/)
    expect(first.out).toContain(report.best.options)
  })

  test('writes all sets with their measures, and the tracks', async () => {
    expect(report.sets).toHaveLength(5)
    expect(report.sets[0]).toMatchObject({
      rule: { penalty_k: 0.05, window_influence: 0.42, lr: 0.38 },
      values: { success: expect.any(Number), precision: expect.any(Number), onTarget: expect.any(Number) },
    })
    expect(report.measure).toBe('success')
    expect(report.saving).toMatchObject({ needed: 20, reused: 0, tracked: 10 })
    const [folder = ''] = await readdir(join(out, 'tracks'))
    expect((await readdir(join(out, 'tracks', folder))).sort()).toEqual([
      'about.json',
      'clip-0.safetensors',
      'clip-1.safetensors',
    ])
  })

  test('takes what it has over into a search by another measure, and over other ranges', async () => {
    const ranges = ['--lr', '0.4', '--window-influence', '0.1:0.7:0.5', '--metric', 'mean_overlap']
    const { code, out: text } = await runSearch(...data, ...model, ...ranges, '--out', out)
    expect(code).toBe(0)
    expect(text).toContain('network   no runs; 6 of 6 tracks were there already')
    expect(text).toContain('by Mean overlap')
    const { sets } = await readReport()
    for (const set of sets) expect(report.sets).toContainEqual(set)
  })

  test('says what is missing or wrong', async () => {
    const problems: [string[], string][] = [
      [[...data, ...model], 'nothing to search: give a range'],
      [[...data, ...model, '--lr', '0.4:0.2:0.1'], 'is empty: its end is excluded'],
      [
        [...data, ...model, '--lr', '0.4', '--metric', 'eao'],
        'expected one of success, normPrecision, precision, meanOverlap',
      ],
      [
        ['--config', 'micro', ...model, '--lr', '0.4', '--frames', '5', '--root', 'x'],
        '--seed, --clips and --frames are of --dataset synthetic',
      ],
    ]
    for (const [args, message] of problems) {
      const { code, err } = await runSearch(...args)
      expect(err).toContain(message)
      expect(code).toBe(1)
    }
  })

  test('explains ranges, folder and measures in its help', async () => {
    const { out: help, code } = await runFake(['search', '--help'])
    expect(code).toBe(0)
    for (const word of ['start:stop:step', '--no-resume', 'tracks/', 'onTarget', '--penalty-k'])
      expect(help).toContain(word)
  })
})

describe('the table of a search', () => {
  const set = (lr: number, success: number | undefined): RuleScore => ({
    rule: { penalty_k: 0, window_influence: 0.4, lr },
    values: success === undefined ? {} : { success },
  })
  const measure = { name: 'success', title: 'Success', better: 'higher' as const, digits: 1, meaning: '' }
  const saving = { computed: 10, needed: 25, reused: 0, tracked: 3 }

  test("shows the best ones, and the configuration's own wherever it is", () => {
    const scores = [set(0.1, 1), set(0.2, 5), set(0.3, undefined), set(0.4, 7), set(0.5, 3)]
    expect(ruleTable({ scores, measures: [measure], failures: [], saving }, measure, 2)).toEqual([
      'rank        penalty_k   lr  window_influence  Success',
      '1                   0  0.4               0.4      7.0',
      '2                   0  0.2               0.4      5.0',
      '4 (config)          0  0.1               0.4      1.0',
    ])
  })

  test('and what was left out on the way', () => {
    const scores = [set(0.1, 1), { ...set(0.2, 9), leftOutAfter: 2 }, { ...set(0.3, 8), leftOutAfter: 1 }]
    expect(ruleTable({ scores, measures: [measure], failures: [], saving }, measure, 5)).toHaveLength(2)
    expect(leftOutLine({ scores })).toBe('1 after 1 video, 1 after 2 videos: their measures were in the worse half')
    expect(leftOutLine({ scores: [] })).toBeUndefined()
  })

  test('and the saving', () => {
    expect(savingLine(saving)).toBe('10 crops instead of 25 when tracking once per set: 2.5 times fewer')
    expect(savingLine({ ...saving, reused: 6 })).toContain('; 6 of 9 tracks were there already')
  })
})
