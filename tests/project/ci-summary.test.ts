// The closing line of .ci/run: counted from vitest's reports, and never "0 failed" when a step failed.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const summary = fileURLToPath(new URL('../../.ci/summary.mjs', import.meta.url))

describe('the summary of .ci/run', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'siamrpn-ci-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const report = (name: string, passed: number, failed: number, brokenFiles = 0) => {
    const assertionResults = [...Array(passed).fill({ status: 'passed' }), ...Array(failed).fill({ status: 'failed' })]
    const testResults = [
      { status: failed > 0 ? 'failed' : 'passed', assertionResults },
      ...Array(brokenFiles).fill({ status: 'failed', assertionResults: [] }),
    ]
    const text = JSON.stringify({ numPassedTests: passed, numFailedTests: failed, testResults })
    writeFileSync(join(folder, `${name}.json`), text)
  }
  const summarise = (...outcomes: string[]) => {
    const { stdout, status } = spawnSync(process.execPath, [summary, folder, ...outcomes], { encoding: 'utf8' })
    return { last: stdout.trimEnd().split('\n').at(-1), status, stdout }
  }

  test('adds up the reports', () => {
    report('test', 10, 0)
    report('slow', 2, 0)
    expect(summarise('install=0', 'test=0', 'slow=0')).toMatchObject({ last: '12 passed, 0 failed', status: 0 })
  })

  test('counts failed tests, and files that could not be loaded', () => {
    report('test', 10, 2, 1)
    expect(summarise('install=0', 'test=1')).toMatchObject({ last: '10 passed, 3 failed', status: 1 })
  })

  test('counts a failed step that has no tests', () => {
    report('test', 10, 0)
    const { last, status, stdout } = summarise('install=0', 'lint=1', 'test=0')
    expect({ last, status }).toEqual({ last: '10 passed, 1 failed', status: 1 })
    expect(stdout).toContain('FAILED lint')
  })

  test('counts a test step that failed with every test passing, or with no report', () => {
    report('test', 10, 0)
    expect(summarise('test=1', 'slow=1')).toMatchObject({ last: '10 passed, 2 failed', status: 1 })
  })
})
